//! A journal as a team writes it in years: mostly changes of signals, then runs and deployments, some of everything else.

use std::path::Path;

use jiff::Timestamp;

use nexus_xtask::clock::Clock;
use nexus_xtask::files;
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::workspace::Workspace;

/// Two years before this the first event was written.
const END_SECOND: i64 = 1_780_000_000;
const YEARS_SECONDS: i64 = 2 * 365 * 24 * 60 * 60;

/// Moments at which something is written: the rest of a journal's events follow each other closely.
const MOMENTS: usize = 200;

/// Writes a workspace with a journal of so many events.
pub(super) fn write(root: &Path, events: usize) -> anyhow::Result<()> {
    files::remove_folder(root)?;
    files::write(&root.join("Cargo.toml"), "[workspace]\n")?;
    let workspace = Workspace::at(root);
    let each = events.div_ceil(MOMENTS);
    for moment in 0..MOMENTS {
        let from = moment * each;
        let entries: Vec<_> = (from..(from + each).min(events)).map(entry).collect();
        let share = i64::try_from(moment)? * YEARS_SECONDS / i64::try_from(MOMENTS)?;
        let clock = Clock::fixed(Timestamp::from_second(END_SECOND - YEARS_SECONDS + share)?);
        journal::append(&workspace, &clock, entries)?;
    }
    Ok(())
}

/// The event with this number.
fn entry(number: usize) -> Entry {
    let word = |words: &[&str], step: usize| words[number / step % words.len()].to_owned();
    let stage = word(&["staging", "canary", "production"], 2);
    let commit = format!("{:040x}", number / 50);
    let release = format!("1.{}.0-5ea1", number / 100);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let (kind, subject, labels, value) = match number % 20 {
        0 => ("ci.run", word(&["passed", "failed", "passed"], 20), vec![pair("commit", &commit)], Some(60.0)),
        1 => ("deploy.begun", stage, vec![pair("release", &release)], None),
        2 => {
            let outcome = word(&["Succeeded", "Succeeded", "RolledBack"], 20);
            let labels = vec![pair("release", &release), pair("outcome", &outcome), pair("way", "forward")];
            ("deploy.ended", stage, labels, None)
        }
        3 => ("backup.create", word(&["orders", "guestbook"], 20), Vec::new(), Some(5.0e6)),
        4 => ("drill.restore", "guestbook".to_owned(), Vec::new(), Some(12.5)),
        5 => {
            let level = word(&["tested", "built", "deployed"], 20);
            let labels = vec![pair("level", &level), pair("commit", &commit)];
            ("claim.level", format!("claim-{}", number / 20 % 40), labels, None)
        }
        6 if number % 100 == 6 => {
            ("release.published", format!("v1.{}.0", number / 100), vec![pair("commit", &commit)], None)
        }
        _ => {
            let state = word(&["up", "down", "unknown", "stale"], 7);
            let labels =
                vec![pair("before", "up"), pair("state", &state), pair("reason", "503 where 200 is wanted")];
            ("signal.changed", format!("signal-{}", number % 30), labels, None)
        }
    };
    Entry { kind: kind.to_owned(), subject, labels: labels.into_iter().collect(), value, ..Entry::default() }
}
