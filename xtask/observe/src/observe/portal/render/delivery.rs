//! What was delivered, counted, and how delivery goes. Only what was counted is said.

use std::sync::Arc;

use maud::{Markup, html};

use nexus_xtask_deliver::observe::dora::render::words;
use nexus_xtask_deliver::observe::dora::{Figure, Report};

use super::Frame;
use super::parts::{badge, count, nothing, short, table, when};
use crate::observe::portal::figures::{EVENTS_MAX, Figures};
use crate::observe::portal::index::ask::Newest;

/// What the page says.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) figures: Arc<Figures>,
    pub(crate) stages: usize,
    /// Deployments by stage and outcome.
    pub(crate) ended: Vec<Newest>,
    pub(crate) releases: u64,
}

/// The page.
pub(crate) fn delivery(frame: Frame<'_>, values: &Delivery) -> String {
    let rows: Vec<_> = values
        .ended
        .iter()
        .map(|newest| {
            let stage = &newest.line.entry.subject;
            vec![html! { (short(stage, 40)) }, badge(&newest.word), html! { (newest.count) }]
        })
        .collect();
    let body = html! {
        section aria-labelledby="dora" {
            h2 #dora { "Delivery performance" }
            (performance(frame, &values.figures))
        }
        section aria-labelledby="counts" {
            h2 #counts { "What ended how" }
            @if rows.is_empty() { (nothing("No deployment ended here yet.", "")) }
            @else { (table("Deployments and ways back, by stage and outcome", &["Stage", "Outcome", "Times"], &rows)) }
            p.note { (count(values.releases, "release")) " published; " (count(values.stages as u64, "stage")) " in the journal." }
        }
    };
    frame.document("Delivery", &body)
}

fn performance(frame: Frame<'_>, figures: &Figures) -> Markup {
    if figures.reports.is_empty() {
        return nothing("No deployment is in the journal: there is nothing to measure.", "");
    }
    html! {
        p.note { "The five figures of DORA over 90 days, from events of the journal. Below five nothing is said about one; what is not "
            "known is counted apart. " code { "cargo xtask dora --json" } " names the events of each." }
        @if figures.is_cut { p.note { "Of more than " (EVENTS_MAX) " events of deployments and incidents the newest are counted." } }
        @for report in &figures.reports {
            h3 { (short(&report.stage, 60)) }
            (table(&format!("Delivery to {}", short(&report.stage, 60)), &["Figure", "Value", "Made of", "Unknown", "Against the span before"], &rows(report)))
            (apart(frame, report))
        }
    }
}

fn rows(report: &Report) -> Vec<Vec<Markup>> {
    report.figures.iter().map(row).collect()
}

fn row(figure: &Figure) -> Vec<Markup> {
    let words = words(figure);
    vec![
        html! { (words.name) },
        html! { @if figure.value.is_some() { strong { (words.value) } } @else { span.none { (words.value) } } },
        html! { (figure.n) " " (words.of) },
        html! { (words.unknown) },
        html! { (words.judgement) },
    ]
}

/// What failed, and what is only guessed.
fn apart(frame: Frame<'_>, report: &Report) -> Markup {
    let now = frame.site.now;
    html! {
        @if !report.failures.is_empty() {
            p { (count(report.failures.len() as u64, "failed deployment")) ": "
                @for (place, failure) in report.failures.iter().rev().take(5).enumerate() {
                    @if place > 0 { ", " }
                    code { (short(&failure.deployment, 60)) } " " (when(failure.since, now))
                }
                @if report.failures.len() > 5 { ", and older ones" } "."
            }
        }
        @if !report.guesses.is_empty() {
            p.note { (count(report.guesses.len() as u64, "incident")) " without a link, counted in no figure." }
        }
    }
}
