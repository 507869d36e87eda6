//! The binaries under test: the front, and the satellites where it looks for them, beside it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The front, with the satellites beside it that it hands command lines to.
pub(crate) fn front() -> &'static str {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        built(&["nexus-xtask-deliver", "nexus-xtask-upkeep"], &["src", "deliver/src", "upkeep/src"]);
    });
    env!("CARGO_BIN_EXE_xtask")
}

/// The satellite that packs and sends.
pub(crate) fn ship() -> &'static str {
    static BUILT: OnceLock<String> = OnceLock::new();
    BUILT.get_or_init(|| {
        built(&["nexus-xtask-ship"], &["src", "deliver/src", "ship/src"]);
        beside("nexus-xtask-ship").display().to_string()
    })
}

/// The service that is deployed in tests.
pub(crate) fn guestbook() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let path = beside("examples").join("guestbook");
    BUILT.get_or_init(|| {
        // One that is there belongs to this run: whoever builds the tests builds the examples.
        if !path.is_file() {
            cargo(&["--package", "nexus-xtask-ship", "--example", "guestbook"]);
        }
    });
    path
}

/// Copies of the front and the satellite for releases, in a folder where nothing else is.
pub(crate) fn copied(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let copy = folder.join("xtask");
    std::fs::copy(front(), &copy).unwrap();
    std::fs::copy(beside("nexus-xtask-deliver"), folder.join("nexus-xtask-deliver")).unwrap();
    copy
}

fn beside(package: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name(package)
}

/// Builds these packages unless their binaries are newer than all sources: each test is a process of its own, and most find
/// them built.
fn built(packages: &[&str], sources: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let newest = sources.iter().filter_map(|source| newest(&folder.join(source))).max();
    let is_new = |package: &&str| {
        let made = std::fs::metadata(beside(package)).and_then(|made| made.modified());
        made.is_ok_and(|made| newest.is_some_and(|newest| newest < made))
    };
    if packages.iter().all(is_new) {
        return;
    }
    cargo(&packages.iter().flat_map(|package| ["--package", package]).collect::<Vec<_>>());
}

/// Builds into the target folder of the tests.
fn cargo(what: &[&str]) {
    let target = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().and_then(Path::parent).unwrap();
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--offline"]).args(what).arg("--target-dir").arg(target);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    // What cargo tells a test of its package would have `ring` built anew, and all that needs it.
    let told = |name: &String| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars().filter(|(name, _)| told(name)) {
        cargo.env_remove(name);
    }
    assert!(cargo.status().unwrap().success(), "{what:?} do not build");
}

fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .filter_map(|entry| {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                newest(&entry.path())
            } else {
                entry.metadata().unwrap().modified().ok()
            }
        })
        .max()
}
