//! The verbs that satellites carry out.
//!
//! To add one: a line in `VERBS`, a variant of `Elsewhere`, and its flags in the satellite.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Subcommand;

use crate::doors::Doors;
use crate::environment::{Environment, INSTALLED_VERB};
use crate::failure::{Exit, Result};
use crate::satellite::{self, DELIVER, OBSERVE, Satellite, UPKEEP};
use crate::terminal::Terminal;

/// What `release` is for.
pub const RELEASE: &str = "Release what this workspace makes: propose, plan, build, gate, publish, verify";
/// What `deploy` is for.
pub const DEPLOY: &str = "Bring a sealed release to the stages it runs in, and back";
/// What `rehearse` is for.
pub const REHEARSE: &str = "The whole way on this machine: propose, build, seal, publish, deploy, and back";
/// What `backup` is for.
pub const BACKUP: &str = "Make backups that are read back, restore them, remove old ones";
/// What `drill` is for.
pub const DRILL: &str = "Try recovery for real, and measure it";
/// What `metrics` is for.
pub const METRICS: &str = "Print what the journal says as metrics for Prometheus";
/// What `dora` is for.
pub const DORA: &str = "How delivery to a stage goes, in five figures with the events that they count";
/// What `incident` is for.
pub const INCIDENT: &str = "Write down what users noticed, and which deployment caused it";
/// What `trace` is for.
pub const TRACE: &str = "Send a run as spans to an OpenTelemetry collector, or print them";
/// What `observe` is for.
pub const OBSERVE_VERB: &str =
    "Look at the declared signals: services, ports, programs, files, disks, the journal";
/// What `status` is for.
pub const STATUS: &str = "What is live, how it is, what ran, what is old and what fell: one screen, at once";
/// What `portal` is for.
pub const PORTAL: &str = "Pages about all of it: served on this machine, or written as files";
/// What `truth` is for.
pub const TRUTH: &str = "Show what is claimed by what was seen: check, write, report, explain, audit";
/// What `completions` is for.
pub const COMPLETIONS: &str = "Print the completion script of a shell";
/// What `man` is for.
pub const MAN: &str = "Write manual pages, one for each command";
/// What `tidy` is for.
pub const TIDY: &str = "Check the rules of this repository";
/// What `docs` is for.
pub const DOCS: &str = "Make or check the documents that come from the code";
/// What `bench` is for.
pub const BENCH: &str = "Figures about the toolkit itself, as ratios measured in one run";
/// What `acceptance` is for.
pub const ACCEPTANCE: &str = "Proofs that take too long for every run";

/// Which satellite carries a verb out.
const VERBS: &[(&str, Satellite)] = &[
    ("release", DELIVER),
    ("deploy", DELIVER),
    ("rehearse", DELIVER),
    ("backup", DELIVER),
    ("drill", DELIVER),
    ("metrics", DELIVER),
    ("dora", DELIVER),
    ("incident", DELIVER),
    ("trace", DELIVER),
    ("observe", DELIVER),
    ("status", DELIVER),
    ("portal", OBSERVE),
    ("truth", DELIVER),
    ("completions", DELIVER),
    ("man", DELIVER),
    ("tidy", UPKEEP),
    ("docs", UPKEEP),
    ("bench", UPKEEP),
    ("acceptance", UPKEEP),
];

/// The verbs, to be listed. Their flags are where they are carried out.
#[derive(Debug, Subcommand)]
pub(super) enum Elsewhere {
    #[command(about = RELEASE)]
    Release,
    #[command(about = DEPLOY)]
    Deploy,
    #[command(about = REHEARSE)]
    Rehearse,
    #[command(about = BACKUP)]
    Backup,
    #[command(about = DRILL)]
    Drill,
    #[command(about = METRICS)]
    Metrics,
    #[command(about = DORA)]
    Dora,
    #[command(about = INCIDENT)]
    Incident,
    #[command(about = TRACE)]
    Trace,
    #[command(about = OBSERVE_VERB)]
    Observe,
    #[command(about = STATUS)]
    Status,
    #[command(about = PORTAL)]
    Portal,
    #[command(about = TRUTH)]
    Truth,
    #[command(about = COMPLETIONS)]
    Completions,
    #[command(about = MAN)]
    Man,
    #[command(about = TIDY)]
    Tidy,
    #[command(about = DOCS)]
    Docs,
    #[command(about = BENCH)]
    Bench,
    #[command(about = ACCEPTANCE)]
    Acceptance,
}

/// The satellite that carries a command line out. None: the front does.
pub(super) fn of(arguments: &[OsString]) -> Option<Satellite> {
    let mut words = arguments
        .iter()
        .filter_map(|word| word.to_str())
        .skip_while(|word| *word == INSTALLED_VERB)
        .filter(|word| *word != "--json");
    let mut first = words.next()?;
    if first == "help" {
        first = words.next()?;
    }
    if first == "doctor" && words.any(|word| word == "--github") {
        return Some(DELIVER);
    }
    VERBS.iter().find(|(verb, _)| *verb == first).map(|(_, satellite)| *satellite)
}

/// Becomes the satellite, with the same words.
pub(super) fn hand_over(satellite: Satellite, arguments: Vec<OsString>) -> ExitCode {
    let json = arguments.iter().any(|word| word == "--json");
    let Ok(environment) = Environment::of_process() else { return ExitCode::from(Exit::Usage.code()) };
    let terminal = Terminal::of_process(&environment, json);
    match become_it(satellite, environment, arguments, json) {
        Ok(exit) => exit,
        Err(failure) => super::show(&terminal, &failure),
    }
}

fn become_it(
    satellite: Satellite,
    environment: Environment,
    arguments: Vec<OsString>,
    json: bool,
) -> Result<ExitCode> {
    let folder = environment.folder().to_owned();
    let doors = Doors::open(environment, &folder, json)?;
    let binary = satellite::binary(&doors, satellite)?;
    Ok(doors.shell.hand_over(&binary, arguments)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_of_a_satellite_is_known_before_its_flags_are() {
        for (line, package) in [
            ("release propose", Some(DELIVER.package)),
            ("--json release propose --api", Some(DELIVER.package)),
            ("help release", Some(DELIVER.package)),
            ("nexus-xtask tidy", Some(UPKEEP.package)),
            ("portal serve", Some(OBSERVE.package)),
            ("doctor --github", Some(DELIVER.package)),
            ("doctor", None),
            ("ci --step release", None),
            ("--help", None),
            ("", None),
        ] {
            let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
            assert_eq!(of(&words).map(|satellite| satellite.package), package, "{line}");
        }
    }
}
