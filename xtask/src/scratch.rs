//! A temporary folder for unit tests, removed with its owner. (Integration tests have `tests/it/sandbox.rs`.)

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::files;

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        let name = format!("xtask-unit-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        files::remove_folder(&path).expect("a leftover of an earlier process can be removed");
        files::create_folder(&path).expect("the temporary folder can be created");
        Scratch(path.canonicalize().expect("a folder just created has a path"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        files::remove_folder(&self.0).ok();
    }
}
