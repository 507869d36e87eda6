//! Publishes three packages to a registry that other people wrote, and builds them from there with a stock cargo.
//!
//! The proof is a test of the satellite, `xtask/ship/src/registry/stranger.rs`; here the peer is installed before, and its
//! absence is a failure. The peer takes long to build, so the test is skipped, with a line that says so, where it is not
//! there.

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::satellite::SHIP;
use nexus_xtask::shell::{Command, Ended};

const TEST: &str = "registry::stranger::a_registry_of_strangers_takes_what_we_publish_and_cargo_builds_it";

/// Installs the peer, and runs the proof.
pub(crate) fn run(doors: &Doors) -> Result<Exit> {
    let proof = ["test", "--quiet", "--package", SHIP.package, "--bin", SHIP.package, "--", "--exact", TEST];
    let commands = [
        Command::new("scripts/peers.sh", ["--registry"]),
        Command::new("cargo", proof).with("XTASK_PEERS_REQUIRED", "registry"),
    ];
    for command in commands {
        let mut passed = 0;
        let ended = doors.shell.follow(&command, &["XTASK_PEERS"], |line| {
            passed += usize::from(line.contains("1 passed"));
            doors.terminal.talk(&line);
        })?;
        let has_run = command.program != "cargo" || passed == 1;
        if ended != Ended::Exit(0) || !has_run {
            return Err(Failure::no("what we publish was not taken by a registry that other people wrote")
                .why(if has_run { ended.to_string() } else { "the test did not run".to_owned() })
                .next(command.to_string()));
        }
    }
    doors.terminal.data("registry: published to a registry that other people wrote, and built from there");
    Ok(Exit::Done)
}
