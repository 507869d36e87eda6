//! `cargo xtask status`: everything at once, from what this machine knows; nobody is asked.

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask::journal;
use nexus_xtask::terminal::{printable, width};

use crate::observe::status::{self, Signal, Status};
use crate::signals::evaluate::evaluate;
use crate::signals::{config, samples};

/// Nothing to say.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub(super) fn run(doors: &Doors, _: &Arguments) -> Result<Exit> {
    let mut taken = Status::default();
    let report = journal::fold(&doors.workspace, |line| taken.take(line))?;
    let rows = taken.rows(signals(doors)?.as_deref(), &report.broken);
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "bad": status::is_bad(&rows), "rows": rows }))?;
    } else {
        for line in status::screen(&rows, doors.clock.now()) {
            let line = printable(&line);
            doors
                .terminal
                .data(&doors.terminal.width().map_or(line.clone(), |limit| width::cut(&line, limit)));
        }
    }
    Ok(if status::is_bad(&rows) { Exit::No } else { Exit::Done })
}

/// The declared signals as they are now, by the looks that are kept here; none where none is declared.
fn signals(doors: &Doors) -> Result<Option<Vec<Signal>>> {
    let Some(config) = config::find(&doors.workspace)? else { return Ok(None) };
    let now = doors.clock.now();
    let mut signals = Vec::new();
    for (name, signal) in &config.signals {
        let judged = evaluate(&signal.rule(), &samples::read(&doors.workspace, name)?, now);
        signals.push(Signal {
            name: name.clone(),
            state: judged.state.word().to_owned(),
            reason: judged.reason,
        });
    }
    Ok(Some(signals))
}
