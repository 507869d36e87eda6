//! The eight invariants, asked at every call that reaches a host, and what switches each of them off.

use std::collections::BTreeSet;
use std::fmt;

use crate::deploy::contract::{Call, HostName, ReleaseId};
use crate::deploy::engine::{Hook, Outcome, Verdict};
use crate::deploy::plan::{Kind, Plan};

use super::world::World;

/// An invariant does not hold. 0: the hosts do not come to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub number: u8,
    pub what: String,
}

impl Broken {
    pub(super) fn new(number: u8, host: &HostName, what: impl fmt::Display) -> Broken {
        Broken { number, what: format!("{}: {what}", host.0) }
    }
}

/// What is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Off {
    Nothing,
    /// The target believes every archive.
    TargetHash,
    /// Staging is said to be done and is not.
    StageFirst,
    /// The engine gets as an observation what the plan was made from.
    Observe,
    /// The target carries out every fence's calls.
    TargetFence,
    /// Locks outlive their holder.
    LockExpiry,
    /// Undos are said to be armed and are not.
    Arm,
    /// The target switches without an undo.
    TargetArmed,
    /// One touched host is left out of the way back.
    RevertOne,
    /// No verdict is told as a pass.
    Judge,
    /// Hosts are said to be ready that nobody asked.
    Probe,
    /// Hooks are said to be done before they are.
    HookFirst,
    /// Another plan is executed than the one that was given.
    PlanGiven,
    /// Another release is switched to than the plan's.
    ReleaseGiven,
}

impl Off {
    pub(super) const ALL: [(Off, u8); 13] = [
        (Off::TargetHash, 1),
        (Off::StageFirst, 1),
        (Off::Observe, 2),
        (Off::TargetFence, 3),
        (Off::LockExpiry, 3),
        (Off::Arm, 4),
        (Off::TargetArmed, 4),
        (Off::RevertOne, 5),
        (Off::Judge, 6),
        (Off::Probe, 6),
        (Off::HookFirst, 7),
        (Off::PlanGiven, 8),
        (Off::ReleaseGiven, 8),
    ];
}

/// What truly happened in a run, whatever its engine was told.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub given: Plan,
    pub observed: BTreeSet<HostName>,
    pub armed: BTreeSet<HostName>,
    pub touched: BTreeSet<HostName>,
    pub reverted: BTreeSet<HostName>,
    pub ran: Vec<Hook>,
    pub verdict: Option<Verdict>,
    pub watched: BTreeSet<HostName>,
    /// Hosts whose public door answered as the plan's release.
    pub ready: BTreeSet<HostName>,
    /// Something failed on the way forward, and the engine was told.
    pub failed: bool,
}

impl Record {
    pub(super) fn new(plan: &Plan) -> Record {
        Record {
            given: plan.clone(),
            observed: BTreeSet::new(),
            armed: BTreeSet::new(),
            touched: BTreeSet::new(),
            reverted: BTreeSet::new(),
            ran: Vec::new(),
            verdict: None,
            watched: BTreeSet::new(),
            ready: BTreeSet::new(),
            failed: false,
        }
    }

