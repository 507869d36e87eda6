//! Compares the last releases everywhere: tags here and at the forge, published releases with their files, the registry.

use semver::Version;

use crate::release::config::Config;
use crate::release::facts::Facts;
use crate::release::protocol::inspect::{Inspected, Past, Registered};
use crate::release::units::{self, Unit};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::shell::Command;

/// The list of checksums, which every release has.
const CHECKSUMS: &str = "SHA256SUMS";

/// The last releases of every unit, the newest first, as this repository knows them.
pub(crate) fn past(doors: &Doors, config: &Config, facts: &Facts, last: usize) -> Result<Vec<Past>> {
    let units = units::units(config, facts)
        .map_err(|findings| Failure::found(Exit::Usage, "the releases cannot be told apart", findings))?;
    let mut releases = Vec::new();
    for unit in &units {
        for (version, tag) in unit.released(facts.tags.keys()).into_iter().rev().take(last) {
            let packages = packages(doors, config, facts, unit, &tag, &version)?;
            let commit = facts.tags.get(&tag).cloned().unwrap_or_default();
            releases.push(Past { commit, packages, tag });
        }
    }
    Ok(releases)
}

/// The packages of a unit that were there when it was tagged, and go to the registry.
fn packages(
    doors: &Doors,
    config: &Config,
    facts: &Facts,
    unit: &Unit,
    tag: &str,
    version: &Version,
) -> Result<Vec<(String, Version)>> {
    let mut found = Vec::new();
    for package in facts.packages.iter().filter(|package| unit.packages.contains(&package.name)) {
        let manifest = format!("{}/Cargo.toml", package.folder);
        let object = format!("refs/tags/{tag}:{}", manifest.trim_start_matches('/'));
        let was_there = doors.shell.capture(&Command::new("git", ["cat-file", "-e", &object]))?.is_success();
        if was_there && package.is_published_to(&config.registry.name) {
            found.push((package.name.clone(), version.clone()));
        }
    }
    Ok(found)
}

/// What is wrong with a release, each with what repairs it. Nothing, for one that is whole.
pub(crate) fn defects(past: &Past, found: &Inspected) -> Vec<Finding> {
    let Past { tag, commit, .. } = past;
    let again = format!(
        "git checkout {tag} && cargo xtask release build && cargo xtask release stage && cargo xtask release publish --execute"
    );
    let mut problems = Vec::new();
    let mut add = |problem: String, next: &str| problems.push(Finding::at(tag, 0, problem, next));
    match &found.commit {
        None => add("the forge has no such tag".to_owned(), &again),
        Some(other) if other != commit => add(
            format!("the tag leads to {other} at the forge, and to {commit} here"),
            "find out which one was released: cargo xtask release verify; then move the other one back",
        ),
        Some(_) => {}
    }
    match &found.published {
        None => add("no release is published".to_owned(), &again),
        Some(published) if !published.files.contains_key(CHECKSUMS) => {
            add(
                format!("the published release has no `{CHECKSUMS}`"),
                "release a new version: what is published stays",
            );
        }
        Some(_) => {}
    }
    for ((name, version), registered) in past.packages.iter().zip(&found.packages) {
        if *registered == Registered::Missing {
            add(format!("`{name}` {version} is not in the registry"), &again);
        }
    }
    problems
}

#[cfg(test)]
mod tests;
