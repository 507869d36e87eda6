//! Changed files and the package graph in, the packages that the change can reach out, each with one reason. Pure.
//!
//! Whatever cannot be decided means everything, and the reason says so: a wrong "everything" costs time, a wrong
//! "nothing" costs the truth.

use std::collections::{BTreeMap, BTreeSet};

use crate::ci::facts::Package;
use crate::ci::step::{covers, matches};

/// Files at the root that reach everything.
const REACH_ALL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "rust-toolchain",
    "rust-toolchain.toml",
    ".cargo",
    "clippy.toml",
    ".clippy.toml",
    "rustfmt.toml",
    ".rustfmt.toml",
    "deny.toml",
    ".deny.toml",
    ".config/nextest.toml",
    "release/ci.toml",
    "release/baseline.toml",
    "release/tools.toml",
];

/// What a change can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Affected {
    /// All packages and all steps, for this reason.
    Everything(String),
    /// These packages, each for its reason. Empty when the change reaches none.
    Packages(BTreeMap<String, String>),
}

/// Decides. `changed` are paths from the root; `ignore` are patterns that are declared to reach no package.
pub(crate) fn affected(changed: &[String], packages: &[Package], ignore: &[String]) -> Affected {
    let mut reached: BTreeMap<String, String> = BTreeMap::new();
    for path in changed {
        if let Some(root) = REACH_ALL.iter().find(|root| covers(root, path)) {
            return Affected::Everything(format!("`{root}` reaches everything"));
        }
        if matches(ignore, path) {
            continue;
        }
        // The deepest folder wins: a package inside another's folder is not part of it.
        let owner = packages
            .iter()
            .filter(|package| package.folder.is_empty() || covers(&package.folder, path))
            .max_by_key(|package| package.folder.len());
        match owner {
            Some(package) => {
                reached.entry(package.name.clone()).or_insert_with(|| format!("`{path}` changed"));
            }
            None => {
                return Affected::Everything(format!(
                    "`{path}` lies in no package; if it reaches none, add it to `affected.ignore` in release/ci.toml"
                ));
            }
        }
    }
    spread(&mut reached, packages);
    Affected::Packages(reached)
}

/// Adds whoever depends on what is reached.
fn spread(reached: &mut BTreeMap<String, String>, packages: &[Package]) {
    let mut new: BTreeSet<String> = reached.keys().cloned().collect();
    while let Some(name) = new.pop_first() {
        for package in packages {
            if package.dependencies.contains(&name) && !reached.contains_key(&package.name) {
                reached.insert(package.name.clone(), format!("depends on `{name}`"));
                new.insert(package.name.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn package(name: &str, folder: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.into(),
            folder: folder.into(),
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
            ..Package::default()
        }
    }

    #[track_caller]
    fn check(changed: &[&str], expected: Expect) {
        let packages = [
            package("core", "core", &[]),
            package("inner", "core/inner", &[]),
            package("net", "net", &["core"]),
            package("app", "app", &["net"]),
            package("tool", "tool", &[]),
        ];
        let changed: Vec<_> = changed.iter().map(|path| (*path).to_owned()).collect();
        let text = match affected(&changed, &packages, &["docs/**".to_owned()]) {
            Affected::Everything(reason) => format!("everything: {reason}"),
            Affected::Packages(packages) if packages.is_empty() => "nothing".to_owned(),
            Affected::Packages(packages) => packages
                .iter()
                .map(|(name, reason)| format!("{name}: {reason}"))
                .collect::<Vec<_>>()
                .join("\n"),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn a_change_reaches_its_package_and_whoever_depends_on_it() {
        check(&["tool/src/main.rs"], expect!["tool: `tool/src/main.rs` changed"]);
        check(
            &["core/src/lib.rs"],
            expect![[r#"
                app: depends on `net`
                core: `core/src/lib.rs` changed
                net: depends on `core`"#]],
        );
        check(&["core/inner/src/lib.rs"], expect!["inner: `core/inner/src/lib.rs` changed"]);
        check(
            &["core/README.md"],
            expect![[r#"
            app: depends on `net`
            core: `core/README.md` changed
            net: depends on `core`"#]],
        );
    }

    #[test]
    fn what_cannot_be_decided_is_everything() {
        check(&["tool/src/main.rs", "Cargo.lock"], expect!["everything: `Cargo.lock` reaches everything"]);
        check(&[".cargo/config.toml"], expect!["everything: `.cargo` reaches everything"]);
        check(&["release/ci.toml"], expect!["everything: `release/ci.toml` reaches everything"]);
        check(
            &["README.md"],
            expect![
                "everything: `README.md` lies in no package; if it reaches none, add it to `affected.ignore` in release/ci.toml"
            ],
        );
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        check(&[], expect!["nothing"]);
        check(&["docs/a.md"], expect!["nothing"]);
    }
}
