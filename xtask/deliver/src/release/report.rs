//! What a person reads about a release.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::release::effect::Observed;
use crate::release::plan::{Class, Plan};
use crate::release::protocol::rehearse::Rehearsed;
use crate::release::protocol::{Endpoints, Seen};
use nexus_xtask::clock::spoken;
use nexus_xtask::digest::Digest;
use nexus_xtask::satellite::Message;

/// The width of the first column.
const COLUMN: usize = 12;

/// A plan, so that it fits a screen: releases, packages by wave, artifacts and effects by class.
pub(crate) fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    let mut line = |name: &str, rest: String| {
        // Writing into a string cannot fail.
        writeln!(text, "{name:COLUMN$}{rest}").ok();
    };
    line("commit", plan.commit.chars().take(12).collect());
    for release in &plan.releases {
        let kind = if release.prerelease { " (pre-release)" } else { "" };
        line("release", format!("{}{kind}: {}", release.tag, release.packages.join(", ")));
    }
    if plan.releases.is_empty() {
        line("release", "none: the tag of every version is on another commit".to_owned());
    }
    for (number, wave) in plan.waves().iter().enumerate() {
        let names: Vec<_> =
            wave.iter().map(|package| format!("{} {}", package.name, package.version)).collect();
        line(if number == 0 { "packages" } else { "then" }, names.join(", "));
    }
    let built = plan.artifacts.iter().filter(|artifact| artifact.release.is_some());
    for artifact in built {
        line("artifact", artifact.name().to_owned());
    }
    let gates: Vec<_> = plan.steps.iter().filter_map(|step| step.id.strip_prefix("gate:")).collect();
    if !gates.is_empty() {
        line("gates", gates.join(", "));
    }
    let mut classes: BTreeMap<Class, Vec<&str>> = BTreeMap::new();
    for step in plan.effects() {
        classes.entry(plan.class(&step.action).unwrap_or(Class::Irreversible)).or_default().push(&step.id);
    }
    for (class, effects) in classes {
        line(word(class), format!("{} effects: {}", effects.len(), shortened(&effects)));
    }
    line("digest", plan.digest().to_string());
    text.trim_end().to_owned()
}

/// What publishing would do, one effect a line, and the way back.
pub(crate) fn effects(plan: &Plan, seal: &Digest, endpoints: &Endpoints) -> String {
    let mut lines = vec![
        format!("{:COLUMN$}{seal}", "seal"),
        format!("{:COLUMN$}{} at {}", "forge", plan.repository, endpoints.forge),
        format!("{:COLUMN$}{} at {}", "registry", plan.registry, endpoints.registry),
    ];
    for (number, step) in plan.effects().enumerate() {
        let class = plan.class(&step.action).map_or("", word);
        lines.push(format!("{:>4}  {class:12} {}", number + 1, step.id));
    }
    lines.push(format!("{:COLUMN$}", "way back").trim_end().to_owned());
    lines.extend(plan.way_back.iter().map(|back| format!("      {}: {}", back.step, back.how)));
    lines.join("\n")
}

/// A line about what the satellite does; none for what a person need not see.
pub(crate) fn message(message: &Message) -> Option<String> {
    match message {
        Message::Step { id, state, detail } if detail.is_empty() => Some(format!("{state:COLUMN$}{id}")),
        Message::Step { id, state, detail } => Some(format!("{state:COLUMN$}{id}  ({detail})")),
        Message::Note { text } => Some(text.clone()),
        Message::Part { .. } | Message::Done { .. } | Message::Failed(_) => None,
    }
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Reversible => "reversible",
        Class::Compensable => "counterable",
        Class::Irreversible => "final",
    }
}

/// The first and the last of a long list.
fn shortened(ids: &[&str]) -> String {
    match ids {
        [first, _, _, .., last] => format!("{first} ... {last}"),
        few => few.join(", "),
    }
}

/// What a rehearsal came to.
pub(crate) fn rehearsed(rehearsed: &Rehearsed, took: &str) -> String {
    let mut lines = vec![format!(
        "{:COLUMN$}{} effects on loopback, in {} runs of which {} were killed",
        "rehearsed", rehearsed.effects, rehearsed.runs, rehearsed.killed
    )];
    lines.push(format!("{:COLUMN$}the same command again changed nothing", "again"));
    if !rehearsed.consumed.is_empty() {
        lines.push(format!("{:COLUMN$}built and tested with {}", "consumer", rehearsed.consumed.join(", ")));
    }
    let parts: Vec<_> = rehearsed
        .timeline
        .iter()
        .map(|(name, milliseconds)| format!("{name} {}", spoken(Duration::from_millis(*milliseconds))))
        .collect();
    lines.push(format!("{:COLUMN$}{took}: {}", "time", parts.join(", ")));
    lines.join("\n")
}

/// What the world says of every effect.
pub(crate) fn status(seal: &Digest, seen: &[Seen]) -> String {
    let mut lines = vec![format!("{:COLUMN$}{seal}", "seal")];
    for Seen { step, observed } in seen {
        match observed {
            Observed::Same => lines.push(format!("{:COLUMN$}{step}", "done")),
            Observed::Absent => lines.push(format!("{:COLUMN$}{step}", "missing")),
            Observed::Different(difference) => {
                lines.push(format!("{:COLUMN$}{step}", "different"));
                lines.extend(difference.iter().map(|line| format!("{:COLUMN$}  {line}", "")));
            }
        }
    }
    let missing = seen.iter().filter(|seen| seen.observed == Observed::Absent).count();
    lines.push(match missing {
        0 => format!("{:COLUMN$}nothing is missing", "release"),
        missing => format!(
            "{:COLUMN$}{missing} of {} effects are missing; cargo xtask release publish --execute does them",
            "release",
            seen.len()
        ),
    });
    lines.join("\n")
}
