//! Spans of a run for an OpenTelemetry collector, where the environment names one.
//!
//! A process of its own follows the recording and sends what it finds (`cargo xtask trace --follow`): a run never waits for
//! a collector, builds nothing for it, and tells of its trouble in one warning.

use std::path::PathBuf;

use crate::doors::Doors;
use crate::files;
use crate::satellite::{self, DELIVER};
use crate::shell::Command;

/// Where collectors are, as the specification of OpenTelemetry names the variables; the first is for spans alone.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// What the process needs beside them.
const PASSED: [&str; 4] =
    ["OTEL_EXPORTER_OTLP_HEADERS", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"];

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
    let value = |name: &str| doors.environment.get(name).filter(|value| !value.is_empty());
    if ENDPOINTS.iter().all(|name| value(name).is_none()) {
        return Traced::Unwanted;
    }
    let Some(program) = satellite::ready(doors, DELIVER) else {
        return Traced::Not(format!(
            "`{}` is not built; `cargo xtask trace {run}` does that",
            DELIVER.package
        ));
    };
    let mut command = Command::new(program.display().to_string(), ["trace", "--follow", run]);
    for name in ENDPOINTS.into_iter().chain(PASSED) {
        if let Some(value) = value(name) {
            command = command.with(name, value);
        }
    }
    let log = doors.workspace.run(run).join("trace.log");
    match doors.shell.detach(&command, &log) {
        Ok(_) => Traced::Followed(log),
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
