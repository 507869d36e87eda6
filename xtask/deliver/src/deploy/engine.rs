//! The engine: what is done next, given what came of what was done before. Pure; it neither waits nor reaches anybody.
//!
//! ```text
//! lock -> observe -> clean up -> stage everywhere -> backups, expand
//!      -> each wave: { arm, start, probe, switch, probe, drain, probe } -> watch, arm again -> confirm
//!      -> checks -> prune -> done -> contract
//! ```
//!
//! What holds after every step, whatever comes back and in whatever order:
//! 1. Nothing is switched anywhere before the bytes are whole on every host of the plan.
//! 2. A host is switched only while its undo is armed; only a confirmation disarms it for good.
//! 3. A wave is confirmed only after it was watched and the verdict was a pass. No verdict is no pass. A rollback is
//!    confirmed when every host answers as the release: that was watched when it came.
//! 4. A failure takes back every host that this deployment touched, also those confirmed in earlier waves.
//! 5. A host that does not answer counts as touched.
//! 6. When the lock is lost, nothing more is done.
//! 7. Nothing is done where somebody had a lock since the plan was made.
//! 8. A pause takes back the wave that has no verdict, and leaves no host on trial.
//!
//! A deployer that was killed is not replayed: the next one observes, undoes what is half done, and begins again with
//! what is left.

mod back;
mod state;

pub use state::{Effect, Event, Hook, HostEntry, HostState, Outcome, Phase, State, Step, Verdict};

use crate::deploy::config::Inconclusive;
use crate::deploy::contract::{Answer, Call, Door, HostName, Trouble};
use crate::deploy::plan::{Kind, Plan};

/// How long a wave is watched in one go, in seconds: after that its undo is armed anew.
pub const SLICE_SECONDS: u32 = 10;

/// The state before the first event.
pub fn begin(plan: &Plan) -> State {
    State::new(plan)
}

/// Takes an event, and says what is done next. Effects of one answer may be carried out at once and in any order; each
/// leads to exactly one event. It is over when the state has an outcome.
pub fn step(plan: &Plan, state: State, event: Event) -> (State, Vec<Effect>) {
    let mut machine = Machine { plan, state };
    machine.take(event);
    if machine.state.pending > 0 || machine.state.phase == Phase::Ended {
        return (machine.state, Vec::new());
    }
    let effects = machine.advance();
    machine.state.pending = effects.len();
    (machine.state, effects)
}

pub(super) struct Machine<'a> {
    plan: &'a Plan,
    state: State,
}

