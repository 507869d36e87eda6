//! `cargo xtask release status`.

use std::path::PathBuf;

use crate::release::effect::Observed;
use crate::release::protocol::{Publish, Request, Seen};
use crate::release::{self, endpoints, report, staging};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::terminal::printable;

/// Which release is looked at.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The staging folder, where it is not the one that `release stage` writes by itself
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let staging = staging::given(doors, arguments.staging.as_deref());
    let (plan, _, seal) = staging::check(&staging)?;
    let config = release::config::load(&doors.workspace)?;
    let wanted = Publish {
        plan,
        staging,
        endpoints: endpoints::configured(doors, &config)?,
        wait_seconds_max: 0,
        pause_milliseconds: 0,
        faults: Vec::new(),
    };
    let seen: Vec<Seen> = satellite::call(doors, SHIP, &Request::Observe(wanted), endpoints::PASSED, |_| {})?;
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "seal": seal, "effects": seen }))?;
    } else {
        doors.terminal.data(&printable(&report::status(&seal, &seen)));
    }
    let different = seen.iter().filter(|seen| matches!(seen.observed, Observed::Different(_))).count();
    if different > 0 {
        return Err(Failure::new(Exit::Conflict, format!("{different} effects are different from the plan"))
            .next("find out who made them; a release whose name or version is taken needs another version"));
    }
    Ok(Exit::Done)
}
