//! `cargo xtask adopt`: the toolkit in another workspace.

use std::path::{Path, PathBuf};

use crate::adopt::origin::{self, Origin};
use crate::adopt::{self, Wanted, plan::Plan};
use crate::doors::Doors;
use crate::environment::Environment;
use crate::failure::{Exit, Failure, Result};
use crate::tools::front;
use crate::workspace::Workspace;
use crate::{baseline, files};

/// Set the toolkit up in another workspace or single package. Shows the plan, then writes it; never overwrites
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The workspace that adopts; the one around the current folder where nothing is said
    #[arg(long, value_name = "PATH")]
    into: Option<PathBuf>,
    /// Where the adopter gets the toolkit from
    #[arg(long, value_enum, default_value = "registry")]
    source: Source,
    /// For `path` the folder of the package, for `git` the address; found by itself in the toolkit's own repository
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// For `git`: the commit or tag; the tag of this version where nothing is said
    #[arg(long)]
    rev: Option<String>,
    /// The name of the alias
    #[arg(long, value_name = "NAME", default_value = "xtask")]
    alias: String,
    /// Move an older pin to this version
    #[arg(long)]
    bump: bool,
    /// Show the plan and write nothing
    #[arg(long)]
    plan: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Source {
    /// A folder on this machine
    Path,
    /// A git repository
    Git,
    /// The default package registry
    Registry,
}

impl Arguments {
    /// The folder whose workspace adopts.
    pub(super) fn folder(&self, environment: &Environment) -> Result<PathBuf> {
        let Some(into) = &self.into else { return Ok(environment.folder().to_owned()) };
        files::real(&environment.folder().join(into)).map_err(|error| {
            Failure::usage(format!("{error}"))
                .why("`--into` names the folder of the workspace that adopts")
                .next("cargo xtask adopt --into PATH, with a folder that is there")
        })
    }
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let wanted = wanted(doors, arguments)?;
    let mut plan = adopt::plan(doors, &wanted)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&adopt::plan::json(&plan))?;
    } else {
        doors.terminal.talk(&format!("adopt   {}", doors.workspace.root().display()));
        adopt::plan::lines(&plan).iter().for_each(|line| doors.terminal.talk(line));
    }
    if !arguments.plan && !plan.is_empty() {
        if plan.count {
            count(doors, &mut plan)?;
        }
        adopt::execute::run(doors, &plan)?;
        doors.terminal.talk("done");
    }
    plan.next.iter().for_each(|next| doors.terminal.talk(&format!("next: {next}")));
    Ok(Exit::Done)
}

/// Counts the findings. Code that does not compile is no reason not to adopt: the first `ci` says so again.
fn count(doors: &Doors, plan: &mut Plan) -> Result<()> {
    doors.terminal.talk("count   this compiles the workspace");
    match baseline::first(doors) {
        Ok(Some(text)) => {
            plan.add(baseline::config::FILE, text, "findings that were there");
            doors.terminal.talk(&format!("create  {}  findings that were there", baseline::config::FILE));
        }
        Ok(None) => doors.terminal.talk("note    no findings: every future one is an error"),
        Err(failure) => {
            doors.terminal.talk(&format!("note    could not count, so there is no baseline:\n{failure}"))
        }
    }
    Ok(())
}

fn wanted(doors: &Doors, arguments: &Arguments) -> Result<Wanted> {
    let version =
        semver::Version::parse(front::RUNNING).expect("cargo refuses a package with another version");
    let origin = match arguments.source {
        Source::Registry => Origin::Registry,
        Source::Git => Origin::Git {
            url: arguments.from.clone().unwrap_or_else(|| env!("CARGO_PKG_REPOSITORY").to_owned()),
            rev: arguments.rev.clone().unwrap_or_else(|| format!("v{version}")),
        },
        Source::Path => Origin::Path(origin::way(doors.workspace.root(), &package(doors, arguments)?)),
    };
    let files = super::workflows::adopted(doors, &origin.install_arguments(&version))?;
    Ok(Wanted { version, origin, alias: arguments.alias.clone(), bump: arguments.bump, files })
}

/// The folder of the toolkit's package: the named one, or the one of the repository that the command runs in.
fn package(doors: &Doors, arguments: &Arguments) -> Result<PathBuf> {
    let here = doors.environment.folder();
    let folder = match &arguments.from {
        Some(from) => here.join(from),
        None => Workspace::find(here)?.file("xtask"),
    };
    if is_toolkit(&folder)? {
        return Ok(files::real(&folder)?);
    }
    Err(Failure::usage(format!("`{}` is not the toolkit's package", folder.display()))
        .why("`--source path` needs the folder of the package `nexus-xtask`")
        .next("cargo xtask adopt --source path --from ../nexus-xtask/xtask"))
}

fn is_toolkit(folder: &Path) -> anyhow::Result<bool> {
    let manifest = files::read_text(&folder.join("Cargo.toml"))?;
    Ok(manifest.is_some_and(|text| text.contains("name = \"nexus-xtask\"")))
}
