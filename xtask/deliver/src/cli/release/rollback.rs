//! `cargo xtask release rollback` and `cargo xtask release yank`.

use std::path::PathBuf;

use crate::release::plan::{Action, Plan};
use crate::release::protocol::{Request, Withdraw, Withdrawn};
use crate::release::{self, endpoints, report, staging};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::terminal::printable;

/// What is taken back, and whether.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The staging folder of that release; without one its commit must be checked out
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
    /// Take it back; without this the way back is shown, and nothing leaves this machine
    #[arg(long)]
    execute: bool,
    /// The longest time to wait for limits of the registry and the forge, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    max_wait: u64,
}

/// Takes back what can be, packages included.
pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    back(doors, arguments, true)
}

/// Yanks the packages alone.
pub(super) fn yank(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    back(doors, arguments, false)
}

fn back(doors: &Doors, arguments: &Arguments, releases: bool) -> Result<Exit> {
    let plan = match &arguments.staging {
        Some(folder) => staging::check(&doors.environment.folder().join(folder))?.0,
        None => release::plan_of(doors)?,
    };
    if !arguments.execute {
        let planned = planned(&plan, releases);
        if doors.terminal.is_json() {
            doors.terminal.json(&planned)?;
        } else {
            for Withdrawn { step, how } in &planned {
                doors.terminal.data(&printable(&format!("{step}: {how}")));
            }
            doors.terminal.talk("nothing was done; to do it: add --execute");
        }
        return Ok(Exit::Done);
    }
    let config = release::config::load(&doors.workspace)?;
    let wanted = Withdraw {
        endpoints: endpoints::configured(doors, &config)?,
        packages: true,
        releases,
        wait_seconds_max: arguments.max_wait,
        plan,
    };
    let withdrawn: Vec<Withdrawn> =
        satellite::call(doors, SHIP, &Request::Withdraw(wanted), endpoints::PASSED, |message| {
            if !doors.terminal.is_json()
                && let Some(line) = report::message(message)
            {
                doors.terminal.talk(&printable(&line));
            }
        })?;
    if doors.terminal.is_json() {
        doors.terminal.json(&withdrawn)?;
    } else {
        doors.terminal.data(&format!("{} effects were taken back as far as they can be", withdrawn.len()));
    }
    Ok(Exit::Done)
}

/// The way back that stands in the plan, without what is not asked for.
fn planned(plan: &Plan, releases: bool) -> Vec<Withdrawn> {
    let is_package = |id: &str| {
        plan.steps.iter().any(|step| step.id == id && matches!(step.action, Action::Publish { .. }))
    };
    let chosen = plan.way_back.iter().filter(|back| releases || is_package(&back.step));
    chosen.map(|back| Withdrawn { step: back.step.clone(), how: back.how.clone() }).collect()
}
