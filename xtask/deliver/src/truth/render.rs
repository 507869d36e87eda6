//! Generated Markdown: what is live, what is shown, what is not there. Pure.

use std::collections::BTreeMap;

use super::config::{Claim, Config, Level};
use super::documents::Row;
use super::roadmap::{Planned, Roadmap};

/// The level of each claim, and since which day: what a document is made from.
pub(crate) type Levels = BTreeMap<String, (Level, String)>;

/// The levels to write now: since today, where a level is another one than was written before.
pub(crate) fn levels(shown: &BTreeMap<String, Level>, written: &[Row], today: &str) -> Levels {
    shown
        .iter()
        .map(|(id, level)| {
            let before = written.iter().find(|row| row.claim == *id && row.level == *level);
            (id.clone(), (*level, before.map_or(today, |row| row.since.as_str()).to_owned()))
        })
        .collect()
}

/// The levels that a document tells.
pub(crate) fn told(rows: &[Row]) -> Levels {
    rows.iter().map(|row| (row.claim.clone(), (row.level, row.since.clone()))).collect()
}

/// The body of a block. None where nobody knows such a block.
pub(crate) fn body(what: &str, config: &Config, planned: &Planned, levels: &Levels) -> Option<String> {
    let mut words = what.split_whitespace();
    match words.next()? {
        "state" => Some(state(config, planned, levels)),
        "roadmap" => planned.roadmap.as_ref().map(|roadmap| phases(roadmap, levels)),
        "claims" => {
            let wanted: Vec<_> = words.collect();
            let known = wanted.iter().all(|id| config.claims.contains_key(*id));
            known.then(|| table(config, levels, |id, _| wanted.contains(&id)))
        }
        _ => None,
    }
}

/// The whole document of the current state.
fn state(config: &Config, planned: &Planned, levels: &Levels) -> String {
    let mut text = String::from("# Current state\n\n");
    text += "Made by `cargo xtask truth write` from the claims in `release/truth.toml` and the evidence that was seen. A level is\n";
    text += "computed: the highest whose evidence was true and fresh when this was written. `cargo xtask truth check` finds what has\n";
    text += "fallen since, and `cargo xtask truth explain ID` says why.\n";
    let parts: [(&str, &str, &[Level]); 3] = [
        (
            "Live",
            "Nothing is: no claim is shown by something that runs for users.",
            &[Level::Deployed, Level::Operated],
        ),
        ("Shown", "Nothing is.", &[Level::Built, Level::Tested]),
        ("Not there", "Nothing is missing that was claimed.", &[Level::Planned]),
    ];
    for (title, nothing, of) in parts {
        let rows = table(config, levels, |id, _| of.contains(&level(levels, id)));
        let rows = if rows.is_empty() { format!("{nothing}\n") } else { rows };
        text += &format!("\n## {title}\n\n{rows}");
    }
    if let Some(roadmap) = &planned.roadmap {
        text += &format!("\n## Roadmap\n\n{}", phases(roadmap, levels));
        text += &format!("\n## Tasks\n\n{}", tasks(roadmap, levels));
    }
    if let Some(owners) = &planned.owners {
        text += "\n## Owners\n\n| owner | answers for | is reached |\n|---|---|---|\n";
        for (name, owner) in &owners.owners {
            text += &format!("| {name} | {} | {} |\n", owner.duty, owner.reach);
        }
    }
    text
}

fn level(levels: &Levels, id: &str) -> Level {
    levels.get(id).map_or(Level::Planned, |(level, _)| *level)
}

/// One row for each claim that is wanted; nothing where none is.
fn table(config: &Config, levels: &Levels, wanted: impl Fn(&str, &Claim) -> bool) -> String {
    let mut rows: Vec<_> = config.claims.iter().filter(|(id, claim)| wanted(id, claim)).collect();
    rows.sort_by_key(|(id, _)| (std::cmp::Reverse(level(levels, id)), id.as_str()));
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(id, claim)| {
            let (level, since) =
                levels.get(id).map_or((Level::Planned, ""), |(level, since)| (*level, since.as_str()));
            let shown: Vec<_> = claim.evidence.iter().map(|evidence| evidence.shown()).collect();
            let shown = if shown.is_empty() { "no evidence".to_owned() } else { shown.join("; ") };
            let text = claim.text.replace('|', "\\|");
            let shown = shown.replace('|', "\\|");
            format!(
                "| <a id=\"{id}\"></a>`{id}` | {text} | {} | {shown} | {} | {since} | {} |\n",
                claim.phase,
                level.word(),
                claim.owner
            )
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => {
            let head = "| claim | what | phase | evidence | level | since | owner |\n|---|---|---|---|---|---|---|\n";
            head.to_owned() + &rows.concat()
        }
    }
}

fn phases(roadmap: &Roadmap, levels: &Levels) -> String {
    let mut text = String::from("| phase | is over when | missing |\n|---|---|---|\n");
    for phase in &roadmap.phases {
        let wanted: Vec<_> =
            phase.criteria.iter().map(|one| format!("`{}` is {}", one.claim, one.level.word())).collect();
        let missing: Vec<_> = phase
            .criteria
            .iter()
            .filter(|one| level(levels, &one.claim) < one.level)
            .map(|one| format!("`{}`", one.claim))
            .collect();
        let missing = if missing.is_empty() { "nothing: it is over".to_owned() } else { missing.join(", ") };
        text += &format!("| {} | {} | {missing} |\n", phase.title, wanted.join(", "));
    }
    text
}

fn tasks(roadmap: &Roadmap, levels: &Levels) -> String {
    let mut text = String::from("| task | owner | phase | proven by | done |\n|---|---|---|---|---|\n");
    for (id, task) in &roadmap.tasks {
        let done = if level(levels, &task.proves) >= task.level { "yes" } else { "no" };
        text += &format!(
            "| `{id}`: {} | {} | {} | `{}` is {} | {done} |\n",
            task.title,
            task.owner,
            task.phase,
            task.proves,
            task.level.word()
        );
    }
    text
}
