//! A folder for one action, which nobody else takes meanwhile.

use std::fs::File;
use std::path::PathBuf;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;

/// The folder. It is removed with its owner; one that a killed process left is removed by the next of its purpose.
pub(super) struct Scratch {
    pub(super) folder: PathBuf,
    _lock: File,
}

impl Scratch {
    pub(super) fn new(doors: &Doors, purpose: &str) -> Result<Scratch> {
        let all = doors.workspace.state().join("resilience").join("scratch");
        files::create_folder(&all)?;
        let lock = files::try_lock(&all.join(format!("{purpose}.lock")))?.ok_or_else(|| {
            Failure::new(Exit::Temporary, format!("`{purpose}` is under way in another process"))
                .next("wait for its end, then run the same command again")
        })?;
        let folder = all.join(purpose);
        files::remove_folder(&folder)?;
        files::create_private_folder(&folder)?;
        Ok(Scratch { folder, _lock: lock })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays costs disk only, and the next action of this purpose removes it.
        files::remove_folder(&self.folder).ok();
    }
}
