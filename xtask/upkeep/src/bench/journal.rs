//! The fold of a journal of five million events into metrics, with every chain checked, against a bare typed parse of the
//! same bytes. Both read line by line in this very process, which has to be a release build.

use std::hint::black_box;
use std::io::{BufRead as _, BufWriter, Write as _};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::journal::{self, Entry, Line};
use nexus_xtask::workspace::Workspace;

use super::figures::{Figure, median};

/// How many events.
const EVENTS: u64 = 5_000_000;

/// How much longer than the parse alone the fold may take.
const RATIO_MAX: f64 = 1.5;

/// Folds the journal of a workspace into metrics.
pub(crate) type Fold = fn(&Workspace) -> Result<String>;

pub(super) fn measure(doors: &Doors, folder: &Path, pairs: usize, fold: Fold) -> Result<Vec<Figure>> {
    let workspace = Workspace::at(&folder.join("workspace"));
    doors.terminal.talk(&format!("writing {EVENTS} events"));
    let bytes = write(&workspace)?;
    let (mut parses, mut folds) = (Vec::new(), Vec::new());
    let before = memory()?;
    // One round that is not counted: the files come into the system's memory.
    for round in 0..=pairs {
        let begun = doors.clock.start();
        let parsed = parse(&workspace)?;
        let alone = begun.elapsed().as_secs_f64();
        let begun = doors.clock.start();
        let text = fold(&workspace)?;
        let folded = begun.elapsed().as_secs_f64();
        if parsed != EVENTS || !text.contains(&format!("xtask_journal_events_total {EVENTS}\n")) {
            return Err(Failure::no(format!("{parsed} of {EVENTS} events were read"))
                .next("this is a defect of the benchmark or of the journal, please report it"));
        }
        if round > 0 {
            parses.push(alone);
            folds.push(folded);
        }
    }
    let (parse, fold) = (median(&parses), median(&folds));
    Ok(vec![
        Figure::plain("5 million events", bytes as f64 / 1e6, "MB"),
        Figure::plain("typed parse", parse, "s"),
        Figure::plain("fold into metrics, chains checked", fold, "s"),
        Figure::plain("fold / parse", fold / parse, "").at_most(RATIO_MAX),
        Figure::plain("memory, at most, beyond the start", (memory()? - before) / 1e3, "MB"),
    ])
}

/// Nothing but the lines as values.
fn parse(workspace: &Workspace) -> Result<u64> {
    let mut count = 0;
    let mut bytes = Vec::new();
    for path in files::list(&workspace.journal())? {
        let Some(mut file) = files::reader(&path)? else { continue };
        loop {
            bytes.clear();
            if file.read_until(b'\n', &mut bytes).map_err(anyhow::Error::from)? == 0 {
                break;
            }
            black_box(serde_json::from_slice::<Line>(&bytes).map_err(anyhow::Error::from)?);
            count += 1;
        }
    }
    Ok(count)
}

/// One event a second: of a hundred 70 runs, 15 backups, 11 drills, 2 deployments. Returns the bytes of all.
fn write(workspace: &Workspace) -> Result<u64> {
    let mut prev = "0".repeat(64);
    let mut bytes = 0;
    let mut open: Option<(String, BufWriter<std::fs::File>)> = None;
    for seq in 1..=EVENTS {
        let seconds = i64::try_from(seq).map_err(anyhow::Error::from)?;
        let ts = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000 + seconds);
        let line = Line {
            v: journal::VERSION,
            writer: "w0123456789abcdef".into(),
            seq,
            ts,
            entry: entry(seq),
            prev,
        };
        let json = serde_json::to_string(&line).map_err(anyhow::Error::from)?;
        let month = ts.strftime("%Y-%m.jsonl").to_string();
        let (_, file) = match open.take() {
            Some((name, file)) if name == month => open.insert((name, file)),
            _ => {
                let file = files::open_append(&workspace.journal().join(&month))?;
                open.insert((month, BufWriter::new(file)))
            }
        };
        file.write_all(json.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(anyhow::Error::from)?;
        bytes += json.len() as u64 + 1;
        prev = Digest::of(&json).to_string();
    }
    if let Some((_, mut file)) = open {
        file.flush().map_err(anyhow::Error::from)?;
    }
    Ok(bytes)
}

fn entry(seq: u64) -> Entry {
    let labels = |all: &[(&str, &str)]| {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let (kind, subject, all): (_, _, &[(&str, &str)]) = match seq % 100 {
        0..70 => {
            let commit = "0123456789abcdef0123456789abcdef01234567";
            let subject = if seq.is_multiple_of(7) { "failed" } else { "passed" };
            ("ci.run", subject, &[("clean", "true"), ("command", "cargo xtask ci"), ("commit", commit)])
        }
        70..85 => ("backup.create", "books", &[]),
        85..96 => ("drill.restore", "books", &[]),
        place => {
            let kind = if place.is_multiple_of(2) { "deploy.begun" } else { "deploy.ended" };
            (
                kind,
                "production",
                &[("release", "0.2.0-0123456789ab"), ("way", "forward"), ("outcome", "Succeeded")],
            )
        }
    };
    Entry {
        kind: kind.into(),
        subject: subject.into(),
        labels: labels(all),
        value: Some((seq % 900) as f64),
        evidence: vec![format!(".xtask/runs/{seq}")],
        run: Some(format!("20260101T000000000Z-{:04x}", seq % 65_536)),
    }
}

/// The most memory that this process ever had, in kilobytes.
fn memory() -> Result<f64> {
    let status = files::read_text(Path::new("/proc/self/status"))?.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kilobytes.ok_or_else(|| {
        Failure::refused("this system does not say how much memory a process had").next("measure on Linux")
    })
}
