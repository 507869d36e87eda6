//! `cargo xtask release stage`.

use std::path::PathBuf;

use crate::release::stage::{self, Wanted};
use crate::release::{self, build, config, facts, staging};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};

/// Where the binaries are, and where the staging folder goes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The staging folder; it is replaced as a whole [default: .xtask/release/staging]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// A folder in which `release build` put binaries; can be given several times [default: .xtask/release/builds]
    #[arg(long, value_name = "DIR")]
    builds: Vec<PathBuf>,
    /// Sign with a key that is made for this once and thrown away: for a rehearsal, and refused when published
    #[arg(long)]
    rehearsal: bool,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let facts = facts::gather(doors)?;
    stage::require_clean(&facts)?;
    let plan = release::plan_of(doors)?;
    let config = config::load(&doors.workspace)?;
    let from_here = |folder: &PathBuf| doors.environment.folder().join(folder);
    let builds = match arguments.builds.as_slice() {
        [] => vec![build::folder(&doors.workspace)],
        folders => folders.iter().map(from_here).collect(),
    };
    let output = staging::given(doors, arguments.output.as_deref());
    let wanted = Wanted {
        plan: &plan,
        facts: &facts,
        config: &config,
        builds,
        output: output.clone(),
        rehearsal: arguments.rehearsal,
        packed_by: None,
    };
    let staged = stage::run(doors, &wanted)?;
    let folder = doors.workspace.name_of(&output);
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({
            "seal": staged.seal, "files": staged.files, "bytes": staged.bytes, "folder": folder,
        }))?;
    } else {
        doors.terminal.talk(&format!(
            "staged {} files, {} KiB, in {folder}",
            staged.files,
            staged.bytes / 1024
        ));
        doors.terminal.data(&format!("seal {}", staged.seal));
    }
    super::smoke::check(doors, &config, &output)?;
    Ok(Exit::Done)
}
