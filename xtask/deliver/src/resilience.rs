//! Backups that were read back, and drills that prove with figures that they can be lived from.
//!
//! config -> execute (dump, store, restore, boot) -> plan (what the observations mean) -> evidence and journal

pub mod config;
pub mod evidence;
pub mod execute;
pub mod plan;

mod dump;
mod restic;
mod tree;

use std::path::Path;

use config::{Backup, Config, RestoreDrill};
use evidence::{Age, Created, Drilled};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};

/// Makes a backup and reads it back. `unexplained` gives the reason why it may be much smaller than the last one.
///
/// # Errors
/// Exit 1 where it does not count as a backup, with every reason; exit 3 where something that it needs is missing.
pub fn create(doors: &Doors, config: &Config, name: &str, unexplained: Option<&str>) -> Result<Created> {
    execute::create(doors, name, backup(config, name)?, unexplained)
}

/// Restores the newest snapshot into an empty folder.
///
/// # Errors
/// Exit 3 where the folder holds anything, exit 1 where what comes back is not what was backed up.
pub fn restore(doors: &Doors, config: &Config, name: &str, into: &Path) -> Result<()> {
    execute::restore(doors, name, backup(config, name)?, into)
}

/// Restores, boots the previous release on it, checks, and writes down what came of it.
///
/// # Errors
/// Exit 1 with every reason why the drill is red; its evidence is written before that.
pub fn drill_restore(doors: &Doors, config: &Config, name: &str) -> Result<Drilled> {
    let drill = drill(config, name)?;
    execute::drill(doors, name, drill, backup(config, &drill.backup)?)
}

/// How old the last drill of each name is, for a gate.
///
/// # Errors
/// Where evidence is there and cannot be read from the disk.
pub fn ages(doors: &Doors, config: &Config) -> Result<Vec<(String, Age)>> {
    let now = doors.clock.now();
    let mut ages = Vec::new();
    for (name, drill) in &config.restore_drills {
        let kept = evidence::read::<Drilled>(&doors.workspace, evidence::DRILL, name)?;
        ages.push((name.clone(), plan::age(kept, now, drill.age_days_max)));
    }
    Ok(ages)
}

fn backup<'a>(config: &'a Config, name: &str) -> Result<&'a Backup> {
    config.backups.get(name).ok_or_else(|| unknown("backup", "backups", name, config.backups.keys()))
}

fn drill<'a>(config: &'a Config, name: &str) -> Result<&'a RestoreDrill> {
    config
        .restore_drills
        .get(name)
        .ok_or_else(|| unknown("restore drill", "restore_drills", name, config.restore_drills.keys()))
}

fn unknown<'a>(what: &str, table: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Failure {
    let known: Vec<_> = known.map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Failure::usage(format!("there is no {what} `{name}`"))
        .why(format!("`{}` declares: {known}", config::FILE))
        .next(format!("name one of these, or declare `[{table}.{name}]` in `{}`", config::FILE))
}
