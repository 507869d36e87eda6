//! Inputs that only show when a step has run.
//!
//! The compiler writes down which files and variables it read (`*.d`, also for `include_str!`, `env!` and sources
//! outside the workspace); build scripts print what they depend on (`build/*/output`), which is in no dependency file
//! of tests or clippy. What the tree, the lock file or the toolchain already cover is left out; the rest is kept in
//! the receipt with its content and compared before the receipt answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::files;

/// Files and variables that some compilation read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Discovered {
    pub(crate) files: BTreeSet<PathBuf>,
    pub(crate) variables: BTreeSet<String>,
}

/// Where paths lead that are covered otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Covered<'a> {
    pub(crate) root: &'a Path,
    /// Files of the tree, from the root.
    pub(crate) tree: &'a BTreeSet<&'a str>,
    /// Packages of the workspace, with their folders from the root.
    pub(crate) packages: &'a BTreeMap<&'a str, &'a str>,
    /// Folders whose content the lock file or the toolchain fixes, and the build folder itself.
    pub(crate) folders: &'a [PathBuf],
}

impl Covered<'_> {
    fn covers(&self, path: &Path) -> bool {
        if self.folders.iter().any(|folder| path.starts_with(folder)) {
            return true;
        }
        let Ok(relative) = path.strip_prefix(self.root) else { return false };
        relative.to_str().is_some_and(|relative| self.tree.contains(relative))
    }
}

/// Reads what compilations into this build folder wrote down. One profile folder (`debug`, `msrv/debug`, ...) after
/// another; a folder that is not there holds nothing.
pub(crate) fn discover(target: &Path, covered: &Covered) -> anyhow::Result<Discovered> {
    let mut found = Discovered::default();
    for profile in profiles(target)? {
        for path in files::list(&profile.join("deps"))? {
            if path.extension().is_some_and(|extension| extension == "d")
                && let Some(text) = files::read_text(&path)?
            {
                dependency_file(&text, covered, &mut found);
            }
        }
        for folder in files::list(&profile.join("build"))? {
            let Some(text) = files::read_text(&folder.join("output"))? else { continue };
            build_script(&text, &package_folder(&folder, covered)?, covered, &mut found);
        }
    }
    Ok(found)
}

/// Folders below the build folder that hold `deps`, at most two levels down: `debug`, `msrv/debug`, `TRIPLE/debug`.
fn profiles(target: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut profiles = Vec::new();
    for folder in files::list(target)?.into_iter().filter(|path| path.is_dir()) {
        let inner = files::list(&folder)?;
        if inner.iter().any(|path| path.ends_with("deps")) {
            profiles.push(folder);
        } else {
            profiles.extend(inner.into_iter().filter(|path| path.join("deps").is_dir()));
        }
    }
    Ok(profiles)
}

/// The folder of the package whose build script ran in `build/NAME-HASH`: it names its files from there. Known for the
/// packages of the workspace; for others it is where the script's own source lies.
fn package_folder(build: &Path, covered: &Covered) -> anyhow::Result<PathBuf> {
    let name = build.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let package = name.rsplit_once('-').map_or(name, |(package, _)| package);
    if let Some(folder) = covered.packages.get(package) {
        return Ok(covered.root.join(folder));
    }
    for beside in files::list(build.parent().unwrap_or(build))? {
        let belongs =
            beside.file_name().and_then(|name| name.to_str()).and_then(|name| name.rsplit_once('-'));
        if belongs.is_none_or(|(other, _)| other != package) {
            continue;
        }
        for path in
            files::list(&beside)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "d"))
        {
            let text = files::read_text(&path)?.unwrap_or_default();
            let source = text
                .lines()
                .next()
                .and_then(|line| line.split_once(": "))
                .and_then(|(_, files)| words(files).into_iter().next());
            if let Some(folder) = source.as_deref().map(Path::new).and_then(Path::parent) {
                return Ok(covered.root.join(folder));
            }
        }
    }
    Ok(covered.root.to_owned())
}

/// `target: file file` lines with `\ ` for a space, and `# env-dep:NAME=VALUE` lines.
fn dependency_file(text: &str, covered: &Covered, found: &mut Discovered) {
    for line in text.lines() {
        if let Some(variable) = line.strip_prefix("# env-dep:") {
            let name = variable.split('=').next().unwrap_or_default();
            if !is_of_cargo(name) {
                found.variables.insert(name.to_owned());
            }
            continue;
        }
        // A file alone on its line, with nothing after the colon, repeats one that another line names.
        let Some((_, files)) = line.split_once(": ") else { continue };
        for name in words(files) {
            let path = normal(&covered.root.join(name));
            if !covered.covers(&path) {
                found.files.insert(path);
            }
        }
    }
}

