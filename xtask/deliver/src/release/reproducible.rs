//! Builds the commit a second time, from a fresh clone in another place, and compares with what is staged.
//!
//! The second build has another checkout, another target folder, another home and another cargo home, and runs later.
//! Its cargo home leads to the downloads of the first by links, so nothing is downloaded twice. What one machine cannot
//! build is named, and not compared: the machine that built it can compare it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::release::config::Config;
use crate::release::gates::bytes::Reproduced;
use crate::release::manifest::{Manifest, Seal};
use crate::release::plan::{Kind, Plan};
use crate::release::stage::{self, Wanted};
use crate::release::{build, facts, kept, staging};
use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::Result;
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Shell};
use nexus_xtask::terminal::Terminal;
use nexus_xtask::workspace::Workspace;

/// What cargo's home holds that a second one needs: downloads and settings, no credentials.
const SHARED: [&str; 4] = ["registry", "git", "config.toml", "config"];

/// Builds these targets again, and keeps the digests of both builds.
pub(crate) fn run(
    doors: &Doors,
    config: &Config,
    (plan, manifest, seal): &(Plan, Manifest, Seal),
    targets: &[String],
) -> Result<Reproduced> {
    let mut part = plan.clone();
    let is_here = |target: &String| targets.contains(target);
    part.targets.retain(is_here);
    part.artifacts.retain(|artifact| artifact.target.as_ref().is_none_or(is_here));
    let room = doors.environment.temporary().join(format!("again-{}-{}", seal.short(), std::process::id()));
    files::remove_folder(&room)?;
    let second = again(doors, config, &part, &room);
    // The room is only in the way when the second build failed: that failure is the one to show.
    let removed = files::remove_folder(&room);
    let second = second?;
    removed?;
    let counts = |kind: Kind| matches!(kind, Kind::Archive | Kind::Symbols | Kind::Crate);
    let digests = |manifest: &Manifest| -> BTreeMap<String, Digest> {
        let compared = part.artifacts.iter().filter(|artifact| counts(artifact.kind));
        compared
            .filter_map(|artifact| Some((artifact.file.clone(), manifest.files.get(&artifact.file)?.sha256)))
            .collect()
    };
    let builds = vec![digests(manifest), digests(&second)];
    let found = Reproduced { plan: plan.digest(), at: doors.clock.now(), builds };
    kept::write(&doors.workspace, &found.plan, kept::REPRODUCIBLE, &found)?;
    Ok(found)
}

/// Clones, builds and stages elsewhere; returns the manifest of that.
fn again(doors: &Doors, config: &Config, plan: &Plan, room: &Path) -> Result<Manifest> {
    let clone = clone(doors, &plan.commit, room)?;
    let there = elsewhere(doors, &clone, room)?;
    let facts = facts::gather(&there)?;
    let builds = room.join("builds");
    build::run(&there, plan, &facts, &plan.targets, &builds)?;
    let output = room.join("staging");
    let wanted = Wanted {
        plan,
        facts: &facts,
        config,
        builds: vec![builds],
        output: output.clone(),
        rehearsal: true,
        packed_by: Some(&there),
    };
    stage::run(doors, &wanted)?;
    let (_, manifest, _) = staging::check(&output)?;
    Ok(manifest)
}

/// The workspace in a clone of its own, at this commit.
fn clone(doors: &Doors, commit: &str, room: &Path) -> Result<PathBuf> {
    let git = |arguments: &[&str]| doors.shell.read(&Command::new("git", arguments.iter().copied()));
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let prefix = git(&["rev-parse", "--show-prefix"])?;
    let clone = room.join("clone");
    let at = clone.display().to_string();
    git(&["clone", "--quiet", "--no-checkout", &top, &at])?;
    git(&["-C", &at, "checkout", "--quiet", "--detach", commit])?;
    Ok(if prefix.is_empty() { clone } else { clone.join(prefix) })
}

/// The doors of another user's machine, as far as one machine can play another.
fn elsewhere(doors: &Doors, root: &Path, room: &Path) -> Result<Doors> {
    let home = room.join("home");
    files::create_folder(&home)?;
    let path = |path: &Path| path.display().to_string();
    let mut environment: Environment = doors
        .environment
        .clone()
        .with("HOME", path(&home))
        .with("CARGO_TARGET_DIR", path(&room.join("target")));
    if let Some(rustup) = doors.environment.rustup_home() {
        environment = environment.with("RUSTUP_HOME", path(&rustup));
    }
    if let Some(cargo) = doors.environment.cargo_home() {
        let own = room.join("cargo");
        files::create_folder(&own)?;
        for name in SHARED.iter().filter(|name| cargo.join(name).exists()) {
            files::link(&cargo.join(name), &own.join(name))?;
        }
        environment = environment.with("CARGO_HOME", path(&own));
    }
    Ok(Doors {
        workspace: Workspace::at(root),
        shell: Shell::new(root, &environment),
        clock: doors.clock.clone(),
        terminal: Terminal::of_process(&environment, doors.terminal.is_json()),
        environment,
    })
}
