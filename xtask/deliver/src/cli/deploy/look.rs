//! `cargo xtask deploy status`, `history`, `audit`, `hold`, `unlock`: what hosts say, and a person's word to them.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};

use super::gates;
use crate::deploy::config::{self, Config, Stage};
use crate::deploy::contract::{Call, Driver, Hold as Held, HostName, Trouble};
use crate::deploy::drivers::chain;
use crate::deploy::plan::HostFacts;
use crate::deploy::{facts, report};
use crate::release::gates::config::duration;

/// Which stages.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The stage; all of them where nothing is said
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
}

/// Which journals.
#[derive(Debug, clap::Args)]
pub(super) struct History {
    /// The stage; all of them where nothing is said
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// How many lines of each host
    #[arg(long, value_name = "N", default_value_t = 20)]
    lines: usize,
}

/// Which journals.
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// The stage; all of them where nothing is said
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Recompute every chain, which is also done without this
    #[arg(long)]
    verify: bool,
}

/// Which stage.
#[derive(Debug, clap::Args)]
pub(super) struct OfStage {
    /// The stage
    #[arg(long, value_name = "STAGE")]
    stage: String,
    /// Do it; without this it is only said
    #[arg(long)]
    execute: bool,
}

/// Why and until when nobody deploys.
#[derive(Debug, clap::Args)]
pub(super) struct Hold {
    /// The stage
    #[arg(long, value_name = "STAGE")]
    stage: String,
    /// Why
    #[arg(long, value_name = "TEXT", required_unless_present = "release")]
    reason: Option<String>,
    /// For how long: `2h`, `3d`
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = time)]
    until: SignedDuration,
    /// End the hold
    #[arg(long, conflicts_with = "reason")]
    release: bool,
    /// Do it; without this it is only said
    #[arg(long)]
    execute: bool,
}

fn time(text: &str) -> std::result::Result<SignedDuration, String> {
    duration(text).ok_or_else(|| "write a number and a unit: `2h`, `3d`".to_owned())
}

type Found = BTreeMap<HostName, std::result::Result<HostFacts, Trouble>>;

fn each(doors: &Doors, stage: Option<&str>, mut show: impl FnMut(&str, &Found) -> Result<()>) -> Result<()> {
    let config = config::load(&doors.workspace)?;
    let names: Vec<String> = match stage {
        Some(name) => vec![name.to_owned()],
        None => config.order().into_iter().map(str::to_owned).collect(),
    };
    for name in names {
        let stage = config.stage(&name)?;
        let driver = facts::driver(doors, &config, &name, stage)?;
        show(&name, &facts::look(driver.as_ref(), stage))?;
    }
    Ok(())
}

pub(super) fn status(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let now = doors.clock.now().as_second();
    let mut all = Vec::new();
    let mut exit = Exit::Done;
    each(doors, arguments.stage.as_deref(), |name, found| {
        if found.values().any(std::result::Result::is_err) {
            exit = Exit::Person;
        }
        if doors.terminal.is_json() {
            let hosts: Vec<_> = found
                .iter()
                .map(|(host, facts)| match facts {
                    Ok(facts) => serde_json::json!({ "host": host, "observed": facts.observed }),
                    Err(trouble) => serde_json::json!({ "host": host, "unknown": trouble }),
                })
                .collect();
            all.push(serde_json::json!({ "stage": name, "hosts": hosts }));
        } else {
            doors.terminal.data(&report::status(name, found, now));
        }
        Ok(())
    })?;
    if doors.terminal.is_json() {
        doors.terminal.json(&all)?;
    }
    Ok(exit)
}

pub(super) fn history(doors: &Doors, arguments: &History) -> Result<Exit> {
    let mut all = Vec::new();
    let mut exit = Exit::Done;
    each(doors, arguments.stage.as_deref(), |name, found| {
        for (host, facts) in found {
            match facts {
                Ok(facts) if doors.terminal.is_json() => {
                    all.push(serde_json::json!({ "stage": name, "host": host, "lines": facts.journal }));
                }
                Ok(facts) => doors.terminal.data(&report::history(host, &facts.journal, arguments.lines)),
                Err(trouble) => {
                    exit = Exit::Person;
                    doors.terminal.talk(&format!("{}: unknown: {trouble}", host.0));
                    all.push(serde_json::json!({ "stage": name, "host": host, "unknown": trouble }));
                }
            }
        }
        Ok(())
    })?;
    if doors.terminal.is_json() {
        doors.terminal.json(&all)?;
    }
    Ok(exit)
}

