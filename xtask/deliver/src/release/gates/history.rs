//! What the repository says: tree, branch, versions, changelog. Pure.

use semver::Version;

use super::{Answer, Verdict};

/// How many paths and names are shown of a long list.
const SHOWN_MAX: usize = 5;

/// The work tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The commit that is checked out.
    pub(crate) head: String,
    /// Paths that differ from it, as `git status` lists them.
    pub(crate) changed: Vec<String>,
    /// Paths that are marked so that git does not look at them.
    pub(crate) hidden: Vec<String>,
}

pub(crate) fn tree(tree: &Tree, planned: &str) -> Answer {
    if tree.head != planned {
        return Answer::new(
            Verdict::Fail,
            format!("the plan is of {}, and {} is checked out", short(planned), short(&tree.head)),
            format!("git checkout {planned}"),
        );
    }
    if !tree.changed.is_empty() {
        let paths: Vec<_> = tree.changed.iter().map(|entry| format!("`{}`", entry.trim())).collect();
        return Answer::new(
            Verdict::Fail,
            format!("the work tree is not the commit: {}", some(&paths)),
            "git stash --include-untracked, or commit what belongs to the release",
        );
    }
    if !tree.hidden.is_empty() {
        let paths: Vec<_> = tree.hidden.iter().map(|path| format!("`{path}`")).collect();
        return Answer::new(
            Verdict::Fail,
            format!("git is told not to look at {}", some(&paths)),
            "git update-index --no-assume-unchanged --no-skip-worktree PATH, then look again",
        );
    }
    Answer::pass(format!("the work tree is commit {}", short(planned)))
}

/// Where the commit is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Branch {
    /// Branches that releases are made from, as patterns.
    pub(crate) allowed: Vec<String>,
    /// The branch that is checked out; `None` on a detached head.
    pub(crate) checked_out: Option<String>,
    /// The branches of `origin` that hold the commit, asked for a detached head.
    pub(crate) containing: Vec<String>,
    pub(crate) shallow: bool,
}

/// True where one of the patterns names the branch. `*` stands for anything but a slash.
pub(crate) fn is_allowed(allowed: &[String], branch: &str) -> bool {
    allowed.iter().any(|pattern| fast_glob::glob_match(pattern, branch))
}

pub(crate) fn branch(found: &Branch) -> Answer {
    let wanted = found.allowed.join(", ");
    let key = format!("`branches` of {}", crate::release::config::FILE);
    if let Some(branch) = &found.checked_out {
        return match is_allowed(&found.allowed, branch) {
            true => Answer::pass(format!("`{branch}` is checked out")),
            false => Answer::new(
                Verdict::Fail,
                format!("`{branch}` is checked out, and releases are made from {wanted}"),
                format!("git switch to one of them, or name it in {key}"),
            ),
        };
    }
    let holds = found.containing.iter().find(|branch| is_allowed(&found.allowed, branch));
    match holds {
        // In CI a tag or a commit is checked out, not a branch: the commit counts by being in one, as origin has it.
        Some(branch) => Answer::pass(format!("the head is detached, and `origin/{branch}` holds its commit")),
        None if found.shallow => Answer::new(
            Verdict::Error,
            "the head is detached, and a shallow clone does not know which branches hold its commit",
            "git fetch --unshallow origin (in a workflow: `fetch-depth: 0`)",
        ),
        None => Answer::new(
            Verdict::Fail,
            format!("the head is detached, and no branch of origin among {wanted} holds its commit"),
            format!("git fetch origin, then look again; or name the branch in {key}"),
        ),
    }
}

/// The versions that are released, and those before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) shallow: bool,
    /// The release commit.
    pub(crate) commit: String,
    pub(crate) units: Vec<UnitVersion>,
}

/// A version, and the tags of its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnitVersion {
    pub(crate) version: Version,
    pub(crate) tag: String,
    /// The commit that the tag leads to, where there is one.
    pub(crate) taken: Option<String>,
    /// The highest version with a tag in the history of the commit, the commit itself left out.
    pub(crate) before: Option<(Version, String)>,
}

pub(crate) fn versions(found: &Versions) -> Answer {
    if found.shallow {
        return Answer::new(
            Verdict::Error,
            "a shallow clone does not have all tags",
            "git fetch --unshallow --tags origin (in a workflow: `fetch-depth: 0`)",
        );
    }
    let due = |unit: &&UnitVersion| unit.taken.as_ref().is_none_or(|commit| *commit == found.commit);
    let answers: Vec<_> = found.units.iter().filter(due).map(rising).collect();
    if !answers.is_empty() {
        return Answer::all(answers);
    }
    let taken = found
        .units
        .iter()
        .filter_map(|unit| Some(format!("`{}` is on commit {}", unit.tag, short(unit.taken.as_deref()?))));
    let taken: Vec<_> = taken.collect();
    Answer::new(
        Verdict::Fail,
        format!(
            "there is nothing to release: {}",
            if taken.is_empty() { "no package is".to_owned() } else { some(&taken) }
        ),
        "cargo xtask release prepare",
    )
}

fn rising(unit: &UnitVersion) -> Answer {
    let free = if unit.taken.is_some() { "is on this commit" } else { "is free" };
    match &unit.before {
        // Two versions that differ in their build part alone are one for every resolver.
        Some((before, tag)) if unit.version.cmp_precedence(before).is_le() => Answer::new(
            Verdict::Fail,
            format!("{} does not come after {before}, which `{tag}` names", unit.version),
            "cargo xtask release prepare",
        ),
        Some((before, _)) => {
            Answer::pass(format!("`{}` {free}, and {} follows {before}", unit.tag, unit.version))
        }
        None => Answer::pass(format!("`{}` {free}, and is the first of its kind", unit.tag)),
    }
}

/// What a changelog says about a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) version: String,
    /// The changelog, from the root.
    pub(crate) file: String,
    /// What stands under the heading of the version; `None` without such a heading.
    pub(crate) text: Option<String>,
}

pub(crate) fn changelog(found: &[Noted]) -> Answer {
    let answers = found.iter().map(|noted| {
        let Noted { version, file, text } = noted;
        let problem = match text {
            None => format!("{file} has no entry `## [{version}]`"),
            Some(text) => match text.lines().filter(|line| is_said(line)).count() {
                0 => format!("the entry `## [{version}]` of {file} says nothing"),
                _ => return Answer::pass(format!("{file} tells of {version}")),
            },
        };
        Answer::new(Verdict::Fail, problem, "cargo xtask release prepare")
    });
    let answers: Vec<_> = answers.collect();
    match answers.is_empty() {
        true => Answer::new(Verdict::Fail, "there is nothing to release", "cargo xtask release prepare"),
        false => Answer::all(answers),
    }
}

/// True for a line that tells something: neither blank, nor a heading, nor a comment.
fn is_said(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#') && !line.starts_with("<!--")
}

/// The first digits of a commit: enough for a person.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// The first of a long list.
pub(crate) fn some(items: &[String]) -> String {
    let more = items.len().saturating_sub(SHOWN_MAX);
    let shown = items[..items.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[cfg(test)]
mod tests;
