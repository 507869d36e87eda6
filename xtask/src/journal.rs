//! The journal: an append-only log of what changed, one JSON line each.
//!
//! - Every writer (a machine, a CI run) has a chain of its own: `prev` is the sha256 of that writer's previous line, so
//!   a changed, lost or inserted line shows. Chains are never re-linked; a fold takes the union.
//! - An append holds the journal's lock and is on the disk before it returns, so two processes never interleave.
//! - A writer that was killed may leave a torn last line. The next append sets it aside (`<file>.torn-<seq>`) and says
//!   so by an event of its own; nothing is dropped silently.
//!
//! Files are named by month and sort by name; a chain goes on from one to the next. Those of other machines are below `others/`, where
//! [`sync`] puts them and nobody appends.

pub mod sync;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::digest::Digest;
use crate::files;
use crate::workspace::Workspace;

use backwards::Backwards;

mod backwards;

/// The version that is written.
pub const VERSION: u32 = 1;

/// The kind of the event that tells of a torn line.
const TORN: &str = "journal.torn";

/// What `prev` is in the first line of a chain.
const NONE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The version of the format.
    pub v: u32,
    /// Whose chain the line belongs to.
    pub writer: String,
    /// Its place in that chain, from 1.
    pub seq: u64,
    /// When it was written.
    pub ts: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
    /// The sha256 of the writer's previous line, without its line end.
    pub prev: String,
}

/// What a line says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The kind of event: `ci.run`, ...
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Names and values to select by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// A figure, in the unit that the kind defines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What shows it: paths, digests, addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The run it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// What a look at the whole journal found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Lines that belong to an unbroken chain.
    pub lines: Vec<Line>,
    /// Where a chain is broken, and how.
    pub broken: Vec<String>,
    /// A last line without its end: the writer was killed. The next append sets it aside.
    pub torn: Option<String>,
    /// Lines that were set aside earlier.
    pub set_aside: Vec<String>,
}

/// Appends events to the chain of this machine, and returns them as they were written.
pub fn append(workspace: &Workspace, clock: &Clock, entries: Vec<Entry>) -> anyhow::Result<Vec<Line>> {
    let folder = workspace.journal();
    let _held = files::lock(&folder.join("lock"))?;
    let writer = writer(workspace)?;
    let now = clock.now();
    let path = folder.join(now.strftime("%Y-%m.jsonl").to_string());

    let torn = set_torn_aside(workspace, &folder)?;
    let (mut seq, mut prev) = last_of(&folder, &writer)?;
    let mut text = String::new();
    let mut lines = Vec::new();
    for entry in torn.into_iter().chain(entries) {
        seq += 1;
        let line = Line { v: VERSION, writer: writer.clone(), seq, ts: now, entry, prev };
        let json = serde_json::to_string(&line)?;
        prev = Digest::of(&json).to_string();
        text.push_str(&json);
        text.push('\n');
        lines.push(line);
    }
    let mut file: File = files::open_append(&path)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_data())
        .with_context(|| format!("cannot append to `{}`", path.display()))?;
    Ok(lines)
}

/// Reads the whole journal and checks every chain.
pub fn verify(workspace: &Workspace) -> anyhow::Result<Report> {
    let mut lines = Vec::new();
    let report = fold(workspace, |line| lines.push(line))?;
    Ok(Report { lines, ..report })
}

/// Checks every chain, and hands over each line of the journal as it is read: of each writer in the order of its chain.
/// The report has no lines, so what this needs does not grow with the journal.
pub fn fold(workspace: &Workspace, mut each: impl FnMut(Line)) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut chains = Chains::new();
    let mut paths = months(&workspace.journal())?;
    let last = paths.last().cloned();
    for folder in files::list(&others(workspace))? {
        paths.extend(months(&folder)?);
    }
    for path in files::list(&workspace.journal())? {
        if path.extension().is_some_and(|extension| extension.to_string_lossy().starts_with("torn-")) {
            report.set_aside.push(workspace.name_of(&path));
        }
    }
    let mut bytes = Vec::new();
    for path in paths {
        let Some(mut file) = files::reader(&path)? else { continue };
        let name = workspace.name_of(&path);
        for number in 1.. {
            bytes.clear();
            let read = file.read_until(b'\n', &mut bytes);
            if read.with_context(|| format!("cannot read `{}`", path.display()))? == 0 {
                break;
            }
            let place = || format!("{name}:{number}");
            let Some(json) = bytes.strip_suffix(b"\n") else {
                match Some(&path) == last.as_ref() {
                    true => report.torn = Some(place()),
                    false => report.broken.push(format!("{}: the line has no end", place())),
                }
                continue;
            };
            let line = match serde_json::from_slice::<Line>(json) {
                Ok(line) if line.v <= VERSION => line,
                // The lines around it still count, so the rest of the journal is read.
                Ok(_) | Err(_) => {
                    report.broken.push(match newer(json) {
                        Some(version) => {
                            format!(
                                "{}: a line of version {version}, and this xtask knows {VERSION}: update it",
                                place()
                            )
                        }
                        None => format!("{}: no journal line", place()),
                    });
                    continue;
                }
            };
            if let Some(seq) = follow(&mut chains, &line, json) {
                report.broken.push(format!(
                    "{}: does not follow line {seq} of writer {}",
                    place(),
                    line.writer
                ));
            }
            each(line);
        }
    }
    Ok(report)
}

