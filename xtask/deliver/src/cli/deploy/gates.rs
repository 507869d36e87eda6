//! What is asked before a deployment: freezes, commands, approvals, ages of drills.

use jiff::Timestamp;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::shell::Ended;

use super::run::Staged;
use crate::deploy::config::Stage;
use crate::deploy::plan::Refusal;
use crate::freeze;
use crate::release::evidence;

/// Who deploys: the person that git knows, or the run of a workflow.
pub(in crate::cli) fn who(doors: &Doors) -> String {
    if let Some(run) = doors.environment.get("GITHUB_RUN_ID") {
        let actor = doors.environment.get("GITHUB_ACTOR").unwrap_or("github");
        return format!("{actor}@run-{run}");
    }
    let asked = nexus_xtask::shell::Command::new("git", ["config", "user.email"]);
    let known = doors.shell.read(&asked).ok().filter(|name| !name.is_empty());
    known
        .or_else(|| doors.environment.get("USER").map(str::to_owned))
        .unwrap_or_else(|| "somebody".to_owned())
}

/// Until when nothing is deployed to a stage.
///
/// # Errors
/// Exit 2 for a time zone that this machine does not know.
pub(super) fn frozen_until(stage: &Stage, now: Timestamp) -> Result<Option<String>> {
    let mut last: Option<Timestamp> = None;
    for window in &stage.freezes {
        let wrong = |why: String| {
            Failure::usage("a freeze cannot be read").why(why).next("correct it in release/stages.toml")
        };
        let zone = freeze::zone(&window.zone).map_err(wrong)?;
        let span = freeze::parse(window).map_err(wrong)?;
        last = last.max(freeze::frozen_until(span, &zone, now).map_err(wrong)?);
    }
    Ok(last.map(|until| until.to_string()))
}

/// Every gate of a stage that is not open.
///
/// # Errors
/// Where the approvals cannot be read at all.
pub(super) fn ask(doors: &Doors, name: &str, stage: &Stage, staged: &Staged) -> Result<Vec<Refusal>> {
    let mut shut = super::resilience::ask(doors, stage)?;
    for (gate, words) in &stage.gates {
        if let Err(why) = passes(doors, words) {
            let next = super::run::command(words).to_string();
            shut.push(Refusal { what: format!("gate {gate}"), why, next, missing: false });
        }
    }
    if stage.approvals > 0 {
        let standing =
            evidence::not_approved(doors, (&staged.plan, &staged.manifest), name, stage.approvals)?;
        if let Some(why) = standing {
            let next =
                format!("cargo xtask release approve {} --stage {name} --key FILE", staged.sealed.seal);
            shut.push(Refusal { what: "approvals".to_owned(), why, next, missing: false });
        }
    }
    Ok(shut)
}

/// Runs a command that must exit with 0.
pub(super) fn passes(doors: &Doors, words: &[String]) -> std::result::Result<(), String> {
    let captured = doors.shell.capture(&super::run::command(words)).map_err(|error| format!("{error:#}"))?;
    if captured.ended == Ended::Exit(0) {
        return Ok(());
    }
    let last = captured.stderr.trim().lines().last().unwrap_or_default().to_owned();
    Err(nexus_xtask::terminal::printable(&format!("{}: {last}", captured.ended)))
}
