//! `cargo xtask tidy`: the rules of this repository.

use crate::tidy;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask::files::Mode;

/// What to judge.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Commits whose subjects are judged; without it those that origin's default branch does not have
    #[arg(long, value_name = "BASE..HEAD")]
    commits: Option<String>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    tidy::require_house(doors)?;
    let given = tidy::Given {
        generated: super::docs::make(doors, Mode::Check)?,
        parses: nexus_xtask::cli::parses::<super::Verb>,
    };
    let report = tidy::run(doors, arguments.commits.as_deref(), given)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&report)?;
    } else {
        doors.terminal.data(&format!(
            "tidy: {} rules hold for {} files, {} commits ({}), {} packages in the front",
            report.rules.len(),
            report.files,
            report.commits,
            report.range,
            report.packages
        ));
    }
    Ok(Exit::Done)
}
