//! What a deployment asks of the satellite `ship`: probes, readings for the analysis, records at the forge.
//!
//! One request, as one line of JSON on the satellite's standard input; then messages
//! ([`nexus_xtask::satellite::Message`]) on its standard output. Answers say what was seen and never more: what is not
//! known is [`State::Unknown`], [`Reading::NoData`] or [`Reading::Failed`], and none of them is up, zero or good.
//!
//! To add a request: a variant here and its verb in [`VERBS`], the type of its answer beside it, and an arm in
//! `xtask/ship/src/main.rs`.

mod announce;
mod probe;
mod reading;

pub use announce::{Announce, Announced, Progress};
pub use probe::{Expectation, Fault, Identity, Pointer, Probe, Probed, Probes, Sample, State, Target, Until};
pub use reading::{Ask, Question, Range, Reading, Trouble};

use serde::{Deserialize, Serialize};

/// The verbs of [`Request`].
pub const VERBS: &[&str] = &["probe", "ask", "announce"];

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Request {
    /// Probes targets, all of them at once, again and again. Each [`Sample`] comes as a part; the answer is a list of
    /// [`Probed`], in the order of the targets.
    Probe(Probe),
    /// Asks for numbers. The answer is a list of [`Reading`], in the order of the questions.
    Ask(Ask),
    /// Records a deployment at the forge, as well as that can be done. The answer is [`Announced`].
    Announce(Box<Announce>),
}

#[cfg(test)]
mod tests;
