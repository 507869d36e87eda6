//! Figures about the toolkit itself, measured as ratios in one run.
//!
//! What is compared runs in turn, pair by pair, so that a machine that becomes slower becomes slower for both; the
//! medians are compared. A figure beyond its limit is exit 1. To add a benchmark: its variant in [`Bench`], its
//! measurement here, its limit beside it.

mod fixture;
mod figures;
mod front;
mod history;
mod journal;
mod portal;
mod propose;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nexus_xtask::doors::Doors;
use nexus_xtask::event::{Event, Outcome};
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::shell::{Command, Shell};
use nexus_xtask::{event, files, recording, report};

use figures::{Figure, median};
use fixture::Fixture;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    /// A run in which everything is proven, against a no-op `cargo run` and `git status`.
    Warm,
    /// The same in a tree of 50,000 files.
    WarmLarge,
    /// A run of everything: the part of it in which no child runs.
    Cold,
    /// A cold build of the front, against an empty crate with the same direct dependencies.
    Front,
    /// `release propose` on a long history, against git walking it, and against git-cliff.
    Propose,
    /// The pages of the portal beside a long journal, against the same beside a short one.
    Portal,
}

/// Files of the large tree.
const LARGE_TREE_FILES: usize = 50_000;

/// What a no-change run may cost: a no-op `cargo run` and this many times `git status`.
const STATUS_TIMES: f64 = 3.0;

/// The part of a cold run in which no child may run.
const IDLE_SHARE_MAX: f64 = 0.02;

/// The least time that the raw commands of the fixture take, so that there is something to save.
const RAW_SECONDS_MIN: f64 = 20.0;

/// Measures in `folder`, a folder of its own, `pairs` times.
pub(crate) fn run(doors: &Doors, bench: Bench, folder: PathBuf, pairs: usize) -> Result<Exit> {
    let figures = match bench {
        Bench::Warm => warm(doors, &Fixture::make(doors, &folder, 0)?, pairs)?,
        Bench::WarmLarge => warm(doors, &Fixture::make(doors, &folder, LARGE_TREE_FILES)?, pairs)?,
        Bench::Cold => cold(doors, &Fixture::make(doors, &folder, 0)?, pairs)?,
        Bench::Propose => propose::measure(doors, &folder, pairs)?,
        Bench::Portal => portal::measure(doors, &folder, pairs)?,
        Bench::Front => front::measure(doors, &folder, pairs)?,
    };
    show(doors, &folder, &figures)
}

/// Measures the fold of a long journal, against a bare typed parse of it.
pub(crate) fn journal(doors: &Doors, folder: &Path, pairs: usize, fold: journal::Fold) -> Result<Exit> {
    let figures = journal::measure(doors, folder, pairs, fold)?;
    show(doors, folder, &figures)
}

fn show(doors: &Doors, folder: &Path, figures: &[Figure]) -> Result<Exit> {
    files::remove_folder(folder)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&figures.iter().map(Figure::json).collect::<Vec<_>>())?;
    } else {
        figures.iter().for_each(|figure| doors.terminal.data(&figure.to_string()));
    }
    let beyond: Vec<_> =
        figures.iter().filter(|figure| !figure.holds()).map(|figure| figure.name.clone()).collect();
    if beyond.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::no("a figure is beyond its limit")
        .why(beyond.join(", "))
        .next("run it again on a quiet machine; if it stays, look at what the last changes added"))
}

