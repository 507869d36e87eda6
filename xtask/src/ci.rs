//! Lint, build and test as one graph of steps.
//!
//! config -> facts -> steps -> fingerprints -> answers -> plan -> execute -> record
//!
//! `release/ci.toml` says what is special here; without it the built-in steps run. A step whose fingerprint has a
//! receipt of a pass is not run again.

mod config;
mod facts;
mod step;
mod steps;
mod tree;
mod outside;
mod affected;
mod changes;
mod fingerprint;
mod cache;
mod discover;
mod shard;
mod listed;
mod plan;
mod outcome;
mod program;
mod execute;
mod told;
mod traced;
mod report;
pub(crate) mod matrix;
mod verdict;
mod proven;
pub(crate) mod github;

use std::collections::BTreeMap;

use crate::doors::Doors;
use crate::event::{Event, Planned, Status};
use crate::failure::{Exit, Failure, Result};
use crate::files;
use crate::journal::{self, Entry};
use crate::recording::{self, Recorder};
use crate::reporter;
use crate::shell::{Command, Ended};

use affected::Affected;
use execute::{Manner, Run, Walked};
use facts::{Asked, Facts};
use matrix::{PlannedJob, StepOfJob};
use plan::{Plan, Wanted};
use shard::Shard;
use step::Step;

/// How many recorded runs are kept.
const RUNS_MAX: usize = 50;

/// How to run, as the person said it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// These steps, with what they need; empty for all.
    pub(crate) steps: Vec<String>,
    /// The steps of this job.
    pub(crate) job: Option<String>,
    /// Only what the change since this revision can reach: `Some(None)` finds the revision itself.
    pub(crate) affected: Option<Option<String>>,
    /// The steps that did not pass in the last run.
    pub(crate) rerun_failed: bool,
    pub(crate) keep_going: bool,
    pub(crate) no_cache: bool,
    pub(crate) parallel: Option<usize>,
    /// A part of the tests: `K/N`, `K/auto`.
    pub(crate) shard: Option<String>,
    /// Print the plan and run nothing.
    pub(crate) list: bool,
    /// Say why a step would run again.
    pub(crate) explain: Option<String>,
}

pub(crate) use config::schema;

/// Runs what was asked for.
pub(crate) fn run(doors: &Doors, options: &Options) -> Result<Exit> {
    let (plan, facts, parallel) = prepare(doors, options)?;
    if let Some(step) = &options.explain {
        return explain(doors, &plan, step);
    }
    if options.list {
        return list(doors, &plan);
    }
    write_nextest_config(doors)?;
    let recorder = Recorder::create(&doors.workspace, &doors.clock)?;
    let (name, command) = (recorder.run().to_owned(), doors.environment.typed());
    let traced = traced::begin(doors, &name);
    let run = Run {
        doors,
        facts: &facts,
        plan: &plan,
        manner: Manner { parallel, keep_going: options.keep_going },
        recorder,
        reporters: reporter::choose(&doors.environment, &doors.terminal),
        commit: facts.commit.clone(),
    };
    let walked = execute::execute(run, &command)?;
    traced.warn(doors);
    // A run that only looked changes nothing, so it has no place in the journal and pays for no disk.
    let mut entries: Vec<_> =
        walked.ran.then(|| entry(doors, &facts, &name, &command, walked)).into_iter().collect();
    let told = told::entry(doors, options, &facts, &plan, &name, walked)?;
    entries.extend(told.iter().map(|told| told.entry.clone()));
    if !entries.is_empty() {
        journal::append(&doors.workspace, &doors.clock, entries)?;
    }
    if let Some(told) = &told {
        told.remember(doors)?;
    }
    recording::prune(&doors.workspace, RUNS_MAX)?;
    cache::prune(doors)?;
    Ok(exit(walked.status))
}

/// Every step of a whole run, with what would be done with it now: a step that is proven has a receipt of a pass on these
/// very inputs.
///
/// # Errors
/// Where the declared steps cannot be read.
pub fn planned(doors: &Doors) -> Result<Vec<Planned>> {
    let (plan, ..) = prepare(doors, &Options::default())?;
    Ok(plan.steps.iter().map(plan::PlannedStep::event).collect())
}

