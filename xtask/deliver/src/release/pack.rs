//! Packs the packages of a plan, as the registry will serve them.
//!
//! All in one call of cargo: it then takes what is not published yet from this workspace, and writes the digests of
//! these very files into the lock files it packs.

use std::path::PathBuf;

use crate::release::facts::Facts;
use crate::release::plan::Plan;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Ended};

/// The registry that cargo publishes to when none is named.
const DEFAULT: &str = "crates-io";

/// Packs, and says in which folder the files are.
///
/// A rehearsal packs what is there, also what is not committed: it is about whether the packages are whole.
pub(crate) fn run(doors: &Doors, plan: &Plan, facts: &Facts, rehearsal: bool) -> Result<PathBuf> {
    let made = facts.target.join("release-build");
    let folder = made.join("package");
    files::remove_folder(&folder)?;
    if plan.packages.is_empty() {
        return Ok(folder);
    }
    let mut words: Vec<_> = ["package", "--no-verify", "--locked", "--target-dir"].map(str::to_owned).into();
    words.push(made.display().to_string());
    if rehearsal {
        words.push("--allow-dirty".to_owned());
    }
    for package in &plan.packages {
        words.extend(["--package".to_owned(), package.name.clone()]);
    }
    if plan.registry != DEFAULT {
        words.extend(["--registry".to_owned(), plan.registry.clone()]);
    }
    let command = Command::new("cargo", words);
    let ended = doors.shell.follow(&command, &[], |line| doors.terminal.talk(&line))?;
    if ended == Ended::Exit(0) {
        return Ok(folder);
    }
    Err(Failure::no(format!("the packages cannot be packed: {ended}"))
        .why("what cargo said is above")
        .next(command.to_string()))
}
