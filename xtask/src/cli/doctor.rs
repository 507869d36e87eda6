//! `cargo xtask doctor`: what is there, what is not, and what to run.

use std::path::PathBuf;

use crate::doctor::report::{Line, State};
use crate::doors::Doors;
use crate::failure::{Exit, Result};
use crate::tools::{self, facts::Found, front, report};
use crate::{doctor, terminal};

/// Look at this machine and this clone, and say what to run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Look at how the repository is set up on GitHub instead: environments and reviewers, rules for branches and tags,
    /// immutable releases, rights of workflow tokens. GITHUB_TOKEN is a maintainer's own, with `administration: read`
    #[arg(long)]
    pub github: bool,
    /// How that is asked.
    #[command(flatten)]
    pub of_github: OfGithub,
}

/// What is wanted of GitHub.
#[derive(Debug, clap::Args)]
pub struct OfGithub {
    /// An environment that releases pass through; may be given again
    #[arg(long, value_name = "NAME", requires = "github", default_value = "release")]
    pub environment: Vec<String>,
    /// Sign what is seen, for the gate `github_settings`: your ssh key, the private one, or the public one of a key that an
    /// agent holds
    #[arg(long, value_name = "FILE", requires = "github")]
    pub key: Option<PathBuf>,
    /// Your name in `release/approvers`; the e-mail address that git knows, where nothing is said
    #[arg(long, value_name = "NAME", requires = "key")]
    pub name: Option<String>,
    /// Send what is signed to `origin`, with `--execute`
    #[arg(long, requires = "key")]
    pub push: bool,
    /// Send what is to be sent; without it nothing leaves this machine but the question
    #[arg(long, requires = "push")]
    pub execute: bool,
}

pub(super) fn run(doors: &Doors) -> Result<Exit> {
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
