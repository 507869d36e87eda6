//! What the engine knows, what it is told, and what it asks for.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::deploy::contract::{Answer, Call, Door, HostName, Observed, ReleaseId, Trouble};
use crate::deploy::plan::Plan;

use super::back;

/// Something that is to be done. Each leads to one [`Event`].
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The locks of these hosts are taken, in this order; all of them or none.
    Lock {
        /// The hosts.
        hosts: Vec<HostName>,
    },
    /// A host is asked for something.
    Perform {
        /// The host.
        host: HostName,
        /// What for.
        call: Call,
    },
    /// A service is asked until it is ready and is the wanted release, or until its time is up.
    Probe {
        /// The host.
        host: HostName,
        /// Which of its doors.
        door: Door,
        /// Who must answer. None: while two overlap, either may; what is watched afterwards tells them apart.
        release: Option<ReleaseId>,
    },
    /// A wave is watched. What is measured counts from the wave's first watching on.
    Watch {
        /// The wave, from 0.
        wave: usize,
        /// The hosts on trial.
        hosts: Vec<HostName>,
        /// For how long.
        seconds: u32,
    },
    /// Something beside the hosts is done.
    Run {
        /// What.
        hook: Hook,
    },
}

/// What is done beside the hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// A backup is made and read back.
    Backup(String),
    /// The data gets what the release needs.
    Expand(Vec<String>),
    /// The data loses what only earlier releases need.
    Contract(Vec<String>),
    /// A check passes.
    Check {
        /// Its name.
        name: String,
        /// Its command.
        words: Vec<String>,
    },
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hook::Backup(name) => write!(f, "backup `{name}`"),
            Hook::Expand(words) => write!(f, "expand: {}", words.join(" ")),
            Hook::Contract(words) => write!(f, "contract: {}", words.join(" ")),
            Hook::Check { name, words } => write!(f, "check `{name}`: {}", words.join(" ")),
        }
    }
}

/// What came of an effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It begins.
    Begun,
    /// All locks are held.
    Locked,
    /// No lock is held: this one could not be taken.
    NotLocked {
        /// The host.
        host: HostName,
        /// Why not.
        trouble: Trouble,
    },
    /// A lock that was held is not held any more. May come at any time.
    LockLost,
    /// A host answered, or did not.
    Performed {
        /// The host.
        host: HostName,
        /// What it was asked.
        call: Box<Call>,
        /// What came back.
        result: Result<Answer, Trouble>,
    },
    /// A probe ended.
    Probed {
        /// The host.
        host: HostName,
        /// Ready, or why not.
        result: Result<(), String>,
    },
    /// A wave was watched.
    Watched {
        /// What all measurements of the wave so far say.
        verdict: Verdict,
    },
    /// A hook ended.
    Ran {
        /// Well, or why not.
        result: Result<(), String>,
    },
}

/// What measurements say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It is well, with enough confidence.
    Pass,
    /// It is not well, with enough confidence.
    Fail {
        /// What was measured.
        why: String,
    },
    /// Neither can be said.
    Inconclusive {
        /// Why not.
        why: String,
    },
}

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Every host confirmed the release.
    Succeeded,
    /// Every host had it before.
    Already,
    /// Nothing that serves was changed.
    Refused {
        /// Why.
        why: Vec<String>,
    },
    /// Every touched host serves its last good release.
    RolledBack {
        /// Why.
        why: Vec<String>,
    },
    /// There was no verdict. The hosts on trial went back, or do so by themselves; waves before stay.
    Paused {
        /// What was missing.
        why: String,
    },
    /// Hosts are in a state that is known only in part.
    Person {
        /// What is known.
        why: Vec<String>,
    },
    /// Somebody else deploys.
    Busy {
        /// The host whose lock is held.
        host: HostName,
        /// By whom.
        trouble: Trouble,
    },
    /// Somebody else took over, or the connection that held the lock broke.
    LockLost,
    /// Somebody held a lock after the plan was made: it may not fit any more. Nothing was changed.
    Outdated {
        /// The host whose lock was held.
        host: HostName,
    },
}

/// Where a deployment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was done.
    Planned,
    /// Locks are taken.
    Locking,
    /// Hosts are looked at.
    Observing,
    /// What was left half done is undone.
    CleaningUp,
    /// Bytes are put on every host.
    Staging,
    /// Backups and expansion; so many are under way or done.
    Preparing(usize),
    /// Hosts of a wave are changed.
    Wave {
        /// The wave.
        index: usize,
        /// The hosts of it that are changed at once.
        chunk: usize,
        /// What is under way.
        step: Step,
    },
    /// The undos of a wave are put off, before it is watched.
    Arming {
        /// The wave.
        index: usize,
        /// Seconds it was watched.
        watched: u32,
    },
    /// A wave is watched.
    Watching {
        /// The wave.
        index: usize,
        /// Seconds it was watched, this time included.
        watched: u32,
    },
    /// A wave is confirmed.
    Confirming(usize),
    /// Checks after the last wave.
    Checking,
    /// Old releases are removed.
    Pruning,
    /// The end is written down on every host.
    Ending,
    /// What only earlier releases need is taken out of the data.
    Contracting,
    /// That is written down on every host.
    Contracted,
    /// The hosts on trial go back, because nobody can say whether the release is good.
    Pausing,
    /// Every touched host goes back.
    RollingBack(back::Place),
    /// It is over.
    Ended,
}

