//! What is done, one action at a time. What it means is said in `plan`.

mod drill;
mod scratch;

use std::path::Path;

use nexus_xtask::clock::Started;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::shell::Command;

use super::config::Backup;
use super::evidence::{self, Created, Kept, Size, VERSION, Verified};
use super::restic::{Repository, Snapshot};
use super::{dump, plan, tree};

pub(super) use drill::drill;
use scratch::Scratch;

/// Makes the repository of a backup.
///
/// # Errors
/// Where restic refuses, as it does when there is one already.
pub fn init(doors: &Doors, name: &str, backup: &Backup) -> Result<()> {
    Repository { doors, name, backup }.init()
}

pub(super) fn ready(doors: &Doors, name: &str, backup: &Backup) -> Result<()> {
    Repository { doors, name, backup }.require().map(drop)
}

pub(super) fn create(doors: &Doors, name: &str, backup: &Backup, reason: Option<&str>) -> Result<Created> {
    let created = create_and_read_back(doors, name, backup, reason);
    let (kind, value, proof) = match &created {
        Ok(created) => {
            let path = evidence::write(&doors.workspace, evidence::BACKUP, name, created)?;
            ("backup.create", Some(created.size.bytes as f64), vec![created.snapshot.clone(), path])
        }
        Err(failure) => ("backup.failed", None, vec![doors.environment.mask(&failure.problem)]),
    };
    tell(doors, kind, name, value, proof)?;
    created
}

fn create_and_read_back(doors: &Doors, name: &str, backup: &Backup, reason: Option<&str>) -> Result<Created> {
    let last = match evidence::read::<Created>(&doors.workspace, evidence::BACKUP, name)? {
        Kept::Whole(last) => Some(last),
        Kept::Absent => None,
        Kept::Tampered(why) if reason.is_none() => {
            return Err(Failure::refused(format!(
                "what is known of the last backup `{name}` does not prove itself"
            ))
            .why(why)
            .next("find out who changed it; then say `--reason` why it counts for nothing"));
        }
        Kept::Tampered(_) => None,
    };
    let repository = Repository { doors, name, backup };
    repository.require()?;
    let started = doors.clock.start();
    let dumped = Scratch::new(doors, &format!("dump-{name}"))?;
    dump::run(doors, &backup.source, &dumped.folder)?;
    let dump_ms = milliseconds(&started);
    let size = tree::measure(&dumped.folder)?;
    refuse(name, plan::of_dump(last.as_ref(), &size, backup.shrink_percent_max, reason))?;
    let started = doors.clock.start();
    let snapshot = repository.store(&dumped.folder)?;
    let store_ms = milliseconds(&started);

    let started = doors.clock.start();
    let back = Scratch::new(doors, &format!("back-{name}"))?;
    repository.restore(&snapshot, &back.folder)?;
    refuse(name, plan::of_restored(&size, &tree::measure(&back.folder)?).into_iter().collect())?;
    repository.check()?;
    let verify_ms = milliseconds(&started);
    let at = doors.clock.now();
    let shrink_reason = reason.map(str::to_owned);
    // Listed names are whole ones; the name in the summary is short in older versions of restic.
    let mut all = repository.snapshots()?.into_iter().map(|one| one.id);
    let snapshot = all.find(|one| one.starts_with(&snapshot)).ok_or_else(|| {
        Failure::no(format!("the repository does not list the snapshot {snapshot} that was made"))
            .next(format!("cargo xtask backup list {name}"))
    })?;
    Ok(Created { v: VERSION, at, snapshot, size, dump_ms, store_ms, verify_ms, shrink_reason })
}

fn refuse(name: &str, reasons: Vec<String>) -> Result<()> {
    if reasons.is_empty() {
        return Ok(());
    }
    let failure = Failure::no(format!("what was made of `{name}` does not count as a backup"));
    Err(reasons
        .into_iter()
        .fold(failure, Failure::why)
        .next("look at the source; where a smaller backup is right, say why by `--reason`"))
}

pub(super) fn restore(
    doors: &Doors,
    name: &str,
    backup: &Backup,
    into: &Path,
    named: Option<&str>,
) -> Result<(String, Size)> {
    if into.exists() && (!into.is_dir() || !files::list(into)?.is_empty()) {
        return Err(Failure::refused(format!("`{}` is not an empty folder", into.display()))
            .why("a restore overwrites nothing")
            .next("name a folder that is empty or not there"));
    }
    let last = evidence::read::<Created>(&doors.workspace, evidence::BACKUP, name)?;
    let repository = Repository { doors, name, backup };
    repository.require()?;
    let is_wanted = |snapshot: &Snapshot| named.is_none_or(|named| snapshot.id.starts_with(named));
    let Some(snapshot) = repository.snapshots()?.into_iter().rev().find(is_wanted) else {
        let wanted = named.map_or_else(String::new, |named| format!(" `{named}`"));
        return Err(Failure::refused(format!("the repository holds no snapshot{wanted} of `{name}`"))
            .next(format!("cargo xtask backup list {name}")));
    };
    let snapshot = snapshot.id;
    files::create_folder(into)?;
    repository.restore(&snapshot, into)?;
    let size = tree::measure(into)?;
    if let Some(reason) = plan::of_known(&last, &snapshot, &size) {
        return Err(Failure::no(format!("what was restored of `{name}` cannot be trusted"))
            .why(reason)
            .next(format!("cargo xtask backup list {name}, and restore another by --snapshot")));
    }
    tell(doors, "backup.restore", name, Some(size.bytes as f64), vec![snapshot.clone()])?;
    Ok((snapshot, size))
}

