//! `cargo xtask release doctor`.

use crate::release::doctor::{defects, past};
use crate::release::protocol::Request;
use crate::release::protocol::inspect::{Inspect, Inspected};
use crate::release::{config, endpoints, facts, plan};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::satellite::{self, SHIP};

/// How far back is looked.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How many releases of every unit are compared, the newest first
    #[arg(long, value_name = "N", default_value_t = 3)]
    last: usize,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let config = config::load(&doors.workspace)?;
    let facts = facts::gather(doors)?;
    let releases = past(doors, &config, &facts, arguments.last)?;
    if releases.is_empty() {
        return Err(Failure::refused("there is no tag of a release here")
            .why("`git tag` names none that a release of this workspace would have")
            .next("git fetch --tags"));
    }
    let wanted = Inspect {
        endpoints: endpoints::configured(doors, &config)?,
        repository: plan::repository(&config, &facts).map_err(|findings| {
            Failure::found(Exit::Usage, "the repository at the forge is not known", findings)
        })?,
        releases: releases.clone(),
    };
    let found: Vec<Inspected> =
        satellite::call(doors, SHIP, &Request::Inspect(wanted), endpoints::PASSED, |_| {})?;
    let findings: Vec<_> =
        releases.iter().zip(&found).flat_map(|(past, found)| defects(past, found)).collect();
    if doors.terminal.is_json() {
        let releases: Vec<_> = releases
            .iter()
            .zip(&found)
            .map(|(past, found)| serde_json::json!({ "release": past, "found": found }))
            .collect();
        doors.terminal.json(&releases)?;
    } else {
        for (past, found) in releases.iter().zip(&found) {
            let count = defects(past, found).len();
            let said = if count == 0 { "whole".to_owned() } else { format!("{count} problems") };
            doors.terminal.data(&format!("{:20} {said}", past.tag));
        }
    }
    if findings.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::found(Exit::No, "releases are not whole", findings))
}
