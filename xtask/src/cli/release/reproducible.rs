//! `cargo xtask release reproducible`.

use std::path::PathBuf;

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Finding, Result};
use crate::release::{build, config, reproducible, staging};

/// What is built a second time.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The staging folder [default: .xtask/release/staging]
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
    /// Build these targets a second time; can be given several times [default: those of the plan whose standard library
    /// is installed]
    #[arg(long, value_name = "TRIPLE")]
    target: Vec<String>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let folder = match &arguments.staging {
        Some(folder) => doors.environment.folder().join(folder),
        None => staging::folder(&doors.workspace),
    };
    let staged = staging::check_here(doors, &folder)?;
    let targets = match arguments.target.as_slice() {
        [] => build::installed(doors, &staged.0.targets)?,
        targets => targets.to_vec(),
    };
    let found = reproducible::run(doors, &config::load(&doors.workspace)?, &staged, &targets)?;
    for file in &found.uncompared {
        doors.terminal.talk(&format!("not built here: {file}"));
    }
    if doors.terminal.is_json() {
        doors.terminal.json(&found)?;
    }
    if found.passed {
        if !doors.terminal.is_json() {
            doors.terminal.data(&format!("{} files, built twice, are the same", found.digests.len()));
        }
        return Ok(Exit::Done);
    }
    let different = found.digests.iter().filter(|one| one.second != Some(one.first));
    let findings: Vec<_> = different
        .map(|one| {
            let second = one.second.map_or("nothing".to_owned(), |digest| digest.short());
            let problem = format!("is {} here, and {second} from a fresh clone", one.first.short());
            Finding::at(
                &one.file,
                0,
                problem,
                "look for paths, times and random order in what the build writes",
            )
        })
        .collect();
    Err(Failure::found(Exit::No, "the commit does not give the same bytes twice", findings))
}
