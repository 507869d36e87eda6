//! Keeps every run: its events while it happens, its reports when it is over.
//!
//! A run has a folder `.xtask/runs/<run>/` with `events.jsonl`, a log for each step (their writer is the executor),
//! `report.md` and `junit.xml`. The name of a run sorts by time. While it is written its writer holds `lock`, so a run
//! that is still going on is never pruned, and one whose writer was killed is known by the lock that nobody holds.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use crate::clock::Clock;
use crate::digest::Digest;
use crate::doors::Doors;
use crate::environment::Environment;
use crate::event::{self, Event, Stamped};
use crate::failure::{Failure, Result};
use crate::files;
use crate::report;
use crate::shell::Command;
use crate::workspace::Workspace;

/// The name for the newest run.
pub const LAST: &str = "last";

/// The runs that a failure names.
const NAMED_MAX: usize = 5;

/// The smallest step summary worth appending, in bytes.
const SUMMARY_BYTES_MIN: u64 = 1024;

/// Writes a run down.
#[derive(Debug)]
pub struct Recorder {
    workspace: Workspace,
    run: String,
    file: File,
    events: Vec<Stamped>,
    /// Held until the recorder is dropped.
    _lock: File,
}

impl Recorder {
    /// Begins the record of a new run, in a folder of its own.
    pub fn create(workspace: &Workspace, clock: &Clock) -> anyhow::Result<Recorder> {
        let moment = clock.now().strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        let mut tried: u32 = 0;
        loop {
            let seed = format!("{moment} {} {tried}", std::process::id());
            let run = format!("{moment}-{}", &Digest::of(seed).to_string()[..4]);
            let folder = workspace.run(&run);
            let path = folder.join("events.jsonl");
            tried += 1;
            if path.exists() {
                continue;
            }
            // The lock decides between two processes that chose the same name.
            let Some(lock) = files::try_lock(&folder.join("lock"))? else { continue };
            if path.exists() {
                continue;
            }
            let file = files::open_append(&path)?;
            return Ok(Recorder { workspace: workspace.clone(), run, file, events: Vec::new(), _lock: lock });
        }
    }

    /// The run's name.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Writes an event down. It is with the system when this returns, so it survives the death of this process; the
    /// end of the run is on the disk.
    pub fn record(&mut self, event: &Stamped) -> anyhow::Result<()> {
        let line = serde_json::to_string(event)? + "\n";
        let written = self.file.write_all(line.as_bytes()).and_then(|()| match event.event {
            // A run in which nothing ran tells nothing that the receipts do not: it does not wait for the disk.
            Event::RunFinished { .. } if self.something_ran() => self.file.sync_data(),
            _ => Ok(()),
        });
        written.with_context(|| format!("cannot write the events of run `{}`", self.run))?;
        self.events.push(event.clone());
        Ok(())
    }

    fn something_ran(&self) -> bool {
        self.events.iter().any(|stamped| matches!(stamped.event, Event::StepStarted { .. }))
    }

    /// Writes the reports beside the events, and the step summary of a GitHub job.
    pub fn finish(self, environment: &Environment) -> anyhow::Result<()> {
        let folder = self.workspace.run(&self.run);
        files::write_cache(
            &folder.join("report.md"),
            report::markdown(&self.events, report::SUMMARY_BYTES_MAX),
        )?;
        files::write_cache(&folder.join("junit.xml"), report::junit(&self.events))?;
        summarize(environment, &self.events)
    }
}

