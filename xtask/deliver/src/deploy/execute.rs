//! Carries out what the engine asks for, and tells it what came of it. Nothing is decided here.

use std::collections::BTreeMap;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::Result;
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::shell::Command;

use crate::deploy::config::{Config, Metric, Stage};
use crate::deploy::contract::{Answer, Call, Door, Driver, Fence, HostName, Lease, Reached, ReleaseId};
use crate::deploy::engine::{self, Effect, Event, Hook, Outcome, Phase, Verdict};
use crate::deploy::facts::FAN_OUT;
use crate::deploy::judge::{self, Asked, Measured};
use crate::deploy::plan::Plan;
use crate::deploy::protocol::{
    Ask, Expectation, Identity, Probe, Probed, Probes, Question, Reading, Request, Target, Until,
};
use crate::deploy::reading;

/// From one look at a service that starts to the next, in milliseconds.
const LOOK_MILLISECONDS: u64 = 100;

/// Asking more often would be load, not a question.
const INTERVAL_MILLISECONDS_MIN: u32 = 20;

/// How long a number of somebody else may take.
const READING_MILLISECONDS: u64 = 5000;

/// What a run needs.
pub struct Run<'a> {
    /// The doors.
    pub doors: &'a Doors,
    /// What is declared.
    pub config: &'a Config,
    /// The stage.
    pub stage: &'a Stage,
    /// The plan.
    pub plan: &'a Plan,
    /// The way to the hosts.
    pub driver: &'a dyn Driver,
    /// Who deploys.
    pub who: &'a str,
    /// Does what is to be done beside the hosts.
    pub hook: &'a (dyn Fn(&Hook) -> std::result::Result<(), String> + Sync),
    /// Told of every phase, once for each time that it begins.
    pub tell: &'a (dyn Fn(&Phase, &str) + Sync),
}

struct Running<'a> {
    run: &'a Run<'a>,
    leases: BTreeMap<HostName, Box<dyn Lease>>,
    measured: BTreeMap<usize, Measured>,
}

/// Runs a plan to its end.
///
/// # Errors
/// Where this machine fails; what hosts do is told by the outcome.
pub fn run(run: &Run<'_>) -> Result<Outcome> {
    // Built before anything is changed.
    satellite::binary(run.doors, SHIP)?;
    let mut running = Running { run, leases: BTreeMap::new(), measured: BTreeMap::new() };
    let mut state = engine::begin(run.plan);
    let mut events = vec![Event::Begun];
    loop {
        let mut effects = Vec::new();
        for event in events {
            let before = state.phase.clone();
            let (next, more) = engine::step(run.plan, state, event);
            if next.phase != before && !more.is_empty() {
                (run.tell)(&next.phase, &told(&next, &more));
            }
            state = next;
            effects.extend(more);
        }
        if let Some(outcome) = state.outcome {
            return Ok(outcome);
        }
        events = running.carry_out(effects);
    }
}

fn told(state: &engine::State, effects: &[Effect]) -> String {
    let hosts: Vec<&str> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Perform { host, .. } | Effect::Probe { host, .. } => Some(host.0.as_str()),
            Effect::Lock { .. } | Effect::Watch { .. } | Effect::Run { .. } => None,
        })
        .collect();
    let what = match effects.first() {
        Some(Effect::Watch { hosts, seconds, .. }) => {
            format!(
                "{} for {seconds} s",
                hosts.iter().map(|host| host.0.as_str()).collect::<Vec<_>>().join(" ")
            )
        }
        Some(Effect::Run { hook }) => hook.to_string(),
        Some(Effect::Lock { hosts }) => {
            hosts.iter().map(|host| host.0.as_str()).collect::<Vec<_>>().join(" ")
        }
        _ => hosts.join(" "),
    };
    format!("{:<24} {what}", state.phase.word())
}

