//! Which files a change touches, asked of git.
//!
//! The base is where the change left the other branch: a merge base, never the tip, or every change of others would
//! count. Where there is none (a shallow clone, no commit, no git) the answer is why not, and the caller runs all.

use std::collections::BTreeSet;

use crate::doors::Doors;
use crate::failure::{Failure, Result};
use crate::git;
use crate::shell::Command;

/// The paths, from the root, that differ between the base and the work tree, new files included; or why that is
/// unknown. A base that the person named and that does not exist is a failure.
pub(crate) fn since(doors: &Doors, base: Option<&str>) -> Result<std::result::Result<Vec<String>, String>> {
    let listing = match git::listing(&doors.shell)? {
        Ok(listing) => listing,
        Err(no_git) => return Ok(Err(no_git.to_string())),
    };
    if listing.head.is_none() {
        return Ok(Err("the repository has no commit".to_owned()));
    }
    let candidates = match base {
        Some(base) => vec![base.to_owned()],
        None => guesses(doors),
    };
    let Some(revision) = candidates.iter().find(|revision| exists(doors, revision)) else {
        return match base {
            Some(base) => Err(Failure::usage(format!("there is no revision `{base}` here"))
                .why("git does not know it; a shallow clone may lack it")
                .next(format!("git fetch origin {base}"))),
            None => {
                Ok(Err(format!("none of {} is known here (--base REV names one)", candidates.join(", "))))
            }
        };
    };
    let merge_base = doors.shell.capture(&Command::new("git", ["merge-base", "HEAD", revision]))?;
    if !merge_base.is_success() {
        return Ok(Err(format!(
            "there is no merge base with `{revision}` here: the clone is shallow, or the histories are unrelated"
        )));
    }
    let diff = Command::new(
        "git",
        ["diff", "--name-only", "--no-renames", "--relative", "-z", &merge_base.text(), "--"],
    );
    let captured = doors.shell.capture(&diff)?;
    if !captured.is_success() {
        return Ok(Err(format!("`{diff}` failed: {}", captured.stderr.trim())));
    }
    let mut changed: BTreeSet<String> =
        String::from_utf8_lossy(&captured.stdout).split_terminator('\0').map(str::to_owned).collect();
    changed.extend(listing.dirty);
    changed.extend(listing.deleted);
    Ok(Ok(changed.into_iter().collect()))
}

/// Revisions to compare with, the best first: what the workflow says, else where the default branch is.
fn guesses(doors: &Doors) -> Vec<String> {
    let said = ["XTASK_BASE", "GITHUB_BASE_REF"].iter().filter_map(|name| doors.environment.get(name));
    said.flat_map(|name| [name.to_owned(), format!("origin/{name}")])
        .chain(["origin/HEAD", "origin/main", "origin/master", "main", "master"].map(str::to_owned))
        .collect()
}

fn exists(doors: &Doors, revision: &str) -> bool {
    let verify = Command::new(
        "git",
        ["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")],
    );
    doors.shell.capture(&verify).is_ok_and(|captured| captured.is_success())
}
