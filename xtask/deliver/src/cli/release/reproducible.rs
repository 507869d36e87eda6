//! `cargo xtask release reproducible`.

use std::path::PathBuf;

use crate::release::{build, config, reproducible, staging};
use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};

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
    let folder = staging::given(doors, arguments.staging.as_deref());
    let staged = staging::check_here(doors, &folder)?;
    let targets = match arguments.target.as_slice() {
        [] => build::installed(doors, &staged.0.targets)?,
        targets => targets.to_vec(),
    };
    for target in staged.0.targets.iter().filter(|target| !targets.contains(target)) {
        doors.terminal.talk(&format!("not built a second time here: {target}"));
    }
    let found = reproducible::run(doors, &config::load(&doors.workspace)?, &staged, &targets)?;
    let (first, second) = (&found.builds[0], &found.builds[1]);
    let findings: Vec<_> = first
        .iter()
        .filter(|(file, digest)| second.get(*file) != Some(digest))
        .map(|(file, digest)| {
            let other = second.get(file).map_or("nothing".to_owned(), Digest::short);
            let problem = format!("is {} here, and {other} from a fresh clone", digest.short());
            Finding::at(file, 0, problem, "look for paths, times and random order in what the build writes")
        })
        .collect();
    if doors.terminal.is_json() {
        doors.terminal.json(&found)?;
    } else if findings.is_empty() {
        doors.terminal.data(&format!("{} files, built twice, are the same", first.len()));
    }
    if findings.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::found(Exit::No, "the commit does not give the same bytes twice", findings))
}