/// Where collectors of spans are, as the specification of OpenTelemetry names the variables; the first is for spans alone.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// What the process that sends them needs beside these.
const PASSED: [&str; 4] =
    ["OTEL_EXPORTER_OTLP_HEADERS", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"];

/// True when the environment names a collector of spans.
pub fn is_collected(environment: &Environment) -> bool {
    ENDPOINTS.iter().any(|name| environment.get(name).is_some_and(|value| !value.is_empty()))
}

/// Starts the process that follows a recording and sends its spans; it goes on when this one ends. What goes wrong is in the
/// log, and nothing else is.
pub fn follow(doors: &Doors, program: &Path, words: &[&str], log: &Path) -> anyhow::Result<()> {
    let words = ["trace", "--follow"].iter().chain(words).copied();
    let mut command = Command::new(program.display().to_string(), words);
    for name in ENDPOINTS.into_iter().chain(PASSED) {
        if let Some(value) = doors.environment.get(name).filter(|value| !value.is_empty()) {
            command = command.with(name, value);
        }
    }
    doors.shell.detach(&command, log).map(drop)
}

/// Appends the run to the step summary of a GitHub job; elsewhere does nothing.
fn summarize(environment: &Environment, events: &[Stamped]) -> anyhow::Result<()> {
    let Some(path) = environment.get("GITHUB_STEP_SUMMARY").filter(|_| environment.is_github()) else {
        return Ok(());
    };
    let mut file = files::open_append(path.as_ref())?;
    let mut written = || -> std::io::Result<()> {
        // The limit is for the whole file, and something else may have written to it before.
        let there = file.metadata()?.len();
        let left = (report::SUMMARY_BYTES_MAX as u64).saturating_sub(there);
        if left < SUMMARY_BYTES_MIN {
            return Ok(());
        }
        let limit = usize::try_from(left).unwrap_or(report::SUMMARY_BYTES_MAX);
        file.write_all(report::markdown(events, limit).as_bytes())
    };
    written().with_context(|| format!("cannot append to the step summary `{path}`"))
}

/// The recorded runs, oldest first.
pub fn list(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let folders = files::list(&workspace.runs())?;
    let names = folders.iter().filter(|folder| folder.join("events.jsonl").is_file());
    Ok(names.filter_map(|folder| folder.file_name()?.to_str()).map(str::to_owned).collect())
}

/// The run that a person means: `last`, a whole name, or the beginning of exactly one.
pub fn find(workspace: &Workspace, wanted: &str) -> Result<String> {
    let mut runs = list(workspace)?;
    let Some(newest) = runs.last() else {
        return Err(Failure::refused("no run is recorded yet")
            .why(format!("`{}` holds none", workspace.name_of(&workspace.runs())))
            .next("cargo xtask ci"));
    };
    if wanted == LAST {
        return Ok(newest.clone());
    }
    if runs.iter().any(|run| run == wanted) {
        return Ok(wanted.to_owned());
    }
    let matching: Vec<_> = runs.iter().filter(|run| run.starts_with(wanted)).cloned().collect();
    if let [only] = &matching[..] {
        return Ok(only.clone());
    }
    let (problem, mut known) = match matching.is_empty() {
        true => (format!("no recorded run is named `{wanted}`"), std::mem::take(&mut runs)),
        false => (format!("`{wanted}` is the beginning of {} runs", matching.len()), matching),
    };
    let newest = known.last().cloned().unwrap_or_default();
    let older = known.len().saturating_sub(NAMED_MAX);
    let mut failure = Failure::usage(problem);
    for run in known.split_off(older).into_iter().rev() {
        failure = failure.why(run);
    }
    if older > 0 {
        failure = failure.why(format!("and {older} older"));
    }
    Err(failure.next(format!("name one of these, or `{LAST}`: cargo xtask ci replay {newest}")))
}

/// The events of a recorded run, found as [`find`] does. A last line that is torn is left out.
pub fn read(workspace: &Workspace, wanted: &str) -> Result<Vec<Stamped>> {
    let run = find(workspace, wanted)?;
    let path = workspace.run(&run).join("events.jsonl");
    let text = String::from_utf8_lossy(&files::read(&path)?.unwrap_or_default()).into_owned();
    event::parse(&text).map_err(|error| {
        Failure::refused(format!("the recording of run `{run}` cannot be read"))
            .why(format!("`{}`: {error:#}", workspace.name_of(&path)))
            .next(format!(
                "look at the line; without this recording the run before it is the last: rm -r {}",
                workspace.name_of(&workspace.run(&run))
            ))
    })
}

/// Removes all but the newest `keep` runs, and returns their names. A run that is still going on stays.
pub fn prune(workspace: &Workspace, keep: usize) -> anyhow::Result<Vec<String>> {
    // Folders without events too: their writer was killed before the first.
    let folders = files::list(&workspace.runs())?;
    let names = folders.iter().filter_map(|folder| folder.file_name()?.to_str());
    let mut runs: Vec<_> = names.map(str::to_owned).collect();
    runs.truncate(runs.len().saturating_sub(keep));
    let mut removed = Vec::new();
    for run in runs {
        let folder = workspace.run(&run);
        let Some(lock) = files::try_lock(&folder.join("lock"))? else { continue };
        drop(lock);
        files::remove_folder(&folder)?;
        removed.push(run);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests;
