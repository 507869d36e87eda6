//! `cargo xtask release prepare`.

use std::collections::BTreeMap;

use semver::Version;

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Result};
use crate::release::prepare::checkout::Branch;
use crate::release::prepare::{self, Prepared, Wanted, pull};
use crate::release::protocol::PullRequested;
use crate::shell::Command;

/// Which versions, and how far. Without --write: print the commit that would be made.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The next version of a unit or of a package in it; may be given more than once
    #[arg(long = "version", value_name = "UNIT=X.Y.Z")]
    versions: Vec<String>,
    /// The branch that the commit is made on
    #[arg(long, value_name = "BRANCH", default_value = "release/next")]
    branch: String,
    /// Make the commit on the branch, in this repository alone
    #[arg(long)]
    write: bool,
    /// Push the branch, and open its pull request or bring it up to date
    #[arg(long)]
    pr: bool,
    /// The branch that the pull request is merged into; the one that is checked out, where nothing is said
    #[arg(long, value_name = "BRANCH", requires = "pr")]
    into: Option<String>,
    /// Do what leaves this machine: --pr without it says what it would do
    #[arg(long, requires = "pr")]
    execute: bool,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let versions = versions(&arguments.versions)?;
    let goes_out = arguments.pr && arguments.execute;
    let into = if arguments.pr { into(doors, arguments)? } else { String::new() };
    let branch = if arguments.write || goes_out {
        let branch = Branch::look(doors, &arguments.branch)?;
        Some(if goes_out { pull::look(doors, branch, &into)? } else { branch })
    } else {
        None
    };
    let wanted = |_: &Doors| Ok(Wanted { versions, ..Wanted::default() });
    let prepared = prepare::prepare(doors, wanted, branch.as_ref())?;
    let opened = match &branch {
        Some(branch) if goes_out => Some(pull::open(doors, &prepared, branch, &into)?),
        _ => None,
    };
    show(doors, arguments, &prepared, opened.as_ref(), &into)?;
    Ok(Exit::Done)
}

/// Reads `UNIT=X.Y.Z`.
fn versions(said: &[String]) -> Result<BTreeMap<String, Version>> {
    let mut versions = BTreeMap::new();
    for said in said {
        let parsed = said.split_once('=').and_then(|(name, version)| Some((name, version.parse().ok()?)));
        let Some((name, version)) = parsed else {
            return Err(Failure::usage(format!("`{said}` is no version of a unit"))
                .why("a version has three numbers: 1.2.0")
                .next("--version NAME=1.2.0"));
        };
        versions.insert(name.to_owned(), version);
    }
    if versions.is_empty() {
        return Err(Failure::usage("no next version is named").next("--version NAME=1.2.0"));
    }
    Ok(versions)
}

fn into(doors: &Doors, arguments: &Arguments) -> Result<String> {
    let current = Command::new("git", ["symbolic-ref", "--quiet", "--short", "HEAD"]);
    let current = doors.shell.capture(&current)?;
    let current = Some(current.text()).filter(|name| current.is_success() && !name.is_empty());
    arguments.into.clone().or(current).ok_or_else(|| {
        Failure::usage("no branch is checked out that the pull request could be merged into")
            .next("--into main")
    })
}

fn show(
    doors: &Doors,
    arguments: &Arguments,
    prepared: &Prepared,
    opened: Option<&PullRequested>,
    into: &str,
) -> Result<()> {
    let commit = prepared.commit.as_ref();
    if doors.terminal.is_json() {
        let bumps = prepared
            .bumps
            .iter()
            .map(|bump| serde_json::json!({ "package": bump.package, "from": bump.from, "to": bump.to }));
        doors.terminal.json(&serde_json::json!({
            "base": prepared.base,
            "tree": prepared.tree,
            "title": prepared.title,
            "bumps": bumps.collect::<Vec<_>>(),
            "remarks": prepared.remarks,
            "diff": prepared.diff,
            "branch": commit.map(|_| &arguments.branch),
            "commit": commit.map(|commit| &commit.commit),
            "pull_request": opened.map(|opened| serde_json::json!({ "number": opened.number, "url": opened.url })),
        }))?;
        return Ok(());
    }
    doors.terminal.data(&prepared.title);
    for bump in &prepared.bumps {
        doors.terminal.data(&format!("{:<14}{} -> {}", bump.package, bump.from, bump.to));
    }
    match commit {
        None => doors.terminal.data(&format!("\n{}", prepared.diff.trim_end())),
        Some(commit) => {
            let state = if commit.is_new { "committed" } else { "there already" };
            doors.terminal.data(&format!("{state:<14}{} on {}", commit.commit, arguments.branch));
        }
    }
    if let Some(opened) = opened {
        doors.terminal.data(&format!("{:<14}{}", "opened", opened.url));
    }
    prepared.remarks.iter().for_each(|remark| doors.terminal.talk(&format!("note: {remark}")));
    let again = doors.environment.typed();
    if arguments.pr && !arguments.execute {
        doors.terminal.talk(&format!(
            "would push `{}` to origin and open a pull request into `{into}`\nnext: {again} --execute",
            arguments.branch
        ));
    } else if commit.is_none() {
        doors.terminal.talk(&format!("next: {again} --write"));
    }
    Ok(())
}
