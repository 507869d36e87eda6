//! A model of hosts: what a target keeps, what it refuses, and what it does by itself as time goes by.
//!
//! It follows the target's script in what is on the disk and what a reboot forgets. Time is a number.

use std::collections::{BTreeMap, BTreeSet};

use crate::deploy::contract::*;
use crate::deploy::engine::tests::invariants::{Broken, Off};
use crate::deploy::plan::HostFacts;

/// For how long a lock outlives the last sign of life, in seconds.
pub(super) const LEASE_SECONDS: i64 = 30;

/// A folder of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// What the host believes.
    pub whole: bool,
    /// What is so.
    pub sound: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Host {
    pub fence: Fence,
    /// Which run holds the lock, and until when.
    pub lease: Option<(usize, i64)>,
    pub confirmed: Option<ReleaseId>,
    pub trial: Option<ReleaseId>,
    /// Releases, each with whether it has the service's address.
    pub running: BTreeSet<(ReleaseId, bool)>,
    pub armed: Option<Armed>,
    pub staged: BTreeMap<ReleaseId, Folder>,
    pub journal: Vec<Line>,
    pub history: Vec<Confirmed>,
    pub hold: Option<Hold>,
    /// Until when nobody reaches it.
    pub cut_until: i64,
    /// True while archives arrive there changed.
    pub corrupts: bool,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub clock: i64,
    pub hosts: BTreeMap<HostName, Host>,
    /// Releases whose program does not come up.
    pub dead: BTreeSet<ReleaseId>,
    pub off: Off,
}

pub(super) fn release(name: &str) -> ReleaseId {
    ReleaseId(name.to_owned())
}

fn refused(why: &str) -> Trouble {
    Trouble::Refused { why: why.to_owned() }
}

fn unreachable() -> Trouble {
    Trouble::Unreachable { why: "no route".to_owned() }
}

impl Host {
    fn switch(&mut self, release: &ReleaseId, off: Off, half: bool) -> Result<(), Trouble> {
        self.require(release)?;
        if self.armed.is_none() && self.confirmed.as_ref() != Some(release) && off != Off::TargetArmed {
            return Err(refused("no undo is armed"));
        }
        self.trial = Some(release.clone());
        self.running.insert((release.clone(), true));
        if half {
            return Err(unreachable());
        }
        self.running.remove(&(release.clone(), false));
        Ok(())
    }

    fn drain(&mut self, keep: &ReleaseId, half: bool) -> Result<Answer, Trouble> {
        if self.trial.as_ref().or(self.confirmed.as_ref()) != Some(keep) {
            return Err(refused("not what is selected"));
        }
        if !self.running.contains(&(keep.clone(), true)) {
            return Err(refused("does not serve"));
        }
        self.running.retain(|one| *one == (keep.clone(), true));
        Ok(Answer::Drained { cut: half })
    }

    fn confirm(&mut self, release: &ReleaseId, clock: i64, half: bool) -> Result<(), Trouble> {
        if self.confirmed.as_ref() != Some(release) {
            if self.trial.as_ref() != Some(release) {
                return Err(refused("the undo came first"));
            }
            self.select(release, clock);
            if half {
                return Err(unreachable());
            }
        }
        self.trial = None;
        self.armed = None;
        Ok(())
    }

    /// What serves, and nothing else runs: as after a reboot.
    fn serve_alone(&mut self, to: Option<ReleaseId>) {
        self.running = to.into_iter().map(|release| (release, true)).collect();
        self.trial = None;
        self.armed = None;
    }

    pub(super) fn serves_only(&self, wanted: Option<&ReleaseId>) -> bool {
        self.trial.is_none()
            && self.confirmed.as_ref() == wanted
            && self
                .running
                .iter()
                .map(|(release, serving)| (Some(release), *serving))
                .eq(wanted.map(|release| (Some(release), true)))
    }

