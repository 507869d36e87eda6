//! The stage that a drill is about: the way to its hosts, and what they say.

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::shell::Command;

use crate::cli::deploy::gates;
use crate::deploy::config::{self as stages, Config};
use crate::deploy::contract::{
    Answer, Call, Driver, Fence, HostName, Instance, Lease, Observed, ReleaseId, Trouble,
};
use crate::deploy::facts;
use crate::deploy::plan::HostFacts;
use crate::resilience::config as resilience;
use crate::resilience::stage_drills::refuse::{self, Host};
use crate::resilience::stage_drills::rollback::{self, Past, Way};
use crate::resilience::stage_drills::{self, Kind, StageDrill, report};

/// What a deployer reads of its environment, beside what every child sees: how it reaches hosts, and who it is.
const PASSED: [&str; 7] = [
    "XTASK_SSH_KNOWN_HOSTS",
    "XTASK_SSH_HOST_KEYS",
    "XTASK_SSH_IDENTITY",
    "XTASK_SSH_PRIVATE_KEY",
    "XTASK_SSH_CONFIG",
    "GITHUB_RUN_ID",
    "GITHUB_ACTOR",
];

/// A stage, and the drill on it.
pub(super) struct Ground<'a> {
    pub(super) doors: &'a Doors,
    pub(super) driver: Box<dyn Driver>,
    pub(super) config: Config,
    name: String,
    drill: StageDrill,
    hosts: Found,
}

/// What hosts say of themselves.
pub(super) type Found = BTreeMap<HostName, std::result::Result<HostFacts, Trouble>>;

