//! The whole way on loopback: the identical executor, against doubles of the registry and the forge.
//!
//! The executor runs as a process of its own, so that a planned fault can kill it; then the same request is made again,
//! as a release manager would. What the world looks like in the end is compared byte for byte with an undisturbed run.

mod everywhere;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use nexus_xtask::clock::Clock;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;
use nexus_xtask::satellite::{self, Envelope, Message};
use nexus_xtask::shell::{Command, Shell};
use nexus_xtask_deliver::release::plan::{Action, Package, Plan};
use nexus_xtask_deliver::release::protocol::rehearse::{PlannedFault, PlannedKind, Rehearse, Rehearsed};
use nexus_xtask_deliver::release::protocol::verify::{Verified, Verify};
use nexus_xtask_deliver::release::protocol::{self, Endpoints, FaultKind, Publish, Published, Request};
use nexus_xtask_deliver::release::staging;

use crate::consumer;
use crate::loopback::forge;
use crate::loopback::forge::fault::{Fault, Wrong};
use crate::loopback::registry::{Closure, RegistryDouble, RegistryFault, Rules};
use crate::speak::say;

pub(crate) use everywhere::everywhere;

/// How often the same command is given before a rehearsal says that it does not converge.
const RUNS_MAX: usize = 8;

/// How long the executor may wait for what the doubles make it wait for.
const WAIT_SECONDS_MAX: u64 = 60;

/// The first pause between two looks for a draft that may not be visible yet.
const PAUSE_MILLISECONDS: u64 = 20;

/// How many looks do not show something that is delayed.
const LOOKS_UNTIL_VISIBLE: u32 = 3;

/// The token that the doubles know. It opens nothing else.
const TOKEN: &str = "rehearsal";

/// A forge and a registry on loopback, empty.
pub(crate) struct World {
    forge: forge::Double,
    registry: RegistryDouble,
}

/// What one run of the executor came to.
pub(crate) enum Run {
    /// It ended well.
    Published(Published),
    /// It was killed, as planned or not.
    Killed,
    /// It said no.
    Failed(Failure),
}

impl World {
    pub(crate) fn new(environment: &Environment, clock: &Clock, wanted: &Rehearse) -> Result<World> {
        let plan = &wanted.plan;
        let mut state = forge::state::State::of(&plan.repository);
        state.immutable = plan.immutable;
        state.commits.insert(plan.commit.clone());
        state.token = Some(TOKEN.to_owned());
        let closure = Closure::in_cache(environment, &wanted.lock)?;
        Ok(World {
            forge: forge::Double::start(state, None)?,
            registry: RegistryDouble::start(closure, Rules::default(), clock)?,
        })
    }

    pub(crate) fn endpoints(&self) -> Endpoints {
        Endpoints { forge: self.forge.base(), registry: self.registry.index(), trusted: false }
    }

    /// All that can be seen from outside, without numbers and times that differ between two runs.
    pub(crate) fn seen(&self) -> Value {
        json!({ "forge": self.forge.world(), "registry": self.registry.world() })
    }

    /// Lets the server of an effect do what a fault says.
    pub(crate) fn plant(&self, plan: &Plan, fault: &PlannedFault) {
        let effects: Vec<_> = plan.effects().collect();
        let Some(step) = effects.get(fault.effect.wrapping_sub(1)) else { return };
        let (server, kind) = request(&step.action);
        // Each effect is one request of its kind, so its number among those of its kind is enough.
        let number = effects[..fault.effect].iter().filter(|other| request(&other.action).1 == kind).count();
        match server {
            Server::Registry => {
                let upload = number;
                self.registry.fail(match fault.kind {
                    PlannedKind::Crash(FaultKind::LostResponse) | PlannedKind::Lost => {
                        RegistryFault::LostResponse { upload }
                    }
                    PlannedKind::Limited => RegistryFault::TooMany { upload, seconds: 1, dated: true },
                    PlannedKind::Delayed => RegistryFault::LateIndex { upload, looks: LOOKS_UNTIL_VISIBLE },
                    PlannedKind::Crash(_) => return,
                });
            }
            Server::Forge => {
                let wrong = match fault.kind {
                    PlannedKind::Crash(FaultKind::LostResponse) | PlannedKind::Lost => Wrong::Lost,
                    PlannedKind::Limited => Wrong::Limited(1),
                    PlannedKind::Delayed => {
                        self.forge.state().reads_until_visible = LOOKS_UNTIL_VISIBLE;
                        return;
                    }
                    PlannedKind::Crash(_) => return,
                };
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                self.forge.state().faults.push(Fault { kind: kind.to_owned(), number, wrong });
            }
        }
    }
}