impl Running<'_> {
    /// Carries out effects, several hosts at once, and returns what came of them.
    fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<Event> {
        if self.leases.values_mut().any(|lease| !lease.lives()) {
            return vec![Event::LockLost];
        }
        let mut events = Vec::new();
        let mut of_hosts = Vec::new();
        for effect in effects {
            match effect {
                Effect::Lock { hosts } => events.push(self.lock(&hosts)),
                Effect::Watch { wave, hosts, seconds } => events.push(self.watch(wave, &hosts, seconds)),
                Effect::Run { hook } => events.push(Event::Ran { result: (self.run.hook)(&hook) }),
                effect @ (Effect::Perform { .. } | Effect::Probe { .. }) => of_hosts.push(effect),
            }
        }
        let fences: BTreeMap<_, _> =
            self.leases.iter().map(|(host, lease)| (host.clone(), lease.fence())).collect();
        let run = self.run;
        for some in of_hosts.chunks(FAN_OUT) {
            let answers: Vec<_> = std::thread::scope(|scope| {
                let asked = some.iter().map(|effect| scope.spawn(|| of_host(run, effect, &fences)));
                let asked: Vec<_> = asked.collect();
                asked.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
            });
            // A thread that panicked leaves its effect without an event; the lock is lost with this process then.
            events.extend(answers.into_iter().filter_map(|answer| answer.unwrap_or(Some(Event::LockLost))));
        }
        events
    }

    /// All locks, or none.
    fn lock(&mut self, hosts: &[HostName]) -> Event {
        for host in hosts {
            match self.run.driver.lock(host, self.run.who, &self.run.plan.deployment()) {
                Ok(lease) => self.leases.insert(host.clone(), lease),
                Err(trouble) => {
                    self.leases.clear();
                    return Event::NotLocked { host: host.clone(), trouble };
                }
            };
        }
        Event::Locked
    }

    fn watch(&mut self, wave: usize, hosts: &[HostName], seconds: u32) -> Event {
        let verdict = match self.measure(wave, hosts, seconds) {
            Ok(()) => judge::wave(&self.run.stage.analysis, hosts, self.measured.entry(wave).or_default()),
            Err(why) => Verdict::Inconclusive { why },
        };
        Event::Watched { verdict }
    }

    /// Asks every host of the stage: those on trial, and those that nobody touched, over the same time.
    fn measure(&mut self, wave: usize, hosts: &[HostName], seconds: u32) -> std::result::Result<(), String> {
        let run = self.run;
        let analysis = &run.stage.analysis;
        let release = &run.plan.bundle.id;
        let mut ways = Vec::new();
        let mut questions = Questions::default();
        let interval = u64::from(analysis.interval_milliseconds.max(INTERVAL_MILLISECONDS_MIN));
        let rounds = (u64::from(seconds) * 1000 / interval).max(1);
        let all = self.measured.entry(wave).or_default();
        for host in run.plan.hosts() {
            let on_trial = hosts.contains(&host);
            if !on_trial && run.plan.back(&host).is_none() {
                // It never had a release: nothing there could be compared with.
                continue;
            }
            let Ok(way) = run.driver.reach(&host, Door::Public, release) else {
                // Nothing was asked of it, so nothing is known.
                all.of(&host).readiness.unknown += rounds;
                continue;
            };
            let probes = probes(run.config, on_trial.then_some(release));
            questions.add(&host, Asked::Readiness, way.address(), probes);
            for path in &analysis.paths {
                let probes = Probes { ready: Some(Expectation::json(path)), ..of_nothing(run.config) };
                questions.add(&host, Asked::Work, way.address(), probes);
            }
            ways.push(way);
        }
        let request = Probe {
            targets: questions.targets,
            interval_ms: interval,
            rounds_max: u32::try_from(rounds).unwrap_or(u32::MAX),
            until: Until::Rounds,
        };
        for one in probe(run.doors, request)? {
            let Some((host, asked)) = questions.of.get(&one.target) else { continue };
            let answers = all.of(host);
            let sum = answers.of(*asked);
            sum.n += one.n;
            sum.failed += one.failed;
            sum.unknown += one.unknown;
            if *asked == Asked::Work || analysis.paths.is_empty() {
                answers.latencies.extend(one.latencies_ms);
            }
        }
        for host in hosts {
            all.of(host).restarts = restarts(run, host);
        }
        for (name, metric) in &analysis.metrics {
            // A provider that has nothing to say is counted, and not passed over.
            all.readings.entry(name.clone()).or_default().push(ask(run.doors, metric)?.value());
        }
        Ok(())
    }
}

/// What is asked of whom, in one request.
#[derive(Default)]
struct Questions {
    targets: Vec<Target>,
    /// Whose answer it is, by the target's name.
    of: BTreeMap<String, (HostName, Asked)>,
}

impl Questions {
    fn add(&mut self, host: &HostName, asked: Asked, address: String, probes: Probes) {
        let name = format!("{} {}", self.targets.len(), host.0);
        self.of.insert(name.clone(), (host.clone(), asked));
        self.targets.push(Target { name, address, probes });
    }
}

/// How often the release died and was started again; none where the host does not say.
fn restarts(run: &Run<'_>, host: &HostName) -> Option<u32> {
    match run.driver.perform(host, &Call::Observe, "", Fence(0)) {
        Ok(Answer::Observed(observed)) => {
            let release = &run.plan.bundle.id;
            let own = observed.running.iter().filter(|one| one.serving && one.release == *release);
            Some(own.map(|one| one.restarts).sum())
        }
        Ok(Answer::Done | Answer::Drained { .. }) | Err(_) => None,
    }
}

