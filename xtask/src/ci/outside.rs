//! Packages that the workspace depends on by path and that lie outside of it: git's tree does not hold them.
//!
//! Every step that uses cargo depends on them. They are followed by the `path` keys of their manifests; a key that
//! is inherited from another workspace (`workspace = true`) is not followed, its sources show in the dependency files
//! of the compiler.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::ci::discover::normal;
use crate::ci::tree::Tree;
use crate::files::{self, Kind};

/// The files of these packages, and of those outside that they depend on by path in turn: folder and tree.
pub(crate) fn trees(root: &Path, folders: &BTreeSet<PathBuf>) -> anyhow::Result<BTreeMap<String, Tree>> {
    let mut trees = BTreeMap::new();
    let mut open: Vec<PathBuf> = folders.iter().cloned().collect();
    while let Some(folder) = open.pop() {
        let name = folder.display().to_string();
        if folder.starts_with(root) || trees.contains_key(&name) {
            continue;
        }
        let manifest = files::read_text(&folder.join("Cargo.toml"))?.unwrap_or_default();
        open.extend(path_dependencies(&manifest).iter().map(|path| normal(&folder.join(path))));
        let mut text = String::new();
        list(&folder, &folder, &mut text)?;
        trees.insert(name, Tree::from_text(text));
    }
    Ok(trees)
}

/// Adds the files of a folder in the form of a tree. What is made there (`target`) and what is hidden is no source.
fn list(package: &Path, folder: &Path, text: &mut String) -> anyhow::Result<()> {
    for path in files::list(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name == "target" || name.starts_with('.') {
            continue;
        }
        let mode = match files::kind(&path)? {
            Kind::Folder => {
                list(package, &path, text)?;
                continue;
            }
            Kind::Absent => continue,
            Kind::Link => "120000",
            Kind::File { executable: true } => "100755",
            Kind::File { executable: false } => "100644",
        };
        let digest = files::digest(&path)?.map(|digest| digest.to_string()).unwrap_or_default();
        let relative = path.strip_prefix(package).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        text.push_str(&format!("H {mode} {digest} 0\t{relative}\0"));
    }
    Ok(())
}

/// The paths that a manifest depends on. One that cannot be read leads to cargo's own message when a step runs.
fn path_dependencies(manifest: &str) -> Vec<String> {
    let Ok(manifest) = manifest.parse::<toml::Table>() else { return Vec::new() };
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let of = |table: &toml::Table| -> Vec<String> {
        let tables = kinds.iter().filter_map(|kind| table.get(*kind)?.as_table());
        let values = tables.flat_map(|table| table.values());
        values.filter_map(|value| Some(value.get("path")?.as_str()?.to_owned())).collect()
    };
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let by_target = targets.into_iter().flat_map(|targets| targets.values());
    of(&manifest).into_iter().chain(by_target.filter_map(toml::Value::as_table).flat_map(of)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn path_dependencies_are_followed_outside_of_the_workspace_only() {
        let scratch = Scratch::new();
        let base = scratch.path();
        for (path, text) in [
            ("work/Cargo.toml", ""),
            (
                "a/Cargo.toml",
                "[target.'cfg(unix)'.dev-dependencies]\nb = { path = \"../b\" }\nw = { path = \"../work\" }\n",
            ),
            ("a/src/lib.rs", ""),
            ("a/target/debug/made", ""),
            ("b/Cargo.toml", "[dependencies]\na = { path = \"../a\" }\nelsewhere = \"1\"\n"),
        ] {
            files::write(&base.join(path), text).unwrap();
        }
        let found = trees(&base.join("work"), &[base.join("a")].into()).unwrap();
        let found: Vec<_> = found
            .iter()
            .flat_map(|(folder, tree)| tree.paths().map(move |path| format!("{folder}/{path}")))
            .map(|path| path.replace(&base.display().to_string(), ""))
            .collect();
        assert_eq!(found, ["/a/Cargo.toml", "/a/src/lib.rs", "/b/Cargo.toml"]);
    }
}
