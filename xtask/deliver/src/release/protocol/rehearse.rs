//! The release on loopback.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::FaultKind;
use crate::release::plan::Plan;

/// A rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rehearse {
    /// The plan.
    pub plan: Plan,
    /// The staging folder.
    pub staging: PathBuf,
    /// A folder for the journal of the rehearsal. It is emptied first.
    pub folder: PathBuf,
    /// The lock file whose third-party packages the loopback registry knows beforehand.
    pub lock: String,
    /// The folder of the consumer, which keeps what it compiled of others; none where no consumer is built.
    pub consumer: Option<PathBuf>,
    /// What is to go wrong.
    pub faults: Vec<PlannedFault>,
}

/// Something that is to go wrong in a rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// The effect, counted from 1 in the plan's order.
    pub effect: usize,
    /// What goes wrong there.
    pub kind: PlannedKind,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedKind {
    /// The executor is killed.
    Crash(FaultKind),
    /// The server answers 429, once, and says when to come again.
    Limited,
    /// The server applies the effect and loses the connection before it answers; the executor lives.
    Lost,
    /// What is published becomes visible only after several looks.
    Delayed,
}

/// What a rehearsal came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// How often the executor ran until all was done.
    pub runs: usize,
    /// How many of these runs were killed.
    pub killed: usize,
    /// How many effects the plan has.
    pub effects: usize,
    /// The packages that were built and tested from the loopback registry.
    pub consumed: Vec<String>,
    /// What took how long, in milliseconds, in order.
    pub timeline: Vec<(String, u64)>,
}

/// What killing the executor everywhere came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// How many effects the plan has.
    pub effects: usize,
    /// How many times the executor was killed, each in a world of its own.
    pub killed: usize,
    /// How many of these went on without the journal of the killed run.
    pub without_journal: usize,
    /// What was not as in the undisturbed world.
    pub failures: Vec<String>,
}

/// A double of the registry, for tests of whatever talks with one. It takes any token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServeRegistry {
    /// The lock file whose third-party packages it knows beforehand; they are looked for in cargo's cache.
    pub lock: String,
}
