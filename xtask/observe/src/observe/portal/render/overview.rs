//! The first page: what is live, what is red, and what is not known.

use maud::{Markup, html};

use nexus_xtask::journal::Line;

use super::Frame;
use super::deployments::{Stage, label, stages};
use super::health::{DOWN, UP};
use super::parts::{badge, count, short, table, tile, when};
use super::pipelines::runs;
use super::truth::LEVELS;
use crate::observe::portal::index::ask::RunRow;
use crate::observe::portal::site::Page;

/// What the page says.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(crate) runs: Vec<RunRow>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) signals: Vec<Line>,
    pub(crate) backups: Vec<Line>,
    pub(crate) drills: Vec<Line>,
    pub(crate) claims: Vec<Line>,
    pub(crate) broken: Vec<(String, u64, String)>,
}

/// The page.
pub(crate) fn overview(frame: Frame<'_>, values: &Overview) -> String {
    let body = html! {
        (whole(values))
        ul.tiles aria-label="At a glance" { (tiles(frame, values)) }
        section aria-labelledby="stages" {
            h2 #stages { "Stages" }
            (stages(frame, &values.stages))
        }
        section aria-labelledby="runs" {
            h2 #runs { "Last runs" }
            (runs(frame, &values.runs))
        }
    };
    frame.document("Overview", &body)
}

/// A record that is not whole is said first.
fn whole(values: &Overview) -> Markup {
    if values.broken.is_empty() {
        return html! {};
    }
    let rows: Vec<_> = values
        .broken
        .iter()
        .map(|(file, line, why)| {
            vec![html! { code { (short(file, 60)) ":" (line) } }, html! { (short(why, 120)) }]
        })
        .collect();
    html! {
        section.alarm aria-labelledby="broken" {
            h2 #broken { "The journal is not whole" }
            p { "What is below this may be wrong. " code { "cargo xtask journal verify" } " checks every line." }
            (table("Places at which a chain is broken", &["Place", "Why"], &rows))
        }
    }
}

fn tiles(frame: Frame<'_>, values: &Overview) -> Markup {
    let now = frame.site.now;
    let state =
        |wanted: &str| values.signals.iter().filter(|line| label(line, "state") == wanted).count() as u64;
    let (up, down) = (state(UP), state(DOWN));
    let unknown = values.signals.len() as u64 - up - down;
    let none = || html! { span.none { "no data" } };
    let newest = |lines: &[Line]| lines.iter().max_by_key(|line| line.ts).cloned();
    let backup = newest(&values.backups);
    let drill = newest(&values.drills);
    let level = |wanted: &str| values.claims.iter().filter(|line| label(line, "level") == wanted).count();
    html! {
        (match values.runs.first() {
            None => tile("Last run", &none(), &html! {}, &frame.link(&Page::Pipelines)),
            Some(run) => tile("Last run", &badge(&run.result), &when(run.began, now), &frame.link(&Page::Run(run.name.clone()))),
        })
        (match values.signals.is_empty() {
            true => tile("Signals", &none(), &html! {}, &frame.link(&Page::Health)),
            false => tile(
                "Signals",
                &html! { @if down > 0 { (badge(DOWN)) } @else if unknown > 0 { (badge("not known")) } @else { (badge(UP)) } },
                &html! { (up) " up, " (down) " down, " (unknown) " not known" },
                &frame.link(if down > 0 { &Page::Alerts } else { &Page::Health }),
            ),
        })
        (match backup {
            None => tile("Last backup", &none(), &html! {}, &frame.link(&Page::Resilience)),
            Some(line) => tile("Last backup", &html! { (short(&line.entry.subject, 24)) }, &when(line.ts, now), &frame.link(&Page::Resilience)),
        })
        (match drill {
            None => tile("Last green drill", &none(), &html! {}, &frame.link(&Page::Resilience)),
            Some(line) => tile("Last green drill", &html! { (short(&line.entry.subject, 24)) }, &when(line.ts, now), &frame.link(&Page::Resilience)),
        })
        (match values.claims.is_empty() {
            true => tile("Claims", &none(), &html! {}, &frame.link(&Page::Truth)),
            false => tile(
                "Claims",
                &html! { (count(values.claims.len() as u64, "claim")) },
                &html! { @for (place, word) in LEVELS.iter().enumerate() { @if place > 0 { ", " } (level(word)) " " (word) } },
                &frame.link(&Page::Truth),
            ),
        })
    }
}
