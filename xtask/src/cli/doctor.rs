//! `cargo xtask doctor`: what is there, what is not, and what to run.

mod github;

use crate::doctor::report::{Line, State};
use crate::doors::Doors;
use crate::failure::{Exit, Result};
use crate::tools::{self, facts::Found, front, report};
use crate::{doctor, terminal};

/// Look at this machine and this clone, and say what to run.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Look at how the repository is set up on GitHub instead: environments and reviewers, rules for branches and tags,
    /// immutable releases, rights of workflow tokens. GITHUB_TOKEN is a maintainer's own, with `administration: read`
    #[arg(long)]
    github: bool,
    #[command(flatten)]
    of_github: github::OfGithub,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    if arguments.github {
        return github::run(doors, &arguments.of_github);
    }
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
