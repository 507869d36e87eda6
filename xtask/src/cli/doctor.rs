//! `cargo xtask doctor`: what is there, what is not, and what to run.

use crate::doctor::report::{Line, State};
use crate::doors::Doors;
use crate::failure::{Exit, Result};
use crate::tools::{self, facts::Found, front, report};
use crate::{doctor, terminal};

/// Look at this machine and this clone, and say what to run.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(doors: &Doors, _arguments: &Arguments) -> Result<Exit> {
    let declared = tools::config::load(&doors.workspace)?;
    let standings = tools::facts::look(doors, &declared)?;
    let mut lines: Vec<_> = declared.xtask.iter().map(toolkit).collect();
    lines.extend(standings.iter().map(tool));
    doctor::run(doors, lines)
}

fn toolkit(pinned: &tools::config::Front) -> Line {
    if pinned.version == front::RUNNING {
        return Line::ok("toolkit", format!("{}, as pinned", front::RUNNING));
    }
    let detail = format!("{}, and {} is pinned", front::RUNNING, pinned.version);
    Line::not(State::Old, "toolkit", detail, front::install_command(pinned).to_string())
}

fn tool(standing: &tools::facts::Standing) -> Line {
    let wanted = standing.tool.version.as_deref().unwrap_or("any version");
    let (state, detail) = match &standing.found {
        Found::Same(said) => (State::Ok, terminal::printable(said)),
        Found::Missing => (State::Missing, format!("{wanted} is declared")),
        Found::Other(said) => {
            (State::Old, format!("{wanted} is pinned, found `{}`", terminal::printable(said)))
        }
    };
    let line = Line::not(state, &standing.name, detail, report::next(standing));
    if standing.tool.optional { line.optional() } else { line }
}
