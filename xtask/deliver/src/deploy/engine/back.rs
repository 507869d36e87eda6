//! The way back: every touched host serves its last good release again, and is asked whether it does.

use crate::deploy::contract::{Call, Door, HostName};

use super::{Effect, HostState, Machine, Outcome, Phase};

/// How far the way back is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub(super) Step);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The last good release serves again.
    Revert,
    /// It is asked there.
    Probe,
    /// The end is written down.
    Note,
}

impl From<Step> for Place {
    fn from(step: Step) -> Place {
        Place(step)
    }
}

impl Machine<'_> {
    /// Every host that was touched, at once. A host that never had a release serves nothing afterwards.
    pub(super) fn revert(&mut self) -> Vec<Effect> {
        let plan = self.plan;
        self.touched()
            .into_iter()
            .map(|host| {
                let to = plan.back(&host);
                Effect::Perform { host, call: Call::Revert { to } }
            })
            .collect()
    }

    /// What comes after a step of the way back.
    pub(super) fn roll_back(&mut self, done: Place) -> Vec<Effect> {
        let problems = std::mem::take(&mut self.state.problems);
        self.state.why.extend(problems);
        match done.0 {
            Step::Revert => {
                self.state.phase = Phase::RollingBack(Place(Step::Probe));
                let plan = self.plan;
                let back: Vec<_> = self.touched().into_iter().filter(|host| self.is_back(host)).collect();
                let probe = |host: HostName| {
                    let release = plan.back(&host)?;
                    Some(Effect::Probe { host, door: Door::Public, release: Some(release) })
                };
                back.into_iter().filter_map(probe).collect()
            }
            Step::Probe => {
                self.state.phase = Phase::RollingBack(Place(Step::Note));
                let note = self.plan.note("rolled back");
                let back: Vec<_> = self.touched().into_iter().filter(|host| self.is_back(host)).collect();
                back.into_iter().map(|host| Effect::Perform { host, call: note.clone() }).collect()
            }
            Step::Note => self.ended(),
        }
    }

    fn ended(&mut self) -> Vec<Effect> {
        let lost: Vec<_> = self.touched().into_iter().filter(|host| !self.is_back(host)).collect();
        let mut why = self.state.why.clone();
        if lost.is_empty() {
            return self.end(Outcome::RolledBack { why });
        }
        for host in lost {
            let back = self.plan.back(&host).map_or_else(|| "nothing".to_owned(), |release| release.0);
            let entry = self.state.hosts.get(&host);
            let state = entry.map(|entry| entry.state);
            why.push(match state {
                _ if entry.is_some_and(|entry| entry.may_be_confirmed) => format!(
                    "{}: not known to be back to {back}; it may have confirmed {}, which nothing undoes by itself",
                    host.0, self.plan.bundle.id.0
                ),
                Some(HostState::Confirmed) => {
                    format!(
                        "{}: confirmed {} before, and cannot be reached to go back to {back}",
                        host.0, self.plan.bundle.id.0
                    )
                }
                Some(HostState::Reverted) => {
                    format!("{}: went back to {back}, which does not answer well", host.0)
                }
                _ => format!(
                    "{}: not known to be back; its armed undo makes it serve {back} within {} s",
                    host.0, self.plan.arm_seconds
                ),
            });
        }
        self.end(Outcome::Person { why })
    }

    fn is_back(&self, host: &HostName) -> bool {
        self.state.hosts.get(host).is_some_and(|entry| entry.state == HostState::Reverted && !entry.unknown)
    }

    fn touched(&self) -> Vec<HostName> {
        let touched = self.state.hosts.iter().filter(|(_, entry)| entry.touched);
        touched.map(|(host, _)| host.clone()).collect()
    }
}
