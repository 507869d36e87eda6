//! What a rehearsal needs: a staging folder of this commit, and the packages that the loopback registry must know.

use crate::doors::Doors;
use crate::failure::{Failure, Result};
use crate::files;
use crate::shell::Command;

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
