//! Steps and words that several workflows share, and the declared list of what a `run` may hold.

use super::config::Config;
use super::model::{Access, Input, Permission, Step};
use super::{ACTION, Front};

/// Where every job runs that is not part of the matrix.
pub(super) const RUNNER: &str = "ubuntu-latest";

/// Makes the toolchain that the workspace asks for present, with or without a toolchain file.
pub(super) const TOOLCHAIN: &str = "rustup show active-toolchain || rustup toolchain install";

/// Tells the following steps which compiler that is, as a word for cache keys.
pub(super) const COMPILER: &str =
    r#"echo "compiler=$(rustc --version | tr ' ()' '___')" >> "$GITHUB_OUTPUT""#;

/// Builds and installs the front of this repository, as people who install it do. The development profile is the one
/// that `cargo xtask` uses on a laptop; `--force` replaces a binary that an earlier job left on the same machine.
const INSTALL_HERE: &str =
    "cargo install --quiet --locked --force --debug --path xtask --bin cargo-nexus-xtask";

/// Everything that a `run` may hold besides one call of `cargo xtask`.
pub(super) fn bootstrap(front: &Front) -> Vec<&str> {
    let satellites: &[String] = match front {
        Front::Here => &[],
        Front::Installed { satellites, .. } => satellites,
    };
    [TOOLCHAIN, COMPILER, install(front)].into_iter().chain(satellites.iter().map(String::as_str)).collect()
}

/// The line that installs the front.
pub(super) fn install(front: &Front) -> &str {
    match front {
        Front::Here => INSTALL_HERE,
        Front::Installed { install, .. } => install,
    }
}

/// The variables of every workflow that calls the front. The first makes `cargo xtask` mean the installed binary:
/// checked-out files are all new to cargo, which would build the front again in every job.
pub(super) fn environment() -> Vec<(&'static str, String)> {
    vec![("CARGO_ALIAS_XTASK", "nexus-xtask".to_owned()), ("CARGO_INCREMENTAL", "0".to_owned())]
}

/// The right to read the sources.
pub(super) fn reads_sources() -> Permission {
    Permission { scope: "contents", access: Access::Read, why: "to check the sources out" }
}

/// The right to ask for earlier runs.
pub(super) fn reads_runs() -> Permission {
    Permission {
        scope: "actions",
        access: Access::Read,
        why: "to ask whether the merge queue proved this commit already",
    }
}

/// What is done with caches.
pub(super) fn cache_input() -> Input {
    Input {
        name: "cache",
        about: "use, renew (start from nothing) or none (the job has secrets, an environment or write rights)",
        default: "use",
    }
}

/// Checks the sources out. `history` brings every commit, and of the files only those of the commit itself: enough to
/// find the merge base, cheap in a large repository.
pub(super) fn checkout(config: &Config, history: bool) -> Step {
    let mut with = vec![("persist-credentials", "false")];
    if history {
        with.extend([("fetch-depth", "0"), ("filter", "blob:none")]);
    }
    Step::pinned(&config.pins, "Check out", "actions/checkout", &with)
}

/// Checks the sources out with all that ever was: a release reads older tags, and must not need to fetch what a job
/// without credentials could not.
pub(super) fn checkout_all(config: &Config) -> Step {
    let with = [("persist-credentials", "false"), ("fetch-depth", "0")];
    Step::pinned(&config.pins, "Check out", "actions/checkout", &with)
}

/// Makes `cargo xtask` work without any cache.
fn front_from_nothing() -> Step {
    Step::own("Set up xtask", ACTION, &[("cache", "none")]).id("xtask")
}

/// The same for a job of a release. In this repository the satellites for that are built when they are called.
pub(super) fn front_to_release(front: &Front) -> Step {
    match front {
        Front::Here => front_from_nothing(),
        Front::Installed { .. } => {
            Step::own("Set up xtask", ACTION, &[("cache", "none"), ("release", "true")]).id("xtask")
        }
    }
}

/// Makes `cargo xtask` work. `job` names the dependency cache; empty for none.
pub(super) fn front(job: &'static str) -> Step {
    let mut with = vec![("cache", "${{ inputs.cache }}")];
    if !job.is_empty() {
        with.push(("job", job));
    }
    Step::own("Set up xtask", ACTION, &with).id("xtask")
}

/// True only in a run that may write caches: one of the default branch. What a pull request could write there, later
/// runs with more rights would read. (A schedule runs on the default branch only. It must write too: where the merge
/// queue proves each commit, no push ever runs a check.)
pub(super) const WRITES_CACHE: &str = "(github.event_name == 'schedule' || (github.event_name == 'push' && github.ref_name == github.event.repository.default_branch))";