/// Who is asked for an effect.
enum Server {
    Forge,
    Registry,
}

/// The request that applies an effect: its server, and its kind there.
fn request(action: &Action) -> (Server, &'static str) {
    match action {
        Action::Publish { .. } => (Server::Registry, "publish"),
        Action::Draft { .. } => (Server::Forge, "POST releases"),
        Action::Upload { .. } => (Server::Forge, "POST releases/*/assets"),
        Action::Tag { .. } => (Server::Forge, "POST git/refs"),
        Action::Announce { .. } => (Server::Forge, "PATCH releases/*"),
        // No effects: nobody is asked.
        Action::Gate { .. } | Action::Build { .. } | Action::Pack | Action::Stage | Action::Check { .. } => {
            (Server::Forge, "nothing")
        }
    }
}

/// What is needed to start executors.
pub(crate) struct Stage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) environment: &'a Environment,
    pub(crate) clock: &'a Clock,
    pub(crate) wanted: &'a Rehearse,
}

impl Stage<'_> {
    /// Runs the executor once, as a process of its own, with its journal in this folder.
    pub(crate) fn run(
        &self,
        world: &World,
        folder: &Path,
        faults: Vec<protocol::Fault>,
    ) -> anyhow::Result<Run> {
        let publish = Publish {
            plan: self.wanted.plan.clone(),
            staging: self.wanted.staging.clone(),
            endpoints: world.endpoints(),
            wait_seconds_max: WAIT_SECONDS_MAX,
            pause_milliseconds: PAUSE_MILLISECONDS,
            faults,
        };
        Ok(match self.ask(folder, Request::Publish(publish))? {
            Some(Ok(answer)) => Run::Published(serde_json::from_value(answer)?),
            Some(Err(failed)) => Run::Failed(failed.into()),
            None => Run::Killed,
        })
    }

    /// Makes a request of a satellite of its own; nothing is answered where that was killed.
    fn ask(
        &self,
        folder: &Path,
        request: Request,
    ) -> anyhow::Result<Option<std::result::Result<Value, satellite::Failed>>> {
        let envelope = Envelope { version: satellite::VERSION, root: folder.to_owned(), request };
        let binary = self.environment.binary().display().to_string();
        let command = Command::new(binary, [""; 0])
            .with("GITHUB_TOKEN", TOKEN)
            .with("CARGO_REGISTRY_TOKEN", TOKEN)
            .reading(serde_json::to_string(&envelope)? + "\n");
        let mut last = None;
        self.shell.converse(&command, &[], |line| match serde_json::from_str(&line) {
            Ok(Message::Done { answer }) => last = Some(Ok(answer)),
            Ok(Message::Failed(failed)) => last = Some(Err(failed)),
            Ok(_) | Err(_) => {}
        })?;
        Ok(last)
    }
}

/// Rehearses a release.
pub(crate) fn rehearse(
    shell: &Shell,
    environment: &Environment,
    clock: &Clock,
    wanted: &Rehearse,
) -> Result<Rehearsed> {
    let effects = wanted.plan.effects().count();
    if let Some(fault) = wanted.faults.iter().find(|fault| fault.effect == 0 || fault.effect > effects) {
        return Err(Failure::usage(format!("there is no effect {}", fault.effect))
            .why(format!("the plan has {effects}, counted from 1"))
            .next("cargo xtask release plan --json | jq '.steps[].id'"));
    }
    files::remove_folder(&wanted.folder)?;
    let world = World::new(environment, clock, wanted)?;
    for fault in &wanted.faults {
        world.plant(&wanted.plan, fault);
    }
    let stage = Stage { shell, environment, clock, wanted };
    let mut rehearsed = Rehearsed { effects, ..Rehearsed::default() };
    let mut begun = clock.start();
    let mut lap = |rehearsed: &mut Rehearsed, name: &str| {
        let now = clock.start();
        rehearsed.timeline.push((name.to_owned(), milliseconds(begun.until(now))));
        begun = now;
    };
    publish(&stage, &world, &mut rehearsed)?;
    lap(&mut rehearsed, "publish");
    once_more(&stage, &world)?;
    lap(&mut rehearsed, "publish again");
    verify(&stage, &world)?;
    lap(&mut rehearsed, "verify");
    if let Some(folder) = &wanted.consumer {
        say(&Message::Note { text: "a consumer is built and tested from the loopback registry".to_owned() });
        let index = world.registry.index();
        let consumed = consumer::check(shell, &wanted.plan, &wanted.staging, &index, folder)?;
        rehearsed.consumed = [consumed.libraries, consumed.programs].concat();
        rehearsed.consumed.sort();
        rehearsed.consumed.dedup();
        lap(&mut rehearsed, "consumer");
    }
    Ok(rehearsed)
}

