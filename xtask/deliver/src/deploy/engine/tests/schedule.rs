//! Interleavings: which deployer does what next, which answer comes first, and what goes wrong meanwhile.

mod driver;

use std::collections::BTreeMap;

use crate::deploy::config::{self, Config};
use crate::deploy::contract::*;
use crate::deploy::engine::{self, Effect, Event, Hook, Outcome, Phase, State, Verdict};
use crate::deploy::plan::{self, ENDED, Kind, Known, Plan};
use nexus_xtask::digest::Digest;

use super::invariants::{Broken, Off, Record};
use super::world::{Folder, Host, LEASE_SECONDS, World, release};

/// Splitmix64 (Steele, Lea and Flood, 2014): every seed gives its own order.
#[derive(Clone, Debug)]
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// True so many times in a thousand.
    pub(super) fn permille(&mut self, share: usize) -> bool {
        self.below(1000) < share
    }
}

/// How the new release behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quality {
    Good,
    Dead,
    NeverReady,
    BadAfter,
    Fails,
    NoTraffic,
    /// Two times no verdict, then a pass.
    Slow,
    CheckFails,
}

pub(super) const NEW: &str = "3.0.0-new";
pub(super) const OLD: &str = "2.0.0-old";

#[derive(Clone, Debug)]
pub(super) struct Deployer {
    pub plan: Plan,
    pub state: State,
    fences: BTreeMap<HostName, Fence>,
    todo: Vec<Effect>,
    came: Vec<Event>,
    lives: bool,
    /// It does nothing until then, also no sign of life.
    hangs_until: i64,
    watches: u32,
    later: Vec<Hook>,
    pub record: Record,
    pub outcome: Option<Outcome>,
}

pub(super) struct Schedule {
    pub world: World,
    pub runs: Vec<Deployer>,
    pub random: Random,
    pub quality: Quality,
    pub config: Config,
    pub faults: usize,
    pub steps: u64,
    /// What happened, for whoever reads a failure.
    pub story: Vec<String>,
}

pub(super) fn config(hosts: usize, waves: &str, parallel: usize, soak: usize, inconclusive: &str) -> Config {
    let mut text = format!(
        "[service]\nname = \"guestbook\"\nartifact = \"guestbook\"\ndrain_seconds = 5\nprobe = {{ startup_seconds = 10 }}\n\
         [stages.production]\ndriver = \"local\"\nwaves = [{waves}]\nparallel = {parallel}\nsoak_seconds = {soak}\n\
         backups = [\"db\"]\nchecks = {{ smoke = [\"true\"] }}\n\
         analysis = {{ on_inconclusive = \"{inconclusive}\", wait_seconds_max = 5 }}\n\
         migrations = {{ expand = [\"expand\"] }}\n[stages.production.hosts]\n"
    );
    for place in 0..hosts {
        text.push_str(&format!("h{place} = {{ listen = \"127.0.0.1:{}\" }}\n", 8000 + place));
    }
    config::parse(&text).unwrap()
}

pub(super) fn bundle(name: &str) -> Bundle {
    Bundle {
        id: release(name),
        version: name.to_owned(),
        archive: "a.tar.gz".into(),
        digest: Digest::of(name),
        seal: "seal".to_owned(),
        commit: String::new(),
        program: "guestbook".to_owned(),
        configuration: BTreeMap::new(),
        secrets: Vec::new(),
    }
}

/// A host that serves the old release, which was good there.
pub(super) fn host_with_old() -> Host {
    let old = release(OLD);
    let mut host = Host { confirmed: Some(old.clone()), ..Host::default() };
    host.staged.insert(old.clone(), Folder { whole: true, sound: true });
    host.running.insert((old.clone(), true));
    host.history.push(Confirmed { release: old, at_seconds: 0, deployment: String::new() });
    let labels = [("release", OLD), ("outcome", "succeeded"), ("schema", "0")];
    let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    host.note(ENDED, &labels, Fence(0), 0);
    host
}

impl Schedule {
    pub(super) fn new(seed: u64, off: Off) -> Schedule {
        let mut random = Random(seed);
        let count = 1 + random.below(4);
        let waves = ["", "\"1\"", "\"1\", \"2\"", "\"50%\""][random.below(4)];
        let inconclusive = ["pause", "rollback"][random.below(2)];
        let config = config(count, waves, 1 + random.below(3), [0, 5, 25][random.below(3)], inconclusive);
        let quality = match random.below(12) {
            0 => Quality::Dead,
            1 => Quality::NeverReady,
            2 => Quality::BadAfter,
            3 => Quality::Fails,
            4 => Quality::NoTraffic,
            5 => Quality::Slow,
            6 => Quality::CheckFails,
            _ => Quality::Good,
        };
        let mut hosts = BTreeMap::new();
        let fresh = random.permille(100);
        for name in config.stages["production"].hosts.keys() {
            let mut host = if fresh { Host::default() } else { host_with_old() };
            host.corrupts = random.permille(40);
            hosts.insert(HostName(name.clone()), host);
        }
        let dead = if quality == Quality::Dead { [release(NEW)].into() } else { [].into() };
        let faults = random.below(5);
        let world = World { clock: 1000, hosts, dead, off };
        Schedule { world, runs: Vec::new(), random, quality, config, faults, steps: 0, story: Vec::new() }
    }

