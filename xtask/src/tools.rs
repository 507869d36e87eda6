//! The tools that steps need, pinned in `release/tools.toml` and installed for this workspace alone.
//!
//! config -> facts -> plan -> execute. Nothing outside `.xtask/tools` is written: what only the system's package
//! manager can install is named with its command, for a person to run. Every installed program is asked for its
//! version afterwards; one that does not say the pinned version is not installed.
//!
//! To add a way of installing: a variant of `config::Install`, its commands in `plan::commands`.

pub(crate) mod config;
pub(crate) mod facts;
pub(crate) mod front;
pub(crate) mod plan;
pub(crate) mod execute;
pub(crate) mod report;

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Result};

/// Reads the declared tools and looks which of them are there, in the order of the file's names.
pub(crate) fn survey(doors: &Doors) -> Result<Vec<facts::Standing>> {
    let declared = config::load(&doors.workspace)?;
    Ok(facts::look(doors, &declared)?)
}

/// Installs the tools of these names, or all of them where there is none. Says what it will do first.
pub(crate) fn install(doors: &Doors, names: &[String]) -> Result<Exit> {
    let standings = survey(doors)?;
    let plan = plan::plan(&standings, names, &doors.workspace)?;
    for line in report::plan_lines(&plan) {
        doors.terminal.talk(&line);
    }
    let missing: Vec<_> = plan
        .actions
        .iter()
        .filter(|action| doors.shell.find(action.installer).is_none())
        .map(|action| action.installer)
        .collect();
    if let Some(installer) = missing.first() {
        return Err(Failure::refused(format!("`{installer}` is needed to install tools, and is not there"))
            .why("release/tools.toml names it as the way to install them")
            .next(format!("install {installer} with the package manager of this system")));
    }
    execute::run(doors, &plan)?;
    let after = survey(doors)?;
    let failed = plan::not_as_wanted(&plan, &after);
    if doors.terminal.is_json() {
        doors.terminal.json(&report::json(&after))?;
    }
    if !failed.is_empty() {
        return Err(Failure::found(Exit::Refused, "a tool was installed and is not the pinned one", failed));
    }
    if plan.by_person.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::found(Exit::Refused, "some tools are installed by a person", plan.by_person))
}
