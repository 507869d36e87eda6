//! What is claimed, and how far it is shown.

use maud::{Markup, html};

use nexus_xtask::journal::Line;

use super::Frame;
use super::deployments::label;
use super::parts::{badge, commit, nothing, older, short, table, when};
use crate::observe::portal::index::ask;

/// The levels of a claim, the lowest first.
pub(super) const LEVELS: [&str; 5] = ["planned", "built", "tested", "deployed", "operated"];

/// What the page says.
#[derive(Debug)]
pub(crate) struct Truth {
    /// The newest event of each claim.
    pub(crate) claims: Vec<Line>,
    pub(crate) history: ask::Page,
    /// True where a ledger is declared.
    pub(crate) declared: bool,
}

/// The page.
pub(crate) fn truth(frame: Frame<'_>, values: &Truth) -> String {
    let body = html! {
        section aria-labelledby="claims" {
            h2 #claims { "Claims" }
            @if values.claims.is_empty() {
                @if values.declared { (nothing("No claim was checked yet.", "cargo xtask truth check")) }
                @else { (nothing("No ledger is declared: there is no release/truth.toml.", "")) }
            } @else { (claims(frame, &values.claims)) }
        }
        section aria-labelledby="history" {
            h2 #history { "What rose and what fell" }
            @if values.history.lines.is_empty() { (nothing("No change of a level is recorded.", "")) }
            @else {
                (changes(frame, &values.history.lines))
                (older(frame, values.history.older.as_ref()))
            }
        }
    };
    frame.document("Truth", &body)
}

fn claims(frame: Frame<'_>, lines: &[Line]) -> Markup {
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            vec![
                html! { (short(&line.entry.subject, 80)) },
                badge(label(line, "level")),
                when(line.ts, frame.site.now),
                commit(label(line, "commit")),
            ]
        })
        .collect();
    table("Each claim with the level that its evidence shows", &["Claim", "Level", "Since", "Commit"], &rows)
}

fn changes(frame: Frame<'_>, lines: &[Line]) -> Markup {
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            let before = label(line, "before");
            let fell = rank(label(line, "level")) < rank(before);
            vec![
                when(line.ts, frame.site.now),
                html! { (short(&line.entry.subject, 80)) },
                html! { @if !before.is_empty() { (badge(before)) " to " } (badge(label(line, "level"))) @if fell { " " strong { "fell" } } },
                commit(label(line, "commit")),
            ]
        })
        .collect();
    table("Changes, the newest first", &["When", "Claim", "Level", "Commit"], &rows)
}

fn rank(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}
