//! `cargo xtask release build`.

use std::path::PathBuf;

use crate::release::{self, build, facts, stage};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};

/// What is built, and where it goes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Build for this target of the plan only; can be given several times
    #[arg(long, value_name = "TRIPLE")]
    target: Vec<String>,
    /// The folder for the binaries, with a folder for each target in it [default: .xtask/release/builds]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let facts = facts::gather(doors)?;
    stage::require_clean(&facts)?;
    let plan = release::plan_of(doors)?;
    if let Some(strange) = arguments.target.iter().find(|target| !plan.targets.contains(target)) {
        return Err(Failure::usage(format!("the plan has no target `{strange}`"))
            .why(format!("it has: {}", plan.targets.join(", ")))
            .next("add it to `artifacts.targets` in release/release.toml"));
    }
    let targets = if arguments.target.is_empty() { &plan.targets } else { &arguments.target };
    let output = match &arguments.output {
        Some(folder) => doors.environment.folder().join(folder),
        None => build::folder(&doors.workspace),
    };
    let built = build::run(doors, &plan, &facts, targets, &output)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&built)?;
        return Ok(Exit::Done);
    }
    for built in &built {
        let bytes: u64 = built.files.values().map(|file| file.bytes).sum();
        let line = format!("built {}: {} files, {} KiB", built.target, built.files.len(), bytes / 1024);
        doors.terminal.data(&line);
    }
    if built.is_empty() {
        doors.terminal.data("nothing to build: the plan has no binaries");
    }
    Ok(Exit::Done)
}
