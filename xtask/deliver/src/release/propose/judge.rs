//! What the changes of one package ask of its version.

use crate::release::changes::Change;
use crate::release::commit::{Kind, plain};
use crate::release::config::Config;
use crate::release::history::{Changes, Commit};
use crate::release::propose::{By, Inputs, Package, Why};
use crate::release::units::Unit;
use crate::release::version::Bump;

/// A package, with what is asked of it and why.
pub(super) fn package(inputs: &Inputs, unit: &Unit, name: &str, changes: &Changes) -> Package {
    let mut why: Vec<Why> = files(inputs.changes, name)
        .map(|(change, bump)| Why {
            by: By::ChangeFile,
            bump: Some(bump),
            source: change.file.clone(),
            text: plain(change.text.lines().next().unwrap_or_default()),
        })
        .collect();
    if why.is_empty() && changes.is_changed {
        why = commits(inputs, changes).map(by_commit).collect();
        if !why.iter().any(|why| why.bump.is_some()) {
            why.extend(unspoken(inputs, unit, name, changes));
        }
    }
    if inputs.breaking.is_some_and(|breaking| breaking.contains(name)) {
        why.push(Why {
            by: By::Api,
            bump: Some(Bump::Major),
            source: "cargo-semver-checks".to_owned(),
            text: "its API breaks".to_owned(),
        });
    }
    let bump = why.iter().filter_map(|why| why.bump).max();
    Package { name: name.to_owned(), new: changes.is_new, bump, why }
}

/// The change files that name a package.
pub(super) fn files<'a>(changes: &'a [Change], name: &'a str) -> impl Iterator<Item = (&'a Change, Bump)> {
    changes.iter().filter_map(move |change| Some((change, *change.packages.get(name)?)))
}

/// The commits of a package that count.
pub(super) fn commits<'a>(inputs: &Inputs<'a>, changes: &'a Changes) -> impl Iterator<Item = &'a Commit> {
    changes.commits.iter().filter_map(|index| inputs.history.commits.get(*index))
}

fn by_commit(commit: &Commit) -> Why {
    Why {
        by: By::Commit,
        bump: commit.message.bump(),
        source: commit.id.clone(),
        text: commit.message.title.clone(),
    }
}

/// What a change asks for whose commits do not say it: what the headings under Unreleased say, else a patch. Only commits
/// of which none reaches a user ask for nothing.
fn unspoken(inputs: &Inputs, unit: &Unit, name: &str, changes: &Changes) -> Option<Why> {
    let mut commits = commits(inputs, changes).peekable();
    let nothing = match commits.peek() {
        // What no release had must be released, whatever its commits say.
        _ if changes.is_new => false,
        // Files differ without a commit: what a merge resolved. Where other packages are inside, it may be theirs.
        None => has_packages_inside(inputs, name),
        Some(_) => commits.all(|commit| commit.message.kind == Kind::Quiet),
    };
    if nothing {
        return None;
    }
    let kinds = inputs.unreleased.get(changelog(inputs.config, unit)).map_or(&[][..], Vec::as_slice);
    Some(match kinds.iter().max_by_key(|kind| by_heading(kind)) {
        Some(kind) => Why {
            by: By::Changelog,
            bump: Some(by_heading(kind)),
            source: changelog(inputs.config, unit).to_owned(),
            text: format!("`{kind}` under Unreleased"),
        },
        None => Why {
            by: By::Difference,
            bump: Some(Bump::Patch),
            source: String::new(),
            text: if changes.is_new { "it is new" } else { "its files differ" }.to_owned(),
        },
    })
}

/// The changelog of a unit.
pub(super) fn changelog<'a>(config: &'a Config, unit: &Unit) -> &'a str {
    let own = unit.packages.iter().find_map(|name| config.packages.get(name)?.changelog.as_ref());
    own.unwrap_or(&config.changelog)
}

/// What a kind of change asks for, by the words of Keep a Changelog.
fn by_heading(kind: &str) -> Bump {
    match kind {
        "Removed" => Bump::Major,
        "Added" | "Changed" | "Deprecated" => Bump::Minor,
        _ => Bump::Patch,
    }
}

fn has_packages_inside(inputs: &Inputs, name: &str) -> bool {
    let Some(own) = inputs.facts.packages.iter().find(|package| package.name == name) else { return false };
    inputs.facts.packages.iter().any(|package| {
        let inside = package.folder.strip_prefix(&own.folder);
        package.name != own.name && inside.is_some_and(|rest| own.folder.is_empty() || rest.starts_with('/'))
    })
}
