//! Spans of a run for an OpenTelemetry collector, where the environment names one.
//!
//! A process of its own follows the recording and sends what it finds (`cargo xtask trace --follow`): a run never waits for
//! a collector, builds nothing for it, and tells of its trouble in one warning.

use std::path::PathBuf;

use crate::doors::Doors;
use crate::files;
use crate::recording;
use crate::satellite::{self, DELIVER};

/// What becomes of the spans.
#[derive(Debug)]
pub(super) enum Traced {
    /// Nobody wants them.
    Unwanted,
    /// They are sent; what goes wrong is in this file.
    Followed(PathBuf),
    /// They are not sent, for this reason.
    Not(String),
}

/// Starts to follow a run whose recording has begun.
pub(super) fn begin(doors: &Doors, run: &str) -> Traced {
    if !recording::is_collected(&doors.environment) {
        return Traced::Unwanted;
    }
    let Some(program) = satellite::ready(doors, DELIVER) else {
        return Traced::Not(format!(
            "`{}` is not built; `cargo xtask trace {run}` does that",
            DELIVER.package
        ));
    };
    let log = doors.workspace.run(run).join("trace.log");
    match recording::follow(doors, &program, &[run], &log) {
        Ok(()) => Traced::Followed(log),
        Err(error) => Traced::Not(format!("{error:#}")),
    }
}

impl Traced {
    /// Says what went wrong so far.
    pub(super) fn warn(&self, doors: &Doors) {
        let why = match self {
            Traced::Unwanted => return,
            Traced::Not(why) => why.clone(),
            // A log that cannot be read has nothing to say; it is named by no one.
            Traced::Followed(log) => match files::read_text(log) {
                Ok(Some(text)) if !text.trim().is_empty() => format!("see {}", doors.workspace.name_of(log)),
                _ => return,
            },
        };
        doors.terminal.talk(&format!("warning: the spans of this run were not all sent: {why}"));
    }
}