fn warm(doors: &Doors, fixture: &Fixture, pairs: usize) -> Result<Vec<Figure>> {
    let shell = fixture.shell(doors);
    let ci = Command::new("cargo", ["xtask", "ci"]);
    let raw = raw_seconds(doors, fixture, &shell)?;
    prove(&shell, &ci)?;
    let no_op = Command::new("cargo", ["run", "--quiet", "--package", "noop"]);
    let status = Command::new("git", ["status"]);
    let (mut ours, mut runs, mut statuses) = (Vec::new(), Vec::new(), Vec::new());
    // One round that is not counted: the first call of each finds cold caches of the system.
    for round in 0..=pairs {
        let times =
            [timed(doors, &shell, &no_op)?, timed(doors, &shell, &status)?, timed(doors, &shell, &ci)?];
        if round > 0 {
            let [run, status, our] = times;
            runs.push(run);
            statuses.push(status);
            ours.push(our);
        }
    }
    let (our, run, status) = (median(&ours), median(&runs), median(&statuses));
    Ok(vec![
        Figure::plain("raw commands of the fixture", raw, "s").at_least(RAW_SECONDS_MIN),
        Figure::plain("`cargo xtask ci`, no change", our * 1000.0, "ms"),
        Figure::plain("`cargo run`, no change", run * 1000.0, "ms"),
        Figure::plain("`git status`", status * 1000.0, "ms"),
        Figure::plain("ci / (run + 3 status)", our / (run + STATUS_TIMES * status), "").at_most(1.0),
    ])
}

/// The time that the commands of the steps take by themselves, one after another, without anything of ours.
fn raw_seconds(doors: &Doors, fixture: &Fixture, shell: &Shell) -> Result<f64> {
    let mut total = 0.0;
    for words in fixture::RAW {
        let (program, arguments) = words.split_first().expect("every raw command names its program");
        total += timed(doors, shell, &Command::new(*program, arguments.iter().copied()))?;
    }
    files::remove_folder(&fixture.root.join("target"))?;
    Ok(total)
}

fn cold(doors: &Doors, fixture: &Fixture, pairs: usize) -> Result<Vec<Figure>> {
    let shell = fixture.shell(doors);
    let (mut shares, mut totals) = (Vec::new(), Vec::new());
    for _ in 0..pairs {
        for left in ["target", ".xtask"] {
            files::remove_folder(&fixture.root.join(left))?;
        }
        let outside = timed(doors, &shell, &Command::new("cargo", ["xtask", "ci"]))?;
        let events = recording::read(&nexus_xtask::workspace::Workspace::at(&fixture.root), recording::LAST)?;
        let busy = seconds(report::timings(&events).busy_ms);
        require_all_passed(&events)?;
        // Measured around the whole command: reading facts and writing the record count as idle too.
        shares.push((outside - busy) / outside);
        totals.push(outside);
    }
    Ok(vec![
        Figure::plain("`cargo xtask ci`, cold", median(&totals), "s").at_least(RAW_SECONDS_MIN),
        Figure::plain("share in which no step runs", median(&shares), "").at_most(IDLE_SHARE_MAX),
    ])
}

/// Runs until everything is proven.
fn prove(shell: &Shell, ci: &Command) -> Result<()> {
    let captured = shell.capture(ci)?;
    if captured.is_success() {
        return Ok(());
    }
    Err(Failure::no("the fixture is not green")
        .why(captured.stderr.trim())
        .next("this is a defect of the fixture or of `ci`, please report it"))
}

fn require_all_passed(events: &[event::Stamped]) -> Result<()> {
    for stamped in events {
        if let Event::StepFinished { step, outcome, .. } = &stamped.event
            && *outcome != Outcome::Passed
        {
            return Err(Failure::no(format!("step `{step}` of the fixture {}", outcome.word()))
                .next("cargo xtask bench cold"));
        }
    }
    Ok(())
}

/// The seconds that a command takes, which must succeed.
fn timed(doors: &Doors, shell: &Shell, command: &Command) -> Result<f64> {
    let started = doors.clock.start();
    let captured = shell.capture(command)?;
    let elapsed = started.elapsed();
    if !captured.is_success() {
        return Err(Failure::no(format!("`{command}` ended with {}", captured.ended))
            .why(captured.stderr.trim())
            .next("run it in the folder of the fixture (--folder keeps it)"));
    }
    Ok(elapsed.as_secs_f64())
}

fn seconds(milliseconds: u64) -> f64 {
    Duration::from_millis(milliseconds).as_secs_f64()
}
