//! Whether all checks passed on a commit, by the journal or by the forge. Pure.

use jiff::{SignedDuration, Timestamp};

use super::config::Source;
use super::history::{is_allowed, short, some};
use super::{Answer, Verdict};
use crate::release::protocol::Check;
use nexus_xtask::clock::ago;
use nexus_xtask::journal::Line;

/// The kind of the line that a run of `cargo xtask ci` leaves.
pub(crate) const KIND: &str = "ci.verdict";

/// Events whose checks are of the branch itself. Those of a pull request are of what its author wants it to become.
const EVENTS: [&str; 4] = ["push", "merge_group", "schedule", "workflow_dispatch"];

/// The application whose check runs are those of workflows.
const APP: &str = "github-actions";

/// How far two clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What was found; `None` for who was not asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Known {
    pub(crate) journal: Option<Journal>,
    pub(crate) forge: Option<Forge>,
}

/// What the journal says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Journal {
    /// Where a chain is broken.
    pub(crate) broken: Vec<String>,
    /// Lines of [`KIND`] about this commit.
    pub(crate) lines: Vec<Line>,
}

/// What the forge says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Forge {
    /// Branches that releases are made from, as patterns.
    pub(crate) allowed: Vec<String>,
    pub(crate) checks: Vec<Check>,
}

pub(crate) fn judge(
    source: Source,
    wanted: &[String],
    known: &Known,
    commit: &str,
    now: Timestamp,
) -> Answer {
    let of_journal = known.journal.as_ref().map(|journal| of_journal(journal, commit, now));
    let of_forge = known
        .forge
        .as_ref()
        .map(|forge| Answer::all(wanted.iter().map(|name| of_check(name, forge, commit)).collect()));
    // A journal that knows the commit has decided, also where it says no.
    let journal_knows =
        known.journal.as_ref().is_some_and(|journal| !journal.lines.is_empty() || !journal.broken.is_empty());
    let chosen = match source {
        Source::Journal => of_journal,
        Source::Github => of_forge,
        Source::Either if journal_knows => of_journal,
        Source::Either => of_forge.or(of_journal),
    };
    chosen.unwrap_or_else(|| {
        Answer::new(Verdict::Error, "nobody was asked", "this is a defect in xtask, please report it")
    })
}

fn of_journal(journal: &Journal, commit: &str, now: Timestamp) -> Answer {
    if let Some(place) = journal.broken.first() {
        return Answer::new(
            Verdict::Error,
            format!("the journal does not prove itself: {place}"),
            "cargo xtask journal verify",
        );
    }
    let about = journal.lines.iter().filter(|line| line.entry.kind == KIND);
    let about = about.filter(|line| line.entry.labels.get("commit").is_some_and(|of| of == commit));
    let Some(newest) = about.max_by_key(|line| (line.ts, line.seq)) else {
        return Answer::new(
            Verdict::Pending,
            format!("no run of every step on commit {} is recorded here", short(commit)),
            "cargo xtask ci",
        );
    };
    let label = |name: &str| newest.entry.labels.get(name).map_or("", String::as_str);
    let when = ago(newest.ts, now);
    let no = |verdict, fact: String| Answer::new(verdict, fact, "cargo xtask ci");
    if newest.ts > now + SKEW {
        return no(Verdict::Error, format!("the newest run is of {}, which is to come", newest.ts));
    }
    match (newest.entry.subject.as_str(), label("coverage"), label("elsewhere")) {
        ("passed", "all", "") => Answer::pass(format!("`cargo xtask ci` passed on this commit, {when}")),
        ("passed", "all", steps) => Answer::new(
            Verdict::Fail,
            format!("`cargo xtask ci` passed {when}, but {steps} cannot run on {}", label("platform")),
            "ask GitHub: `source = \"github\"` for this gate",
        ),
        ("passed", ..) => no(Verdict::Error, format!("a part of the checks passed, {when}")),
        (word, coverage, _) => {
            let what = if coverage == "all" { "`cargo xtask ci`" } else { "a part of `cargo xtask ci`" };
            no(Verdict::Fail, format!("{what}: {word}, {when}"))
        }
    }
}

fn of_check(name: &str, forge: &Forge, commit: &str) -> Answer {
    let named: Vec<_> = forge.checks.iter().filter(|check| check.name == name).collect();
    let counts = |check: &&&Check| {
        check.app.as_deref() == Some(APP)
            && check.event.as_deref().is_some_and(|event| EVENTS.contains(&event))
            && check.branch.as_deref().is_some_and(|branch| is_allowed(&forge.allowed, of_queue(branch)))
    };
    let Some(newest) = named.iter().filter(counts).max_by_key(|check| check.started) else {
        let others: Vec<_> = named
            .iter()
            .map(|check| {
                let or_none = |word: &Option<String>| word.clone().unwrap_or_else(|| "unknown".to_owned());
                format!(
                    "event {}, branch {}, by {}",
                    or_none(&check.event),
                    or_none(&check.branch),
                    or_none(&check.app)
                )
            })
            .collect();
        let found =
            if others.is_empty() { "there is none".to_owned() } else { format!("only: {}", some(&others)) };
        return Answer::new(
            Verdict::Pending,
            format!(
                "no check run `{name}` of a branch that releases are made from, on {}; {found}",
                short(commit)
            ),
            "wait for the workflow of the branch, or start it",
        );
    };
    let Check { status, conclusion, event, branch, address, .. } = newest;
    let from =
        format!("{} of {}", event.as_deref().unwrap_or_default(), branch.as_deref().unwrap_or_default());
    match (status.as_str(), conclusion.as_deref()) {
        ("completed", Some("success")) => Answer::pass(format!("`{name}` succeeded, {from}: {address}")),
        ("completed", Some(word)) => Answer::new(
            Verdict::Fail,
            format!("`{name}` ended with `{word}`, {from}: {address}"),
            format!("open {address}; its last lines say how to run it on a laptop"),
        ),
        ("completed", None) => Answer::new(
            Verdict::Error,
            format!("`{name}` has ended, and nobody says how, {from}: {address}"),
            "cargo xtask release gate",
        ),
        (status, _) => Answer::new(
            Verdict::Pending,
            format!("`{name}` is `{status}`, {from}: {address}"),
            "wait for it, then: cargo xtask release gate",
        ),
    }
}

/// The branch that a group of the merge queue is for: `gh-readonly-queue/main/pr-7-0123` is for `main`. What such a group
/// proved is what was merged, if it is the same commit, and it is.
fn of_queue(branch: &str) -> &str {
    let group = branch.strip_prefix("gh-readonly-queue/").and_then(|rest| rest.rsplit_once('/'));
    group.map_or(branch, |(branch, _)| branch)
}

#[cfg(test)]
mod tests;
