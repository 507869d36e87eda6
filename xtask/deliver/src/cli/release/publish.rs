//! `cargo xtask release publish`.

use std::path::PathBuf;

use crate::cli::truth::phase::{self, Early};
use crate::release::protocol::{Publish, Published, Request};
use crate::release::{self, endpoints, report, staging};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::terminal::printable;

/// The first pause between two looks for a draft. Six looks, each pause twice as long, take 25 seconds.
const PAUSE_MILLISECONDS: u64 = 1000;

/// What is published, and whether.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The staging folder, where it is not the one that `release stage` writes by itself
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
    /// Publish; without this the effects are shown, and nothing leaves this machine
    #[arg(long)]
    execute: bool,
    #[command(flatten)]
    early: Early,
    /// The longest time to wait for limits of the registry and the forge, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    max_wait: u64,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let staging = staging::given(doors, arguments.staging.as_deref());
    let (plan, manifest, seal) = staging::check_here(doors, &staging)?;
    let config = release::config::load(&doors.workspace)?;
    let endpoints = endpoints::configured(doors, &config)?;
    super::gate::require(doors, &plan, &manifest)?;
    if !arguments.execute {
        if doors.terminal.is_json() {
            doors.terminal.json(&plan)?;
        } else {
            doors.terminal.data(&report::effects(&plan, &seal, &endpoints));
            doors.terminal.talk("nothing was done; to do it: add --execute");
        }
        return Ok(Exit::Done);
    }
    if !endpoints.is_local() {
        phase::require(doors, "release publish", &arguments.early)?;
    }
    staging::require_signed(&staging, &plan)?;
    let wanted = Publish {
        plan,
        staging,
        endpoints,
        wait_seconds_max: arguments.max_wait,
        pause_milliseconds: PAUSE_MILLISECONDS,
        faults: Vec::new(),
    };
    let published: Published =
        satellite::call(doors, SHIP, &Request::Publish(wanted), endpoints::PASSED, |message| {
            if !doors.terminal.is_json()
                && let Some(line) = report::message(message)
            {
                doors.terminal.talk(&printable(&line));
            }
        })?;
    if doors.terminal.is_json() {
        doors.terminal.json(&published)?;
    } else {
        doors.terminal.data(&format!(
            "published: {} effects applied, {} were there already",
            published.applied.len(),
            published.left.len()
        ));
    }
    Ok(Exit::Done)
}