/// Runs these tests (`BINARY$TEST`, as nextest names binaries) with these variables, and says of each that ran whether it
/// passed. A test that is not in the answer does not exist, or is ignored.
///
/// # Errors
/// Where nextest is missing, or nothing could be compiled: then nothing is known of any of them.
pub fn run_tests(
    doors: &Doors,
    tests: &[String],
    variables: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, bool>> {
    write_nextest_config(doors)?;
    listed::run(doors, tests, variables)
}

/// What the journal says about a run.
fn entry(doors: &Doors, facts: &Facts, run: &str, command: &str, walked: Walked) -> Entry {
    let labels = [
        ("clean", facts.clean.to_string()),
        ("command", doors.environment.mask(command)),
        ("commit", facts.commit.clone().unwrap_or_default()),
    ];
    Entry {
        kind: "ci.run".to_owned(),
        subject: walked.status.word().to_owned(),
        labels: labels.map(|(name, value)| (name.to_owned(), value)).into(),
        value: Some(walked.duration.as_secs_f64()),
        evidence: vec![doors.workspace.name_of(&doors.workspace.run(run))],
        run: Some(run.to_owned()),
    }
}

/// Lets the tools correct what they can correct by themselves. Files that git would lose are left alone by cargo.
pub(crate) fn fix(doors: &Doors) -> Result<Exit> {
    for words in [
        &["clippy", "--fix", "--allow-dirty", "--allow-staged", "--workspace", "--all-targets"][..],
        &["fmt", "--all"],
    ] {
        let command = Command::new("cargo", words.iter().copied());
        doors.terminal.talk(&format!("run  {command}"));
        let captured = doors.shell.capture(&command)?;
        if !captured.is_success() {
            return Err(Failure::no(format!("`{command}` ended with {}", captured.ended))
                .why(captured.stderr.trim())
                .next("correct what is left by hand, then `cargo xtask lint`"));
        }
    }
    Ok(Exit::Done)
}

/// Runs one part of the tests. `command` is what runs all of them. This is the program of the step `test`, so its output
/// goes where the step's output goes.
pub(crate) fn test_part(doors: &Doors, part: &str, command: &[String]) -> Result<Exit> {
    let wanted: Shard = part
        .parse()
        .map_err(|why: anyhow::Error| Failure::usage(why.to_string()).next("write `1/3`, or `1/auto`"))?;
    let tests = listed::list(doors, command)?;
    let durations = listed::durations(doors)?;
    let config = config::load(doors)?;
    let count = match wanted.count {
        0 => shard::count(&tests, &durations, u64::from(config.test.shard_minutes) * 60_000),
        count => count,
    };
    let Some(index) = (wanted.index as usize).checked_sub(1) else {
        doors.terminal.talk(&format!(
            "the durations call for {count} parts; all of them run here, `--shard 1/{count}` runs one"
        ));
        return ended(doors.shell.run(&Command::new(command[0].clone(), command[1..].to_vec()))?, "auto");
    };
    let parts = shard::divide(&tests, &durations, count);
    let part = parts.get(index).cloned().unwrap_or_default();
    doors.terminal.talk(&format!(
        "part {} of {count}: {} of {} tests",
        wanted.index,
        part.len(),
        tests.len()
    ));
    if part.is_empty() {
        doors.terminal.talk("no test is in this part: nothing ran, and nothing is left out");
        return Ok(Exit::Done);
    }
    let mut words = command[1..].to_vec();
    for filter in listed::filters(&part, listed::FILTER_LENGTH_MAX) {
        words.extend(["--filterset".to_owned(), filter]);
    }
    ended(doors.shell.run(&Command::new(command[0].clone(), words))?, &format!("{}/{count}", wanted.index))
}

/// What the end of a test run means for its part.
fn ended(ended: Ended, part: &str) -> Result<Exit> {
    match ended {
        Ended::Exit(0) => Ok(Exit::Done),
        _ => Err(Failure::no(format!("tests of part {part} did not pass: {ended}"))
            .next(format!("cargo xtask test --shard {part}"))),
    }
}

/// Declares how long the tests take, so that every machine divides them alike.
pub(crate) fn declare_durations(doors: &Doors) -> Result<()> {
    let count = listed::declare_durations(doors)?;
    doors.terminal.talk(&format!("release/durations.json holds the durations of {count} tests"));
    Ok(())
}

/// The plan, the facts it is made from, and how many steps run at once.
fn prepare(doors: &Doors, options: &Options) -> Result<(Plan, Facts, usize)> {
    let config = config::load(doors)?;
    let facts = facts::gather(doors, &asked(&config))?;
    let mut steps = steps::steps(&config, &facts)?;
    if let Some(shard) = options.shard.as_deref().filter(|shard| !shard.is_empty()) {
        steps::shard(&mut steps, &facts, shard)?;
    }
    let affected = match &options.affected {
        Some(base) => Some(reach(doors, &config, &facts, base.as_deref())?),
        None => None,
    };
    let mut wanted = Wanted {
        steps: options.steps.clone(),
        job: options.job.clone(),
        no_cache: options.no_cache,
        affected,
    };
    if options.rerun_failed {
        wanted.steps = failed_last(doors)?;
    }
    let packages = plan::packages(&wanted);
    let fingerprints = fingerprint::fingerprints(&steps, &facts, &packages);
    let answers = cache::look_up(doors, &facts, &steps, &fingerprints)?;
    let plan = plan::plan(&steps, &facts, &fingerprints, &answers, &cache::durations(doors)?, &wanted)?;
    let parallel = options.parallel.or(config.parallel).unwrap_or_else(processors);
    Ok((plan, facts, parallel))
}

fn asked(config: &config::Config) -> Asked {
    let tables = || config.steps.values();
    Asked {
        programs: tables()
            .flat_map(|table| {
                let program = table.command.as_ref().and_then(|command| command.first());
                let folder = table.folder.as_deref().unwrap_or_default();
                let program = program.map(|program| step::program_from_root(folder, program));
                program.into_iter().chain(table.tools.iter().flatten().cloned())
            })
            .collect(),
        variables: tables().flat_map(|step| step.pass_environment.iter().flatten()).cloned().collect(),
        outputs: tables().flat_map(|step| step.outputs.iter().flatten()).cloned().collect(),
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

fn reach(
    doors: &Doors,
    config: &config::Config,
    facts: &Facts,
    base: Option<&str>,
) -> Result<(Affected, Vec<String>)> {
    match changes::since(doors, base)? {
        Ok(changed) => {
            Ok((affected::affected(&changed, &facts.cargo.packages, &config.affected.ignore), changed))
        }
        Err(why) => Ok((Affected::Everything(why), Vec::new())),
    }
}

/// The steps that did not pass in the last run.
fn failed_last(doors: &Doors) -> Result<Vec<String>> {
    let events = recording::read(&doors.workspace, recording::LAST)?;
    if !events.iter().any(|stamped| matches!(stamped.event, Event::RunStarted { .. })) {
        return Err(Failure::refused("the last run was killed before its plan was written down")
            .next("cargo xtask ci"));
    }
    let failed = report::not_passed(&events);
    if failed.is_empty() {
        return Err(Failure::refused("every step of the last run passed").next("cargo xtask ci"));
    }
    Ok(failed)
}

fn explain(doors: &Doors, plan: &Plan, step: &str) -> Result<Exit> {
    let planned =
        plan.steps.iter().find(|planned| planned.step.id.as_str() == step).ok_or_else(|| {
            Failure::usage(format!("there is no step `{step}`")).next("cargo xtask ci --list")
        })?;
    if doors.terminal.is_json() {
        doors.terminal.json(&planned.event())?;
    } else {
        doors.terminal.data(&report::explanation(planned, doors.clock.now()));
    }
    Ok(Exit::Done)
}

fn list(doors: &Doors, plan: &Plan) -> Result<Exit> {
    if doors.terminal.is_json() {
        let steps: Vec<_> = plan.steps.iter().map(plan::PlannedStep::event).collect();
        doors.terminal.json(&steps)?;
    } else {
        plan.notes.iter().for_each(|note| doors.terminal.talk(note));
        doors.terminal.data(&report::table(plan, doors.clock.now()));
    }
    Ok(Exit::Done)
}

/// What the run asks of nextest, in a file of its own: the workspace's own configuration stays in charge.
fn write_nextest_config(doors: &Doors) -> Result<()> {
    let path = doors.workspace.state().join(steps::NEXTEST_CONFIG);
    let wanted = "[profile.default.junit]\npath = \"xtask.xml\"\n";
    if files::read_text(&path)?.as_deref() != Some(wanted) {
        files::write_cache(&path, wanted)?;
    }
    Ok(())
}

/// The exit code of a run.
fn exit(status: Status) -> Exit {
    match status {
        Status::Passed | Status::Incomplete | Status::Nothing => Exit::Done,
        Status::Failed | Status::Unknown => Exit::No,
        Status::Unavailable => Exit::Refused,
        Status::Interrupted => Exit::Interrupted,
    }
}

/// The jobs that a workflow runs: one for each group of steps, platform and shard.
pub(crate) fn jobs(doors: &Doors) -> Result<Vec<PlannedJob>> {
    let config = config::load(doors)?;
    let facts = facts::gather(doors, &asked(&config))?;
    let steps = steps::steps(&config, &facts)?;
    let steps: Vec<_> = steps
        .iter()
        .map(|Step { id, job, platforms, .. }| StepOfJob { job, step: id.as_str(), platforms })
        .collect();
    let shards = match config.test.shards {
        0 => {
            let durations = listed::durations(doors)?;
            let tests: Vec<_> = durations.keys().cloned().collect();
            shard::count(&tests, &durations, u64::from(config.test.shard_minutes) * 60_000)
        }
        shards => shards,
    };
    Ok(matrix::jobs(&steps, shards))
}
