//! The verbs of this satellite, in one tree with those of the front.

mod backup;
mod completions;
mod deploy;
mod dora;
mod drill;
mod incident;
mod man;
mod metrics;
mod observe;
pub mod portal;
mod rehearse;
mod release;
mod settings;
mod status;
mod trace;
mod truth;

use std::process::ExitCode;

use clap::Subcommand;

use nexus_xtask::cli::{self, Own, elsewhere};
use nexus_xtask::doors::Doors;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Exit, Result};

/// What is done here.
#[derive(Debug, Subcommand)]
pub enum Deliver {
    /// From what would ship to what everybody can fetch.
    #[command(about = elsewhere::RELEASE, long_about = None)]
    Release(release::Arguments),
    /// From sealed bytes to running stages, and back.
    #[command(about = elsewhere::DEPLOY, long_about = None)]
    Deploy(deploy::Arguments),
    /// From what would ship to a service that runs on this machine, and back.
    #[command(about = elsewhere::REHEARSE, long_about = None)]
    Rehearse(rehearse::Arguments),
    /// Copies of what must not be lost.
    #[command(about = elsewhere::BACKUP, long_about = None)]
    Backup(backup::Arguments),
    /// Recovery that was tried.
    #[command(about = elsewhere::DRILL, long_about = None)]
    Drill(drill::Arguments),
    /// What happened, for Prometheus.
    #[command(about = elsewhere::METRICS, long_about = None)]
    Metrics(metrics::Arguments),
    /// How delivery goes.
    #[command(about = elsewhere::DORA, long_about = None)]
    Dora(dora::Arguments),
    /// What users noticed.
    #[command(about = elsewhere::INCIDENT, long_about = None)]
    Incident(incident::Arguments),
    /// A run as spans.
    #[command(about = elsewhere::TRACE, long_about = None)]
    Trace(trace::Arguments),
    /// How what runs is now.
    #[command(about = elsewhere::OBSERVE_VERB, long_about = None)]
    Observe(observe::Arguments),
    /// Everything at once.
    #[command(about = elsewhere::STATUS, long_about = None)]
    Status(status::Arguments),
    /// Pages about all of it.
    #[command(about = elsewhere::PORTAL, long_about = None)]
    Portal(portal::Arguments),
    /// What is claimed, and what of it is shown.
    #[command(about = elsewhere::TRUTH, long_about = None)]
    Truth(truth::Arguments),
    /// For shells.
    #[command(about = elsewhere::COMPLETIONS, long_about = None)]
    Completions(completions::Arguments),
    /// For readers.
    #[command(about = elsewhere::MAN, long_about = None)]
    Man(man::Arguments),
}

impl Deliver {
    /// Carries it out.
    pub fn run(&self, doors: &Doors) -> Result<Exit> {
        match self {
            Deliver::Release(wanted) => release::run(doors, wanted),
            Deliver::Deploy(wanted) => deploy::run(doors, wanted),
            Deliver::Rehearse(wanted) => rehearse::run(doors, wanted),
            Deliver::Backup(wanted) => backup::run(doors, wanted),
            Deliver::Drill(wanted) => drill::run(doors, wanted),
            Deliver::Metrics(wanted) => metrics::run(doors, wanted),
            Deliver::Dora(wanted) => dora::run(doors, wanted),
            Deliver::Incident(wanted) => incident::run(doors, wanted),
            Deliver::Trace(wanted) => trace::run(doors, wanted),
            Deliver::Observe(wanted) => observe::run(doors, wanted),
            Deliver::Status(wanted) => status::run(doors, wanted),
            Deliver::Portal(wanted) => portal::elsewhere(doors, wanted),
            Deliver::Truth(wanted) => truth::run(doors, wanted),
            Deliver::Completions(wanted) => completions::run(doors, wanted),
            Deliver::Man(wanted) => man::run(doors, wanted),
        }
    }
}

/// Every verb that people who install the toolkit have.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The verbs of the front.
    #[command(flatten)]
    Own(Own),
    /// The verbs of this satellite.
    #[command(flatten)]
    Deliver(Deliver),
}

impl Verb {
    /// Carries it out.
    pub fn run(&self, environment: Environment, json: bool) -> Result<Exit> {
        match self {
            Verb::Own(Own::Doctor(wanted)) if wanted.github => {
                settings::run(&cli::open(environment, json)?, &wanted.of_github)
            }
            Verb::Own(own) => cli::run_own(own, environment, json),
            Verb::Deliver(own) => own.run(&cli::open(environment, json)?),
        }
    }
}

/// The schemas of the files under `release/` that are read here, and of the plan of a release, by the file's name.
pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    use crate::release;
    vec![
        ("release", release::config::schema()),
        ("stages", crate::deploy::config::schema()),
        ("resilience", crate::resilience::config::schema()),
        ("signals", crate::signals::config::schema()),
        ("truth", crate::truth::config::schema()),
        ("roadmap", crate::truth::roadmap::schema()),
        ("owners", crate::truth::roadmap::schema_of_owners()),
        ("plan", release::plan::schema()),
        ("gates", release::gates::config::schema()),
    ]
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    #[cfg(unix)]
    if let Ok(environment) = Environment::of_process() {
        let arguments: Vec<_> = std::env::args_os().skip(1).collect();
        if let Some(exit) = crate::deploy::drivers::host::verb(&environment, &arguments) {
            return exit;
        }
    }
    cli::launch::<Verb>(|verb, environment, json| verb.run(environment, json))
}