impl<'a> Ground<'a> {
    /// Reads what is declared, and asks every host how it is.
    pub(super) fn open(doors: &'a Doors, kind: Kind, name: &str) -> Result<Ground<'a>> {
        let declared = resilience::load(&doors.workspace)?;
        let drill = stage_drills::declared(&declared, kind, name)?.clone();
        let config = stages::load(&doors.workspace)?;
        let stage = config.stage(&drill.stage)?;
        let driver = facts::driver(doors, &config, &drill.stage, stage)?;
        let hosts = facts::look(driver.as_ref(), stage);
        // Built before anything is disturbed: it asks whether services are ready.
        satellite::binary(doors, SHIP)?;
        Ok(Ground { doors, driver, name: name.to_owned(), drill, config, hosts })
    }

    pub(super) fn drill(&self) -> &StageDrill {
        &self.drill
    }

    /// What will be done, as text.
    pub(super) fn intent(&self) -> String {
        let hosts: Vec<_> = self.hosts.keys().map(|host| host.0.clone()).collect();
        report::intent(&self.drill, &hosts)
    }

    /// Every reason not to begin.
    pub(super) fn refuse(&self) -> Result<()> {
        let hosts: Vec<_> = self.hosts.iter().map(|(name, found)| seen(name, found)).collect();
        refuse::refusals(&self.drill.stage, &hosts).map_or(Ok(()), Err)?;
        match self.drill.kind {
            Kind::Restart | Kind::StaleLock => Ok(()),
            Kind::Rollback | Kind::DeployerKilled | Kind::Partition => self.way().map(drop),
        }
    }

    /// What the stage goes back to, and forward again.
    pub(super) fn way(&self) -> Result<Way> {
        let past = |facts: &HostFacts| Past {
            confirmed: facts.observed.confirmed.as_ref().map(|one| one.0.clone()).unwrap_or_default(),
            good: facts.good().into_iter().map(|(release, _)| release.0).collect(),
        };
        let hosts: Vec<_> = self.hosts.values().flatten().map(past).collect();
        rollback::way(&self.drill.stage, &hosts)
    }

    /// The command that brings the stage to a release that was good there, as a person would type it.
    pub(super) fn bring_to(&self, release: &str) -> Command {
        self.own(&["deploy", "rollback", "--stage", &self.drill.stage, "--to", release, "--execute"])
    }

    /// A command of this very program.
    pub(super) fn own(&self, words: &[&str]) -> Command {
        let environment = &self.doors.environment;
        let command = Command::new(environment.binary().display().to_string(), words.iter().copied());
        let known = PASSED.iter().filter_map(|name| Some((*name, environment.get(name)?)));
        known.fold(command, |command, (name, value)| command.with(name, value))
    }

    /// Runs that command to its end: how long it took, or what it said.
    pub(super) fn brought_to(&self, release: &str) -> std::result::Result<u64, String> {
        let begun = self.doors.clock.start();
        let said = self.doors.shell.capture(&self.bring_to(release)).map_err(|error| format!("{error:#}"))?;
        if said.is_success() {
            return Ok(milliseconds(begun.elapsed()));
        }
        Err(format!("to bring the stage to {release} failed with {}: {}", said.ended, said.stderr.trim()))
    }

    /// The hosts that answered, each with what is confirmed there.
    pub(super) fn confirmed(&self) -> Vec<(HostName, ReleaseId)> {
        let confirmed = |(host, found): (&HostName, &std::result::Result<HostFacts, Trouble>)| {
            Some((host.clone(), found.as_ref().ok()?.observed.confirmed.clone()?))
        };
        self.hosts.iter().filter_map(confirmed).collect()
    }

    /// The name under which this drill stands in the journals of hosts.
    pub(super) fn deployment(&self) -> String {
        format!("drill-{}", self.name)
    }

    pub(super) fn lock(&self, host: &HostName) -> std::result::Result<Box<dyn Lease>, Trouble> {
        self.driver.lock(host, &gates::who(self.doors), &self.deployment())
    }

    pub(super) fn observe(&self, host: &HostName) -> std::result::Result<Observed, Trouble> {
        match self.driver.perform(host, &Call::Observe, "", Fence(0))? {
            Answer::Observed(observed) => Ok(*observed),
            Answer::Done | Answer::Drained { .. } => {
                Err(Trouble::Refused { why: "it does not say how it is".to_owned() })
            }
        }
    }

    /// How long is waited for what should be so within the limit: longer, so that what comes late has its figure too.
    pub(super) fn patience(&self) -> Duration {
        let startup = u64::from(self.config.service.probe.startup_seconds);
        Duration::from_secs(self.drill.seconds_max.saturating_add(startup))
    }
}

/// What a host said before anything was done, as a failure that says so.
pub(super) fn not_begun(host: &HostName, trouble: &Trouble) -> Failure {
    let exit = match trouble {
        Trouble::Busy { .. } | Trouble::Fenced { .. } => Exit::Temporary,
        Trouble::Unreachable { .. } | Trouble::Refused { .. } | Trouble::Failed { .. } => Exit::Refused,
    };
    Failure::new(exit, format!("the drill was not begun on `{}`", host.0))
        .why(trouble.to_string())
        .next("cargo xtask deploy status")
}

pub(super) fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn seen(name: &HostName, found: &std::result::Result<HostFacts, Trouble>) -> Host {
    let name = name.0.clone();
    let observed = match found {
        Ok(facts) => &facts.observed,
        Err(trouble) => return Host { name, unreachable: Some(trouble.to_string()), ..Host::default() },
    };
    let hold = observed.hold.as_ref().filter(|hold| hold.until_seconds > observed.clock_seconds);
    Host {
        name,
        unreachable: None,
        confirmed: observed.confirmed.as_ref().map(|release| release.0.clone()),
        is_serving: serves(observed),
        is_half_done: observed.trial.is_some() || observed.armed.is_some(),
        hold: hold.map(|hold| format!("{}: {}", hold.who, hold.reason)),
        holder: observed.holder.as_ref().map(|holder| holder.who.clone()),
    }
}

/// True when what is confirmed is ready, and nothing else runs.
pub(super) fn serves(observed: &Observed) -> bool {
    let is_it = |one: &Instance| {
        one.serving && one.state == "active" && Some(&one.release) == observed.confirmed.as_ref()
    };
    !observed.running.is_empty() && observed.running.iter().all(is_it)
}
