//! Writes the staging folder: packs the crates, and has `ship` make everything else.

use std::path::{Path, PathBuf};

use crate::release::config::{self, Config};
use crate::release::facts::Facts;
use crate::release::plan::{Kind, Plan};
use crate::release::protocol::Request;
use crate::release::protocol::stage::{Build, Signing, Stage, Staged};
use crate::release::{build, pack, staging};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::satellite::{self, SHIP};

/// The variable with the secret key.
const KEY: &str = "MINISIGN_SECRET_KEY";

/// What `ship` needs to sign, and to say where a build ran.
const PASSED: &[&str] = &[
    KEY,
    "MINISIGN_PASSWORD",
    "GITHUB_SERVER_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_WORKFLOW_REF",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_ATTEMPT",
];

/// What is staged, and how.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) facts: &'a Facts,
    pub(crate) config: &'a Config,
    /// Folders in which the binaries of each target are looked for.
    pub(crate) builds: Vec<PathBuf>,
    pub(crate) output: PathBuf,
    /// Signs with a key that is thrown away.
    pub(crate) rehearsal: bool,
    /// The doors of the checkout whose packages are packed; those of this one where nothing is said.
    pub(crate) packed_by: Option<&'a Doors>,
}

/// Stages. Whatever is missing is said before anything is packed.
pub(crate) fn run(doors: &Doors, wanted: &Wanted<'_>) -> Result<Staged> {
    let Wanted { plan, facts, config, .. } = *wanted;
    let builds = build::find(plan, &wanted.builds)?;
    let signing = signing(doors, wanted)?;
    require_included(doors, config)?;
    let beside = wanted.output.with_extension("lock");
    let Some(_held) = files::try_lock(&beside)? else {
        return Err(Failure::new(Exit::Temporary, "somebody else is staging into this folder")
            .why(format!("`{}` is locked", beside.display()))
            .next(doors.environment.typed()));
    };
    let request = Stage {
        plan: plan.clone(),
        builds: builds.into_iter().map(|(target, folder)| Build { target, folder }).collect(),
        crates: pack::run(wanted.packed_by.unwrap_or(doors), plan, facts, wanted.rehearsal)?,
        include: config.artifacts.include.clone(),
        repository: address(&config.forge.api, &plan.repository),
        rehearsal: wanted.rehearsal,
        signing,
        output: wanted.output.clone(),
    };
    satellite::call(doors, SHIP, &Request::Stage(request), PASSED, |_| {})
}

/// The commit must be the whole truth about what is built.
pub(crate) fn require_clean(facts: &Facts) -> Result<()> {
    if facts.dirty.is_empty() {
        return Ok(());
    }
    Err(Failure::found(Exit::Refused, "a release is made of a commit alone", vec![staging::dirty(facts)]))
}

fn signing(doors: &Doors, wanted: &Wanted<'_>) -> Result<Option<Signing>> {
    if !wanted.plan.artifacts.iter().any(|artifact| artifact.kind == Kind::Signature) {
        return Ok(None);
    }
    let path = wanted.config.signing.public_key.clone().unwrap_or_default();
    let Some(public_key) = files::read_text(&doors.workspace.file(&path))? else {
        return Err(Failure::usage(format!("there is no public key `{path}`"))
            .why(format!("`signing.public_key` in {} names it", config::FILE))
            .next(format!("minisign -G -p {path}, and commit it; the secret key stays outside")));
    };
    if !wanted.rehearsal && doors.environment.get(KEY).is_none() {
        return Err(Failure::refused("there is no key to sign with")
            .why(format!("`{path}` is what signatures are verified by, and `{KEY}` is not set"))
            .next(format!(
                "set {KEY} to the text of the secret key; or, to rehearse only: {} --rehearsal",
                doors.environment.typed()
            )));
    }
    Ok(Some(Signing { public_key, rehearsal: wanted.rehearsal }))
}

fn require_included(doors: &Doors, config: &Config) -> Result<()> {
    let is_inside =
        |name: &str| Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let findings: Vec<_> = config
        .artifacts
        .include
        .iter()
        .filter(|name| {
            !is_inside(name)
                || files::kind(&doors.workspace.file(name))
                    .ok()
                    .is_none_or(|kind| !matches!(kind, files::Kind::File { .. }))
        })
        .map(|name| {
            let problem = format!("`artifacts.include` names `{name}`, and that is no file below the root");
            Finding::at(config::FILE, 0, problem, "name files of the repository, by their path from the root")
        })
        .collect();
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::found(Exit::Usage, "the archives cannot be made as declared", findings))
}

/// Where people see the repository whose API is at `api`. GitHub's own hosts are two, elsewhere the API is a path.
fn address(api: &str, repository: &str) -> String {
    let host = match api.trim_end_matches('/') {
        "https://api.github.com" => "https://github.com",
        other => other.strip_suffix("/api/v3").unwrap_or(other),
    };
    format!("{host}/{repository}")
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn people_see_the_repository_beside_its_api() {
        for (api, expected) in [
            ("https://api.github.com", "https://github.com/ann/one"),
            ("https://git.example.com/api/v3/", "https://git.example.com/ann/one"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/ann/one"),
        ] {
            assert_eq!(address(api, "ann/one"), expected);
        }
    }
}
