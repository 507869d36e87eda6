//! `cargo xtask release verify`.

use crate::release::protocol::Request;
use crate::release::protocol::verify::Verified;
use crate::release::{config, verify};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::terminal::printable;

/// What is verified.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A version, or a tag
    version: String,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let config = config::load(&doors.workspace)?;
    let wanted = verify::wanted(doors, &config, &arguments.version)?;
    let words = config.artifacts.smoke.clone().unwrap_or_else(|| vec!["--version".to_owned()]);
    let mut verified: Verified =
        satellite::call(doors, SHIP, &Request::Verify(wanted), &["GITHUB_TOKEN"], |_| {})?;
    verify::run_programs(doors, &mut verified, &words)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&verified)?;
    } else {
        for line in &verified.holds {
            doors.terminal.data(&printable(&format!("holds  {line}")));
        }
    }
    if verified.problems.is_empty() {
        return Ok(Exit::Done);
    }
    let next = "do not use it; cargo xtask release rollback takes it back";
    let findings = verified.problems.into_iter().map(|problem| Finding::at("", 0, problem, next)).collect();
    Err(Failure::found(Exit::No, "what is published is not what the tag says", findings))
}
