//! A person says yes to a seal, with their own key.

use std::path::Path;

use jiff::SignedDuration;

use crate::release::evidence::{APPROVAL, SETTINGS, SETTINGS_REF, approvals_of};
use crate::release::gates::approvals::Statement;
use crate::release::gates::waits::Looked;
use crate::release::manifest::Seal;
use crate::release::plan::Plan;
use crate::release::signed;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::shell::Command;

/// How often sending is tried anew because somebody else was faster.
const TRIES_MAX: u32 = 5;

/// The name that a person signs with: what they say, else what git knows.
pub(crate) fn name(doors: &Doors, said: Option<&str>) -> Result<String> {
    let configured = || doors.shell.capture(&Command::new("git", ["config", "user.email"]));
    let name = match said {
        Some(name) => name.to_owned(),
        None => configured()?.text(),
    };
    match name.is_empty() {
        true => Err(Failure::usage("git does not know your name").next("--name YOU@EXAMPLE.COM")),
        false => Ok(name),
    }
}

/// Signs an approval of this seal, and keeps it in this repository.
pub(crate) fn approve(
    doors: &Doors,
    (plan, seal): (&Plan, Seal),
    stage: Option<String>,
    who: String,
    key: &Path,
    valid: SignedDuration,
) -> Result<Statement> {
    let issued = doors.clock.now();
    let statement = Statement {
        statement: Statement::NAME.to_owned(),
        seal,
        commit: plan.commit.clone(),
        tags: plan.releases.iter().map(|release| release.tag.clone()).collect(),
        stage,
        who,
        issued,
        expires: issued + valid,
    };
    let text = serde_json::to_string_pretty(&statement).map_err(anyhow::Error::from)? + "\n";
    let signed = signed::sign(doors, APPROVAL, key, text)?;
    signed::add(doors, &approvals_of(&seal), &statement.who, &signed)?;
    Ok(statement)
}

/// Signs what a maintainer saw of GitHub's settings, for the gate `github_settings`, and keeps it in this repository.
/// [`send`] takes it to `origin`.
pub(crate) fn looked(
    doors: &Doors,
    repository: String,
    who: String,
    key: &Path,
    problems: Vec<String>,
) -> Result<Looked> {
    let statement = Looked::STATEMENT.to_owned();
    let looked = Looked { statement, repository, who, at: doors.clock.now(), problems };
    let text = serde_json::to_string_pretty(&looked).map_err(anyhow::Error::from)? + "\n";
    let signed = signed::sign(doors, SETTINGS, key, text)?;
    signed::add(doors, SETTINGS_REF, &looked.who, &signed)?;
    Ok(looked)
}

/// Sends what is kept under a ref to `origin`, joined with what others sent meanwhile.
pub(crate) fn send(doors: &Doors, reference: &str, who: &str) -> Result<()> {
    for _ in 0..TRIES_MAX {
        if let Some(why) = signed::fetch(doors, reference)? {
            return Err(Failure::new(Exit::Temporary, why).next(doors.environment.typed()));
        }
        signed::join(doors, reference, who)?;
        if signed::push(doors, reference)? {
            return Ok(());
        }
    }
    Err(Failure::new(Exit::Temporary, format!("`{reference}` changes faster than it can be sent"))
        .next(doors.environment.typed()))
}
