//! The one event stream of a run. Reporters, recordings and reports are all made from it, live or later.
//!
//! Stored as JSON lines with a version. A reader ignores fields it does not know and events it does not know, so an
//! old reader can show a newer run; a field that is missing in an old recording has a default.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::environment::Environment;

/// The version that is written.
pub const VERSION: u32 = 1;

/// An event with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// The version of the format.
    pub v: u32,
    /// When it happened.
    pub at: Timestamp,
    /// Milliseconds since the run began, from the monotonic clock.
    pub ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run begins: the plan.
    RunStarted {
        /// The run's name: sorts by time.
        run: String,
        /// The command as a person would type it.
        command: String,
        /// The commit that is checked out.
        #[serde(default)]
        commit: Option<String>,
        /// Every step of the plan, in the plan's order.
        steps: Vec<Planned>,
        /// Sentences that the person should know before anything runs.
        #[serde(default)]
        notes: Vec<String>,
    },
    /// A step's program starts.
    StepStarted {
        /// The step.
        step: String,
        /// 1 for the first try.
        attempt: u32,
    },
    /// A try of a step ended and another one follows.
    StepRetried {
        /// The step.
        step: String,
        /// The try that failed.
        attempt: u32,
        /// How it failed.
        outcome: Outcome,
    },
    /// A step is decided.
    StepFinished {
        /// The step.
        step: String,
        /// How it came out.
        outcome: Outcome,
        /// The time its program ran, all tries together; 0 where none ran.
        duration_ms: u64,
        /// The last lines of its output; only of a step that did not pass.
        #[serde(default)]
        excerpt: Vec<String>,
        /// The log, from the workspace root.
        #[serde(default)]
        log: Option<String>,
        /// A line to paste that runs just this step again; only of a step that did not pass.
        #[serde(default)]
        rerun: Option<String>,
        /// What else to know.
        #[serde(default)]
        notes: Vec<String>,
    },
    /// Something to know about a step that was decided a moment ago.
    StepNoted {
        /// The step.
        step: String,
        /// What to know.
        note: String,
    },
    /// The person asked to stop.
    Interrupted {
        /// How often so far: 1 stops politely, 2 kills.
        times: u32,
    },
    /// The run is over.
    RunFinished {
        /// How it came out.
        status: Status,
        /// From first to last event.
        duration_ms: u64,
        /// What to do next.
        #[serde(default)]
        next: Option<String>,
    },
    /// An event of a newer writer.
    #[serde(other)]
    Unknown,
}

/// A step as the plan has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Its id.
    pub step: String,
    /// The group that one job of a workflow runs.
    pub job: String,
    /// Steps it waits for.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Steps of the same lane run one after another.
    #[serde(default)]
    pub lane: Option<String>,
    /// A line to paste that does what the step does.
    pub command: String,
    /// True when a run without it cannot be green.
    pub required: bool,
    /// What the plan says will be done with it.
    pub decision: Decision,
    /// The time it took when it last ran.
    #[serde(default)]
    pub last_ms: Option<u64>,
}

/// What the plan says about a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum Decision {
    /// It runs, for this reason.
    Run {
        /// Why there is no receipt that answers.
        reason: String,
    },
    /// A receipt answers.
    Proven {
        /// When the pass was recorded.
        since: Timestamp,
        /// The fingerprint that both share.
        fingerprint: Digest,
    },
    /// The plan leaves it out, for this reason.
    Skipped {
        /// Why.
        reason: String,
    },
    /// A program it needs is not there.
    Unavailable {
        /// The program.
        tool: String,
        /// The command that installs it.
        install: String,
    },
}

/// How a step came out. Only `Passed`, `Flaky` and `Proven` are a pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It passed at the first try.
    Passed,
    /// It passed, and not at the first try.
    Flaky {
        /// The try that passed.
        attempt: u32,
    },
    /// A receipt of a pass on the same inputs answers.
    Proven {
        /// When the pass was recorded.
        since: Timestamp,
    },
    /// Its program exited with this status.
    Failed {
        /// The exit status.
        exit: i32,
    },
    /// A signal ended its program.
    Killed {
        /// The signal.
        signal: i32,
    },
    /// It ran longer than it may.
    TimedOut {
        /// The limit.
        limit_ms: u64,
    },
    /// Its program said success, but a declared output is not there.
    OutputMissing {
        /// The output.
        output: String,
    },
    /// A program it needs is not there.
    Unavailable {
        /// The program.
        tool: String,
        /// The command that installs it.
        install: String,
    },
    /// It did not run, for this reason: a step it needs did not pass, or the run ended before.
    NotRun {
        /// Why.
        reason: String,
    },
    /// The plan left it out, for this reason.
    Skipped {
        /// Why.
        reason: String,
    },
    /// The person stopped it.
    Interrupted,
    /// The toolkit itself could not do its part.
    Broken {
        /// Why.
        why: String,
    },
    /// An outcome of a newer writer.
    #[serde(other)]
    Unknown,
}

impl Stamped {
    /// The event without the values of secrets: for everything that leaves the process. Names of steps, jobs and lanes
    /// stay as they are, because other events refer to them.
    pub fn masked(mut self, environment: &Environment) -> Stamped {
        if environment.has_secrets() {
            for text in self.event.texts() {
                *text = environment.mask(text);
            }
        }
        self
    }
}