/// What comes of an effect about one host.
fn of_host(run: &Run<'_>, effect: &Effect, fences: &BTreeMap<HostName, Fence>) -> Option<Event> {
    match effect {
        Effect::Perform { host, call } => {
            let fence = fences.get(host).copied().unwrap_or_default();
            let result = run.driver.perform(host, call, &run.plan.deployment(), fence);
            Some(Event::Performed { host: host.clone(), call: Box::new(call.clone()), result })
        }
        Effect::Probe { host, door, release } => {
            let result = match release {
                Some(release) => until_ready(run.doors, run.config, run.driver, host, *door, release),
                None => way(run.driver, host, *door, &run.plan.bundle.id)
                    .and_then(|way| until(run.doors, run.config, host, way.as_ref(), None)),
            };
            Some(Event::Probed { host: host.clone(), result })
        }
        Effect::Lock { .. } | Effect::Watch { .. } | Effect::Run { .. } => None,
    }
}

/// Waits until a service is ready and is the release, as long as it may take to start.
///
/// # Errors
/// What it answered last.
pub fn until_ready(
    doors: &Doors,
    config: &Config,
    driver: &dyn Driver,
    host: &HostName,
    door: Door,
    release: &ReleaseId,
) -> std::result::Result<(), String> {
    until(doors, config, host, way(driver, host, door, release)?.as_ref(), Some(release))
}

fn way(
    driver: &dyn Driver,
    host: &HostName,
    door: Door,
    release: &ReleaseId,
) -> std::result::Result<Box<dyn Reached>, String> {
    driver.reach(host, door, release).map_err(|trouble| trouble.to_string())
}

fn until(
    doors: &Doors,
    config: &Config,
    host: &HostName,
    way: &dyn Reached,
    release: Option<&ReleaseId>,
) -> std::result::Result<(), String> {
    let wanted = &config.service.probe;
    let rounds = u64::from(wanted.startup_seconds) * 1000 / LOOK_MILLISECONDS;
    let rounds_max = u32::try_from(rounds).unwrap_or(u32::MAX).max(wanted.successes);
    let request = Probe {
        targets: vec![Target {
            name: host.0.clone(),
            address: way.address(),
            probes: probes(config, release),
        }],
        interval_ms: LOOK_MILLISECONDS,
        rounds_max,
        until: Until::Ready { rounds: wanted.successes.max(1) },
    };
    let probed = probe(doors, request)?;
    let probed = probed.into_iter().next().ok_or("the probe said nothing")?;
    if probed.streak >= wanted.successes.max(1) {
        return Ok(());
    }
    Err(format!("not ready within {} s: {:?}", wanted.startup_seconds, probed.last.state))
}

/// How a service is to answer. Without a release, any may answer.
fn probes(config: &Config, release: Option<&ReleaseId>) -> Probes {
    let wanted = &config.service.probe;
    let identity = release.map(|release| Identity {
        path: wanted.version.clone(),
        pointer: wanted.version_pointer.clone(),
        wanted: Some(release.0.clone()),
    });
    Probes {
        live: wanted.live.as_deref().map(Expectation::json),
        started: wanted.started.as_deref().map(Expectation::json),
        ready: Some(Expectation::json(&wanted.ready)),
        identity,
        ..of_nothing(config)
    }
}

fn of_nothing(config: &Config) -> Probes {
    let timeout_ms = u64::from(config.service.probe.timeout_milliseconds);
    Probes { live: None, started: None, ready: None, identity: None, timeout_ms }
}

fn probe(doors: &Doors, request: Probe) -> std::result::Result<Vec<Probed>, String> {
    satellite::call(doors, SHIP, &Request::Probe(request), &[], |_| {}).map_err(|failure| failure.problem)
}

fn ask(doors: &Doors, metric: &Metric) -> std::result::Result<Reading, String> {
    let question = match metric {
        Metric { prometheus: Some(address), query: Some(query), .. } => {
            Question::Prometheus { address: address.clone(), query: query.clone(), range: None }
        }
        Metric { http_json: Some(address), pointer: Some(pointer), .. } => {
            Question::HttpJson { address: address.clone(), pointer: pointer.clone() }
        }
        Metric { command, .. } => {
            let words = command.clone().unwrap_or_default();
            let (program, rest) = words.split_first().ok_or("the metric has no source")?;
            let command = Command::new(program.clone(), rest.to_vec());
            let limit = std::time::Duration::from_millis(READING_MILLISECONDS);
            return Ok(reading::of_command(&doors.shell, &command, limit));
        }
    };
    let request = Request::Ask(Ask { questions: vec![question], timeout_ms: READING_MILLISECONDS });
    let readings: Vec<Reading> =
        satellite::call(doors, SHIP, &request, &[], |_| {}).map_err(|failure| failure.problem)?;
    readings.into_iter().next().ok_or_else(|| "the provider said nothing".to_owned())
}
