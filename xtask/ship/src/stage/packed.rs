//! What a packed crate says about where it comes from.

use serde::Deserialize;

use nexus_xtask::failure::{Failure, Result};

use super::archive;

/// The part of `.cargo_vcs_info.json` that counts. Source: <https://doc.rust-lang.org/cargo/commands/cargo-package.html>.
#[derive(Deserialize)]
struct Origin {
    git: Git,
}

#[derive(Deserialize)]
struct Git {
    sha1: String,
    #[serde(default)]
    dirty: bool,
}

/// The commit that a crate says it was packed from; `None` where it says none, or that its files were changed.
pub(crate) fn commit(name: &str, bytes: &[u8]) -> anyhow::Result<Option<String>> {
    let entries = archive::read(name, bytes)?;
    let info = format!("{}/.cargo_vcs_info.json", archive::stem(name));
    let Some(entry) = entries.iter().find(|entry| entry.path == info) else { return Ok(None) };
    let origin: Origin = serde_json::from_slice(&entry.bytes)?;
    Ok(Some(origin.git.sha1).filter(|_| !origin.git.dirty))
}

/// A crate must be packed from the plan's commit.
pub(super) fn check(name: &str, bytes: &[u8], wanted: &str) -> Result<()> {
    let found = commit(name, bytes)?;
    if found.as_deref() == Some(wanted) {
        return Ok(());
    }
    Err(Failure::refused(format!("`{name}` is not packed from the commit of the plan"))
        .why(format!("it says {}, and the plan {wanted}", found.as_deref().unwrap_or("no commit")))
        .next("git status; every file of the package must be committed and not ignored"))
}