pub(super) fn verify(doors: &Doors, name: &str, backup: &Backup) -> Result<Verified> {
    // What hinders the question is no answer to it, and leaves the last one as it is.
    let repository = Repository { doors, name, backup };
    repository.require()?;
    let back = Scratch::new(doors, &format!("verify-{name}"))?;
    let mut verified = Verified {
        v: VERSION,
        at: doors.clock.now(),
        snapshot: None,
        size: None,
        restore_ms: None,
        read_ms: None,
        reasons: Vec::new(),
    };
    if let Err(failure) = restore_and_read(doors, &repository, &back.folder, &mut verified) {
        verified.reasons.push(told(doors, failure));
    }
    verified.at = doors.clock.now();
    let path = evidence::write(&doors.workspace, evidence::VERIFY, name, &verified)?;
    let kind = if verified.reasons.is_empty() { "backup.verify" } else { "backup.verify.failed" };
    tell(doors, kind, name, verified.size.map(|size| size.bytes as f64), vec![path])?;
    if verified.reasons.is_empty() {
        return Ok(verified);
    }
    let failure = Failure::no(format!("the backup `{name}` cannot be relied on"));
    Err(verified
        .reasons
        .into_iter()
        .fold(failure, Failure::why)
        .next(format!("cargo xtask backup create {name}; then find out what harmed the repository")))
}

fn restore_and_read(
    doors: &Doors,
    repository: &Repository,
    back: &Path,
    verified: &mut Verified,
) -> Result<()> {
    let last = evidence::read::<Created>(&doors.workspace, evidence::BACKUP, repository.name)?;
    let newest = repository.newest()?;
    verified.reasons.extend(plan::of_snapshot(&last, newest.as_deref()));
    let Some(snapshot) = newest else { return Ok(()) };
    verified.snapshot = Some(snapshot.clone());
    let started = doors.clock.start();
    repository.restore(&snapshot, back)?;
    verified.restore_ms = Some(milliseconds(&started));
    let size = tree::measure(back)?;
    verified.size = Some(size);
    verified.reasons.extend(plan::of_known(&last, &snapshot, &size));
    let started = doors.clock.start();
    repository.read_all()?;
    verified.read_ms = Some(milliseconds(&started));
    Ok(())
}

/// What could be removed, and with `execute` is.
pub(super) fn prune(doors: &Doors, name: &str, backup: &Backup, execute: bool) -> Result<plan::Prune> {
    let keep = backup.keep.as_ref().ok_or_else(|| {
        Failure::refused(format!("nothing says what is kept of `{name}`"))
            .next(format!("declare `keep` in `[backups.{name}]` of `{}`", super::config::FILE))
    })?;
    let repository = Repository { doors, name, backup };
    repository.require()?;
    let last = evidence::read::<Created>(&doors.workspace, evidence::BACKUP, name)?;
    let pruned =
        plan::of_prune(&last, &repository.snapshots()?, repository.expendable(keep)?).map_err(|why| {
            Failure::refused(format!("nothing of `{name}` may be removed"))
                .why(why)
                .next(format!("cargo xtask backup create {name}"))
        })?;
    if execute && !pruned.go.is_empty() {
        repository.forget(&pruned.go)?;
        let gone = pruned.go.iter().map(|snapshot| snapshot.id.clone()).collect();
        tell(doors, "backup.prune", name, Some(pruned.go.len() as f64), gone)?;
    }
    Ok(pruned)
}

/// The snapshots that are there, the oldest first.
pub(super) fn snapshots(doors: &Doors, name: &str, backup: &Backup) -> Result<Vec<Snapshot>> {
    let repository = Repository { doors, name, backup };
    repository.require()?;
    repository.snapshots()
}

/// A failure as one reason.
fn told(doors: &Doors, failure: Failure) -> String {
    doors.environment.mask(&failure.in_one_line())
}

/// Runs a program that must end with 0.
pub(super) fn must(doors: &Doors, command: &Command) -> Result<()> {
    let captured = doors.shell.capture(command)?;
    if captured.is_success() {
        return Ok(());
    }
    let said = doors.environment.mask(captured.stderr.trim());
    Err(Failure::no(format!("`{}` failed", doors.environment.mask(&command.to_string())))
        .why(format!("{}: {said}", captured.ended)))
}

fn milliseconds(started: &Started) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn tell(
    doors: &Doors,
    kind: &str,
    name: &str,
    value: Option<f64>,
    evidence: Vec<String>,
) -> anyhow::Result<()> {
    let entry = Entry { kind: kind.into(), subject: name.into(), value, evidence, ..Entry::default() };
    journal::append(&doors.workspace, &doors.clock, vec![entry]).map(drop)
}
