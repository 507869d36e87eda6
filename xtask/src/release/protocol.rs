//! What the front asks of the satellite `ship`.
//!
//! One request, as one line of JSON on the satellite's standard input; then messages ([`crate::satellite::Message`]), one
//! a line, on its standard output. To add a request: a variant here, the type of its answer beside it, and an arm in
//! `xtask/ship/src/main.rs`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::release::plan::Plan;

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Request {
    /// Carries the effects of a plan out, from a staging folder. The answer is [`Published`].
    Publish(Publish),
}

/// Where the world is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// The forge's API: `https://api.github.com`, or a server on loopback. Its token is in `GITHUB_TOKEN`.
    pub forge: String,
    /// The address of the registry's sparse index, without `sparse+`. Its token is in `CARGO_REGISTRY_TOKEN`, or is
    /// exchanged for GitHub's identity where `trusted` is set.
    pub registry: String,
    /// True where the registry's token is got for GitHub's identity.
    pub trusted: bool,
}

/// The effects of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publish {
    /// The plan.
    pub plan: Plan,
    /// The staging folder; its manifest and the plan give the seal.
    pub staging: PathBuf,
    /// Where the effects go.
    pub endpoints: Endpoints,
    /// How many seconds may be waited for a limit of the registry or the forge, in one go.
    pub wait_seconds_max: u64,
    /// What is to go wrong, in a rehearsal.
    pub faults: Vec<Fault>,
}

/// Something that is to go wrong at an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The effect, counted from 1 in the plan's order.
    pub effect: usize,
    /// What goes wrong there.
    pub kind: FaultKind,
}

/// What can be made to go wrong. What the servers do wrong is asked of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The process is killed when the intent is written down and nothing has been done.
    CrashBefore,
    /// The process is killed when the effect is applied and not recorded.
    CrashAfter,
    /// The process is killed while it writes the record: half a line is on the disk.
    TornRecord,
    /// The effect is applied, and the connection is lost before the answer arrives; then the process is killed.
    LostResponse,
}

/// What publishing did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Effects that were applied now.
    pub applied: Vec<String>,
    /// Effects that were there already.
    pub left: Vec<String>,
}
