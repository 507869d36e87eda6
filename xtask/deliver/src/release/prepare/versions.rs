//! Which package gets which version, and what keeps it from that. Pure.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::edit::Manifest;
use crate::release::facts::Facts;
use crate::release::units::Unit;
use nexus_xtask::failure::Finding;

/// A package's move from one version to another; both are the same for what is released for the first time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bump {
    pub(crate) package: String,
    pub(crate) from: Version,
    pub(crate) to: Version,
}

/// A unit that is released, with the bumps of its packages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Due {
    pub(crate) unit: Unit,
    pub(crate) to: Version,
    pub(crate) tag: String,
}

/// What is asked for, checked against what is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Versions {
    pub(crate) due: Vec<Due>,
    /// Every package whose version changes, also those that no unit has: they inherit it.
    pub(crate) bumps: Vec<Bump>,
    /// What `workspace.package.version` becomes.
    pub(crate) inherited: Option<Version>,
}

/// Finds what each unit's new version means for the packages. `wanted` is by name of a unit or of a package in it.
pub(crate) fn versions(
    facts: &Facts,
    units: &[Unit],
    manifests: &[Manifest],
    wanted: &BTreeMap<String, Version>,
) -> Result<Versions, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut due: Vec<Due> = Vec::new();
    for (name, to) in wanted {
        match asked(facts, units, name, to) {
            Ok(unit) if due.iter().any(|due| due.unit.name == unit.name && due.to != *to) => {
                findings.push(said(
                    format!("two versions are asked for `{}`", unit.name),
                    "ask for one: its packages share a version",
                ));
            }
            Ok(unit) if due.iter().any(|due| due.unit.name == unit.name) => {}
            Ok(unit) => due.push(Due { unit: unit.clone(), to: to.clone(), tag: unit.tag(to) }),
            Err(finding) => findings.push(finding),
        }
    }
    let mut new: BTreeMap<&str, &Version> = BTreeMap::new();
    for due in &due {
        new.extend(due.unit.packages.iter().map(|package| (package.as_str(), &due.to)));
    }
    let inherited = inherited(units, manifests, &new).unwrap_or_else(|finding| {
        findings.push(finding);
        None
    });
    if !findings.is_empty() {
        return Err(findings);
    }
    let moves = |name: &str, inherits: bool| match new.get(name) {
        Some(to) => Some((*to).clone()),
        None if inherits => inherited.clone(),
        None => None,
    };
    let bumps = facts.packages.iter().filter_map(|package| {
        let inherits = manifests.iter().any(|manifest| manifest.is_of(&package.name) && manifest.inherits());
        let to = moves(&package.name, inherits)?;
        Some(Bump { package: package.name.clone(), from: package.version.clone(), to })
    });
    Ok(Versions { bumps: bumps.collect(), due, inherited })
}

/// The unit of a name, if it may have this version.
fn asked<'a>(facts: &Facts, units: &'a [Unit], name: &str, to: &Version) -> Result<&'a Unit, Finding> {
    let of_unit = units.iter().find(|unit| unit.name == name);
    let of_package = || units.iter().find(|unit| unit.packages.iter().any(|package| package == name));
    let Some(unit) = of_unit.or_else(of_package) else {
        let known: Vec<_> = units.iter().map(|unit| format!("`{}`", unit.name)).collect();
        return Err(said(
            format!("`{name}` is nothing that is released"),
            format!("one of {}", known.join(", ")),
        ));
    };
    if *to < unit.version {
        return Err(said(
            format!("`{name}` is {}, and {to} is lower", unit.version),
            "ask for a higher version: what is published cannot be taken back by a lower one",
        ));
    }
    let tag = unit.tag(to);
    match facts.tags.get(&tag) {
        Some(commit) => Err(said(
            format!(
                "{to} of `{name}` is released: the tag `{tag}` is on {}",
                commit.get(..12).unwrap_or(commit)
            ),
            "ask for a higher version",
        )),
        None => Ok(unit),
    }
}

/// The version that packages inherit from the workspace, where one of them moves.
fn inherited(
    units: &[Unit],
    manifests: &[Manifest],
    new: &BTreeMap<&str, &Version>,
) -> Result<Option<Version>, Finding> {
    let heirs: Vec<_> =
        manifests.iter().filter(|manifest| manifest.inherits()).filter_map(Manifest::package).collect();
    let wanted: BTreeSet<&Version> =
        heirs.iter().filter_map(|name| new.get(name.as_str()).copied()).collect();
    let Some(to) = wanted.first().copied() else { return Ok(None) };
    let is_released = |name: &String| units.iter().any(|unit| unit.packages.contains(name));
    // A package that is never released goes along and bothers nobody.
    let stays = heirs.iter().find(|name| new.get(name.as_str()) != Some(&to) && is_released(name));
    match stays {
        None => Ok(Some(to.clone())),
        Some(name) => Err(Finding::at(
            "Cargo.toml",
            0,
            format!("`{name}` inherits `workspace.package.version` too, and {to} is not asked for it"),
            format!(
                "put both into one group (`groups` in release/release.toml), or give `{name}` a version of its own"
            ),
        )),
    }
}

fn said(problem: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding::at("", 0, problem, next)
}

#[cfg(test)]
mod tests;