impl Phase {
    /// A word for people.
    pub fn word(&self) -> &'static str {
        match self {
            Phase::Planned => "planned",
            Phase::Locking => "lock",
            Phase::Observing => "observe",
            Phase::CleaningUp => "clean up",
            Phase::Staging => "stage",
            Phase::Preparing(_) => "prepare",
            Phase::Wave { step, .. } => step.word(),
            Phase::Arming { .. } => "arm",
            Phase::Watching { .. } => "watch",
            Phase::Confirming(_) => "confirm",
            Phase::Checking => "check",
            Phase::Pruning => "prune",
            Phase::Ending => "end",
            Phase::Contracting | Phase::Contracted => "contract",
            Phase::Pausing => "pause",
            Phase::RollingBack(_) => "roll back",
            Phase::Ended => "ended",
        }
    }

    /// False until the locks are held and the hosts are as the plan has them: before that, whatever is under way there is
    /// somebody else's, or there is nothing to do.
    pub fn has_begun(&self) -> bool {
        !matches!(self, Phase::Planned | Phase::Locking | Phase::Observing | Phase::Ended)
    }

    /// True while a problem means going back. Pruning and the last note change nothing that serves, and data that may be
    /// contracted serves no release before.
    pub(super) fn goes_forward(&self) -> bool {
        !matches!(
            self,
            Phase::RollingBack(_)
                | Phase::Pausing
                | Phase::Ended
                | Phase::Pruning
                | Phase::Ending
                | Phase::Contracting
                | Phase::Contracted
        )
    }
}

/// What is done with a host of a wave, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The undo is armed.
    Arm,
    /// A private instance is started.
    Start,
    /// It is asked whether it is ready.
    ProbePrivate,
    /// The release takes the service's address.
    Switch,
    /// It is asked there.
    ProbePublic,
    /// The old instances end.
    Drain,
    /// It is asked once more, when nobody else can answer.
    ProbeAlone,
}

impl Step {
    pub(super) fn after(self) -> Option<Step> {
        match self {
            Step::Arm => Some(Step::Start),
            Step::Start => Some(Step::ProbePrivate),
            Step::ProbePrivate => Some(Step::Switch),
            Step::Switch => Some(Step::ProbePublic),
            Step::ProbePublic => Some(Step::Drain),
            Step::Drain => Some(Step::ProbeAlone),
            Step::ProbeAlone => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Step::Arm => "arm",
            Step::Start => "start",
            Step::ProbePrivate => "probe before the switch",
            Step::Switch => "switch",
            Step::ProbePublic => "probe after the switch",
            Step::Drain => "drain",
            Step::ProbeAlone => "probe after the drain",
        }
    }
}

/// How far a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostState {
    /// As it was.
    Untouched,
    /// It has the bytes, and hashed them.
    Staged,
    /// Its undo is armed.
    Armed,
    /// A private instance runs.
    Started,
    /// That is ready.
    Ready,
    /// The release has the service's address.
    Switched,
    /// It alone has it.
    Drained,
    /// It is what serves after a reboot.
    Confirmed,
    /// It went back.
    Reverted,
}

/// What is known of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostEntry {
    /// How far it is.
    pub state: HostState,
    /// How it was at the beginning.
    pub observed: Option<Observed>,
    /// True when this deployment may have changed what serves there.
    pub touched: bool,
    /// True when the last call to it had no answer.
    pub unknown: bool,
    /// True when it was told to confirm, and what came of that is not known.
    pub may_be_confirmed: bool,
}

/// Everything that the engine knows.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Where it is.
    pub phase: Phase,
    /// The hosts.
    pub hosts: BTreeMap<HostName, HostEntry>,
    /// Effects whose event did not come yet.
    pub pending: usize,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What went wrong since the last decision.
    pub(super) problems: Vec<String>,
    /// What went wrong before that.
    pub(super) why: Vec<String>,
    pub(super) verdict: Option<Verdict>,
    /// Why there was no verdict, once that ends the deployment.
    pub(super) paused: Option<String>,
    pub(super) not_locked: Option<(HostName, Trouble)>,
}

impl State {
    pub(super) fn new(plan: &Plan) -> State {
        let entry = HostEntry {
            state: HostState::Untouched,
            observed: None,
            touched: false,
            unknown: false,
            may_be_confirmed: false,
        };
        State {
            phase: Phase::Planned,
            hosts: plan.hosts().into_iter().map(|host| (host, entry.clone())).collect(),
            pending: 0,
            outcome: None,
            problems: Vec::new(),
            why: Vec::new(),
            verdict: None,
            paused: None,
            not_locked: None,
        }
    }

    /// A host of the plan.
    pub(super) fn host(&mut self, name: &HostName) -> &mut HostEntry {
        self.hosts.get_mut(name).expect("events are about hosts of the plan: effects named them")
    }
}