pub(super) fn audit(doors: &Doors, arguments: &Audit) -> Result<Exit> {
    let mut findings = Vec::new();
    let mut lines = 0;
    each(doors, arguments.stage.as_deref(), |name, found| {
        for (host, facts) in found {
            let place = format!("{name}/{}", host.0);
            match facts {
                Ok(facts) => {
                    lines += facts.journal.len();
                    if let Some(why) = chain::broken(&facts.journal) {
                        let next = "somebody changed it: compare it with a backup of the host";
                        findings.push(Finding::at("", 0, format!("{place}: {why}"), next));
                    }
                }
                Err(trouble) => {
                    let next = "make it reachable: what is not read is not whole";
                    findings.push(Finding::at("", 0, format!("{place}: {trouble}"), next));
                }
            }
        }
        Ok(())
    })?;
    if !findings.is_empty() {
        return Err(Failure::found(Exit::No, "not every journal is whole", findings));
    }
    doors.terminal.data(&format!("{lines} lines of journals, and every chain is whole"));
    Ok(Exit::Done)
}

pub(super) fn hold(doors: &Doors, arguments: &Hold) -> Result<Exit> {
    let until_seconds = (doors.clock.now() + arguments.until).as_second();
    let held = match (&arguments.reason, arguments.release) {
        (Some(reason), false) => Some(Held { reason: reason.clone(), who: gates::who(doors), until_seconds }),
        _ => None,
    };
    set(doors, &arguments.stage, held, arguments.execute)
}

pub(super) fn pause(doors: &Doors, arguments: &OfStage) -> Result<Exit> {
    let until_seconds = (doors.clock.now() + SignedDuration::from_hours(24)).as_second();
    let held = Held { reason: "paused".to_owned(), who: gates::who(doors), until_seconds };
    set(doors, &arguments.stage, Some(held), arguments.execute)
}

pub(super) fn resume(doors: &Doors, arguments: &OfStage) -> Result<Exit> {
    set(doors, &arguments.stage, None, arguments.execute)
}

/// Puts a hold on every host of a stage, or takes it away.
fn set(doors: &Doors, name: &str, held: Option<Held>, execute: bool) -> Result<Exit> {
    let config = config::load(&doors.workspace)?;
    let stage = config.stage(name)?;
    let what = held.as_ref().map_or_else(
        || format!("`{name}` may be deployed to"),
        |held| format!("nobody deploys to `{name}`: {}", held.reason),
    );
    if !execute {
        doors.terminal.data(&what);
        doors.terminal.talk("nothing was done; to do it: add --execute");
        return Ok(Exit::Done);
    }
    let findings = of_each(doors, &config, name, stage, |driver, host| {
        let who = gates::who(doors);
        let lease = driver.lock(host, &who, "hold")?;
        let call = Call::Hold { hold: held.clone() };
        let fence = lease.fence();
        let told = driver.perform(host, &call, "hold", fence).map(|_| ());
        // Held until the host has answered.
        drop(lease);
        told
    })?;
    if findings.is_empty() {
        doors.terminal.data(&what);
        return Ok(Exit::Done);
    }
    Err(Failure::found(Exit::Temporary, "not every host was told", findings).next(doors.environment.typed()))
}

fn of_each(
    doors: &Doors,
    config: &Config,
    name: &str,
    stage: &Stage,
    act: impl Fn(&dyn Driver, &HostName) -> std::result::Result<(), Trouble>,
) -> Result<Vec<Finding>> {
    let driver = facts::driver(doors, config, name, stage)?;
    let mut findings = Vec::new();
    for host in stage.names() {
        if let Err(trouble) = act(driver.as_ref(), &host) {
            findings.push(Finding::at("", 0, format!("{}: {trouble}", host.0), "the same command again"));
        }
    }
    Ok(findings)
}

/// A lock is held by a process that lives, and is free at most half a minute after that dies: there is nothing to break.
pub(super) fn unlock(doors: &Doors, arguments: &OfStage) -> Result<Exit> {
    let now = doors.clock.now().as_second();
    let mut held = Vec::new();
    each(doors, Some(&arguments.stage), |_, found| {
        for (host, facts) in found {
            match facts {
                Ok(HostFacts { observed, .. }) => match &observed.holder {
                    None => doors.terminal.data(&format!("{:<12} free", host.0)),
                    Some(holder) => {
                        let since = now - holder.since_seconds;
                        let seen = observed.clock_seconds - holder.seen_seconds;
                        held.push(Finding::at(
                            "",
                            0,
                            format!(
                                "{}: held by {} for {} since {since} s",
                                host.0, holder.who, holder.deployment
                            ),
                            format!("it gave a sign of life {seen} s ago; without one it is free after 30 s"),
                        ));
                    }
                },
                Err(trouble) => doors.terminal.data(&format!("{:<12} unknown: {trouble}", host.0)),
            }
        }
        Ok(())
    })?;
    if held.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::found(Exit::Temporary, "a deployment is under way", held)
        .why("a lock ends with the process that holds it, so none is ever broken")
        .next("wait, or end that process; what it had begun is undone by the host"))
}
