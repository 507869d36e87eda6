//! Where an adopter gets the toolkit from.

use std::path::{Component, Path, PathBuf};

use toml_edit::{InlineTable, Value};

/// Where an adopter gets the toolkit from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A folder, relative to the adopter's root where that makes sense.
    Path(String),
    /// A commit or a tag of a git repository.
    Git { url: String, rev: String },
    /// The default package registry.
    Registry,
}

impl Origin {
    /// What installs this version of the toolkit.
    pub(crate) fn install_arguments(&self, version: &semver::Version) -> Vec<String> {
        let words: Vec<&str> = match self {
            Origin::Path(path) => vec!["install", "--locked", "--path", path],
            Origin::Git { url, rev } => {
                vec!["install", "--locked", "--git", url, "--rev", rev, "nexus-xtask"]
            }
            Origin::Registry => {
                return vec!["install".into(), "--locked".into(), format!("nexus-xtask@={version}")];
            }
        };
        words.into_iter().map(str::to_owned).collect()
    }

    /// The value of `source` in release/tools.toml; `None` for the default.
    pub(crate) fn toml(&self) -> Option<Value> {
        let mut table = InlineTable::new();
        match self {
            Origin::Registry => return None,
            Origin::Path(path) => {
                table.insert("path", path.as_str().into());
            }
            Origin::Git { url, rev } => {
                table.insert("git", url.as_str().into());
                table.insert("rev", rev.as_str().into());
            }
        }
        Some(Value::InlineTable(table))
    }
}

/// The way from one folder to another, with `/` as separator. Relative where the two lie in one folder below the top
/// of the file system, absolute where they have nothing in common.
pub(crate) fn way(from: &Path, to: &Path) -> String {
    let shared = from
        .components()
        .zip(to.components())
        .take_while(|(left, right)| left == right)
        .filter(|(left, _)| matches!(left, Component::Normal(_)))
        .count();
    let rooted = to.components().filter(|part| !matches!(part, Component::Normal(_))).count();
    let way: PathBuf = if shared == 0 {
        to.to_owned()
    } else {
        let up = from.components().skip(rooted + shared).map(|_| Component::ParentDir);
        up.chain(to.components().skip(rooted + shared)).collect()
    };
    way.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_relative_where_two_folders_lie_beside_each_other() {
        for (from, to, expected) in [
            ("/u/ann/shop", "/u/ann/toolkit/xtask", "../toolkit/xtask"),
            ("/u/ann/a b/c", "/u/ann/toolkit", "../../toolkit"),
            ("/u/ann/toolkit/examples/one", "/u/ann/toolkit/xtask", "../../xtask"),
            ("/srv/shop", "/u/ann/toolkit/xtask", "/u/ann/toolkit/xtask"),
        ] {
            assert_eq!(way(Path::new(from), Path::new(to)), expected);
        }
    }
}