    /// Asked before a call is carried out that the target would let through.
    pub(super) fn check(
        &self,
        plan: &Plan,
        world: &World,
        host: &HostName,
        call: &Call,
    ) -> Result<(), Broken> {
        let no = |number: u8, what: &str| Err(Broken::new(number, host, format!("{} {what}", call.word())));
        if *call == Call::Observe {
            return Ok(());
        }
        if *plan != self.given {
            return no(8, "is of another plan than the one that was given");
        }
        if let Some(release) = subject(call) {
            let confirmed = world.hosts[host].confirmed.clone();
            if release.is_some() && release != Some(plan.bundle.id.clone()) && release != plan.back(host) {
                return no(8, &format!("is about {release:?}, which the plan does not name ({confirmed:?})"));
            }
        }
        if !self.observed.contains(host) {
            return no(2, "comes before anybody looked");
        }
        let activates = matches!(call, Call::Start { .. } | Call::Switch { .. } | Call::Confirm { .. });
        if activates {
            let lacks = plan
                .hosts()
                .into_iter()
                .find(|one| !world.hosts[one].staged.get(&plan.bundle.id).is_some_and(|folder| folder.sound));
            if let Some(lacks) = lacks {
                return no(1, &format!("comes while {} has no sound bytes", lacks.0));
            }
            if plan.before != self.ran {
                return no(7, &format!("comes after {:?}", self.ran));
            }
            if !self.armed.contains(host) {
                return no(4, "comes before an undo was armed");
            }
        }
        let is_pass = self.verdict == Some(Verdict::Pass) && self.watched.contains(host);
        let is_well = self.ready.contains(host) && (is_pass || plan.kind == Kind::Rollback);
        if matches!(call, Call::Confirm { .. }) && !is_well {
            return no(6, &format!("comes after the verdict {:?}", self.verdict));
        }
        Ok(())
    }

    /// Asked when a run says how it ended.
    pub(super) fn ended(&self, plan: &Plan, world: &World, outcome: &Outcome) -> Result<(), Broken> {
        let word = format!("{outcome:?}");
        let no =
            |host: &HostName, what: &str| Err(Broken::new(5, host, format!("{what}, and the end is {word}")));
        let hosts = plan.hosts();
        if plan.digest() != self.given.digest() {
            return Err(Broken::new(8, &hosts[0], "another plan was executed than the one that was given"));
        }
        let first = &hosts[0];
        let is_failure = match outcome {
            Outcome::Succeeded | Outcome::Already => false,
            Outcome::Refused { .. }
            | Outcome::RolledBack { .. }
            | Outcome::Paused { .. }
            | Outcome::Person { .. }
            | Outcome::Busy { .. }
            | Outcome::Outdated { .. }
            | Outcome::LockLost => true,
        };
        if self.failed && !is_failure {
            return no(first, "something failed");
        }
        for host in &hosts {
            let there = &world.hosts[host];
            match outcome {
                Outcome::Succeeded | Outcome::Already if !there.serves_only(Some(&plan.bundle.id)) => {
                    return no(host, &format!("it is {there:?}"));
                }
                Outcome::RolledBack { .. } if self.touched.contains(host) => {
                    if !there.serves_only(plan.back(host).as_ref()) {
                        return no(host, "it is not back");
                    }
                }
                Outcome::RolledBack { .. } if plan.unfinished.contains(host) => {
                    if !there.serves_only(plan.back(host).as_ref()) {
                        return no(host, "a killed run confirmed it, and it is not back");
                    }
                }
                Outcome::Person { .. } if self.touched.contains(host) && !self.reverted.contains(host) => {
                    return no(host, "nobody asked it to go back");
                }
                Outcome::Refused { .. } | Outcome::Outdated { .. } if self.touched.contains(host) => {
                    return no(host, "it was touched");
                }
                Outcome::Paused { .. } if self.failed => return no(host, "something failed"),
                Outcome::Succeeded
                | Outcome::Already
                | Outcome::RolledBack { .. }
                | Outcome::Person { .. }
                | Outcome::Refused { .. }
                | Outcome::Outdated { .. }
                | Outcome::Paused { .. }
                | Outcome::Busy { .. }
                | Outcome::LockLost => {}
            }
        }
        Ok(())
    }
}

/// The release that a call makes a host serve, where it is about one.
fn subject(call: &Call) -> Option<Option<ReleaseId>> {
    match call {
        Call::Stage { bundle } => Some(Some(bundle.id.clone())),
        Call::Arm { to, .. } | Call::Revert { to } => Some(to.clone()),
        Call::Start { release } | Call::Switch { release } | Call::Confirm { release } => {
            Some(Some(release.clone()))
        }
        Call::Drain { keep, .. } => Some(Some(keep.clone())),
        Call::Crash { release } => Some(Some(release.clone())),
        Call::Observe | Call::Prune { .. } | Call::Note { .. } | Call::Hold { .. } => None,
    }
}
