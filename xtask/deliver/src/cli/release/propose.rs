//! `cargo xtask release propose`.

use crate::release;
use crate::release::propose::table;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};

/// What to say of the next release.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Ask `cargo semver-checks` whether the API of each changed library is compatible; this builds documentation twice
    #[arg(long)]
    api: bool,
    /// Print the text for the changelogs, as Markdown
    #[arg(long)]
    changelog: bool,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let proposal = release::proposal_of(doors, arguments.api)?;
    if doors.terminal.is_json() {
        let text = serde_json::to_string(&proposal).map_err(anyhow::Error::from)?;
        // In the log of a workflow `##[` starts a command anywhere in a line; for JSON this is the same text.
        doors.terminal.data(&text.replace("##[", "##\\u005b"));
    } else if arguments.changelog {
        doors.terminal.data(table::changelog(&proposal).trim_end());
    } else {
        doors.terminal.data(&table::table(&proposal, doors.terminal.width()));
    }
    Ok(Exit::Done)
}
