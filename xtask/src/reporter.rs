//! Shows a run to people and programs while it happens, or later from its recording.
//!
//! There is one stream of events and one trait. Which reporters listen is chosen from where the process runs:
//!
//! - `--json`: each event as a line on standard output;
//! - a GitHub job: lines, groups and annotations (beside `--json` too: annotations are talk);
//! - a terminal: permanent lines above a small block that is redrawn;
//! - anything else: plain lines.
//!
//! To add one: a file with a type, its `impl Reporter`, and an arm in [`choose`] and `chosen`. A reporter decides nothing about the
//! run, and no text of a step reaches an output without `printable`.

mod line;
mod lines;
mod closing;
mod live;
mod plain;
mod annotation;
mod github;
mod json;

use crate::doors::Doors;
use crate::environment::Environment;
use crate::event::Stamped;
use crate::terminal::Terminal;

/// Something that shows a run.
pub trait Reporter {
    /// Takes the next event.
    fn event(&mut self, terminal: &Terminal, event: &Stamped);

    /// Time goes by without an event: `now_ms` since the run began. Call it some ten times a second or less often.
    fn tick(&mut self, _terminal: &Terminal, _now_ms: u64) {}

    /// No event follows. After a stream without an end this says what was going on; it leaves a clean screen.
    fn close(&mut self, _terminal: &Terminal) {}
}

/// Several reporters as one.
#[derive(Default)]
pub struct Reporters(Vec<Box<dyn Reporter>>);

impl Reporter for Reporters {
    fn event(&mut self, terminal: &Terminal, event: &Stamped) {
        self.0.iter_mut().for_each(|reporter| reporter.event(terminal, event));
    }

    fn tick(&mut self, terminal: &Terminal, now_ms: u64) {
        self.0.iter_mut().for_each(|reporter| reporter.tick(terminal, now_ms));
    }

    fn close(&mut self, terminal: &Terminal) {
        self.0.iter_mut().for_each(|reporter| reporter.close(terminal));
    }
}

/// The reporters for the place where this process runs.
pub fn choose(environment: &Environment, terminal: &Terminal) -> Reporters {
    let kinds = chosen(terminal.is_json(), environment.is_github(), terminal.is_live());
    let reporters = kinds.iter().map(|kind| -> Box<dyn Reporter> {
        match kind {
            Kind::Json => Box::new(json::Json),
            Kind::Github => Box::new(github::Github::default()),
            Kind::Live => Box::new(live::Live::default()),
            Kind::Plain => Box::new(plain::Plain::default()),
        }
    });
    Reporters(reporters.collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    Github,
    Live,
    Plain,
}

fn chosen(json: bool, github: bool, live: bool) -> &'static [Kind] {
    match (json, github, live) {
        (true, true, _) => &[Kind::Json, Kind::Github],
        (true, false, _) => &[Kind::Json],
        (false, true, _) => &[Kind::Github],
        (false, false, true) => &[Kind::Live],
        (false, false, false) => &[Kind::Plain],
    }
}

/// Shows a recorded run as it was shown when it happened, without its waiting.
pub fn replay(doors: &Doors, events: &[Stamped]) {
    let mut reporters = choose(&doors.environment, &doors.terminal);
    for event in events {
        reporters.event(&doors.terminal, event);
    }
    reporters.close(&doors.terminal);
}

#[cfg(test)]
mod tests;