    fn is_whole(&self, release: &ReleaseId) -> bool {
        self.staged.get(release).is_some_and(|folder| folder.whole)
    }

    fn require(&self, release: &ReleaseId) -> Result<(), Trouble> {
        if self.is_whole(release) { Ok(()) } else { Err(refused("no whole folder")) }
    }

    pub(super) fn observed(&self, clock: i64) -> Observed {
        let instance = |(release, serving): &(ReleaseId, bool)| Instance {
            release: release.clone(),
            serving: *serving,
            state: "active".to_owned(),
            restarts: 0,
        };
        let staged = self.staged.iter();
        Observed {
            fence: self.fence,
            confirmed: self.confirmed.clone(),
            trial: self.trial.clone(),
            running: self.running.iter().map(instance).collect(),
            armed: self.armed.clone(),
            staged: staged.map(|(id, one)| Staged { release: id.clone(), whole: one.whole }).collect(),
            holder: None,
            hold: self.hold.clone(),
            free_bytes: 1 << 40,
            clock_seconds: clock,
            history: self.history.clone(),
        }
    }

    fn select(&mut self, release: &ReleaseId, clock: i64) {
        self.confirmed = Some(release.clone());
        let (release, deployment) = (release.clone(), String::new());
        self.history.push(Confirmed { release, at_seconds: clock, deployment });
    }
}

impl World {
    pub(super) fn host(&mut self, name: &HostName) -> &mut Host {
        self.hosts.get_mut(name).unwrap()
    }

    pub(super) fn facts(&self) -> BTreeMap<HostName, HostFacts> {
        let facts =
            |host: &Host| HostFacts { observed: host.observed(self.clock), journal: host.journal.clone() };
        self.hosts.iter().map(|(name, host)| (name.clone(), facts(host))).collect()
    }

    pub(super) fn is_cut(&self, name: &HostName) -> bool {
        self.hosts[name].cut_until > self.clock
    }

    /// Undos fire, each in its second.
    pub(super) fn pass(&mut self, seconds: i64) {
        self.clock += seconds;
        let clock = self.clock;
        for host in self.hosts.values_mut() {
            let Some(armed) = host.armed.clone().filter(|armed| armed.at_seconds <= clock) else { continue };
            if host.trial.is_some() && host.trial == host.confirmed {
                // The confirmation is on the disk: what was left to do was to disarm.
                let confirmed = host.confirmed.clone();
                host.serve_alone(confirmed);
            } else {
                host.serve_alone(armed.to);
            }
        }
    }

    pub(super) fn reboot(&mut self, name: &HostName) {
        let host = self.host(name);
        let confirmed = host.confirmed.clone();
        host.serve_alone(confirmed);
        host.lease = None;
    }

    /// Takes a lock, which makes every earlier fence worthless.
    pub(super) fn lock(&mut self, name: &HostName, run: usize) -> Result<Fence, Trouble> {
        if self.is_cut(name) {
            return Err(unreachable());
        }
        let (clock, never) = (self.clock, self.off == Off::LockExpiry);
        let host = self.host(name);
        if let Some((_, until)) = host.lease.filter(|(_, until)| never || *until > clock) {
            let (who, deployment) = ("somebody".to_owned(), "one".to_owned());
            let seen_seconds = until - LEASE_SECONDS;
            let holder = Holder { who, deployment, since_seconds: seen_seconds, seen_seconds };
            return Err(Trouble::Busy { holder });
        }
        host.fence.0 += 1;
        host.lease = Some((run, clock + LEASE_SECONDS));
        Ok(host.fence)
    }

