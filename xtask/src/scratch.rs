//! A temporary folder for unit tests, removed with its owner. (Integration tests have `tests/it/sandbox.rs`.)

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::files;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty folder.
    ///
    /// # Panics
    /// Where the temporary folder cannot be written.
    #[expect(clippy::new_without_default, reason = "making a folder is no default")]
    pub fn new() -> Scratch {
        let name = format!("xtask-unit-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        files::remove_folder(&path).expect("a leftover of an earlier process can be removed");
        files::create_folder(&path).expect("the temporary folder can be created");
        Scratch(path.canonicalize().expect("a folder just created has a path"))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        files::remove_folder(&self.0).ok();
    }
}
