//! `cargo xtask release smoke`.

use std::path::{Path, PathBuf};

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Result};
use crate::release::config::{self, Config};
use crate::release::{build, smoke, staging};

/// What is tried.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The staging folder [default: .xtask/release/staging]
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let folder = match &arguments.staging {
        Some(folder) => doors.environment.folder().join(folder),
        None => staging::folder(&doors.workspace),
    };
    let exit = check(doors, &config::load(&doors.workspace)?, &folder)?;
    if doors.terminal.is_json() {
        let (_, _, seal) = staging::check(&folder)?;
        doors.terminal.json(&serde_json::json!({ "seal": seal, "passed": exit == Exit::Done }))?;
    }
    Ok(exit)
}

/// Tries what is staged, and says what came of it as talk.
pub(super) fn check(doors: &Doors, config: &Config, folder: &Path) -> Result<Exit> {
    let staged = staging::check_here(doors, folder)?;
    let words = config.artifacts.smoke.clone().unwrap_or_else(|| vec!["--version".to_owned()]);
    let smoke = smoke::run(doors, &staged, folder, &words, &build::host(doors)?)?;
    for tried in &smoke.tried {
        doors.terminal.talk(&format!("tried {}: {}", tried.command, tried.said));
    }
    for file in &smoke.untried {
        doors.terminal.talk(&format!("not tried here: {file}"));
    }
    if smoke.passed {
        return Ok(Exit::Done);
    }
    let failed = smoke.tried.iter().filter(|tried| !tried.passed);
    let failure = Failure::no("what is staged does not pass its first try");
    let failure =
        failed.fold(failure, |failure, tried| failure.why(format!("{}: {}", tried.command, tried.said)));
    let failure =
        if smoke.tried.is_empty() { failure.why("no archive is for this machine") } else { failure };
    Err(failure.next("correct the program, or `artifacts.smoke` in release/release.toml; then stage again"))
}
