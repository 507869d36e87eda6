//! What people read of backups and drills. Pure.

use std::time::Duration;

use jiff::Timestamp;

use nexus_xtask::clock::{ago, spoken};
use nexus_xtask::terminal::printable;

use super::Listed;
use super::config::{Config, Keep, Source};
use super::evidence::{Age, Created, Drilled, Size, Verified};
use super::plan::{Prune, short};
use super::restic::Snapshot;

/// Bytes of a megabyte.
const MEGABYTE: f64 = 1_000_000.0;

/// A backup that was made.
pub fn created(name: &str, created: &Created) -> String {
    format!(
        "{name}: {}, snapshot {}; dumped in {}, stored in {}, read back in {}",
        size(&created.size),
        short(&created.snapshot),
        time(created.dump_ms),
        time(created.store_ms),
        time(created.verify_ms)
    )
}

/// A backup that was looked at.
pub fn verified(name: &str, verified: &Verified) -> String {
    format!(
        "{name}: {}, snapshot {}; restored in {} as it was made, the repository read in {}",
        verified.size.as_ref().map_or_else(String::new, size),
        verified.snapshot.as_deref().map_or("none", short),
        took(verified.restore_ms),
        took(verified.read_ms)
    )
}

/// A backup that was restored.
pub fn restored(name: &str, snapshot: &str, came: &Size, into: &str) -> String {
    format!("{name}: {} of snapshot {} are in {}", size(came), short(snapshot), printable(into))
}

/// What goes and what stays.
pub fn pruned(name: &str, prune: &Prune, execute: bool) -> String {
    let word = if execute { "gone" } else { "would go" };
    let mut text = format!("{name}: {} {word}, {} stay", prune.go.len(), prune.stay.len());
    for (word, snapshots) in [(word, &prune.go), ("stays", &prune.stay)] {
        for snapshot in snapshots {
            text.push_str(&format!("\n  {word:<8}  {}", line(snapshot)));
        }
    }
    text
}

/// What is known of a backup.
pub fn listed(name: &str, listed: &Listed, now: Timestamp) -> String {
    let mut text = match (&listed.last, &listed.tampered) {
        (_, Some(why)) => format!("{name}: its evidence counts for nothing: {why}"),
        (Some(last), None) => {
            format!(
                "{name}: read back {}, {}, snapshot {}",
                ago(last.at, now),
                size(&last.size),
                short(&last.snapshot)
            )
        }
        (None, None) => format!("{name}: was never made and read back here"),
    };
    match (&listed.snapshots, &listed.unknown) {
        (Some(snapshots), _) => {
            snapshots.iter().for_each(|snapshot| text.push_str(&format!("\n  {}", line(snapshot))));
        }
        (None, why) => {
            let why = why.as_deref().unwrap_or("it was not asked");
            text.push_str(&format!("\n  what the repository holds is unknown: {}", printable(why)));
        }
    }
    text
}

/// A drill that was green.
pub fn drilled(name: &str, drilled: &Drilled) -> String {
    let release = drilled.release.as_ref().map_or_else(String::new, |release| format!(" by {release}"));
    format!(
        "{name}: green; {} restored in {}, served{release} after {}; the newest record was {} s old",
        drilled.size.as_ref().map_or_else(String::new, size),
        took(drilled.restore_ms),
        took(drilled.recovery_ms),
        drilled.newest_age_seconds.unwrap_or_default()
    )
}

/// What a drill is worth now, in words; the first of them says whether it opens a gate.
pub fn age(age: &Age) -> String {
    let passed = |seconds: i64| {
        let begin = Timestamp::UNIX_EPOCH;
        ago(begin, Timestamp::from_second(seconds).unwrap_or(begin))
    };
    match age {
        Age::Good(seconds) => format!("good: passed {}", passed(*seconds)),
        Age::Missing => "missing: it was never run here".to_owned(),
        Age::Expired(seconds) => format!("expired: passed {}, which is too long", passed(*seconds)),
        Age::Failed(reasons) => format!("failed: {}", printable(&reasons.join("; "))),
        Age::Tampered(why) => format!("tampered: {}", printable(why)),
    }
}

/// What is declared, as a part of a document.
pub fn document(config: &Config) -> String {
    let mut text = String::from(
        "| backup | what | where | how often | who answers | who restores | kept |\n|---|---|---|---|---|---|---|\n",
    );
    for (name, backup) in &config.backups {
        let cells = [
            format!("`{name}`"),
            source(&backup.source),
            format!("`{}`", backup.repository),
            backup.schedule.clone(),
            backup.owner.clone(),
            backup.restored_by.clone(),
            backup.keep.as_ref().map_or_else(|| "everything".to_owned(), kept),
        ];
        text.push_str(&row(&cells));
    }
    text.push_str(
        "\n| drill | restores | boots | served within | newest record at most | counts for |\n|---|---|---|---|---|---|\n",
    );
    for (name, drill) in &config.restore_drills {
        let boots = match &drill.release_of {
            Some(stage) => format!("the confirmed release of `{stage}`"),
            None => drill.boot.first().map_or_else(String::new, |program| format!("`{program}`")),
        };
        let cells = [
            format!("`{name}`"),
            format!("`{}`", drill.backup),
            boots,
            format!("{} s", drill.recovery_seconds_max),
            format!("{} s old", drill.newest_age_seconds_max),
            format!("{} days", drill.age_days_max),
        ];
        text.push_str(&row(&cells));
    }
    if !config.stage_drills.is_empty() {
        text.push_str("\n| drill on a stage | what | of | within | counts for |\n|---|---|---|---|---|\n");
    }
    for (name, drill) in &config.stage_drills {
        let cells = [
            format!("`{name}`"),
            format!("`{}`", drill.kind.word()),
            format!("`{}`", drill.stage),
            format!("{} s", drill.seconds_max),
            format!("{} days", drill.age_days_max),
        ];
        text.push_str(&row(&cells));
    }
    text
}

fn source(source: &Source) -> String {
    match source {
        Source::Sqlite { file } => format!("the SQLite database `{file}`"),
        Source::Postgres { variables } => {
            let name = variables.get("PGDATABASE").map_or("of that user", String::as_str);
            format!("the PostgreSQL database `{name}`")
        }
        Source::Command { command } => {
            format!("what `{}` writes", command.first().map_or("nothing", String::as_str))
        }
    }
}

fn kept(keep: &Keep) -> String {
    let counts =
        [("newest", keep.last), ("daily", keep.daily), ("weekly", keep.weekly), ("monthly", keep.monthly)];
    let some = counts.into_iter().filter(|(_, count)| *count > 0);
    some.map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

fn row(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn line(snapshot: &Snapshot) -> String {
    format!("{}  {}", short(&snapshot.id), snapshot.time)
}

fn size(size: &Size) -> String {
    let files = if size.files == 1 { "file" } else { "files" };
    let amount = match size.bytes as f64 / MEGABYTE {
        megabytes if megabytes < 1.0 => format!("{:.1} kB", megabytes * 1000.0),
        megabytes => format!("{megabytes:.1} MB"),
    };
    format!("{amount} in {} {files}", size.files)
}

fn time(milliseconds: u64) -> String {
    spoken(Duration::from_millis(milliseconds))
}

fn took(milliseconds: Option<u64>) -> String {
    milliseconds.map_or_else(|| "no time that was measured".to_owned(), time)
}

#[cfg(test)]
mod tests;
