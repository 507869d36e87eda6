//! The composite action that makes `cargo xtask` work in a job: toolchain, the front's binary, dependencies.
//!
//! - The binary's key holds all that it is built from and the compiler, and has no fallback: an old front never runs.
//! - The key of the dependencies has a fallback to an older lock file of the same compiler, since cargo knows itself
//!   which of them still fit.
//! - Only runs of the default branch write. With `cache: none` nothing is read either.

use super::Front;
use super::config::Config;
use super::model::{Action, Input, Step};
use super::parts::{COMPILER, TOOLCHAIN, WRITES_CACHE, cache_input, install};

/// What the dependency cache holds.
pub(super) const DEPENDENCIES: &str =
    "~/.cargo/registry/index\n~/.cargo/registry/cache\n~/.cargo/git/db\n.xtask/tools\ntarget\n";

/// With `renew`, a cache is only looked for, so that a missing one is written.
const ONLY_LOOK: (&str, &str) = ("lookup-only", "${{ inputs.cache == 'renew' }}");

const BINARY: &str = "~/.cargo/bin/cargo-nexus-xtask*";

/// What the front is built from in this repository.
const SOURCES_HERE: &str =
    "'xtask/**', 'Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml', '.cargo/config.toml'";

/// What decides about an installed front: the line that installs it stands in the action itself.
const SOURCES_INSTALLED: &str = "'.github/actions/xtask/action.yml', 'rust-toolchain.toml'";

/// What decides which dependencies are built, and how.
const LOCKED: &str =
    "'**/Cargo.lock', '**/Cargo.toml', 'rust-toolchain.toml', '.cargo/config.toml', 'release/tools.toml'";

pub(super) fn action(config: &Config, front: &Front) -> Action {
    let place = "${{ runner.os }}-${{ runner.arch }}-${{ steps.compiler.outputs.compiler }}";
    let sources = match front {
        Front::Here => SOURCES_HERE,
        Front::Installed { .. } => SOURCES_INSTALLED,
    };
    let front_key = format!("xtask-front-v1-{place}-${{{{ hashFiles({sources}) }}}}");
    let start = format!("xtask-dependencies-v1-${{{{ inputs.job }}}}-{place}-");
    let dependencies_key = format!("{start}${{{{ hashFiles({LOCKED}) }}}}");
    // Only where a job of the release asks for it.
    let satellites: &[String] = match front {
        Front::Installed { satellites, .. } if config.release.is_some() => satellites,
        Front::Installed { .. } | Front::Here => &[],
    };
    let asked = Input {
        name: "release",
        about: "Whether the job is one of a release: true or false",
        default: "false",
    };
    let mut action = Action {
        about: &[
            "Makes `cargo xtask` work in a job. The job must set CARGO_ALIAS_XTASK to nexus-xtask, so that the alias",
            "means the binary that this action installs, and must have checked the sources out.",
        ],
        name: "xtask",
        description: "Restores or installs the cargo xtask binary, and restores the dependency cache",
        inputs: vec![
            cache_input(),
            Input {
                name: "job",
                about: "Names the dependency cache to restore; empty for none",
                default: "",
            },
        ],
        outputs: vec![
            (
                "dependencies-key",
                "The key to save the dependencies under",
                "${{ steps.dependencies.outputs.cache-primary-key }}".to_owned(),
            ),
            (
                "dependencies-hit",
                "True when there is nothing new to save",
                "${{ steps.dependencies.outputs.cache-hit }}".to_owned(),
            ),
        ],
        steps: steps(config, front, &front_key, &start, &dependencies_key),
    };
    if !satellites.is_empty() {
        action.inputs.push(asked);
    }
    for line in satellites {
        action.steps.push(Step::run("Install a satellite", line).when("inputs.release == 'true'"));
    }
    action
}

fn steps(config: &Config, front: &Front, front_key: &str, start: &str, dependencies_key: &str) -> Vec<Step> {
    let pins = &config.pins;
    vec![
        Step::run("Set up the toolchain", TOOLCHAIN),
        Step::run("Name the compiler", COMPILER).id("compiler"),
        Step::pinned(
            pins,
            "Restore the binary",
            "actions/cache/restore",
            &[("path", BINARY), ("key", front_key), ONLY_LOOK],
        )
        .id("front")
        .when("inputs.cache != 'none'"),
        Step::pinned(
            pins,
            "Restore dependencies",
            "actions/cache/restore",
            &[("path", DEPENDENCIES), ("key", dependencies_key), ("restore-keys", start), ONLY_LOOK],
        )
        .id("dependencies")
        .when("inputs.cache != 'none' && inputs.job != ''"),
        Step::run("Install the binary", install(front))
            .when("inputs.cache != 'use' || steps.front.outputs.cache-hit != 'true'"),
        Step::pinned(pins, "Save the binary", "actions/cache/save", &[("path", BINARY), ("key", front_key)])
            .when(format!(
                "inputs.cache != 'none' && steps.front.outputs.cache-hit != 'true' && {WRITES_CACHE}"
            )),
    ]
}
