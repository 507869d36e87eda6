//! Backups and restore drills with a gigabyte in SQLite and in PostgreSQL, through restic: their figures, and four kinds of
//! harm to the repository that each turn the drill red.
//!
//! The proof is a test of the satellite, `xtask/deliver/tests/resilience/figures.rs`, with less data in every run; here the
//! peers are installed before, and their absence is a failure.

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::satellite::DELIVER;
use nexus_xtask::shell::{Command, Ended};

/// How the lines of the test begin that are for people.
const FIGURES: &str = "figures: ";

/// One engine after the other: figures of two that share a disk would say nothing of either.
const PROOF: &[&str] = &["--test", "resilience", "--", "--nocapture", "--test-threads", "1", "turns_red"];

/// Measures, and prints the figures.
pub(crate) fn run(doors: &Doors, megabytes: u32) -> Result<Exit> {
    let words = ["test", "--quiet", "--package", DELIVER.package].into_iter().chain(PROOF.iter().copied());
    let proof = Command::new("cargo", words)
        .with("XTASK_PEERS_REQUIRED", "1")
        .with("XTASK_DATABASES", "1")
        .with("RESILIENCE_MEGABYTES", megabytes.to_string());
    for command in [Command::new("scripts/peers.sh", ["--databases"]), proof] {
        let mut figures = Vec::new();
        let mut has_run = command.program != "cargo";
        let ended = doors.shell.follow(&command, &["XTASK_PEERS"], |line| {
            has_run |= line.contains("test result: ok. 2 passed");
            doors.terminal.talk(&line);
            // A dot of the test runner for each test that passed has no line of its own.
            figures.extend(line.trim_start_matches('.').strip_prefix(FIGURES).map(str::to_owned));
        })?;
        if ended != Ended::Exit(0) || !has_run {
            return Err(Failure::no("backups and restore drills did not show what they must")
                .why(if has_run { ended.to_string() } else { "not both tests ran".to_owned() })
                .next(command.to_string()));
        }
        if doors.terminal.is_json() && !figures.is_empty() {
            doors.terminal.json(&figures)?;
        } else {
            figures.iter().for_each(|line| doors.terminal.data(&format!("resilience: {line}")));
        }
    }
    Ok(Exit::Done)
}
