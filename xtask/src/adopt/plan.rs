//! What adopting will do: a value that is shown before anything is written.

use std::path::Path;

use crate::failure::Result;
use crate::files;
use crate::shell::Command;

use super::facts::Facts;
use super::origin::Origin;
use super::pin::{self, Pin};
use super::steps::Step;
use super::{Wanted, alias, steps, templates};

/// Everything that adopting will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The files, in the order in which they are written.
    pub(crate) actions: Vec<Action>,
    /// True when clippy and docs findings are counted first: their number becomes a file of its own.
    pub(crate) count: bool,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
    /// The commands that follow, to paste.
    pub(crate) next: Vec<String>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Action {
    /// From the root.
    pub(crate) path: String,
    pub(crate) deed: Deed,
    pub(crate) reason: String,
}

/// What happens to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It is not there, and gets this text.
    Create(String),
    /// It is there, and gets a line.
    Change { before: String, after: String },
    /// It is there, and stays as it is.
    Keep,
    /// It could be changed, and is only when asked.
    Offer,
}

impl Plan {
    /// True when every file is as it should be.
    pub(crate) fn is_empty(&self) -> bool {
        !self.count
            && self.actions.iter().all(|action| match action.deed {
                Deed::Keep | Deed::Offer => true,
                Deed::Create(_) | Deed::Change { .. } => false,
            })
    }

    /// Puts a file in front of the others, if it is not there.
    pub(crate) fn add(&mut self, path: &str, text: String, reason: &str) {
        self.actions.insert(0, Action { path: path.into(), deed: Deed::Create(text), reason: reason.into() });
    }
}

/// Plans the files. The pin comes last: it says that the adoption is complete.
pub(crate) fn plan(facts: &Facts, wanted: &Wanted) -> Result<Plan> {
    let mut actions = vec![cargo_alias(facts, wanted)?, ignored(facts)];
    let steps = steps::find(facts);
    let reason = declared(&steps);
    actions.push(new_file(facts, "release/ci.toml", templates::ci(&steps), &reason));
    actions.push(match &facts.changelog {
        Some(name) => kept(name, "there already"),
        None => new_file(
            facts,
            "CHANGELOG.md",
            templates::CHANGELOG.to_owned(),
            "its newest entry is the next release's notes",
        ),
    });
    actions.extend(
        wanted
            .files
            .iter()
            .map(|(path, text)| new_file(facts, path, text.clone(), "calls of the same commands")),
    );
    let before = facts.texts.get("release/tools.toml");
    let pin = pin::look(before.map(String::as_str).unwrap_or_default(), wanted)?;
    let count = matches!(pin, Pin::New(_)) && !facts.there.contains("release/baseline.toml");
    actions.push(pinned(pin, before, wanted));
    Ok(Plan { actions, count, notes: notes(facts, wanted), next: next(facts, wanted) })
}

/// What release/ci.toml declares, in one line.
fn declared(steps: &[Step]) -> String {
    let ids = |is_built_in: bool| -> Vec<&str> {
        steps
            .iter()
            .filter(|step| !step.suggested && step.job.is_empty() == is_built_in)
            .map(|step| step.id.as_str())
            .collect()
    };
    let (changed, added) = (ids(true), ids(false));
    let mut parts = Vec::new();
    if !added.is_empty() {
        parts.push(format!("with steps for what is no Rust: {}", added.join(", ")));
    }
    if !changed.is_empty() {
        parts.push(format!("with another {}", changed.join(", ")));
    }
    if parts.is_empty() { "a template, all of it comments".to_owned() } else { parts.join("; ") }
}

fn new_file(facts: &Facts, path: &str, text: String, reason: &str) -> Action {
    if facts.there.contains(path) {
        return kept(path, "there already");
    }
    Action { path: path.to_owned(), deed: Deed::Create(text), reason: reason.to_owned() }
}

fn kept(path: &str, reason: &str) -> Action {
    Action { path: path.to_owned(), deed: Deed::Keep, reason: reason.to_owned() }
}

fn merged(path: &str, before: Option<&String>, after: Option<String>, reason: &str) -> Action {
    let deed = match (before, after) {
        (_, None) => return kept(path, "there already"),
        (None, Some(after)) => Deed::Create(after),
        (Some(before), Some(after)) => Deed::Change { before: before.clone(), after },
    };
    Action { path: path.to_owned(), deed, reason: reason.to_owned() }
}

