//! Installs what the plan says. Decides nothing.

use std::collections::VecDeque;

use crate::doors::Doors;
use crate::failure::{Failure, Result};
use crate::files;
use crate::shell::{Command, Ended};

use super::plan::{Action, Plan};

/// Lines of an installer's output that a failure shows.
const TAIL_LINES: usize = 20;

/// Variables that say where installers get packages from. They pass to installers only.
const PASSED: &[&str] = &[
    "PIP_CERT",
    "PIP_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_REGISTRY",
    "NPM_CONFIG_USERCONFIG",
    "npm_config_registry",
];

/// Runs the actions, one after the other.
pub(crate) fn run(doors: &Doors, plan: &Plan) -> Result<()> {
    plan.actions.iter().try_for_each(|action| install(doors, action))
}

fn install(doors: &Doors, action: &Action) -> Result<()> {
    let started = doors.clock.start();
    for command in &action.commands {
        let (ended, tail) = follow(doors, command)?;
        if ended != Ended::Exit(0) {
            return Err(Failure::refused(format!(
                "`{}` {} could not be installed: {ended}",
                action.tool, action.version
            ))
            .why(tail)
            .next(doors.environment.mask(&command.to_string())));
        }
    }
    if let Some((provides, at)) = &action.link {
        files::link(provides, at)?;
    }
    let spoken = crate::clock::spoken(started.elapsed());
    doors.terminal.talk(&format!("installed  {} {}  {spoken}", action.tool, action.version));
    Ok(())
}

/// Runs an installer and passes on what it says. Returns how it ended, and its last lines.
fn follow(doors: &Doors, command: &Command) -> anyhow::Result<(Ended, String)> {
    let mut tail = VecDeque::new();
    let ended = doors.shell.follow(command, PASSED, |line| {
        doors.terminal.talk(&format!("  {line}"));
        tail.push_back(line);
        if tail.len() > TAIL_LINES {
            tail.pop_front();
        }
    })?;
    Ok((ended, Vec::from(tail).join("\n")))
}
