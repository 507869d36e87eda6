//! A release: from what would ship to what everybody can fetch.
//!
//! ```text
//! propose -> prepare -> (merge) -> plan -> build -> stage -> gates, approvals, rehearsal -> publish -> verify
//! ```
//!
//! - The **plan** ([`plan`]) is a pure value of the release commit: packages, artifacts, effects in order, the way back.
//! - The **staging folder** holds the bytes; its manifest ([`manifest`]) and the plan together give the **seal**.
//! - The **seal** is what is gated, approved, rehearsed and published. Another commit, another tool or another byte is
//!   another seal, and whatever was said of the first one does not count for it.
//! - Every **effect** asks the world first ([`effect::decide`]): absent is done, same is left, different stops. So the
//!   same command again repairs a release that died anywhere, on another machine too.
//!
//! Deciding is here; everything that goes out is done by the satellite `ship`, which gets requests as in [`protocol`].

pub mod plan;
pub mod manifest;
pub mod staging;
pub mod effect;
pub mod protocol;

pub(crate) mod config;
pub(crate) mod facts;
pub(crate) mod units;
pub(crate) mod commit;
pub(crate) mod history;
pub(crate) mod changes;
pub(crate) mod api;
pub(crate) mod version;
pub(crate) mod changelog;
pub(crate) mod limits;
pub(crate) mod propose;
pub(crate) mod prepare;
pub(crate) mod notes;
pub(crate) mod runners;
pub(crate) mod build;
pub(crate) mod pack;
pub(crate) mod stage;
pub(crate) mod smoke;
pub(crate) mod reproducible;
pub(crate) mod gates;
pub(crate) mod kept;
pub(crate) mod signed;
pub(crate) mod evidence;
pub(crate) mod approve;
pub(crate) mod endpoints;
pub(crate) mod rehearsal;
pub(crate) mod verify;
pub(crate) mod doctor;
pub(crate) mod report;

use std::collections::BTreeMap;

use anyhow::Context as _;

use nexus_xtask::digest::{Digest, Parts};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::Command;

/// What would ship now. With `asks_api` the tool for that is asked whether APIs are compatible.
pub(crate) fn proposal_of(doors: &Doors, asks_api: bool) -> Result<propose::Proposal> {
    proposal_from(doors, &facts::gather(doors)?, asks_api)
}

/// The same for facts that are known.
pub(crate) fn proposal_from(
    doors: &Doors,
    facts: &facts::Facts,
    asks_api: bool,
) -> Result<propose::Proposal> {
    let config = config::load(&doors.workspace)?;
    let units = units::units(&config, facts)
        .map_err(|findings| Failure::found(Exit::Usage, "nothing can be proposed", findings))?;
    let changes = changes::load(doors, facts)?;
    let history = history::gather(doors, facts, &units)?;
    let breaking = asks_api.then(|| api::breaking(doors, facts, &units, &history)).transpose()?;
    let mut unreleased = BTreeMap::new();
    let own = config.packages.values().filter_map(|package| package.changelog.as_ref());
    for file in own.chain([&config.changelog]) {
        let text = files::read_text(&doors.workspace.file(file))?.unwrap_or_default();
        unreleased.insert(file.clone(), propose::headings(&text));
    }
    propose::propose(&propose::Inputs {
        config: &config,
        facts,
        units: &units,
        history: &history,
        changes: &changes,
        unreleased: &unreleased,
        breaking: breaking.as_ref(),
    })
    .map_err(|findings| Failure::found(Exit::Usage, "no version can be proposed", findings))
}

/// The plan of the commit that is checked out.
pub(crate) fn plan_of(doors: &Doors) -> Result<plan::Plan> {
    plan_from(doors, &config::load(&doors.workspace)?, &facts::gather(doors)?)
}

/// The plan that follows from this configuration and these facts.
pub(crate) fn plan_from(doors: &Doors, config: &config::Config, facts: &facts::Facts) -> Result<plan::Plan> {
    let refused = |findings| Failure::found(Exit::Usage, "this commit has no plan", findings);
    let units = units::units(config, facts).map_err(refused)?;
    let known = plan::Known { notes: notes::notes(doors, config, &units)?, ..known(doors)? };
    let plan = plan::make(config, facts, &units, &known).map_err(refused)?;
    let defects = plan::defects(&plan);
    if defects.is_empty() {
        Ok(plan)
    } else {
        Err(Failure::found(Exit::Usage, "the plan is not sound", defects))
    }
}

fn known(doors: &Doors) -> Result<plan::Known> {
    let rustc = doors.shell.read(&Command::new("rustc", ["--version", "--verbose"]))?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    let cargo = doors.shell.read(&Command::new("cargo", ["--version"]))?;
    let tools = [
        ("cargo", cargo.as_str()),
        ("rustc", rustc.lines().next().unwrap_or_default()),
        ("nexus-xtask", env!("CARGO_PKG_VERSION")),
    ];
    Ok(plan::Known {
        configuration: configuration(doors)?,
        tools: tools.map(|(name, version)| (name.to_owned(), version.to_owned())).into(),
        host: host.context("rustc names its host")?.to_owned(),
        notes: BTreeMap::new(),
        gates: evidence::gates(&doors.workspace)?.into_keys().collect(),
    })
}

/// Digest over what is declared under `release/`.
fn configuration(doors: &Doors) -> Result<Digest> {
    let mut parts = Parts::default();
    for path in files::list(&doors.workspace.file("release"))? {
        if path.extension().is_some_and(|extension| extension == "toml")
            && let Some(digest) = files::digest(&path)?
        {
            parts.add(doors.workspace.name_of(&path)).add(digest.to_string());
        }
    }
    Ok(parts.digest())
}
