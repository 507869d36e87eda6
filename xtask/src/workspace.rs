//! The repository root, and every path that the toolkit ever builds.

use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::failure::{Failure, Result};
use crate::files;

/// A Rust workspace, or a single package, that the toolkit works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
    rehearses: bool,
}

impl Workspace {
    /// Finds the workspace around a folder: the nearest folder upwards whose `Cargo.toml` has a `[workspace]` table,
    /// else the nearest that has a `Cargo.toml` at all.
    pub fn find(folder: &Path) -> Result<Workspace> {
        let mut nearest = None;
        for candidate in folder.ancestors() {
            let manifest = candidate.join("Cargo.toml");
            let Some(text) = files::read_text(&manifest)? else { continue };
            nearest.get_or_insert(candidate);
            // Told apart by the line alone: a manifest that cargo cannot read must still lead to cargo's own message.
            if text.lines().any(|line| line.trim_start().starts_with("[workspace")) {
                nearest = Some(candidate);
                break;
            }
        }
        let root = nearest.ok_or_else(|| {
            Failure::usage("not inside a Rust workspace")
                .why(format!("no `Cargo.toml` in `{}` or above it", folder.display()))
                .next("change to a folder with a Cargo.toml, or make one with `cargo init`")
        })?;
        Ok(Workspace::at(root))
    }

    /// A workspace whose root is known.
    pub fn at(root: &Path) -> Workspace {
        Workspace { root: root.to_owned(), rehearses: false }
    }

    /// The same workspace with a state of its own: what is only rehearsed is not recorded as if it had happened.
    pub fn rehearsing(&self) -> Workspace {
        Workspace { root: self.root.clone(), rehearses: true }
    }

    /// The root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file by its path from the root, with `/` as separator.
    pub fn file(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A path below the root, as people and receipts name it: with `/` as separator.
    pub fn name_of(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        relative.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
    }

    /// What people declare: one file per domain.
    pub fn declared(&self, domain: &str) -> PathBuf {
        self.root.join("release").join(format!("{domain}.toml"))
    }

    /// Local state, ignored by git.
    pub fn state(&self) -> PathBuf {
        match self.rehearses {
            false => self.machine(),
            true => self.machine().join("rehearsal"),
        }
    }

    /// What belongs to this checkout on this machine, whether something happens or is rehearsed.
    fn machine(&self) -> PathBuf {
        self.root.join(".xtask")
    }

    /// The receipts.
    pub fn receipts(&self) -> PathBuf {
        self.state().join("receipts")
    }

    /// The receipt of a fingerprint.
    pub fn receipt(&self, fingerprint: &Digest) -> PathBuf {
        self.receipts().join(format!("{fingerprint}.json"))
    }

    /// The recorded runs.
    pub fn runs(&self) -> PathBuf {
        self.state().join("runs")
    }

    /// The folder of one run.
    pub fn run(&self, run: &str) -> PathBuf {
        self.runs().join(run)
    }

    /// The journal's folder.
    pub fn journal(&self) -> PathBuf {
        self.state().join("journal")
    }

    /// What can be computed again at any time.
    pub fn cache(&self) -> PathBuf {
        self.state().join("cache")
    }

    /// Tools installed for this workspace alone.
    pub fn tools(&self) -> PathBuf {
        self.machine().join("tools")
    }

    /// The satellites, built for this workspace.
    pub fn satellites(&self) -> PathBuf {
        self.machine().join("satellites")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn the_workspace_is_found_from_any_folder_in_it() {
        let scratch = Scratch::new();
        let root = scratch.path().join("a b é");
        files::write(&root.join("Cargo.toml"), "[workspace]\nmembers = [\"one\"]\n").unwrap();
        files::write(&root.join("one/Cargo.toml"), "[package]\nname = \"one\"\nversion.workspace = true\n")
            .unwrap();
        files::create_folder(&root.join("one/src")).unwrap();
        for folder in ["", "one", "one/src"] {
            assert_eq!(Workspace::find(&root.join(folder)).unwrap().root(), root);
        }
    }

    #[test]
    fn a_single_package_is_a_workspace_of_its_own() {
        let scratch = Scratch::new();
        files::write(&scratch.path().join("Cargo.toml"), "[package]\nname = \"one\"\n").unwrap();
        assert_eq!(Workspace::find(scratch.path()).unwrap().root(), scratch.path());
    }

    #[test]
    fn elsewhere_the_failure_says_what_to_do() {
        let failure = Workspace::find(Path::new("/")).unwrap_err();
        assert_eq!(failure.exit, crate::failure::Exit::Usage);
        assert!(failure.next.is_some());
    }
}
