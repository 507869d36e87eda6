//! `cargo xtask release smoke`.

use std::path::{Path, PathBuf};

use crate::release::config::{self, Config};
use crate::release::gates::bytes::Tried;
use crate::release::plan::Kind;
use crate::release::{build, smoke, staging};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};

/// What is tried.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The staging folder [default: .xtask/release/staging]
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let folder = staging::given(doors, arguments.staging.as_deref());
    let tried = check(doors, &config::load(&doors.workspace)?, &folder)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&tried)?;
    } else {
        doors.terminal.data(&format!("{} archives were tried on this machine", tried.archives.len()));
    }
    Ok(Exit::Done)
}

/// Tries what is staged, and says as talk what came of it.
pub(super) fn check(doors: &Doors, config: &Config, folder: &Path) -> Result<Tried> {
    let staged = staging::check_here(doors, folder)?;
    let words = config.artifacts.smoke.clone().unwrap_or_else(|| vec!["--version".to_owned()]);
    let host = build::host(doors)?;
    let tried = smoke::run(doors, &staged, folder, (&words, &host), |line| doors.terminal.talk(line))?;
    let archives = staged.0.artifacts.iter().filter(|artifact| artifact.kind == Kind::Archive);
    for file in archives.map(|artifact| &artifact.file).filter(|file| !tried.archives.contains_key(*file)) {
        doors.terminal.talk(&format!("not tried here: {file}"));
    }
    let runs = tried.archives.values().flat_map(|trial| &trial.runs);
    let failed: Vec<_> = runs.filter(|(_, exit)| *exit != Some(0)).map(|(command, _)| command).collect();
    if failed.is_empty() {
        return Ok(tried);
    }
    let failure =
        failed.into_iter().fold(Failure::no("a staged program does not answer"), |failure, command| {
            failure.why(format!("`{command}` did not end with 0"))
        });
    Err(failure.next("correct the program, or `artifacts.smoke` in release/release.toml; then stage again"))
}
