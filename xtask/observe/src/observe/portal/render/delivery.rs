//! What was delivered, counted. Only what was counted is said.

use maud::html;

use super::Frame;
use super::deployments::Stage;
use super::parts::{badge, nothing, short, table};
use crate::observe::portal::index::ask::Newest;

/// What the page says.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) stages: Vec<Stage>,
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
        section aria-labelledby="counts" {
            h2 #counts { "What ended how" }
            @if rows.is_empty() { (nothing("No deployment ended here yet.", "")) }
            @else { (table("Deployments and ways back, by stage and outcome", &["Stage", "Outcome", "Times"], &rows)) }
            p.note { (values.releases) " published, to " (values.stages.len()) " known stages." }
        }
        section aria-labelledby="dora" {
            h2 #dora { "Delivery performance" }
            (nothing("The five figures are not measured yet: nothing is shown in their place.", ""))
        }
    };
    frame.document("Delivery", &body)
}