    /// Carries a call out. `half`: it is cut off in its middle, where it has one.
    pub(super) fn perform(
        &mut self,
        name: &HostName,
        call: &Call,
        fence: Fence,
        half: bool,
    ) -> Result<Answer, Trouble> {
        if self.is_cut(name) {
            return Err(unreachable());
        }
        let (clock, off, dead) = (self.clock, self.off, self.dead.clone());
        let host = self.host(name);
        if *call == Call::Observe {
            return Ok(Answer::Observed(Box::new(host.observed(clock))));
        }
        if fence < host.fence && off != Off::TargetFence {
            return Err(Trouble::Fenced { newest: host.fence });
        }
        match call {
            Call::Observe => unreachable!("above"),
            Call::Stage { bundle } => return host.stage(&bundle.id, off, half),
            Call::Arm { to, seconds } => {
                to.as_ref().map_or(Ok(()), |to| host.require(to))?;
                host.armed = Some(Armed { to: to.clone(), at_seconds: clock + i64::from(*seconds) });
            }
            Call::Start { release } => {
                host.require(release)?;
                if dead.contains(release) {
                    return Err(Trouble::Failed { why: "it died".to_owned() });
                }
                host.running.insert((release.clone(), false));
            }
            Call::Switch { release } => host.switch(release, off, half)?,
            Call::Drain { keep, .. } => return host.drain(keep, half),
            Call::Confirm { release } => host.confirm(release, clock, half)?,
            Call::Revert { to } => {
                match to {
                    Some(to) => {
                        host.require(to)?;
                        host.select(to, clock);
                    }
                    None => host.confirmed = None,
                }
                host.serve_alone(to.clone());
            }
            Call::Prune { keep } => {
                let armed = host.armed.as_ref().and_then(|armed| armed.to.clone());
                let mut keep: BTreeSet<_> = keep.iter().cloned().collect();
                keep.extend(armed.into_iter().chain(host.confirmed.clone()).chain(host.trial.clone()));
                keep.extend(host.running.iter().map(|(release, _)| release.clone()));
                host.staged.retain(|release, _| keep.contains(release));
            }
            Call::Note { kind, labels } => host.note(kind, labels, fence, clock),
            // It is started again at once.
            Call::Crash { .. } => {}
            Call::Hold { hold } => host.hold = hold.clone(),
        }
        Ok(Answer::Done)
    }

    /// What must hold on every host at every moment, whatever happened.
    pub(super) fn look(&self) -> Result<(), Broken> {
        for (name, host) in &self.hosts {
            let selected = host.confirmed.iter().chain(&host.trial);
            let used = selected.chain(host.running.iter().map(|(release, _)| release));
            for release in used {
                if !host.staged.get(release).is_some_and(|folder| folder.sound) {
                    return Err(Broken::new(1, name, format!("{} is used and is not sound", release.0)));
                }
            }
            let trial = |one: &&(ReleaseId, bool)| one.1 && Some(&one.0) != host.confirmed.as_ref();
            if let Some((release, _)) = host.running.iter().find(trial)
                && host.armed.is_none()
            {
                return Err(Broken::new(4, name, format!("{} serves, and nothing would undo it", release.0)));
            }
        }
        Ok(())
    }
}

impl Host {
    fn stage(&mut self, id: &ReleaseId, off: Off, half: bool) -> Result<Answer, Trouble> {
        if self.is_whole(id) {
            return Ok(Answer::Done);
        }
        if half {
            self.staged.insert(id.clone(), Folder { whole: false, sound: false });
            return Err(unreachable());
        }
        if self.corrupts && off != Off::TargetHash {
            return Err(refused("the archive that arrived has another sha256"));
        }
        self.staged.insert(id.clone(), Folder { whole: true, sound: !self.corrupts });
        Ok(Answer::Done)
    }

    pub(super) fn note(&mut self, kind: &str, labels: &BTreeMap<String, String>, fence: Fence, clock: i64) {
        self.journal.push(Line {
            seq: 1,
            prev: String::new(),
            deployment: String::new(),
            fence,
            step: kind.to_owned(),
            phase: "note".to_owned(),
            subject: String::new(),
            at_seconds: clock,
            labels: labels.clone(),
        });
    }
}
