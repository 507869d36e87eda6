//! A proposal as a person reads it: a screen of lines, or the text for the changelogs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::release::commit::on_terminal;
use crate::release::propose::{Next, Proposal};
use nexus_xtask::clock::spoken;
use nexus_xtask::terminal::width::{columns, cut};

/// Releases shown before the rest is only counted: together with the other lines they fit a screen.
const ROWS_MAX: usize = 30;

/// The widest name of a unit that moves the columns behind it.
const NAME_MAX: usize = 30;

/// Columns of a line where nobody knows how wide the terminal is.
const WIDTH: usize = 120;

/// A proposal, one line for each release.
pub(crate) fn table(proposal: &Proposal, width: Option<usize>) -> String {
    let mut lines = Vec::new();
    let releases = &proposal.releases;
    let units = releases.len() + proposal.waiting.len();
    let channel = proposal.channel.as_ref().map_or_else(String::new, |name| format!(", channel {name}"));
    let commits = counted(proposal.commits, "commit");
    lines.push(match releases.len() {
        0 => format!("nothing is due: {commits} looked at{channel}"),
        due => format!("{due} of {} due, by {commits}{channel}", counted(units, "release unit")),
    });
    let name = |next: &Next| columns(&next.unit).min(NAME_MAX);
    let versions = |next: &Next| match next.now == next.next {
        true => next.next.to_string(),
        false => format!("{} -> {}", next.now, next.next),
    };
    let names = releases.iter().map(name).max().unwrap_or(0);
    let numbers = releases.iter().map(|next| versions(next).len()).max().unwrap_or(0);
    for next in releases.iter().take(ROWS_MAX) {
        let word = next.bump.map_or("", |bump| bump.word());
        let (unit, why) = (cut(&next.unit, NAME_MAX), on_terminal(&next.why));
        lines.push(format!("  {unit:names$}  {:numbers$}  {word:5}  {why}", versions(next)));
    }
    if releases.len() > ROWS_MAX {
        lines.push(format!("  and {} more: --json tells all", releases.len() - ROWS_MAX));
    }
    let mut waiting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let reasons = proposal.waiting.iter().map(|unit| unit.why.split(" since ").next().unwrap_or_default());
    for (unit, why) in proposal.waiting.iter().zip(reasons) {
        waiting.entry(why).or_default().push(&unit.unit);
    }
    for (why, names) in waiting {
        lines.push(format!("not due: {why}: {}", names.join(", ")));
    }
    if proposal.commits_outside > 0 {
        let count = counted(proposal.commits_outside, "commit");
        lines.push(format!("outside: {count} in no package; a change file says if one should count"));
    }
    lines.extend(limits(proposal));
    lines.extend(proposal.notes.iter().map(|note| format!("note: {}", on_terminal(note))));
    if !releases.is_empty() {
        lines.push("next: cargo xtask release prepare".to_owned());
    }
    let width = width.unwrap_or(WIDTH);
    let lines: Vec<_> = lines.iter().map(|line| cut(line, width)).collect();
    lines.join("\n")
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// What the registry's limits mean for these releases.
fn limits(proposal: &Proposal) -> Vec<String> {
    let limits = &proposal.limits;
    let count = limits.new_packages.len() + limits.new_versions;
    if count == 0 {
        return Vec::new();
    }
    let new = match limits.new_packages.len() {
        0 => String::new(),
        new => format!(" ({new} new)"),
    };
    let earliest = match limits.earliest_seconds {
        0 => "no wait for the registry's limits".to_owned(),
        seconds => format!("at least {} by the registry's limits", spoken(Duration::from_secs(seconds))),
    };
    let mut lines = vec![format!("publish: {}{new}, {earliest}", counted(count, "package"))];
    if limits.trusted && !limits.new_packages.is_empty() {
        let names = limits.new_packages.join(", ");
        lines.push(format!("trusted publishing creates no package; a user's token first: {names}"));
    }
    lines
}

/// The text for the changelogs, a section for each release.
pub(crate) fn changelog(proposal: &Proposal) -> String {
    let one = proposal.releases.len() == 1;
    let sections = proposal.releases.iter().map(|next| {
        let name = if one { next.next.to_string() } else { next.tag.clone() };
        format!("## [{name}]\n\n{}", next.changelog)
    });
    sections.collect::<Vec<_>>().join("\n")
}