/// Cargo reads the file of the old name first, and warns when there are both.
fn cargo_alias(facts: &Facts, wanted: &Wanted) -> Result<Action> {
    let path = [".cargo/config", ".cargo/config.toml"]
        .into_iter()
        .find(|path| facts.texts.contains_key(*path))
        .unwrap_or(".cargo/config.toml");
    let before = facts.texts.get(path);
    let after = alias::merge(path, before.map(String::as_str).unwrap_or_default(), &wanted.alias)?;
    Ok(merged(path, before, after, &format!("alias `cargo {}`", wanted.alias)))
}

fn ignored(facts: &Facts) -> Action {
    let before = facts.texts.get(".gitignore");
    let after = templates::gitignore(before.map(String::as_str).unwrap_or_default(), &facts.not_ignored);
    merged(".gitignore", before, after, "what is made here is no part of the tree")
}

fn pinned(pin: Pin, before: Option<&String>, wanted: &Wanted) -> Action {
    let path = "release/tools.toml";
    let version = &wanted.version;
    match pin {
        Pin::New(text) => merged(path, before, Some(text), &format!("pins the toolkit to {version}")),
        Pin::Same => kept(path, &format!("pins {version} already")),
        Pin::Older { pinned, bumped } if wanted.bump => {
            merged(path, before, Some(bumped), &format!("moves the pin from {pinned} to {version}"))
        }
        Pin::Older { pinned, .. } => Action {
            path: path.to_owned(),
            deed: Deed::Offer,
            reason: format!("pins {pinned}; `--bump` moves it to {version}"),
        },
        Pin::Other(pinned) => kept(path, &format!("pins {pinned}, which is not older than {version}")),
    }
}

fn notes(facts: &Facts, wanted: &Wanted) -> Vec<String> {
    let mut notes = Vec::new();
    if let Origin::Path(path) = &wanted.origin
        && (path.starts_with("..") || Path::new(path).is_absolute())
    {
        notes.push(format!(
            "`{path}` is outside of the repository: a workflow cannot install the toolkit from there"
        ));
    }
    if let Some(why) = &facts.no_git {
        notes.push(format!("{why}; steps for what is no Rust are found in the root folder only"));
    } else if !facts.lock_tracked {
        notes.push("Cargo.lock is not tracked: dependencies are resolved anew on each machine".to_owned());
    }
    notes
}

fn next(facts: &Facts, wanted: &Wanted) -> Vec<String> {
    let install = Command::new("cargo", wanted.origin.install_arguments(&wanted.version)).to_string();
    let run = format!("cargo {} ci", wanted.alias);
    if facts.front_installed { vec![run] } else { vec![install, run] }
}

/// One line for each file, verb first, and the differences below.
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    let width = plan.actions.iter().map(|action| action.path.chars().count()).max().unwrap_or_default();
    let mut lines = Vec::new();
    if plan.count {
        lines.push(format!(
            "count   {:<width$}  clippy and docs findings, if there are any: the baseline",
            "release/baseline.toml"
        ));
    }
    for Action { path, deed, reason } in &plan.actions {
        let verb = match deed {
            Deed::Create(_) => "create",
            Deed::Change { .. } => "change",
            Deed::Keep => "keep",
            Deed::Offer => "offer",
        };
        lines.push(format!("{verb:<6}  {path:<width$}  {reason}"));
        if let Deed::Change { before, after } = deed {
            lines.extend(files::diff(path, before, after).lines().map(|line| format!("        {line}")));
        }
    }
    lines.extend(plan.notes.iter().map(|note| format!("note    {note}")));
    if plan.is_empty() {
        lines.push("nothing to do".to_owned());
    }
    lines
}

/// The plan as data.
pub(crate) fn json(plan: &Plan) -> serde_json::Value {
    let actions: Vec<_> = plan
        .actions
        .iter()
        .map(|Action { path, deed, reason }| {
            let (deed, text) = match deed {
                Deed::Create(text) => ("create", Some(text)),
                Deed::Change { after, .. } => ("change", Some(after)),
                Deed::Keep => ("keep", None),
                Deed::Offer => ("offer", None),
            };
            serde_json::json!({ "path": path, "deed": deed, "reason": reason, "text": text })
        })
        .collect();
    serde_json::json!({ "count": plan.count, "actions": actions, "notes": plan.notes, "next": plan.next })
}

#[cfg(test)]
mod tests;
