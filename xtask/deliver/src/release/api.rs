//! Whether the API of a package is still compatible, asked of `cargo semver-checks`.
//!
//! The tool compares the documentation of the last release with that of this commit. It does not see everything: that a
//! parameter has another type now, for one. So its word is a floor for the version and no proof. Its exit code 100 says
//! that the API breaks; 101 and any other says that the tool itself failed, and that is never taken for compatible.

use std::collections::BTreeSet;

use crate::release::facts::Facts;
use crate::release::history::History;
use crate::release::units::Unit;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::shell::{Command, Ended};

/// The packages whose API breaks, of those that changed since their last stable release.
pub(crate) fn breaking(
    doors: &Doors,
    facts: &Facts,
    units: &[Unit],
    history: &History,
) -> Result<BTreeSet<String>> {
    if doors.shell.find("cargo-semver-checks").is_none() {
        return Err(Failure::refused("there is no `cargo-semver-checks` to ask")
            .next("cargo install cargo-semver-checks --locked, or leave `--api` out"));
    }
    let mut breaking = BTreeSet::new();
    for (unit, past) in units.iter().filter_map(|unit| Some((unit, history.units.get(&unit.name)?))) {
        let Some((_, tag)) = &past.stable else { continue };
        for package in facts.packages.iter().filter(|package| package.library) {
            let is_asked = past
                .since_stable
                .get(&package.name)
                .is_some_and(|changes| changes.is_changed && !changes.is_new);
            if unit.packages.contains(&package.name) && is_asked {
                doors
                    .terminal
                    .talk(&format!("asking whether the API of {} is compatible with {tag}", package.name));
                if breaks(doors, &package.name, tag)? {
                    breaking.insert(package.name.clone());
                }
            }
        }
    }
    Ok(breaking)
}

fn breaks(doors: &Doors, package: &str, tag: &str) -> Result<bool> {
    let words = ["semver-checks", "--package", package, "--baseline-rev", tag, "--release-type", "minor"];
    let command = Command::new("cargo", words);
    let answer = doors.shell.capture(&command)?;
    match answer.ended {
        Ended::Exit(0) => Ok(false),
        Ended::Exit(100) => Ok(true),
        ended => Err(Failure::refused(format!("whether the API of `{package}` is compatible is not known"))
            .why(format!("cargo-semver-checks itself failed with {ended}"))
            .why(answer.stderr.trim())
            .next(command.to_string())),
    }
}
