//! `cargo xtask release prepare`.

use std::collections::BTreeMap;

use semver::Version;

use crate::release::prepare::checkout::Branch;
use crate::release::prepare::{self, Prepared, checkout, pull};
use crate::release::protocol::PullRequested;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};

/// Which versions, and how far. Without --write: print the commit that would be made.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The next version of a unit or of a package in it, and of nothing else; may be given more than once. What is due, as
    /// `release propose` says, where nothing is said
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
    let Some(prepared) = prepare::prepare(doors, &versions, branch.as_ref())? else {
        return nothing(doors);
    };
    let opened = match &branch {
        Some(branch) if goes_out && prepared.commit.is_some() => {
            Some(pull::open(doors, &prepared, branch, &into)?)
        }
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
    Ok(versions)
}

fn nothing(doors: &Doors) -> Result<Exit> {
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "bumps": [], "commit": null }))?;
    } else {
        doors.terminal.data("nothing is due");
        doors.terminal.talk("why: cargo xtask release propose");
    }
    Ok(Exit::Done)
}

fn into(doors: &Doors, arguments: &Arguments) -> Result<String> {
    let current = checkout::current_branch(doors)?;
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
    let longest = prepared.bumps.iter().map(|bump| bump.package.len()).max().unwrap_or_default();
    let width = longest.max("there already".len());
    for bump in &prepared.bumps {
        doors.terminal.data(&format!("{:<width$} {} -> {}", bump.package, bump.from, bump.to));
    }
    match commit {
        None if prepared.diff.is_empty() => doors.terminal.data("this commit is prepared already"),
        None => doors.terminal.data(&format!("\n{}", prepared.diff.trim_end())),
        Some(commit) => {
            let state = if commit.is_new { "committed" } else { "there already" };
            doors.terminal.data(&format!("{state:<width$} {} on {}", commit.commit, arguments.branch));
        }
    }
    if let Some(opened) = opened {
        doors.terminal.data(&format!("{:<width$} {}", "opened", opened.url));
    }
    prepared.remarks.iter().for_each(|remark| doors.terminal.talk(&format!("note: {remark}")));
    let again = doors.environment.typed();
    if prepared.diff.is_empty() {
        doors.terminal.talk("next: cargo xtask release plan");
    } else if arguments.pr && !arguments.execute {
        doors.terminal.talk(&format!(
            "would push `{}` to origin and open a pull request into `{into}`\nnext: {again} --execute",
            arguments.branch
        ));
    } else if commit.is_none() {
        doors.terminal.talk(&format!("next: {again} --write"));
    }
    Ok(())
}