/// Words separated by spaces; `\ ` is a space inside a word.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let last = words.last_mut().expect("there is always a last word");
        match character {
            '\\' if characters.peek() == Some(&' ') => {
                characters.next();
                last.push(' ');
            }
            ' ' => words.push(String::new()),
            other => last.push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn build_script(text: &str, package: &Path, covered: &Covered, found: &mut Discovered) {
    for line in text.lines() {
        let Some(directive) = line.strip_prefix("cargo::").or_else(|| line.strip_prefix("cargo:")) else {
            continue;
        };
        if let Some(name) = directive.strip_prefix("rerun-if-env-changed=") {
            if !is_of_cargo(name) {
                found.variables.insert(name.to_owned());
            }
        } else if let Some(name) = directive.strip_prefix("rerun-if-changed=") {
            let path = normal(&package.join(name));
            if !covered.covers(&path) {
                found.files.insert(path);
            }
        }
    }
}

/// A path without `.` and `..`, by its words alone: the file may be gone.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// Variables that cargo itself sets for a compilation: they follow from what is covered.
fn is_of_cargo(name: &str) -> bool {
    name == "OUT_DIR"
        || name == "CARGO"
        || [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_CRATE_",
            "CARGO_BIN_",
            "CARGO_CFG_",
            "CARGO_FEATURE_",
            "DEP_",
        ]
        .iter()
        .any(|start| name.starts_with(start))
}

/// The content of discovered files as it is now: of a folder, the content of every file in it.
pub(crate) fn content(path: &Path) -> anyhow::Result<Option<Digest>> {
    if !path.is_dir() {
        return files::digest(path);
    }
    let mut parts = crate::digest::Parts::default();
    for file in files::walk(path)? {
        let digest = files::digest(&file)?;
        parts
            .add(file.strip_prefix(path).unwrap_or(&file).as_os_str().as_encoded_bytes())
            .add(digest.map(|digest| digest.to_string()).unwrap_or_default());
    }
    Ok(Some(parts.digest()))
}

#[cfg(test)]
mod tests {
    use super::*;

    static NO_PACKAGES: BTreeMap<&str, &str> = BTreeMap::new();

    fn covered<'a>(tree: &'a BTreeSet<&'a str>, folders: &'a [PathBuf]) -> Covered<'a> {
        Covered { root: Path::new("/w"), tree, packages: &NO_PACKAGES, folders }
    }

    #[test]
    fn dependency_files_show_what_the_tree_does_not_hold() {
        let tree = BTreeSet::from(["src/lib.rs"]);
        let folders = [PathBuf::from("/w/target"), PathBuf::from("/home/.cargo/registry")];
        let mut found = Discovered::default();
        let text = "/w/target/debug/deps/a.d: src/lib.rs ignored/note.txt /out/my\\ file.rs /home/.cargo/registry/src/x.rs /w/target/debug/build/a/out/gen.rs\n\
                    \n\
                    src/lib.rs:\n\
                    # env-dep:GREETING=hello\n\
                    # env-dep:CARGO_PKG_VERSION=1.0.0\n\
                    # env-dep:UNSET\n";
        dependency_file(text, &covered(&tree, &folders), &mut found);
        assert_eq!(
            found.files,
            [PathBuf::from("/out/my file.rs"), PathBuf::from("/w/ignored/note.txt")].into()
        );
        assert_eq!(found.variables, ["GREETING".to_owned(), "UNSET".to_owned()].into());
    }

    #[test]
    fn build_scripts_name_their_inputs_in_both_spellings() {
        let tree = BTreeSet::from(["build.rs", "p/data/a.txt"]);
        let mut found = Discovered::default();
        let text = "cargo:rerun-if-changed=data/a.txt\ncargo::rerun-if-changed=../outside.txt\n\
                    cargo:rerun-if-env-changed=CC\ncargo::rerun-if-env-changed=OUT_DIR\nplain text\n";
        build_script(text, Path::new("/w/p"), &covered(&tree, &[]), &mut found);
        assert_eq!(found.files, [PathBuf::from("/w/outside.txt")].into());
        assert_eq!(found.variables, ["CC".to_owned()].into());
    }
}
