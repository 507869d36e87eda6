//! Reads logs of steps: the end of one, and the lines of many that hold a text.
//!
//! A recording says where a log is, and a recording may say anything: only a file in the folder of its run is read.

use std::path::{Path, PathBuf};

use nexus_xtask::doors::Doors;
use nexus_xtask::report::run::{Run, Step};
use nexus_xtask::workspace::Workspace;
use nexus_xtask::{files, recording};

use super::LOGS_SEARCHED;
use super::index::{Index, ask};
use super::render::{Found, Lines, Log, Logs, plain};
use super::site::Question;

/// What is read of a log at most, from its end.
const BYTES_MAX: u64 = 512 * 1024;

/// What is read of each log where many are looked through.
const SEARCHED_BYTES_MAX: u64 = 128 * 1024;

/// Lines that are shown of each log where many are looked through.
const FOUND_LINES_MAX: usize = 8;

/// Logs that are shown of those that hold the text.
const FOUND_MAX: usize = 20;

/// The letters of a line that are shown: some tools write megabytes without an end.
const LETTERS_MAX: usize = 2000;

/// The log of a step; `None` where there is no such run or step.
pub(crate) fn one(
    doors: &Doors,
    run: &str,
    place: usize,
    question: &Question,
) -> anyhow::Result<Option<Log>> {
    let workspace = &doors.workspace;
    if !workspace.run(run).join("events.jsonl").is_file() {
        return Ok(None);
    }
    let Ok(events) = recording::read(workspace, run) else { return Ok(None) };
    let folded = Run::of(&events);
    let Some(step) = folded.steps.get(place) else { return Ok(None) };
    let path = path(workspace, run, step);
    let lines = match &path {
        Some(path) if path.is_file() => Some(lines(path, BYTES_MAX, &question.text)?),
        _ => None,
    };
    Ok(Some(Log {
        run: run.to_owned(),
        step: step.plan.step.clone(),
        word: step.word().to_owned(),
        path: path.map(|path| workspace.name_of(&path)).unwrap_or_default(),
        lines,
    }))
}

/// All logs, and the lines that hold a text where one is looked for.
pub(crate) fn all(doors: &Doors, index: &Index, question: &Question) -> anyhow::Result<Logs> {
    let mut rows = index.ask(|asked| ask::logs(asked, LOGS_SEARCHED))?;
    if !question.word.is_empty() {
        rows.retain(|row| row.word == question.word);
    }
    let mut found = None;
    if !question.text.is_empty() {
        let mut all = Vec::new();
        let mut known: Option<(String, Run)> = None;
        for row in &rows {
            if known.as_ref().is_none_or(|(name, _)| *name != row.run) {
                let events = recording::read(&doors.workspace, &row.run).unwrap_or_default();
                known = Some((row.run.clone(), Run::of(&events)));
            }
            let step = known.as_ref().and_then(|(_, run)| run.steps.get(row.place));
            let Some(path) = step.and_then(|step| path(&doors.workspace, &row.run, step)) else { continue };
            let mut lines = lines(&path, SEARCHED_BYTES_MAX, &question.text)?.lines;
            lines.truncate(FOUND_LINES_MAX);
            if !lines.is_empty() {
                all.push(Found { row: row.clone(), lines });
            }
            if all.len() == FOUND_MAX {
                break;
            }
        }
        found = Some(all);
    }
    rows.truncate(ask::ROWS_MAX);
    Ok(Logs { rows, found })
}

/// Where the log of a step is: a file that stands in the folder of its run, and is no link.
fn path(workspace: &Workspace, run: &str, step: &Step) -> Option<PathBuf> {
    let said = step.verdict.as_ref()?.log.as_ref()?;
    let folder = workspace.run(run);
    let path = folder.join(Path::new(said).file_name()?);
    let is_there = workspace.name_of(&path) == *said;
    (is_there && matches!(files::kind(&path), Ok(files::Kind::File { .. }))).then_some(path)
}

/// The last lines of a file that hold a text; numbers count from the first line that was read.
fn lines(path: &Path, limit: u64, text: &str) -> anyhow::Result<Lines> {
    let length = files::stamp(path).map_or(0, |stamp| stamp.length);
    let whole = files::tail(path, limit)?;
    let left_out = length.saturating_sub(limit);
    // The first line is a piece of one where something was left out.
    let read = if left_out > 0 { whole.split_once('\n').map_or("", |(_, rest)| rest) } else { &whole };
    let wanted = text.to_lowercase();
    let mut lines = Lines { left_out, ..Lines::default() };
    for (place, line) in read.lines().enumerate() {
        lines.looked_at += 1;
        let line: String = plain(line).chars().take(LETTERS_MAX).collect();
        if wanted.is_empty() || line.to_lowercase().contains(&wanted) {
            lines.lines.push((place + 1, line));
        }
    }
    Ok(lines)
}
