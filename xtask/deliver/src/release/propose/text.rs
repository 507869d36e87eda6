//! What a proposal says: reasons in a few words, entries of the changelog, notes.

use std::collections::{BTreeSet, HashSet};

use crate::release::changes::Change;
use crate::release::commit::{Kind, Message, markdown, plain, reviewed};
use crate::release::history::Commit;
use crate::release::propose::{By, Draft, Entry, Inputs, Next, Package, Waiting, judge};
use crate::release::version::Bump;

/// The order of the headings in the form of Keep a Changelog.
const KINDS: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

/// The kinds of change that have entries under Unreleased.
pub(crate) fn headings(changelog: &str) -> Vec<String> {
    let mut lines =
        changelog.lines().skip_while(|line| !line.to_ascii_lowercase().starts_with("## [unreleased]"));
    lines.next();
    let mut kinds: Vec<String> = Vec::new();
    let mut kind = None;
    for line in lines.take_while(|line| !line.starts_with("## ")) {
        if let Some(word) = line.strip_prefix("### ") {
            kind = Some(word.trim().to_owned());
        } else if !line.trim().is_empty() {
            kinds.extend(kind.take());
        }
    }
    kinds
}

/// A unit that is due.
pub(super) fn next(inputs: &Inputs, draft: Draft) -> Option<Next> {
    let next = draft.next.clone()?;
    let commits = commits(inputs, &draft, |_| true);
    let entries = entries(inputs, &draft);
    Some(Next {
        unit: draft.unit.name.clone(),
        now: draft.unit.version.clone(),
        tag: draft.unit.tag(&next),
        since: draft.since().map(|(_, tag)| tag.clone()),
        bump: draft.bump().filter(|_| draft.past.last.is_some()),
        why: why(&draft, &commits),
        changelog: changelog(&entries),
        entries,
        next,
        packages: draft.packages,
    })
}

/// A unit that is not due.
pub(super) fn waiting(draft: &Draft) -> Waiting {
    let since = draft.past.last.as_ref().map_or_else(String::new, |(_, tag)| format!(" since {tag}"));
    let is_quiet =
        draft.past.since_last.values().any(|changes| changes.is_changed && !changes.commits.is_empty());
    let why = match is_quiet {
        true => format!("nothing that its users notice{since}"),
        false => format!("unchanged{since}"),
    };
    Waiting { unit: draft.unit.name.clone(), version: draft.unit.version.clone(), why }
}

/// The commits of a unit that count, each once, the newest first.
fn commits<'a>(inputs: &Inputs<'a>, draft: &Draft, is_wanted: impl Fn(&str) -> bool) -> Vec<&'a Commit> {
    let is_prerelease = draft.next.as_ref().is_some_and(|next| !next.pre.is_empty());
    let since = if is_prerelease { &draft.past.since_last } else { &draft.past.since_stable };
    let changed = since.iter().filter(|(name, changes)| changes.is_changed && is_wanted(name));
    let places: BTreeSet<usize> = changed.flat_map(|(_, changes)| changes.commits.iter().copied()).collect();
    places.into_iter().filter_map(|place| inputs.history.commits.get(place)).collect()
}

/// The reasons in a few words.
fn why(draft: &Draft, commits: &[&Commit]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let last = draft.past.last.as_ref().map(|(version, _)| version);
    match last {
        None => parts.push("first release".to_owned()),
        Some(last) if !last.pre.is_empty() && draft.next.as_ref().is_some_and(|next| next.pre.is_empty()) => {
            parts.push(format!("announced by {last}"));
        }
        Some(last) if draft.unit.version > *last && draft.next.as_ref() == Some(&draft.unit.version) => {
            parts.push("the manifest is ahead of the last release".to_owned());
        }
        Some(_) => {}
    }
    let whys = || draft.packages.iter().flat_map(|package| &package.why);
    let files: BTreeSet<_> =
        whys().filter(|why| why.by == By::ChangeFile).map(|why| why.source.as_str()).collect();
    match files.iter().collect::<Vec<_>>().as_slice() {
        [] => {}
        [one] => parts.push((**one).to_owned()),
        several => parts.push(format!("{} change files", several.len())),
    }
    if last.is_some() && files.is_empty() {
        parts.extend(counted(commits));
    }
    let told: &[By] = if last.is_some() { &[By::Api, By::Changelog, By::Dependency] } else { &[] };
    for by in told {
        let texts: BTreeSet<_> = whys().filter(|why| why.by == *by).map(|why| why.text.as_str()).collect();
        parts.extend(texts.into_iter().map(str::to_owned));
    }
    if parts.is_empty() { "its files differ".to_owned() } else { parts.join(", ") }
}