/// The place and the digest of the newest line of each writer.
type Chains = BTreeMap<String, (u64, Digest)>;

/// Takes a line as the newest of its writer; the place of the one before, where it does not follow that.
fn follow(chains: &mut Chains, line: &Line, json: &[u8]) -> Option<u64> {
    let newest = (line.seq, Digest::of(json));
    let Some(before) = chains.get_mut(&line.writer) else {
        chains.insert(line.writer.clone(), newest);
        return (line.prev != NONE || line.seq != 1).then_some(0);
    };
    let (seq, digest) = std::mem::replace(before, newest);
    (!digest.is_written(&line.prev) || line.seq != seq + 1).then_some(seq)
}

/// The name of this machine's chain: made once, kept in the state folder.
pub fn writer(workspace: &Workspace) -> anyhow::Result<String> {
    let path = workspace.state().join("writer");
    if let Some(name) =
        files::read_text(&path)?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    {
        return Ok(name);
    }
    // Random enough for a name: the standard library seeds its hash maps from the system's randomness.
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());
    let name = format!("w{random:016x}");
    files::write(&path, format!("{name}\n"))?;
    Ok(name)
}

/// The folder with the lines of other writers, as the shared branch has them: a folder for each.
pub fn others(workspace: &Workspace) -> PathBuf {
    workspace.journal().join("others")
}

fn months(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = files::list(folder)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    Ok(paths)
}

/// Moves a torn last line out of the newest file; returns the event that tells of it.
fn set_torn_aside(workspace: &Workspace, folder: &Path) -> anyhow::Result<Option<Entry>> {
    let Some(path) = months(folder)?.pop() else { return Ok(None) };
    // What stands after the last line end.
    let torn = Backwards::open(&path).before()?.unwrap_or_default();
    if torn.is_empty() {
        return Ok(None);
    }
    let bytes = files::read(&path)?.unwrap_or_default();
    let whole = bytes.len() - torn.len();
    let aside = path.with_extension(format!("jsonl.torn-{}", Digest::of(&torn).short()));
    files::write(&aside, &torn)?;
    files::write(&path, &bytes[..whole])?;
    Ok(Some(Entry {
        kind: TORN.into(),
        subject: workspace.name_of(&path),
        evidence: vec![workspace.name_of(&aside)],
        ..Entry::default()
    }))
}

/// The place and digest of the writer's last line, found from the end.
fn last_of(folder: &Path, writer: &str) -> anyhow::Result<(u64, String)> {
    for path in months(folder)?.into_iter().rev() {
        let mut lines = Backwards::open(&path);
        while let Some(json) = lines.before()? {
            if json.is_empty() {
                continue;
            }
            // What is appended after a line that nobody here understands could not be read as one chain.
            if let Some(version) = newer(&json) {
                anyhow::bail!(
                    "`{}` holds a line of version {version}, and this xtask knows {VERSION}: update it; nothing was written",
                    path.display()
                );
            }
            let line: Line = serde_json::from_slice(&json)
                .with_context(|| format!("`{}` holds a line that is no journal line", path.display()))?;
            if line.writer == writer {
                return Ok((line.seq, Digest::of(&json).to_string()));
            }
        }
    }
    Ok((0, NONE.to_owned()))
}

/// The version of a line that is newer than what is known here, also where nothing else of it can be read.
fn newer(json: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u32,
    }
    serde_json::from_slice::<Versioned>(json).ok().map(|line| line.v).filter(|version| *version > VERSION)
}

#[cfg(test)]
mod tests;
