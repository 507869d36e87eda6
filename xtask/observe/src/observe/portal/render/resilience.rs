//! Backups that were read back, and drills with their figures.

use maud::{Markup, html};

use nexus_xtask::journal::Line;

use super::Frame;
use super::health::events;
use super::parts::{Tone, count, nothing, older, short, table, toned, when};
use crate::observe::portal::index::ask::{self, Newest};

/// What the page says.
#[derive(Debug)]
pub(crate) struct Resilience {
    pub(crate) backups: Vec<Newest>,
    pub(crate) drills: Vec<Newest>,
    pub(crate) history: ask::Page,
}

/// The page.
pub(crate) fn resilience(frame: Frame<'_>, values: &Resilience) -> String {
    let body = html! {
        section aria-labelledby="backups" {
            h2 #backups { "Backups" }
            @if values.backups.is_empty() { (nothing("No backup is recorded here.", "cargo xtask backup create")) }
            @else { (newest(frame, "The last of each step, for each backup", &values.backups)) }
        }
        section aria-labelledby="drills" {
            h2 #drills { "Drills" }
            @if values.drills.is_empty() { (nothing("No drill is recorded here: recovery is not known to work.", "cargo xtask drill restore")) }
            @else { (newest(frame, "The last of each kind", &values.drills)) }
        }
        section aria-labelledby="history" {
            h2 #history { "History of backups" }
            @if values.history.lines.is_empty() { (nothing("Nothing is recorded.", "")) }
            @else {
                (events(frame, "Backups, the newest first", &values.history.lines))
                (older(frame, values.history.older.as_ref()))
            }
        }
    };
    frame.document("Resilience", &body)
}

fn newest(frame: Frame<'_>, caption: &str, rows: &[Newest]) -> Markup {
    let rows: Vec<_> = rows
        .iter()
        .map(|newest| {
            let line = &newest.line;
            let (step, failed) = step(line);
            vec![
                html! { (short(&line.entry.subject, 60)) },
                html! { (short(&step, 40)) },
                match failed {
                    true => toned(Tone::Bad, "failed"),
                    false => toned(Tone::Good, "succeeded"),
                },
                when(line.ts, frame.site.now),
                html! { @if let Some(figure) = figure(line) { (figure) } },
                html! { (count(newest.count, "time")) },
            ]
        })
        .collect();
    table(caption, &["Name", "Step", "Result", "Last", "Figure", "So far"], &rows)
}

/// What was tried, and whether it failed: `backup.failed` is a creation that did.
fn step(line: &Line) -> (String, bool) {
    let words: Vec<&str> = line.entry.kind.split('.').skip(1).collect();
    match words.as_slice() {
        ["failed"] => ("create".to_owned(), true),
        [step @ .., "failed"] => (step.join(" "), true),
        step => (step.join(" "), false),
    }
}

/// Bytes of a backup, how many were removed, seconds of a drill.
fn figure(line: &Line) -> Option<String> {
    let value = line.entry.value.filter(|value| value.is_finite() && *value >= 0.0)?;
    Some(match line.entry.kind.as_str() {
        "backup.prune" => format!("{value} removed"),
        kind if kind.starts_with("backup.") => format!("{:.1} MiB", value / f64::from(1 << 20)),
        kind if kind.starts_with("drill.") => format!("{value:.1} s"),
        _ => format!("{value}"),
    })
}
