//! `cargo xtask tools`: the tools that steps need.

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Finding, Result};
use crate::tools::{self, report};

/// What to do with the tools of release/tools.toml.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Install the pinned versions below .xtask/tools, without touching the system
    Install {
        /// The tools to install; all of them where none is named
        names: Vec<String>,
    },
    /// Show the declared tools and what is there
    List,
    /// Fail when a tool that is not optional is missing or not the pinned version
    Check,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match &arguments.verb {
        Verb::Install { names } => tools::install(doors, names),
        Verb::List => {
            show(doors, &tools::survey(doors)?)?;
            Ok(Exit::Done)
        }
        Verb::Check => check(doors),
    }
}

fn show(doors: &Doors, standings: &[tools::facts::Standing]) -> Result<()> {
    if doors.terminal.is_json() {
        return Ok(doors.terminal.json(&report::json(standings))?);
    }
    report::lines(standings).iter().for_each(|line| doors.terminal.data(line));
    Ok(())
}

fn check(doors: &Doors) -> Result<Exit> {
    let standings = tools::survey(doors)?;
    show(doors, &standings)?;
    let findings: Vec<_> = standings
        .iter()
        .filter(|standing| !standing.is_as_wanted() && !standing.tool.optional)
        .map(|standing| {
            let problem = format!("`{}` is {}", standing.name, report::word(&standing.found));
            Finding::at(tools::config::FILE, 0, problem, report::next(standing))
        })
        .collect();
    // The data of `--json` has said all of it; a second document would be no data any more.
    if findings.is_empty() || doors.terminal.is_json() {
        return Ok(if findings.is_empty() { Exit::Done } else { Exit::Refused });
    }
    Err(Failure::found(Exit::Refused, "a tool that is needed is not there", findings))
}