impl Machine<'_> {
    /// Writes down what an event says.
    fn take(&mut self, event: Event) {
        if self.state.phase == Phase::Ended {
            return;
        }
        self.state.pending = self.state.pending.saturating_sub(1);
        match event {
            Event::Begun => self.state.pending = 0,
            Event::Locked => {}
            Event::NotLocked { host, trouble } => self.state.not_locked = Some((host, trouble)),
            Event::LockLost => drop(self.end(Outcome::LockLost)),
            Event::Performed { host, call, result } => self.performed(&host, &call, result),
            Event::Probed { host, result } => {
                if let Err(why) = result {
                    // On the way back a release that does not answer is not back.
                    self.state.host(&host).unknown = matches!(self.state.phase, Phase::RollingBack(_));
                    self.fail(&host, why);
                } else {
                    self.reached(&host, |state| match state {
                        HostState::Started => HostState::Ready,
                        other => other,
                    });
                }
            }
            Event::Watched { verdict } => self.state.verdict = Some(verdict),
            Event::Ran { result } => {
                if let Err(why) = result {
                    self.state.problems.push(why);
                }
            }
        }
    }

    fn performed(&mut self, host: &HostName, call: &Call, result: Result<Answer, Trouble>) {
        match result {
            Ok(Answer::Observed(observed)) => {
                self.state.host(host).observed = Some(*observed);
            }
            Ok(Answer::Done | Answer::Drained { .. }) => self.done(host, call),
            Err(Trouble::Fenced { .. } | Trouble::Busy { .. }) => drop(self.end(Outcome::LockLost)),
            Err(trouble @ Trouble::Unreachable { .. }) => {
                self.unanswered(host, call);
                self.fail(host, trouble.to_string());
            }
            Err(trouble @ (Trouble::Refused { .. } | Trouble::Failed { .. })) => {
                self.fail(host, trouble.to_string())
            }
        }
    }

    /// A call that may have been carried out, or not.
    fn unanswered(&mut self, host: &HostName, call: &Call) {
        let entry = self.state.host(host);
        match call {
            Call::Observe | Call::Note { .. } | Call::Prune { .. } => return,
            // What serves may have changed, also where this was only to clean up.
            Call::Revert { .. } => entry.touched = true,
            Call::Confirm { .. } => entry.may_be_confirmed = true,
            Call::Stage { .. }
            | Call::Arm { .. }
            | Call::Start { .. }
            | Call::Switch { .. }
            | Call::Drain { .. }
            | Call::Crash { .. }
            | Call::Hold { .. } => {}
        }
        entry.unknown = true;
    }

    fn done(&mut self, host: &HostName, call: &Call) {
        let reverts = matches!(self.state.phase, Phase::RollingBack(_));
        let confirmed = self.plan.bundle.id.clone();
        self.state.host(host).unknown = false;
        self.reached(host, |state| match call {
            Call::Stage { .. } => HostState::Staged,
            Call::Arm { .. } if state == HostState::Staged => HostState::Armed,
            Call::Start { .. } => HostState::Started,
            Call::Switch { .. } => HostState::Switched,
            Call::Drain { .. } => HostState::Drained,
            Call::Confirm { release } if *release == confirmed && !reverts => HostState::Confirmed,
            Call::Revert { .. } if reverts => HostState::Reverted,
            // A killed deployment confirmed it and did not come to disarm: there is nothing left to change.
            Call::Revert { to: Some(release) } if *release == confirmed => HostState::Confirmed,
            Call::Revert { .. } => HostState::Untouched,
            Call::Arm { .. }
            | Call::Confirm { .. }
            | Call::Observe
            | Call::Prune { .. }
            | Call::Note { .. }
            | Call::Crash { .. }
            | Call::Hold { .. } => state,
        });
    }

    fn reached(&mut self, host: &HostName, next: impl FnOnce(HostState) -> HostState) {
        let entry = self.state.host(host);
        entry.state = next(entry.state);
    }

    fn fail(&mut self, host: &HostName, why: String) {
        let phase = self.state.phase.word();
        self.state.problems.push(format!("{}: {phase}: {why}", host.0));
    }

    fn end(&mut self, outcome: Outcome) -> Vec<Effect> {
        self.state.phase = Phase::Ended;
        self.state.outcome = Some(outcome);
        Vec::new()
    }

    /// Everything of the phase has come back: what is next?
    fn advance(&mut self) -> Vec<Effect> {
        loop {
            if !self.state.problems.is_empty() && self.state.phase.goes_forward() {
                return self.stop();
            }
            let effects = self.next();
            if !effects.is_empty() || self.state.phase == Phase::Ended {
                return effects;
            }
        }
    }

    fn next(&mut self) -> Vec<Effect> {
        match self.state.phase.clone() {
            Phase::Planned => {
                self.state.phase = Phase::Locking;
                vec![Effect::Lock { hosts: self.plan.hosts() }]
            }
            Phase::Locking => match self.state.not_locked.take() {
                Some((host, trouble)) => self.end(Outcome::Busy { host, trouble }),
                None => self.on_all(Phase::Observing, |_| Call::Observe),
            },
            Phase::Observing => self.clean_up(),
            Phase::CleaningUp => self.stage(),
            Phase::Staging => {
                self.state.phase = Phase::Preparing(0);
                Vec::new()
            }
            Phase::Preparing(index) => self.prepare(index),
            Phase::Wave { index, chunk, step } => self.wave(index, chunk, step),
            Phase::Arming { index, watched } => self.watch(index, watched),
            Phase::Watching { index, watched } => self.judge(index, watched),
            Phase::Confirming(index) => self.next_wave(index + 1),
            Phase::Checking => self.on_all(Phase::Pruning, |plan| Call::Prune { keep: plan.keep.clone() }),
            Phase::Pruning => self.on_all(Phase::Ending, |plan| plan.note("succeeded")),
            Phase::Ending => self.contract(Outcome::Succeeded),
            Phase::Contracting => self.contracted(),
            Phase::Contracted => self.end(Outcome::Succeeded),
            Phase::Pausing => self.paused(),
            Phase::RollingBack(step) => self.roll_back(step),
            Phase::Ended => Vec::new(),
        }
    }

    /// What a killed deployer left half done is undone first; what is as it must be is left alone.
    fn clean_up(&mut self) -> Vec<Effect> {
        if let Some(why) = self.held() {
            return self.end(Outcome::Refused { why: vec![why] });
        }
        if let Some(host) = self.outdated() {
            return self.end(Outcome::Outdated { host });
        }
        self.state.phase = Phase::CleaningUp;
        let mut effects = Vec::new();
        for host in self.plan.hosts() {
            let wanted = &self.plan.bundle.id;
            let entry = self.state.host(&host);
            let Some(observed) = &entry.observed else { continue };
            entry.touched = self.plan.unfinished.contains(&host);
            let serves = observed.running.iter().any(|one| one.serving && one.release == *wanted);
            let others = observed.running.iter().any(|one| !one.serving || one.release != *wanted);
            let half = observed.trial.is_some() || observed.armed.is_some();
            if observed.confirmed.as_ref() == Some(wanted) && serves && !others && !half {
                entry.state = HostState::Confirmed;
            } else if half || observed.running.iter().any(|one| !one.serving) {
                let to = observed.confirmed.clone();
                effects.push(Effect::Perform { host, call: Call::Revert { to } });
            }
        }
        if self.state.hosts.values().all(|entry| entry.state == HostState::Confirmed && !entry.touched) {
            return self.contract(Outcome::Already);
        }
        effects
    }

    /// A host whose lock somebody took between the look that the plan was made from and our own lock.
    fn outdated(&self) -> Option<HostName> {
        let is_outdated = |name: &HostName, entry: &HostEntry| {
            let seen = self.plan.seen.get(name).copied().unwrap_or_default();
            entry.observed.as_ref().is_some_and(|observed| observed.fence.0 > seen.0 + 1)
        };
        self.state.hosts.iter().find(|(name, entry)| is_outdated(name, entry)).map(|(name, _)| name.clone())
    }

    /// When every host has the release, the data is contracted where the plan says so; else it is over.
    fn contract(&mut self, outcome: Outcome) -> Vec<Effect> {
        match &self.plan.contract {
            None => self.end(outcome),
            Some(words) => {
                self.state.phase = Phase::Contracting;
                vec![Effect::Run { hook: Hook::Contract(words.clone()) }]
            }
        }
    }

    fn contracted(&mut self) -> Vec<Effect> {
        let why = std::mem::take(&mut self.state.problems);
        if why.is_empty() {
            return self.on_all(Phase::Contracted, Plan::note_contracted);
        }
        self.end(Outcome::Person { why })
    }

    fn held(&self) -> Option<String> {
        self.state.hosts.iter().find_map(|(name, entry)| {
            let observed = entry.observed.as_ref()?;
            let hold = observed.hold.as_ref().filter(|hold| hold.until_seconds > observed.clock_seconds)?;
            Some(format!("{} is on hold by {}: {}", name.0, hold.who, hold.reason))
        })
    }

    fn stage(&mut self) -> Vec<Effect> {
        self.state.phase = Phase::Staging;
        if self.plan.kind == Kind::Rollback {
            // The planner saw it whole on every host, and no bytes are at hand to send.
            for host in self.open_hosts() {
                self.state.host(&host).state = HostState::Staged;
            }
            return Vec::new();
        }
        let bundle = self.plan.bundle.clone();
        self.open_hosts()
            .into_iter()
            .map(|host| Effect::Perform { host, call: Call::Stage { bundle: bundle.clone() } })
            .collect()
    }

    fn prepare(&mut self, index: usize) -> Vec<Effect> {
        match self.plan.before.get(index) {
            Some(hook) => {
                self.state.phase = Phase::Preparing(index + 1);
                vec![Effect::Run { hook: hook.clone() }]
            }
            None => self.next_wave(0),
        }
    }

    /// The first chunk of a wave, or what comes after the last wave.
    fn next_wave(&mut self, index: usize) -> Vec<Effect> {
        if index == self.plan.waves.len() {
            self.state.phase = Phase::Checking;
            return self.plan.after.iter().map(|hook| Effect::Run { hook: hook.clone() }).collect();
        }
        self.state.phase = Phase::Wave { index, chunk: 0, step: Step::Arm };
        self.chunk(index, 0, Step::Arm)
    }

    /// One step of the hosts of a wave that are changed at once; the next step or chunk when this one has nobody.
    fn wave(&mut self, index: usize, chunk: usize, done: Step) -> Vec<Effect> {
        match done.after() {
            Some(step) => {
                self.state.phase = Phase::Wave { index, chunk, step };
                self.chunk(index, chunk, step)
            }
            // A chunk that is as it must be already is passed over, not taken for the end of its wave.
            None if chunk + 1 >= self.chunks(index) => self.arm_again(index, 0),
            None => {
                self.state.phase = Phase::Wave { index, chunk: chunk + 1, step: Step::Arm };
                self.chunk(index, chunk + 1, Step::Arm)
            }
        }
    }

    fn chunk(&mut self, index: usize, chunk: usize, step: Step) -> Vec<Effect> {
        let release = self.plan.bundle.id.clone();
        let seconds = self.plan.drain_seconds;
        let hosts = self.members(index, chunk);
        hosts
            .into_iter()
            .map(|host| match step {
                Step::Arm => {
                    // From here on the host may have changed, whatever comes back.
                    self.state.host(&host).touched = true;
                    let to = self.plan.back(&host);
                    Effect::Perform { host, call: Call::Arm { to, seconds: self.plan.arm_seconds } }
                }
                Step::Start => Effect::Perform { host, call: Call::Start { release: release.clone() } },
                Step::ProbePrivate => {
                    Effect::Probe { host, door: Door::Private, release: Some(release.clone()) }
                }
                Step::Switch => Effect::Perform { host, call: Call::Switch { release: release.clone() } },
                Step::ProbePublic => Effect::Probe { host, door: Door::Public, release: None },
                Step::ProbeAlone => {
                    Effect::Probe { host, door: Door::Public, release: Some(release.clone()) }
                }
                Step::Drain => Effect::Perform { host, call: Call::Drain { keep: release.clone(), seconds } },
            })
            .collect()
    }

    fn chunks(&self, index: usize) -> usize {
        self.plan.waves.get(index).map_or(0, |wave| wave.len().div_ceil(self.plan.parallel.max(1)))
    }

    /// The hosts of a chunk that are not as they must be already.
    fn members(&self, index: usize, chunk: usize) -> Vec<HostName> {
        let wave = self.plan.waves.get(index).map_or(&[][..], Vec::as_slice);
        let mut chunks = wave.chunks(self.plan.parallel.max(1)).skip(chunk);
        let is_open = |host: &&HostName| {
            self.state.hosts.get(*host).is_some_and(|entry| entry.state != HostState::Confirmed)
        };
        chunks.next().unwrap_or_default().iter().filter(is_open).cloned().collect()
    }

    /// The hosts of a wave that are switched and not confirmed.
    fn on_trial(&self, index: usize) -> Vec<HostName> {
        let wave = self.plan.waves.get(index).map_or(&[][..], Vec::as_slice);
        let drained = |host: &&HostName| {
            self.state.hosts.get(*host).is_some_and(|entry| entry.state == HostState::Drained)
        };
        wave.iter().filter(drained).cloned().collect()
    }

    fn arm_again(&mut self, index: usize, watched: u32) -> Vec<Effect> {
        let hosts = self.on_trial(index);
        if hosts.is_empty() {
            return self.next_wave(index + 1);
        }
        if self.plan.kind == Kind::Rollback {
            // It was good here before, and every host answers as it. To wait for numbers, and to go back to the bad release
            // where there are none, would be worse.
            return self.confirm(index);
        }
        self.state.phase = Phase::Arming { index, watched };
        let arm = |host: HostName| {
            let call = Call::Arm { to: self.plan.back(&host), seconds: self.plan.arm_seconds };
            Effect::Perform { host, call }
        };
        hosts.into_iter().map(arm).collect()
    }

    fn watch(&mut self, index: usize, watched: u32) -> Vec<Effect> {
        let left = self.plan.soak_seconds.saturating_sub(watched);
        let seconds = if watched >= self.plan.soak_seconds { 1 } else { left.min(SLICE_SECONDS) };
        self.state.phase = Phase::Watching { index, watched: watched + seconds };
        vec![Effect::Watch { wave: index, hosts: self.on_trial(index), seconds }]
    }

    fn judge(&mut self, index: usize, watched: u32) -> Vec<Effect> {
        let verdict =
            self.state.verdict.take().unwrap_or(Verdict::Inconclusive { why: "no verdict".to_owned() });
        let whole = watched >= self.plan.soak_seconds;
        let waited = watched >= self.plan.soak_seconds.saturating_add(self.plan.wait_seconds_max);
        match verdict {
            Verdict::Fail { why } => {
                self.state.problems.push(why);
                Vec::new()
            }
            Verdict::Pass if whole => self.confirm(index),
            Verdict::Pass => self.arm_again(index, watched),
            Verdict::Inconclusive { why } if waited => match self.plan.on_inconclusive {
                Inconclusive::Rollback => {
                    self.state.problems.push(format!("no verdict: {why}"));
                    Vec::new()
                }
                Inconclusive::Pause => self.pause(index, why),
            },
            Verdict::Inconclusive { .. } => self.arm_again(index, watched),
        }
    }

    /// Hosts on trial go back now: nobody would put their undos off while a person thinks.
    fn pause(&mut self, index: usize, why: String) -> Vec<Effect> {
        self.state.paused = Some(why);
        self.state.phase = Phase::Pausing;
        let back = |host: HostName| {
            let to = self.plan.back(&host);
            Effect::Perform { host, call: Call::Revert { to } }
        };
        self.on_trial(index).into_iter().map(back).collect()
    }

    fn paused(&mut self) -> Vec<Effect> {
        let why = self.state.paused.take().unwrap_or_default();
        if self.state.problems.is_empty() {
            return self.end(Outcome::Paused { why });
        }
        // A host that may still serve the release is a failure like any other.
        self.state.problems.insert(0, format!("no verdict: {why}"));
        self.stop()
    }

    fn confirm(&mut self, index: usize) -> Vec<Effect> {
        self.state.phase = Phase::Confirming(index);
        let release = self.plan.bundle.id.clone();
        let hosts = self.on_trial(index);
        hosts
            .into_iter()
            .map(|host| Effect::Perform { host, call: Call::Confirm { release: release.clone() } })
            .collect()
    }

    /// Something went wrong on the way forward.
    fn stop(&mut self) -> Vec<Effect> {
        let why = std::mem::take(&mut self.state.problems);
        self.state.why.extend(why);
        if self.state.hosts.values().any(|entry| entry.touched) {
            self.state.phase = Phase::RollingBack(back::Step::Revert.into());
            return self.revert();
        }
        let why = self.state.why.clone();
        self.end(Outcome::Refused { why })
    }

    fn open_hosts(&self) -> Vec<HostName> {
        let open = self.state.hosts.iter().filter(|(_, entry)| entry.state != HostState::Confirmed);
        open.map(|(host, _)| host.clone()).collect()
    }

    fn on_all(&mut self, phase: Phase, call: impl Fn(&Plan) -> Call) -> Vec<Effect> {
        self.state.phase = phase;
        let plan = self.plan;
        plan.hosts().into_iter().map(|host| Effect::Perform { host, call: call(plan) }).collect()
    }
}

#[cfg(test)]
mod resumed;
#[cfg(test)]
mod tests;
