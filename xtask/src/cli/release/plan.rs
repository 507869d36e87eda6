//! `cargo xtask release plan`.

use std::path::PathBuf;

use crate::doors::Doors;
use crate::failure::{Exit, Result};
use crate::files;
use crate::release::{self, report};

/// Where the plan goes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Write the plan into this file, as JSON
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let plan = release::plan_of(doors)?;
    if let Some(path) = &arguments.output {
        let text = serde_json::to_string_pretty(&plan).map_err(anyhow::Error::from)?;
        files::write(&doors.environment.folder().join(path), text + "\n")?;
    }
    if doors.terminal.is_json() {
        doors.terminal.json(&plan)?;
    } else {
        doors.terminal.data(&report::plan(&plan));
    }
    Ok(Exit::Done)
}
