//! What a person reads about a release.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::release::plan::{Class, Plan};

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
        let word = match class {
            Class::Reversible => "reversible",
            Class::Compensable => "counterable",
            Class::Irreversible => "final",
        };
        line(word, format!("{} effects: {}", effects.len(), shortened(&effects)));
    }
    line("digest", plan.digest().to_string());
    text.trim_end().to_owned()
}

/// The first and the last of a long list.
fn shortened(ids: &[&str]) -> String {
    match ids {
        [first, _, _, .., last] => format!("{first} ... {last}"),
        few => few.join(", "),
    }
}
