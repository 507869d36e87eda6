//! Backups that were read back, and drills that prove with figures that they can be lived from.
//!
//! config -> execute (dump, store, restore, boot) -> plan (what the observations mean) -> evidence and journal -> report

pub mod config;
pub mod evidence;
pub mod execute;
pub mod plan;
pub mod report;
pub mod restic;
pub mod stage_drills;

mod dump;
mod place;
mod tree;

use std::path::{Path, PathBuf};

use config::{Backup, Config, RestoreDrill};
use evidence::{Age, Created, Drilled, Kept, Size, Verified};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use restic::Snapshot;
use stage_drills::StageDrilled;

/// The release that a drill boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its name, as `deploy status` shows it.
    pub release: String,
    /// The folder that it is unpacked in.
    pub folder: PathBuf,
}

/// What is known of a backup.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Listed {
    /// The last one that was made and read back; none where there is none, or where its evidence does not prove itself.
    pub last: Option<Created>,
    /// Why the evidence counts for nothing.
    pub tampered: Option<String>,
    /// What the repository holds, the oldest first; none where it could not be asked.
    pub snapshots: Option<Vec<Snapshot>>,
    /// Why the repository could not be asked.
    pub unknown: Option<String>,
}

/// Makes the repository of a backup.
///
/// # Errors
/// Exit 1 where restic refuses, as it does when there is one already.
pub fn init(doors: &Doors, config: &Config, name: &str) -> Result<()> {
    execute::init(doors, name, backup(config, name)?)
}

/// Whether a backup could be made now: it is declared, and its password and its program are there.
///
/// # Errors
/// Exit 2 where it is not declared, exit 3 with what is missing.
pub fn ready(doors: &Doors, config: &Config, name: &str) -> Result<()> {
    execute::ready(doors, name, backup(config, name)?)
}

/// Makes a backup and reads it back. `unexplained` gives the reason why it may be much smaller than the last one.
///
/// # Errors
/// Exit 1 where it does not count as a backup, with every reason; exit 3 where something that it needs is missing.
pub fn create(doors: &Doors, config: &Config, name: &str, unexplained: Option<&str>) -> Result<Created> {
    execute::create(doors, name, backup(config, name)?, unexplained)
}

/// Restores the newest snapshot, compares it with what was backed up, and reads every byte of the repository.
///
/// # Errors
/// Exit 1 with every reason why it cannot be relied on; its evidence is written before that.
pub fn verify(doors: &Doors, config: &Config, name: &str) -> Result<Verified> {
    execute::verify(doors, name, backup(config, name)?)
}

/// Restores a snapshot into an empty folder, the newest one where none is named.
///
/// # Errors
/// Exit 3 where the folder holds anything, exit 1 where what comes back is not what was backed up.
pub fn restore(
    doors: &Doors,
    config: &Config,
    name: &str,
    into: &Path,
    snapshot: Option<&str>,
) -> Result<(String, Size)> {
    execute::restore(doors, name, backup(config, name)?, into, snapshot)
}

/// What the rule of a backup does not keep; with `execute` it is removed.
///
/// # Errors
/// Exit 3 where nothing says what is kept, or where no snapshot that is there is known to be good.
pub fn prune(doors: &Doors, config: &Config, name: &str, execute: bool) -> Result<plan::Prune> {
    execute::prune(doors, name, backup(config, name)?, execute)
}

/// What is known of a backup.
///
/// # Errors
/// Where evidence is there and cannot be read from the disk.
pub fn list(doors: &Doors, config: &Config, name: &str) -> Result<Listed> {
    let (last, tampered) = match evidence::read::<Created>(&doors.workspace, evidence::BACKUP, name)? {
        Kept::Whole(last) => (Some(last), None),
        Kept::Absent => (None, None),
        Kept::Tampered(why) => (None, Some(why)),
    };
    let (snapshots, unknown) = match execute::snapshots(doors, name, backup(config, name)?) {
        Ok(snapshots) => (Some(snapshots), None),
        Err(failure) => (None, Some(failure.problem)),
    };
    Ok(Listed { last, tampered, snapshots, unknown })
}

/// Restores, boots the previous release on it, checks, and writes down what came of it.
///
/// # Errors
/// Exit 1 with every reason why the drill is red; its evidence is written before that.
pub fn drill_restore(
    doors: &Doors,
    config: &Config,
    name: &str,
    previous: Option<&Previous>,
) -> Result<Drilled> {
    let drill = drill(config, name)?;
    execute::drill(doors, name, drill, backup(config, &drill.backup)?, previous)
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
    for (name, drill) in &config.stage_drills {
        let kept = evidence::read::<StageDrilled>(&doors.workspace, evidence::STAGE_DRILL, name)?;
        ages.push((name.clone(), stage_drills::verdict::age(kept, now, drill.age_days_max)));
    }
    Ok(ages)
}

/// The backup of a name.
///
/// # Errors
/// Exit 2, with the names that there are.
pub fn backup<'a>(config: &'a Config, name: &str) -> Result<&'a Backup> {
    config.backups.get(name).ok_or_else(|| unknown("backup", "backups", name, config.backups.keys()))
}

/// The restore drill of a name.
///
/// # Errors
/// Exit 2, with the names that there are.
pub fn drill<'a>(config: &'a Config, name: &str) -> Result<&'a RestoreDrill> {
    let known = config.restore_drills.keys();
    config.restore_drills.get(name).ok_or_else(|| unknown("restore drill", "restore_drills", name, known))
}

fn unknown<'a>(what: &str, table: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Failure {
    let known: Vec<_> = known.map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Failure::usage(format!("there is no {what} `{name}`"))
        .why(format!("`{}` declares: {known}", config::FILE))
        .next(format!("name one of these, or declare `[{table}.{name}]` in `{}`", config::FILE))
}