    pub(super) fn off(&self) -> Off {
        self.world.off
    }

    /// A deployer that looks, plans and begins. False where something forbids it.
    pub(super) fn begin(&mut self, kind: Kind) -> bool {
        let facts = self.world.facts();
        let name = if kind == Kind::Deploy { NEW } else { OLD };
        let stage = &self.config.stages["production"];
        let plan = plan::make(&self.config, "production", stage, kind, bundle(name), &facts);
        let known = Known { now_seconds: self.world.clock, ..Known::default() };
        if !plan::refusals(&plan, stage, &facts, &known).is_empty() {
            return false;
        }
        let record = Record::new(&plan);
        let (state, todo) = engine::step(&plan, engine::begin(&plan), Event::Begun);
        self.story.push(format!("run {} begins: {kind:?} {name}", self.runs.len()));
        self.runs.push(Deployer {
            plan,
            state,
            fences: BTreeMap::new(),
            todo,
            came: Vec::new(),
            lives: true,
            hangs_until: 0,
            watches: 0,
            later: Vec::new(),
            record,
            outcome: None,
        });
        true
    }

    /// The runs that can do something now.
    fn awake(&self) -> Vec<usize> {
        let is = |run: &Deployer| run.lives && run.outcome.is_none() && run.hangs_until <= self.world.clock;
        (0..self.runs.len()).filter(|place| is(&self.runs[*place])).collect()
    }

    pub(super) fn all_over(&self) -> bool {
        self.runs.iter().all(|run| !run.lives || run.outcome.is_some())
    }

    fn pass(&mut self, seconds: i64) {
        // In small steps: signs of life are given every ten seconds.
        let mut left = seconds;
        while left > 0 {
            let now = left.min(10);
            left -= now;
            self.world.pass(now);
            self.beat();
        }
    }

    /// Signs of life, and sessions that end with their deployer.
    fn beat(&mut self) {
        let clock = self.world.clock;
        let stays = self.world.off == Off::LockExpiry;
        for host in self.world.hosts.values_mut() {
            let Some((run, until)) = host.lease else { continue };
            let holder = &self.runs[run];
            if !holder.lives || holder.outcome.is_some() {
                // The way is broken, or the machine is gone: nobody tells the host.
                if !stays && (host.cut_until <= clock || until <= clock) {
                    host.lease = None;
                }
            } else if holder.hangs_until <= clock && host.cut_until <= clock && until > clock {
                host.lease = Some((run, clock + LEASE_SECONDS));
            }
        }
    }

    /// One thing happens; then everything is asked.
    pub(super) fn step(&mut self) -> Result<(), Broken> {
        self.steps += 1;
        if self.faults > 0 && self.random.permille(40) {
            self.faults -= 1;
            self.fault();
        } else {
            let awake = self.awake();
            if awake.is_empty() {
                self.pass(5);
            } else {
                let run = awake[self.random.below(awake.len())];
                self.go_on(run)?;
            }
        }
        self.beat();
        self.world.look()
    }

    fn seconds(&mut self, end: usize) -> i64 {
        i64::try_from(self.random.below(end)).unwrap()
    }

    fn fault(&mut self) {
        let names: Vec<_> = self.world.hosts.keys().cloned().collect();
        let name = names[self.random.below(names.len())].clone();
        let awake = self.awake();
        let run = awake.get(self.random.below(awake.len())).copied();
        match (self.random.below(7), run) {
            (0, Some(run)) => {
                self.story.push(format!("run {run} is killed"));
                self.runs[run].lives = false;
                let kind = if self.random.permille(500) { Kind::Deploy } else { Kind::Rollback };
                self.begin(kind);
            }
            (1, Some(run)) => {
                let seconds = 20 + self.seconds(200);
                self.story.push(format!("run {run} hangs for {seconds} s"));
                self.runs[run].hangs_until = self.world.clock + seconds;
                self.begin(Kind::Deploy);
                let seconds = self.seconds(60);
                self.pass(seconds);
            }
            (2, _) => {
                self.story.push(format!("{} reboots", name.0));
                self.world.reboot(&name);
            }
            (3, _) => {
                let seconds = 5 + self.seconds(150);
                self.story.push(format!("{} is cut off for {seconds} s", name.0));
                self.world.host(&name).cut_until = self.world.clock + seconds;
            }
            (4, _) => {
                let seconds = 1 + self.seconds(120);
                self.story.push(format!("{seconds} s pass"));
                self.pass(seconds);
            }
            (5, _) => {
                self.story.push("one more deployer".to_owned());
                let kind = if self.random.permille(500) { Kind::Deploy } else { Kind::Rollback };
                self.begin(kind);
            }
            (_, _) => self.world.host(&name).corrupts = true,
        }
    }

