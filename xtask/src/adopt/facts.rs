//! What is there in the workspace that adopts.

use std::collections::{BTreeMap, BTreeSet};

use crate::doors::Doors;
use crate::shell::Command;
use crate::{files, git};

use super::Wanted;

/// Names under which people keep a change log.
const CHANGELOGS: &[&str] = &["changelog", "changes", "history", "news", "releases"];

/// Everything the plan is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// True in the toolkit's own repository.
    pub(crate) builds_toolkit: bool,
    /// Every file that git sees, from the root; the files of the root folder where there is no git.
    pub(crate) names: BTreeSet<String>,
    /// The contents of the files that the plan reads, by name; a missing one has no entry.
    pub(crate) texts: BTreeMap<String, String>,
    /// Files the plan would create that are there, whether git sees them or not.
    pub(crate) there: BTreeSet<String>,
    /// The change log that is there.
    pub(crate) changelog: Option<String>,
    /// Lines that `.gitignore` needs: what cargo and the toolkit write must not look like a part of the tree.
    pub(crate) not_ignored: Vec<&'static str>,
    /// True when a bench asks for features that only a nightly compiler has.
    pub(crate) benches_need_nightly: bool,
    /// True when git sees `Cargo.lock` as a tracked file.
    pub(crate) lock_tracked: bool,
    /// Why git does not say anything here.
    pub(crate) no_git: Option<String>,
    /// True when the front is installed where cargo finds it.
    pub(crate) front_installed: bool,
}

/// Looks at the workspace.
pub(crate) fn look(doors: &Doors, wanted: &Wanted) -> anyhow::Result<Facts> {
    let mut facts = Facts::default();
    let root: BTreeSet<_> = files::list(doors.workspace.root())?
        .iter()
        .filter(|path| path.is_file())
        .map(|path| doors.workspace.name_of(path))
        .collect();
    match git::listing(&doors.shell)? {
        Ok(listing) => {
            facts.lock_tracked = listing.index.contains("\tCargo.lock\0");
            facts.names = listing.paths().into_iter().collect();
            listing.deleted.iter().for_each(|name| {
                facts.names.remove(name);
            });
        }
        Err(why) => {
            facts.no_git = Some(why.to_string());
            facts.names.clone_from(&root);
        }
    }
    facts.changelog = root
        .iter()
        .find(|name| {
            let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
            CHANGELOGS.contains(&stem.as_str())
        })
        .cloned();
    let declared = ["release/ci.toml", "release/tools.toml", "release/baseline.toml"].map(str::to_owned);
    for name in declared.into_iter().chain(wanted.files.iter().map(|(name, _)| name.clone())) {
        if doors.workspace.file(&name).exists() {
            facts.there.insert(name);
        }
    }
    facts.texts = texts(doors, &facts.names)?;
    facts.benches_need_nightly = benches_need_nightly(doors, &facts.names)?;
    facts.not_ignored = not_ignored(doors, &facts)?;
    facts.builds_toolkit =
        facts.texts.get("xtask/Cargo.toml").is_some_and(|text| text.contains("name = \"nexus-xtask\""));
    facts.front_installed = doors.shell.find("cargo-nexus-xtask").is_some();
    Ok(facts)
}

/// Asked of the text, not of the compiler: the plan is shown before anything is compiled.
fn benches_need_nightly(doors: &Doors, names: &BTreeSet<String>) -> anyhow::Result<bool> {
    let is_bench =
        |name: &str| name.ends_with(".rs") && name.split('/').rev().skip(1).any(|part| part == "benches");
    for name in names.iter().filter(|name| is_bench(name)) {
        let text = files::read_text(&doors.workspace.file(name))?.unwrap_or_default();
        if text.lines().any(|line| line.starts_with("#![feature(")) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn not_ignored(doors: &Doors, facts: &Facts) -> anyhow::Result<Vec<&'static str>> {
    let mut lines = Vec::new();
    for line in ["/target/", "/.xtask/"] {
        let name = line.trim_matches('/');
        let is_ignored = match facts.no_git {
            Some(_) => facts
                .texts
                .get(".gitignore")
                .is_some_and(|text| text.lines().any(|present| present.trim().trim_matches('/') == name)),
            None => {
                // What this user ignores everywhere is not ignored for the next one.
                let words = ["-c", "core.excludesFile=", "check-ignore", "--quiet", "--no-index"];
                let probe = format!("{name}/probe");
                let ask = Command::new("git", words.into_iter().chain([probe.as_str()]));
                doors.shell.capture(&ask)?.is_success()
            }
        };
        if !is_ignored {
            lines.push(line);
        }
    }
    Ok(lines)
}

fn texts(doors: &Doors, names: &BTreeSet<String>) -> anyhow::Result<BTreeMap<String, String>> {
    let always =
        [".cargo/config", ".cargo/config.toml", ".gitignore", "release/tools.toml", "xtask/Cargo.toml"];
    let found = names.iter().filter(|name| {
        let file = name.rsplit('/').next().unwrap_or_default();
        matches!(file, "package.json" | "pyproject.toml")
    });
    let mut texts = BTreeMap::new();
    for name in always.into_iter().chain(found.map(String::as_str)) {
        if let Some(text) = files::read_text(&doors.workspace.file(name))? {
            texts.insert(name.to_owned(), text);
        }
    }
    Ok(texts)
}
