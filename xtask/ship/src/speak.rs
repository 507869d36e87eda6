//! The only place that prints: messages for the front, one a line.

use std::io::Write as _;

use nexus_xtask::satellite::Message;

/// Says a message. A front that is gone reads nothing; the process ends by the end of its input then.
pub(crate) fn say(message: &Message) {
    if let Ok(line) = serde_json::to_string(message) {
        let mut output = std::io::stdout().lock();
        writeln!(output, "{line}").and_then(|()| output.flush()).ok();
    }
}