    fn go_on(&mut self, run: usize) -> Result<(), Broken> {
        let (todo, came) = (self.runs[run].todo.len(), self.runs[run].came.len());
        let lost = self.runs[run]
            .fences
            .keys()
            .any(|name| self.world.hosts[name].lease.is_none_or(|(holder, _)| holder != run));
        if lost && self.random.permille(50) {
            return self.deliver(run, Event::LockLost);
        }
        assert!(todo + came > 0, "run {run} waits for nothing in {:?}", self.runs[run].state);
        if todo > 0 && (came == 0 || self.random.permille(600)) {
            let place = self.random.below(todo);
            let effect = self.runs[run].todo.swap_remove(place);
            self.carry_out(run, effect)
        } else {
            let place = self.random.below(came);
            let event = self.runs[run].came.swap_remove(place);
            self.deliver(run, event)
        }
    }

    fn deliver(&mut self, run: usize, mut event: Event) -> Result<(), Broken> {
        let off = self.off();
        let one = &mut self.runs[run];
        if off == Off::Judge && matches!(event, Event::Watched { verdict: Verdict::Inconclusive { .. } }) {
            event = Event::Watched { verdict: Verdict::Pass };
        }
        if off == Off::PlanGiven && one.state.phase == Phase::Staging {
            one.plan.drain_seconds += 1;
        }
        let forward = !matches!(one.state.phase, Phase::RollingBack(_) | Phase::Pruning | Phase::Ending);
        one.record.failed |= forward
            && match &event {
                Event::Performed { result, .. } => result.is_err(),
                Event::Probed { result, .. } | Event::Ran { result } => result.is_err(),
                Event::Watched { verdict } => matches!(verdict, Verdict::Fail { .. }),
                Event::Begun | Event::Locked | Event::NotLocked { .. } | Event::LockLost => false,
            };
        let (state, effects) = engine::step(&one.plan, one.state.clone(), event);
        one.state = state;
        one.todo.extend(effects);
        if let (Phase::Ended, Some(outcome)) = (&one.state.phase, one.state.outcome.clone()) {
            self.story.push(format!("run {run} ends: {outcome:?}"));
            // All its calls came through before somebody took over: what it says was so at that time.
            let superseded = one.fences.iter().any(|(name, fence)| self.world.hosts[name].fence > *fence);
            if !superseded {
                one.record.ended(&one.plan, &self.world, &outcome)?;
            }
            one.outcome = Some(outcome);
        }
        Ok(())
    }

    /// Everything heals, time goes on, and a last deployer comes or does not.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        self.faults = 0;
        for host in self.world.hosts.values_mut() {
            host.cut_until = 0;
            host.corrupts = false;
        }
        self.pass(2000);
        self.settled()?;
        if self.random.permille(300) {
            return Ok(());
        }
        let rollback = self.random.permille(400);
        if !self.begin(if rollback { Kind::Rollback } else { Kind::Deploy }) {
            return Ok(());
        }
        let run = self.runs.len() - 1;
        for _ in 0..3000 {
            if self.all_over() {
                break;
            }
            self.step()?;
        }
        self.pass(2000);
        self.settled()?;
        let first = self.world.hosts.keys().next().unwrap().clone();
        let none = |what: String| Err(Broken::new(0, &first, what));
        let one = &self.runs[run];
        let mut releases: Vec<_> = self.world.hosts.values().map(|host| host.confirmed.clone()).collect();
        releases.dedup();
        match &one.outcome {
            Some(Outcome::Succeeded | Outcome::Already | Outcome::RolledBack { .. })
                if releases.len() == 1 =>
            {
                Ok(())
            }
            Some(Outcome::Paused { .. }) if self.quality == Quality::NoTraffic => Ok(()),
            // The one before was unreachable at its end; a host that never had a release goes back to nothing.
            other => none(format!("the last run ends with {other:?}; the hosts have {releases:?}")),
        }
    }

    fn settled(&self) -> Result<(), Broken> {
        for (name, host) in &self.world.hosts {
            if host.running.iter().any(|(one, serving)| *serving && Some(one) != host.confirmed.as_ref()) {
                return Err(Broken::new(0, name, "it runs what is not confirmed"));
            }
            if host.armed.is_some() || host.trial.is_some() {
                return Err(Broken::new(0, name, "it is still on trial"));
            }
            if host.lease.is_some_and(|(_, until)| until <= self.world.clock && self.off() == Off::LockExpiry)
            {
                return Err(Broken::new(3, name, "its lock outlives its holder"));
            }
            if host.lease.is_some() {
                return Err(Broken::new(3, name, "its lock is not free"));
            }
        }
        Ok(())
    }
}
