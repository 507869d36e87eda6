//! Each event as a line of JSON on standard output: for programs.

use crate::event::Stamped;
use crate::terminal::Terminal;

use super::Reporter;

/// The JSON reporter.
pub(super) struct Json;

impl Reporter for Json {
    fn event(&mut self, terminal: &Terminal, event: &Stamped) {
        terminal.data(&serde_json::to_string(event).expect("an event is plain data"));
    }
}