/// How many commits say what.
fn counted(commits: &[&Commit]) -> Vec<String> {
    let count = |is: &dyn Fn(&Message) -> bool| commits.iter().filter(|commit| is(&commit.message)).count();
    let of = |kinds: &'static [Kind]| {
        count(&|message| message.breaking.is_none() && kinds.contains(&message.kind))
    };
    let counts = [
        (count(&|message| message.breaking.is_some()), "breaking change"),
        (of(&[Kind::Feature]), "feature"),
        (of(&[Kind::Fix, Kind::Performance]), "fix"),
        (of(&[Kind::Revert]), "revert"),
        (of(&[Kind::Other]), "other change"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    counts
        .map(|(count, word)| match (count, word) {
            (1, word) => format!("1 {word}"),
            (count, "fix") => format!("{count} fixes"),
            (count, word) => format!("{count} {word}s"),
        })
        .collect()
}

/// The changelog's new entries. What a person wrote, in change files or under Unreleased, takes the place of commits.
fn entries(inputs: &Inputs, draft: &Draft) -> Vec<Entry> {
    let of_unit =
        |change: &&Change| draft.unit.packages.iter().any(|name| change.packages.contains_key(name));
    let mut entries: Vec<Entry> = Vec::new();
    for change in inputs.changes.iter().filter(of_unit) {
        let asked = change.packages.iter().filter(|(name, _)| draft.unit.packages.contains(name));
        let text = reviewed(&change.text);
        entries.push(match asked.map(|(_, bump)| *bump).max() {
            Some(Bump::Major) => Entry { kind: "Changed", text: format!("**Breaking:** {text}") },
            Some(Bump::Minor) => Entry { kind: "Added", text },
            Some(Bump::Patch) | None => Entry { kind: "Fixed", text },
        });
    }
    let written = inputs.unreleased.get(judge::changelog(inputs.config, draft.unit));
    if written.is_some_and(|kinds| !kinds.is_empty()) {
        return entries;
    }
    let has_no_file = |name: &str| judge::files(inputs.changes, name).next().is_none();
    let mut seen = HashSet::new();
    let commits = commits(inputs, draft, has_no_file);
    let commits = commits.iter().filter(|commit| seen.insert((&commit.message.scope, &commit.message.title)));
    entries.extend(commits.filter_map(|commit| entry(&commit.message)));
    if entries.is_empty() {
        let whys = draft.packages.iter().flat_map(|package| &package.why);
        let needs: BTreeSet<_> =
            whys.filter(|why| why.by == By::Dependency).map(|why| why.text.as_str()).collect();
        entries.extend(needs.into_iter().map(|text| Entry { kind: "Changed", text: markdown(text) }));
    }
    entries
}

/// A commit as a line of the changelog; `None` for what no user notices.
fn entry(message: &Message) -> Option<Entry> {
    let scope =
        if message.scope.is_empty() { String::new() } else { format!("{}: ", markdown(&message.scope)) };
    let title = scope + &markdown(&message.title);
    if let Some(breaking) = &message.breaking {
        let what =
            if *breaking == message.title { String::new() } else { format!(": {}", markdown(breaking)) };
        return Some(Entry { kind: "Changed", text: format!("**Breaking:** {title}{what}") });
    }
    let kind = match message.kind {
        Kind::Feature => "Added",
        Kind::Fix => "Fixed",
        Kind::Performance | Kind::Revert | Kind::Other => "Changed",
        Kind::Quiet => return None,
    };
    Some(Entry { kind, text: title })
}

/// The entries under their headings.
fn changelog(entries: &[Entry]) -> String {
    let mut sections = Vec::new();
    for kind in KINDS {
        let lines = entries.iter().filter(|entry| entry.kind == kind);
        let lines: Vec<_> =
            lines.map(|entry| format!("- {}", entry.text.trim().replace('\n', "\n  "))).collect();
        if !lines.is_empty() {
            sections.push(format!("### {kind}\n\n{}\n", lines.join("\n")));
        }
    }
    sections.join("\n")
}

/// What a person should know beside the versions.
pub(super) fn notes(inputs: &Inputs, drafts: &[Draft]) -> Vec<String> {
    let mut notes = Vec::new();
    if !inputs.facts.dirty.is_empty() {
        let count = inputs.facts.dirty.len();
        let paths = if count == 1 { "path differs" } else { "paths differ" };
        notes.push(format!(
            "{count} {paths} from the commit: not counted, but for change files, changelogs and configuration"
        ));
    }
    for draft in drafts {
        notes.extend(draft.packages.iter().filter_map(|package| outvoted(inputs, draft, package)));
    }
    notes.push(match inputs.breaking {
        None => "whether APIs stay compatible was not asked: `--api` asks cargo-semver-checks".to_owned(),
        Some(_) => {
            "cargo-semver-checks does not see every break, such as another type of a parameter".to_owned()
        }
    });
    notes
}

/// That change files ask for less than the commits.
fn outvoted(inputs: &Inputs, draft: &Draft, package: &Package) -> Option<String> {
    let name = &package.name;
    let asked = judge::files(inputs.changes, name).map(|(_, bump)| bump).max()?;
    let changes = draft.past.since_stable.get(name)?;
    let said = judge::commits(inputs, changes).filter_map(|commit| commit.message.bump()).max()?;
    (said > asked && draft.past.last.is_some()).then(|| {
        let (said, asked) = (said.word(), asked.word());
        plain(&format!("`{name}`: its commits say {said}, its change files {asked}; the change files decide"))
    })
}
