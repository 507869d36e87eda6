//! What is done, one action at a time. What it means is said in `plan`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;

use nexus_xtask::clock::Started;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::shell::Command;
use nexus_xtask::shell::beside::Beside;

use super::config::{Backup, RestoreDrill};
use super::evidence::{self, Created, Drilled, Kept, VERSION};
use super::restic::Repository;
use super::{dump, plan, tree};

/// How long is waited between two questions whether a release is ready.
const PROBE_EVERY: Duration = Duration::from_millis(50);

/// A folder for one action, removed with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new(doors: &Doors, purpose: &str) -> Result<Scratch> {
        let folder = doors.workspace.state().join("resilience").join("scratch");
        files::create_folder(&folder)?;
        let path = folder.join(format!("{purpose}-{}", std::process::id()));
        files::remove_folder(&path)?;
        files::create_private_folder(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays costs disk only, and the next action of this name removes it.
        files::remove_folder(&self.0).ok();
    }
}

/// Makes the repository of a backup.
///
/// # Errors
/// Where restic refuses, as it does when there is one already.
pub fn init(doors: &Doors, name: &str, backup: &Backup) -> Result<()> {
    Repository { doors, name, backup }.init()
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
    let started = doors.clock.start();
    let dumped = Scratch::new(doors, &format!("dump-{name}"))?;
    dump::run(doors, &backup.source, &dumped.0)?;
    let size = tree::measure(&dumped.0)?;
    refuse(name, plan::of_dump(last.as_ref(), &size, backup.shrink_percent_max, reason))?;
    let snapshot = repository.store(&dumped.0)?;
    let create_ms = milliseconds(&started);

    let started = doors.clock.start();
    let back = Scratch::new(doors, &format!("back-{name}"))?;
    repository.restore(&snapshot, &back.0)?;
    refuse(name, plan::of_restored(&size, &tree::measure(&back.0)?).into_iter().collect())?;
    repository.check()?;
    let verify_ms = milliseconds(&started);
    let at = doors.clock.now();
    let shrink_reason = reason.map(str::to_owned);
    // Listed ids are whole ones; the id of the summary may be short in older versions of restic.
    let snapshot = repository.newest()?.filter(|newest| newest.starts_with(&snapshot)).unwrap_or(snapshot);
    Ok(Created { v: VERSION, at, snapshot, size, create_ms, verify_ms, shrink_reason })
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

pub(super) fn restore(doors: &Doors, name: &str, backup: &Backup, into: &Path) -> Result<()> {
    if into.exists() && (!into.is_dir() || !files::list(into)?.is_empty()) {
        return Err(Failure::refused(format!("`{}` is not an empty folder", into.display()))
            .why("a restore overwrites nothing")
            .next("name a folder that is empty or not there"));
    }
    let last = evidence::read::<Created>(&doors.workspace, evidence::BACKUP, name)?;
    let repository = Repository { doors, name, backup };
    let Some(snapshot) = repository.newest()? else {
        return Err(Failure::refused(format!("the repository holds no snapshot of `{name}`"))
            .next(format!("`cargo xtask backup create {name}`")));
    };
    files::create_folder(into)?;
    repository.restore(&snapshot, into)?;
    if let Kept::Whole(last) = last
        && last.snapshot == snapshot
        && let Some(reason) = plan::of_restored(&last.size, &tree::measure(into)?)
    {
        return Err(Failure::no(format!("what was restored of `{name}` cannot be trusted")).why(reason));
    }
    Ok(tell(doors, "backup.restore", name, None, vec![snapshot])?)
}

pub(super) fn drill(doors: &Doors, name: &str, drill: &RestoreDrill, backup: &Backup) -> Result<Drilled> {
    let mut drilled = Drilled {
        v: VERSION,
        at: doors.clock.now(),
        snapshot: None,
        size: None,
        restore_ms: None,
        recovery_ms: None,
        newest_age_seconds: None,
        reasons: Vec::new(),
    };
    let began = drilled.at;
    if let Err(failure) = observe(doors, name, drill, backup, began, &mut drilled) {
        let reason = std::iter::once(failure.problem).chain(failure.why).collect::<Vec<_>>().join(": ");
        drilled.reasons.push(doors.environment.mask(&reason));
    }
    drilled.reasons.extend(plan::of_figures(drill, &drilled));
    drilled.at = doors.clock.now();
    let path = evidence::write(&doors.workspace, evidence::DRILL, name, &drilled)?;
    let kind = if drilled.reasons.is_empty() { "drill.restore" } else { "drill.restore.failed" };
    let seconds = drilled.recovery_ms.map(|took| took as f64 / 1000.0);
    tell(doors, kind, name, seconds, vec![path])?;
    if drilled.reasons.is_empty() {
        return Ok(drilled);
    }
    let failure = Failure::no(format!("the drill `{name}` is red"));
    Err(drilled
        .reasons
        .into_iter()
        .fold(failure, Failure::why)
        .next("make a backup that works, then drill again"))
}

fn observe(
    doors: &Doors,
    name: &str,
    drill: &RestoreDrill,
    backup: &Backup,
    began: Timestamp,
    drilled: &mut Drilled,
) -> Result<()> {
    let repository = Repository { doors, name: &drill.backup, backup };
    let last = evidence::read::<Created>(&doors.workspace, evidence::BACKUP, &drill.backup)?;
    let newest = repository.newest()?;
    drilled.reasons.extend(plan::of_snapshot(&last, newest.as_deref()));
    let Some(snapshot) = newest else { return Ok(()) };
    drilled.snapshot = Some(snapshot.clone());

    let started = doors.clock.start();
    let place = Scratch::new(doors, &format!("drill-{name}"))?;
    repository.restore(&snapshot, &place.0)?;
    drilled.restore_ms = Some(milliseconds(&started));
    let size = tree::measure(&place.0)?;
    drilled.size = Some(size);
    if let Kept::Whole(last) = &last
        && last.snapshot == snapshot
        && let Some(reason) = plan::of_restored(&last.size, &size)
    {
        return Err(Failure::no(reason));
    }
    let port = free_port()?;
    for command in &drill.prepare {
        must(doors, &filled(command, &place.0, port))?;
    }
    let mut release = doors.shell.start(&filled(&drill.boot, &place.0, port))?;
    let result = until_ready(doors, drill, &place.0, port, &started, &mut release).and_then(|took| {
        drilled.recovery_ms = Some(took);
        look(doors, drill, &place.0, port, began, drilled)
    });
    // It may have ended by itself, which the probe or a check has told already.
    release.kill().ok();
    result
}

fn until_ready(
    doors: &Doors,
    drill: &RestoreDrill,
    folder: &Path,
    port: u16,
    started: &Started,
    release: &mut Beside,
) -> Result<u64> {
    let limit = Duration::from_secs(drill.recovery_seconds_max);
    let probe = filled(&drill.probe, folder, port);
    loop {
        let said = doors.shell.capture(&probe)?;
        if said.is_success() {
            return Ok(milliseconds(started));
        }
        if let Some(ended) = release.wait_for(PROBE_EVERY)? {
            return Err(Failure::no(format!("the previous release ended before it was ready: {ended}")));
        }
        if started.elapsed() > limit {
            let last = format!("{}: {}", said.ended, said.stderr.trim());
            return Err(Failure::no(format!(
                "the previous release was not ready within {} s",
                limit.as_secs()
            ))
            .why(last));
        }
    }
}

fn look(
    doors: &Doors,
    drill: &RestoreDrill,
    folder: &Path,
    port: u16,
    began: Timestamp,
    drilled: &mut Drilled,
) -> Result<()> {
    for check in &drill.checks {
        let command = filled(&check.command, folder, port);
        let said = doors.shell.capture(&command)?;
        if !said.is_success() {
            drilled.reasons.push(format!(
                "check `{command}` ended with {}: {}",
                said.ended,
                said.stderr.trim()
            ));
        } else if said.text() != check.expect {
            drilled.reasons.push(format!("check `{command}` says `{}`, not `{}`", said.text(), check.expect));
        }
    }
    let command = filled(&drill.newest, folder, port);
    let said = doors.shell.read(&command)?;
    let newest = time(&said).ok_or_else(|| {
        Failure::no(format!("`{command}` prints `{said}`, which is no time: no record was recovered"))
    })?;
    drilled.newest_age_seconds = Some(began.as_second() - newest.as_second());
    Ok(())
}

fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse::<i64>()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .or_else(|| text.parse().ok())
}

/// A command with its placeholders filled in.
pub(super) fn filled(words: &[String], folder: &Path, port: u16) -> Command {
    let fill = |word: &String| {
        word.replace("{folder}", &folder.display().to_string()).replace("{port}", &port.to_string())
    };
    let mut words = words.iter().map(fill);
    Command::new(words.next().unwrap_or_default(), words)
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

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

fn milliseconds(started: &Started) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn tell(
    doors: &Doors,
    kind: &str,
    name: &str,
    value: Option<f64>,
    evidence: Vec<String>,
) -> anyhow::Result<()> {
    let entry = Entry { kind: kind.into(), subject: name.into(), value, evidence, ..Entry::default() };
    journal::append(&doors.workspace, &doors.clock, vec![entry]).map(drop)
}
