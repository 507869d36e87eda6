//! What a stranger needs to verify a published release: the tag's commit, its public key, and its packages packed anew.

use std::path::Path;

use anyhow::Context as _;
use semver::Version;

use crate::release::config::{self, Config};
use crate::release::facts::{self, Facts};
use crate::release::protocol::verify::{Verified, Verify};
use crate::release::{build, endpoints, pack, plan, plan_of, units};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::Command;

/// What is asked of the satellite about a version, or a tag.
pub(crate) fn wanted(doors: &Doors, config: &Config, said: &str) -> Result<Verify> {
    let facts = facts::gather(doors)?;
    let tag = tag(config, &facts, said)?;
    let commit = facts.tags.get(&tag).cloned().unwrap_or_default();
    let folder = doors.workspace.state().join("verify");
    let checkout = folder.join("checkout");
    check_out(doors, &commit, &checkout)?;
    let there = Doors::open(doors.environment.clone(), &checkout, doors.terminal.is_json())?;
    let of_tag = config::load(&there.workspace)?;
    let public_key = match &of_tag.signing.public_key {
        Some(path) => files::read_text(&there.workspace.file(path))?,
        None => None,
    };
    let planned = plan_of(&there)?;
    let packed = pack::run(&there, &planned, &facts::gather(&there)?, false)?;
    let mut packages = Vec::new();
    for package in &planned.packages {
        let file = packed.join(format!("{}-{}.crate", package.name, package.version));
        let digest =
            files::digest(&file)?.with_context(|| format!("cargo did not pack `{}`", file.display()))?;
        packages.push((package.name.clone(), package.version.clone(), digest));
    }
    Ok(Verify {
        endpoints: endpoints::configured(doors, config)?,
        repository: plan::repository(config, &facts).map_err(|findings| {
            Failure::found(Exit::Usage, "the repository at the forge is not known", findings)
        })?,
        host: build::host(doors)?,
        folder: folder.join("downloaded"),
        tag,
        commit,
        public_key,
        packages,
    })
}

/// The tag that is meant: itself, or that of the only unit that has the version.
fn tag(config: &Config, facts: &Facts, said: &str) -> Result<String> {
    if facts.tags.contains_key(said) {
        return Ok(said.to_owned());
    }
    let units = units::units(config, facts)
        .map_err(|findings| Failure::found(Exit::Usage, "the releases cannot be told apart", findings))?;
    let tags: Vec<_> = Version::parse(said.trim_start_matches('v'))
        .into_iter()
        .flat_map(|version| units.iter().map(move |unit| unit.tag(&version)))
        .filter(|tag| facts.tags.contains_key(tag))
        .collect();
    match tags.as_slice() {
        [tag] => Ok(tag.clone()),
        [] => Err(Failure::refused(format!("there is no release `{said}` here"))
            .why("neither a tag nor the version of a tag has that name")
            .next("git fetch --tags")),
        several => Err(Failure::usage(format!("`{said}` is the version of several releases"))
            .why(several.join(", "))
            .next(format!("name the tag: cargo xtask release verify {}", several[0]))),
    }
}

/// A clean clone of this repository at a commit.
fn check_out(doors: &Doors, commit: &str, folder: &Path) -> Result<()> {
    files::remove_folder(folder)?;
    let (root, to) = (doors.workspace.root().display().to_string(), folder.display().to_string());
    doors.shell.read(&Command::new("git", ["clone", "--quiet", "--no-checkout", "--local", &root, &to]))?;
    doors.shell.read(&Command::new("git", ["checkout", "--quiet", "--detach", commit]).within(folder))?;
    Ok(())
}

/// Runs what was downloaded for this machine.
pub(crate) fn run_programs(doors: &Doors, verified: &mut Verified, words: &[String]) -> Result<()> {
    for program in &verified.programs {
        let command = Command::new(program.display().to_string(), words.iter().cloned());
        let captured = doors.shell.capture(&command)?;
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if captured.is_success() {
            verified.holds.push(format!("`{name} {}` runs", words.join(" ")));
        } else {
            verified.problems.push(format!("`{name} {}`: {}", words.join(" "), captured.ended));
        }
    }
    Ok(())
}
