//! `cargo xtask release rehearse`.

use std::path::PathBuf;

use crate::release::plan::Plan;
use crate::release::protocol::rehearse::{Matrix, PlannedFault, PlannedKind, Rehearse, Rehearsed};
use crate::release::protocol::{FaultKind, Request};
use crate::release::{rehearsal, report, staging};
use nexus_xtask::clock::spoken;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::terminal::printable;

/// What is rehearsed, and what is to go wrong.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A staging folder that `release stage` wrote; made for the rehearsal where nothing is said
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
    /// What is to go wrong at which effect, as `crash@7`: 429, drop, delay, crash-before, crash, torn or lost
    #[arg(long = "fault", value_name = "KIND@N", value_delimiter = ',', value_parser = fault)]
    faults: Vec<PlannedFault>,
    /// Kill the executor at every place of every effect, with and without its journal, instead of rehearsing once
    #[arg(long, conflicts_with = "faults")]
    crash_everywhere: bool,
    /// Do not build a consumer
    #[arg(long)]
    no_consumer: bool,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let folder = doors.workspace.rehearsing().state();
    let begun = doors.clock.start();
    let (plan, staging) = match &arguments.staging {
        Some(staging) => {
            let staging = doors.environment.folder().join(staging);
            let (plan, _, _) = staging::check(&staging)?;
            (plan, staging)
        }
        None => rehearsal::stage(doors, &folder)?,
    };
    let staged = begun.elapsed();
    let mut wanted = request(doors, plan, staging, !arguments.no_consumer)?;
    wanted.faults.clone_from(&arguments.faults);
    if arguments.crash_everywhere {
        return everywhere(doors, wanted);
    }
    let mut rehearsed: Rehearsed = ask(doors, &Request::Rehearse(wanted))?;
    let milliseconds = u64::try_from(staged.as_millis()).unwrap_or(u64::MAX);
    rehearsed.timeline.insert(0, ("build and stage".to_owned(), milliseconds));
    if doors.terminal.is_json() {
        doors.terminal.json(&rehearsed)?;
    } else {
        doors.terminal.data(&report::rehearsed(&rehearsed, &spoken(begun.elapsed())));
    }
    Ok(Exit::Done)
}

/// Publishes what is staged to servers on this machine.
pub(crate) fn publish(doors: &Doors, plan: Plan, staging: PathBuf, consumer: bool) -> Result<Rehearsed> {
    ask(doors, &Request::Rehearse(request(doors, plan, staging, consumer)?))
}

fn request(doors: &Doors, plan: Plan, staging: PathBuf, consumer: bool) -> Result<Rehearse> {
    let folder = doors.workspace.rehearsing().state();
    Ok(Rehearse {
        lock: rehearsal::lock(doors)?,
        consumer: consumer.then(|| folder.join("consumer")),
        folder: folder.join("world"),
        faults: Vec::new(),
        plan,
        staging,
    })
}

fn everywhere(doors: &Doors, wanted: Rehearse) -> Result<Exit> {
    let matrix: Matrix = ask(doors, &Request::Matrix(wanted))?;
    if !matrix.failures.is_empty() {
        let findings = matrix.failures.into_iter().map(|failure| Finding::at("", 0, failure, "")).collect();
        return Err(Failure::found(Exit::No, "not every killed release ends in the same world", findings)
            .next("this is a defect of the toolkit; please report it with the plan"));
    }
    if doors.terminal.is_json() {
        doors.terminal.json(&matrix)?;
    } else {
        doors.terminal.data(&format!(
            "{} effects, killed {} times, {} of them without the journal: every world is the undisturbed one",
            matrix.effects, matrix.killed, matrix.without_journal
        ));
    }
    Ok(Exit::Done)
}

fn ask<A: serde::de::DeserializeOwned>(doors: &Doors, request: &Request) -> Result<A> {
    satellite::call(doors, SHIP, request, &[], |message| {
        if !doors.terminal.is_json()
            && let Some(line) = report::message(message)
        {
            doors.terminal.talk(&printable(&line));
        }
    })
}

/// Reads `KIND@N`.
fn fault(text: &str) -> std::result::Result<PlannedFault, String> {
    let kinds = [
        ("429", PlannedKind::Limited),
        ("drop", PlannedKind::Lost),
        ("delay", PlannedKind::Delayed),
        ("crash-before", PlannedKind::Crash(FaultKind::CrashBefore)),
        ("crash", PlannedKind::Crash(FaultKind::CrashAfter)),
        ("torn", PlannedKind::Crash(FaultKind::TornRecord)),
        ("lost", PlannedKind::Crash(FaultKind::LostResponse)),
    ];
    let (word, effect) = text.split_once('@').ok_or("it has the form KIND@N, as `crash@7`")?;
    let effect = effect.parse().map_err(|_| format!("`{effect}` is no number of an effect"))?;
    let known = kinds.iter().find(|(name, _)| *name == word);
    let (_, kind) = known.ok_or_else(|| {
        let names: Vec<_> = kinds.iter().map(|(name, _)| *name).collect();
        format!("`{word}` is no fault; there are {}", names.join(", "))
    })?;
    Ok(PlannedFault { effect, kind: *kind })
}
