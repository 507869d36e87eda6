//! What a run's events say when they are put together: reports and timings, live or from a recording.
//!
//! Everything here is pure: events in, text out, the same bytes each time. Text that came from a step is hostile until
//! it is escaped; each format escapes it in its own file. A stream may end anywhere, because its writer was killed:
//! what was not decided then is shown as such, and never as a pass.

pub mod run;
mod chain;
pub mod timings;
pub mod estimate;
mod excerpt;
mod junit;
mod markdown;

use crate::event::Stamped;

use self::run::Run;
use self::timings::Timings;

/// The bytes that a GitHub step summary may have: an upload above 1024 KiB is refused as a whole. The source is
/// GitHub's documentation of job summaries; a little is kept back for what others may write beside it.
pub const SUMMARY_BYTES_MAX: usize = 1024 * 1024 - 4096;

/// The run as JUnit XML: one suite for each job, one case for each step.
pub fn junit(events: &[Stamped]) -> String {
    junit::render(&Run::of(events))
}

/// The run as Markdown of at most `limit` bytes. What did not fit is counted in its last line.
pub fn markdown(events: &[Stamped], limit: usize) -> String {
    markdown::render(&Run::of(events), limit)
}

/// Where the time went.
pub fn timings(events: &[Stamped]) -> Timings {
    Timings::of(&Run::of(events))
}

pub(crate) use self::excerpt::{LINE_CHARACTERS_MAX, shortened};

#[cfg(test)]
pub(crate) mod cases;
