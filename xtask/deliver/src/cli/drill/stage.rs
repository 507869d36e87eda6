//! The drills of `cargo xtask drill` that disturb a stage, each with figures and a receipt.

mod deployer_killed;
mod ground;
mod hold_lock;
mod partition;
mod restart;
mod rollback;
mod stale_lock;
mod wait;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::shell::Command;

use crate::resilience::stage_drills::{self, Kind, report};
use ground::Ground;

/// What to exercise.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Kill the service on each host in turn, and see that nothing acknowledged is lost
    Restart(OnStage),
    /// Bring a stage back to its last good release and forward again, and measure both
    Rollback(OnStage),
    /// Kill a deployer while a host is on trial, and see that the stage comes back by itself
    DeployerKilled(OnStage),
    /// Cut a host off while it is on trial, and see that it comes back by itself
    Partition(OnStage),
    /// Freeze a deployer that holds a lock, and see that another gets it and the frozen one cannot act
    StaleLock(OnStage),
    /// Hold the lock of a host: what `stale-lock` freezes and kills
    #[command(hide = true)]
    HoldLock(hold_lock::Arguments),
}

/// A drill on a stage.
#[derive(Debug, clap::Args)]
pub(super) struct OnStage {
    /// The drill: `NAME` of `[stage_drills.NAME]` in release/resilience.toml
    name: String,
    /// Do it; without this it is only said what would be done
    #[arg(long)]
    execute: bool,
}

pub(super) fn run(doors: &Doors, verb: &Verb) -> Result<Exit> {
    match verb {
        Verb::Restart(wanted) => on_stage(doors, Kind::Restart, wanted),
        Verb::Rollback(wanted) => on_stage(doors, Kind::Rollback, wanted),
        Verb::DeployerKilled(wanted) => on_stage(doors, Kind::DeployerKilled, wanted),
        Verb::Partition(wanted) => on_stage(doors, Kind::Partition, wanted),
        Verb::StaleLock(wanted) => on_stage(doors, Kind::StaleLock, wanted),
        Verb::HoldLock(wanted) => hold_lock::run(doors, wanted),
    }
}

fn on_stage(doors: &Doors, kind: Kind, wanted: &OnStage) -> Result<Exit> {
    let ground = Ground::open(doors, kind, &wanted.name)?;
    if doors.terminal.is_json() {
        doors.terminal.talk(&ground.intent());
    } else {
        doors.terminal.data(&ground.intent());
    }
    ground.refuse()?;
    if !wanted.execute {
        doors.terminal.talk("no host was changed; to do it: add --execute");
        return Ok(Exit::Done);
    }
    let mut troubles = Vec::new();
    let figures = match kind {
        Kind::Restart => restart::run(&ground, &mut troubles)?,
        Kind::Rollback => rollback::run(&ground, &mut troubles)?,
        Kind::DeployerKilled => deployer_killed::run(&ground, &mut troubles)?,
        Kind::Partition => partition::run(&ground, &mut troubles)?,
        Kind::StaleLock => stale_lock::run(&ground, &mut troubles)?,
    };
    let drilled = stage_drills::record(doors, &wanted.name, ground.drill(), figures, troubles)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&drilled)?;
    } else {
        doors.terminal.data(&report::drilled(&wanted.name, &drilled));
    }
    if drilled.reasons.is_empty() {
        return Ok(Exit::Done);
    }
    let failure = Failure::no(format!("the drill `{}` is red", wanted.name));
    Err(drilled
        .reasons
        .into_iter()
        .fold(failure, Failure::why)
        .next(format!("cargo xtask deploy status --stage {}", ground.drill().stage)))
}

/// A command of the user with its placeholders filled in.
fn filled(words: &[String], marks: &[(&str, &str)]) -> Command {
    let fill =
        |word: &String| marks.iter().fold(word.clone(), |word, (mark, value)| word.replace(mark, value));
    let mut words = words.iter().map(fill);
    Command::new(words.next().unwrap_or_default(), words)
}
