//! What a rehearsal needs: a staging folder of this commit, and the packages that the loopback registry must know.

use std::path::{Path, PathBuf};

use crate::release::build::{self, Profile};
use crate::release::plan::Plan;
use crate::release::stage::{self, Wanted};
use crate::release::{config, facts, plan_from, staging};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::Command;

/// Stages what is there now, as if nothing had been released yet: for the target of this machine, with binaries as they
/// are built every day, and a signature that is worth nothing.
pub(crate) fn stage(doors: &Doors, folder: &Path) -> Result<(Plan, PathBuf)> {
    let mut config = config::load(&doors.workspace)?;
    let mut facts = facts::gather(doors)?;
    facts.tags.clear();
    config.artifacts.targets.clear();
    for service in &mut config.artifacts.deployed {
        service.targets.clear();
    }
    let plan = plan_from(doors, &config, &facts)?;
    if plan.releases.is_empty() {
        return Err(Failure::refused("this workspace has nothing to release")
            .why("no package has a binary, or may be published to the configured registry")
            .next("set `publish` in a manifest, or `packages.NAME.release = true` in release/release.toml"));
    }
    let builds = folder.join("builds");
    build::with_profile(doors, (&plan, &facts), &plan.targets, &builds, Profile::Everyday)?;
    let output = folder.join("staging");
    let wanted = Wanted {
        plan: &plan,
        facts: &facts,
        config: &config,
        builds: vec![builds],
        output: output.clone(),
        rehearsal: true,
        packed_by: None,
    };
    stage::run(doors, &wanted)?;
    let (plan, _, _) = staging::check(&output)?;
    Ok((plan, output))
}

/// The lock file. Every package that it names is on this machine when this returns.
pub(crate) fn lock(doors: &Doors) -> Result<String> {
    let text = files::read_text(&doors.workspace.file("Cargo.lock"))?.ok_or_else(|| {
        Failure::refused("there is no `Cargo.lock`, so nothing says which packages are needed")
            .next("cargo generate-lockfile")
    })?;
    let fetched = doors.shell.capture(&Command::new("cargo", ["fetch", "--locked", "--quiet"]))?;
    if !fetched.is_success() {
        return Err(Failure::refused("the locked packages cannot be fetched")
            .why(fetched.stderr.trim())
            .next("cargo fetch --locked"));
    }
    Ok(text)
}