impl Event {
    /// Every text that people or programs put in: what is not an id, a time or a verdict.
    pub(crate) fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Event::RunStarted { command, steps, notes, .. } => {
                let planned = steps.iter_mut().flat_map(|planned| {
                    std::iter::once(&mut planned.command).chain(planned.decision.texts())
                });
                std::iter::once(command).chain(planned).chain(notes).collect()
            }
            Event::StepRetried { outcome, .. } => outcome.texts(),
            Event::StepNoted { note, .. } => vec![note],
            Event::StepFinished { outcome, excerpt, log, rerun, notes, .. } => {
                outcome.texts().into_iter().chain(excerpt).chain(log).chain(rerun).chain(notes).collect()
            }
            Event::RunFinished { next, .. } => next.iter_mut().collect(),
            Event::StepStarted { .. } | Event::Interrupted { .. } | Event::Unknown => Vec::new(),
        }
    }
}

impl Decision {
    fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Decision::Run { reason } | Decision::Skipped { reason } => vec![reason],
            Decision::Unavailable { tool, install } => vec![tool, install],
            Decision::Proven { .. } => Vec::new(),
        }
    }
}

impl Outcome {
    fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Outcome::OutputMissing { output: text }
            | Outcome::NotRun { reason: text }
            | Outcome::Skipped { reason: text }
            | Outcome::Broken { why: text } => vec![text],
            Outcome::Unavailable { tool, install } => vec![tool, install],
            Outcome::Passed
            | Outcome::Flaky { .. }
            | Outcome::Proven { .. }
            | Outcome::Failed { .. }
            | Outcome::Killed { .. }
            | Outcome::TimedOut { .. }
            | Outcome::Interrupted
            | Outcome::Unknown => Vec::new(),
        }
    }

    /// True when the step is shown to hold.
    pub fn is_pass(&self) -> bool {
        matches!(self, Outcome::Passed | Outcome::Flaky { .. } | Outcome::Proven { .. })
    }

    /// True when the step speaks against the run. Neither a pass nor a failure is what was left out by the plan, and
    /// what is unavailable.
    pub fn is_failure(&self) -> bool {
        match self {
            Outcome::Passed
            | Outcome::Flaky { .. }
            | Outcome::Proven { .. }
            | Outcome::Skipped { .. }
            | Outcome::Unavailable { .. } => false,
            Outcome::Failed { .. }
            | Outcome::Killed { .. }
            | Outcome::TimedOut { .. }
            | Outcome::OutputMissing { .. }
            | Outcome::NotRun { .. }
            | Outcome::Interrupted
            | Outcome::Broken { .. }
            | Outcome::Unknown => true,
        }
    }

    /// The word that people read.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Flaky { .. } => "flaky",
            Outcome::Proven { .. } => "proven",
            Outcome::Failed { .. } => "failed",
            Outcome::Killed { .. } => "killed",
            Outcome::TimedOut { .. } => "timed out",
            Outcome::OutputMissing { .. } => "failed",
            Outcome::Unavailable { .. } => "unavailable",
            Outcome::NotRun { .. } => "not run",
            Outcome::Skipped { .. } => "skipped",
            Outcome::Interrupted => "interrupted",
            Outcome::Broken { .. } => "broken",
            Outcome::Unknown => "unknown",
        }
    }

    /// What decided, where the word alone does not say it.
    pub fn detail(&self) -> Option<String> {
        match self {
            Outcome::Passed | Outcome::Proven { .. } | Outcome::Interrupted => None,
            Outcome::Flaky { attempt } => Some(format!("passed only at try {attempt}")),
            Outcome::Failed { exit } => Some(format!("exit {exit}")),
            Outcome::Killed { signal } => Some(format!("signal {signal}")),
            Outcome::TimedOut { limit_ms } => {
                Some(format!("limit {}", crate::clock::spoken(Duration::from_millis(*limit_ms))))
            }
            Outcome::OutputMissing { output } => Some(format!("declared output `{output}` is not there")),
            Outcome::Unavailable { tool, .. } => Some(format!("`{tool}` is not installed")),
            Outcome::NotRun { reason } | Outcome::Skipped { reason } => Some(reason.clone()),
            Outcome::Broken { why } => Some(why.clone()),
            Outcome::Unknown => Some("recorded by a newer xtask".to_owned()),
        }
    }
}

/// How a run came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every step of the plan is shown to hold.
    Passed,
    /// No step speaks against it, and at least one optional step could not be asked.
    Incomplete,
    /// A step speaks against it.
    Failed,
    /// A required step could not be asked.
    Unavailable,
    /// The person stopped it.
    Interrupted,
    /// The plan held nothing to do, and said so.
    Nothing,
    /// A status of a newer writer.
    #[serde(other)]
    Unknown,
}

impl Status {
    /// The word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Status::Passed => "passed",
            Status::Incomplete => "incomplete",
            Status::Failed => "failed",
            Status::Unavailable => "unavailable",
            Status::Interrupted => "interrupted",
            Status::Nothing => "nothing to do",
            Status::Unknown => "unknown",
        }
    }
}

/// Reads a recorded stream. A torn last line (the writer was killed) ends it; a broken line before that is an error.
pub fn parse(text: &str) -> anyhow::Result<Vec<Stamped>> {
    let mut events = Vec::new();
    let mut lines = text.split_inclusive('\n').enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        match serde_json::from_str(line) {
            Ok(event) => events.push(event),
            Err(_) if lines.peek().is_none() && !line.ends_with('\n') => {}
            Err(error) => anyhow::bail!("line {} is no event: {error}", index + 1),
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests;
