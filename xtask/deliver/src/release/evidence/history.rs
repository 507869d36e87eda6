//! What git and the changelog say.

use super::World;
use crate::release::changelog;
use crate::release::gates::history::{Branch, Noted, Tree, UnitVersion, Versions};
use crate::release::notes::{self, Place};
use crate::release::units::Unit;
use nexus_xtask::failure::Result;
use nexus_xtask::files;
use nexus_xtask::shell::Command;

pub(super) fn tree(world: &World) -> Result<Tree> {
    // `H` is a file that git looks at; `S` and lower-case letters are files that it was told not to.
    let listed = world.doors.shell.read(&Command::new("git", ["ls-files", "-v", "-z", "--", ":/"]))?;
    let entries = listed.split('\0').filter(|entry| !entry.is_empty());
    let hidden = entries.filter(|entry| !entry.starts_with("H ") && !entry.starts_with("M "));
    Ok(Tree {
        head: world.facts.commit.clone(),
        changed: world.facts.dirty.clone(),
        hidden: hidden.filter_map(|entry| Some(entry.split_once(' ')?.1.to_owned())).collect(),
    })
}

pub(super) fn branch(world: &World) -> Result<Branch> {
    let mut found = Branch {
        allowed: world.config.branches.clone(),
        checked_out: world.facts.branch.clone(),
        containing: Vec::new(),
        shallow: world.facts.shallow,
    };
    if found.checked_out.is_none() {
        let words = [
            "for-each-ref",
            "--format=%(refname:strip=3)",
            "--contains",
            &world.plan.commit,
            "refs/remotes/origin",
        ];
        let listed = world.doors.shell.read(&Command::new("git", words))?;
        found.containing = listed.lines().filter(|name| *name != "HEAD").map(str::to_owned).collect();
    }
    Ok(found)
}

pub(super) fn versions(world: &World) -> Result<Versions> {
    let earlier = earlier_tags(world)?;
    let of_unit = |unit: &Unit| {
        let tag = unit.tag(&unit.version);
        UnitVersion {
            version: unit.version.clone(),
            taken: world.facts.tags.get(&tag).cloned(),
            tag,
            before: unit.released(&earlier).pop(),
        }
    };
    Ok(Versions {
        shallow: world.facts.shallow,
        commit: world.plan.commit.clone(),
        units: world.units.iter().map(of_unit).collect(),
    })
}

/// The tags in the history of the release commit, those on itself left out. What was released from another line of
/// development is no earlier version of this one.
pub(super) fn earlier_tags(world: &World) -> Result<Vec<String>> {
    let merged = world.doors.shell.read(&Command::new("git", ["tag", "--merged", &world.plan.commit]))?;
    let is_earlier = |tag: &&str| world.facts.tags.get(*tag).is_some_and(|of| *of != world.plan.commit);
    Ok(merged.lines().filter(is_earlier).map(str::to_owned).collect())
}

pub(super) fn changelog(world: &World) -> Result<Vec<Noted>> {
    let World { doors, config, units, plan, .. } = world;
    let places = notes::places(config, units);
    let mut all = Vec::new();
    for unit in units.iter().filter(|unit| plan.release(&unit.tag(&unit.version)).is_some()) {
        let Some(Place { file, is_shared }) = places.get(&unit.name) else { continue };
        let text = files::read_text(&doors.workspace.file(file))?.unwrap_or_default();
        let (tag, version) = (unit.tag(&unit.version), unit.version.to_string());
        // Where units share the file, a version alone may be that of another one.
        let by_version = || changelog::section(&text, &version).filter(|_| !is_shared);
        let entry = changelog::section(&text, &tag).or_else(by_version);
        all.push(Noted { version, file: file.clone(), text: entry });
    }
    Ok(all)
}