/// The same command until all is done, as after any crash.
fn publish(stage: &Stage, world: &World, rehearsed: &mut Rehearsed) -> Result<()> {
    let mut crashes: Vec<protocol::Fault> = stage
        .wanted
        .faults
        .iter()
        .filter_map(|fault| match fault.kind {
            PlannedKind::Crash(kind) => Some(protocol::Fault { effect: fault.effect, kind }),
            _ => None,
        })
        .collect();
    crashes.sort_by_key(|fault| fault.effect);
    while rehearsed.runs < RUNS_MAX + stage.wanted.faults.len() {
        rehearsed.runs += 1;
        match stage.run(world, &stage.wanted.folder, crashes.first().cloned().into_iter().collect())? {
            Run::Published(_) => return Ok(()),
            Run::Killed => {
                rehearsed.killed += 1;
                if crashes.is_empty() {
                    return Err(Failure::no("the executor died, and nothing of that kind was planned")
                        .next("cargo xtask release rehearse --json shows where"));
                }
                let fault = crashes.remove(0);
                let text = format!("killed at effect {}; the same command again", fault.effect);
                say(&Message::Note { text });
            }
            Run::Failed(failure) if failure.exit == Exit::Temporary => {}
            Run::Failed(failure) => return Err(failure),
        }
    }
    Err(Failure::no(format!("after {} runs the release is still not whole", rehearsed.runs))
        .next("cargo xtask release rehearse, with one --fault at a time"))
}

/// What is whole stays as it is.
fn once_more(stage: &Stage, world: &World) -> Result<()> {
    let before = world.seen();
    match stage.run(world, &stage.wanted.folder, Vec::new())? {
        Run::Published(published) if published.applied.is_empty() && world.seen() == before => Ok(()),
        Run::Published(published) => {
            Err(Failure::no("the same command again changed a release that was whole")
                .why(format!("it applied {}", published.applied.join(", ")))
                .next("this is a defect of the toolkit; please report the plan"))
        }
        Run::Killed => Err(Failure::no("the same command again was killed").next("rehearse once more")),
        Run::Failed(failure) => Err(failure),
    }
}

/// What is published is what was staged, as a stranger sees it.
fn verify(stage: &Stage, world: &World) -> Result<()> {
    let wanted = stage.wanted;
    let (plan, manifest, _) = staging::check(&wanted.staging)?;
    let digest = |package: &Package| {
        let file = format!("crates/{}-{}.crate", package.name, package.version);
        let staged = manifest.files.get(&file)?;
        Some((package.name.clone(), package.version.clone(), staged.sha256))
    };
    for release in &plan.releases {
        let request = Verify {
            endpoints: world.endpoints(),
            repository: plan.repository.clone(),
            tag: release.tag.clone(),
            commit: plan.commit.clone(),
            // A rehearsal signs with a key that is thrown away.
            public_key: None,
            packages: plan.packages.iter().filter_map(digest).collect(),
            host: String::new(),
            folder: wanted.folder.join("downloaded"),
        };
        let verified: Verified = match stage.ask(&wanted.folder, Request::Verify(request))? {
            Some(Ok(answer)) => serde_json::from_value(answer).map_err(anyhow::Error::from)?,
            Some(Err(failed)) => return Err(failed.into()),
            None => return Err(Failure::no("the verification was killed").next("rehearse once more")),
        };
        if !verified.problems.is_empty() {
            return Err(Failure::no("what was published on loopback is not what was staged")
                .why(verified.problems.join("; "))
                .next("this is a defect of the toolkit; please report the plan"));
        }
    }
    Ok(())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
