//! `cargo xtask release plan`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::release::plan::Plan;
use crate::release::{self, report, runners};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask::files;

/// Where the plan goes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Write the plan into this file, as JSON
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the matrix of the builds for the jobs that follow in a GitHub workflow
    #[arg(long)]
    github: bool,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let plan = release::plan_of(doors)?;
    if let Some(path) = &arguments.output {
        let text = serde_json::to_string_pretty(&plan).map_err(anyhow::Error::from)?;
        files::write(&doors.environment.folder().join(path), text + "\n")?;
    }
    if arguments.github {
        github(doors, &plan)?;
    }
    if doors.terminal.is_json() {
        doors.terminal.json(&plan)?;
    } else {
        doors.terminal.data(&report::plan(&plan));
    }
    Ok(Exit::Done)
}

/// The outputs `matrix` and `plan` of the job; printed where no file is named for them.
fn github(doors: &Doors, plan: &Plan) -> Result<()> {
    let outputs = format!("matrix={}\nplan={}\n", runners::matrix(plan), plan.digest());
    let Some(path) = doors.environment.get("GITHUB_OUTPUT") else {
        doors.terminal.talk(outputs.trim_end());
        return Ok(());
    };
    let mut file = files::open_append(path.as_ref())?;
    file.write_all(outputs.as_bytes()).with_context(|| format!("cannot write to `{path}`"))?;
    Ok(())
}
