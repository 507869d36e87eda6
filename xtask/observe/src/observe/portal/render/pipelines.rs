//! The recorded runs, and what they say together: flaky steps, slow steps.

use maud::{Markup, html};

use super::Frame;
use super::parts::{badge, commit, count, nothing, short, table, took, when};
use crate::observe::portal::index::ask::{RunRow, StepRow};
use crate::observe::portal::site::Page;

/// What the page says.
#[derive(Debug)]
pub(crate) struct Pipelines {
    pub(crate) runs: Vec<RunRow>,
    pub(crate) steps: Vec<StepRow>,
    /// Runs by result, as the journal counts them; it knows more of them than are recorded.
    pub(crate) results: Vec<(String, u64)>,
}

/// The page.
pub(crate) fn pipelines(frame: Frame<'_>, values: &Pipelines) -> String {
    let body = html! {
        section aria-labelledby="runs" {
            h2 #runs { "Runs" }
            @if !values.results.is_empty() {
                p.note { "The journal counts "
                    @for (place, (result, number)) in values.results.iter().enumerate() {
                        @if place > 0 { ", " } (number) " " (short(result, 30))
                    }
                    ". Recorded in full are the newest." }
            }
            (runs(frame, &values.runs))
        }
        section aria-labelledby="flaky" {
            h2 #flaky { "Flaky steps" }
            (flaky(&values.steps))
        }
        section aria-labelledby="slow" {
            h2 #slow { "Slowest steps" }
            (slow(&values.steps))
        }
    };
    frame.document("Pipelines", &body)
}

/// Runs in a table.
pub(super) fn runs(frame: Frame<'_>, runs: &[RunRow]) -> Markup {
    if runs.is_empty() {
        return nothing("No run is recorded yet.", "cargo xtask ci");
    }
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            vec![
                html! { a.whole href=(frame.link(&Page::Run(run.name.clone()))) { (short(&run.name, 30)) } },
                badge(&run.result),
                when(run.began, frame.site.now),
                html! { (took(run.total_ms)) },
                html! { (short(&run.counted, 60)) },
                commit(&run.commit),
                html! { code { (short(&run.command, 60)) } },
            ]
        })
        .collect();
    let head = ["Run", "Result", "Began", "Took", "Steps", "Commit", "Command"];
    table("Recorded runs, the newest first", &head, &rows)
}

fn flaky(steps: &[StepRow]) -> Markup {
    let mut steps: Vec<_> = steps.iter().filter(|step| step.flaky > 0).collect();
    if steps.is_empty() {
        return nothing("No step passed only at a later try, in the runs that are recorded.", "");
    }
    steps.sort_by_key(|step| (std::cmp::Reverse(step.flaky), step.step.clone()));
    let rows: Vec<_> = steps
        .iter()
        .map(|step| {
            vec![
                html! { (short(&step.step, 60)) },
                html! { (count(step.flaky, "time")) },
                html! { (count(step.runs, "run")) },
                html! { (step.failed) },
            ]
        })
        .collect();
    table("Steps that passed at a later try", &["Step", "Flaky", "Ran in", "Failed"], &rows)
}

fn slow(steps: &[StepRow]) -> Markup {
    if steps.is_empty() {
        return nothing("No step's program ran, in the runs that are recorded.", "");
    }
    let longest = steps.iter().map(|step| step.mean_ms).max().unwrap_or(1).max(1);
    let rows: Vec<_> = steps
        .iter()
        .take(20)
        .map(|step| {
            vec![
                html! { (short(&step.step, 60)) },
                html! { (took(step.mean_ms)) },
                super::graph::bar(0, step.mean_ms, longest, false),
                html! { (took(step.max_ms)) },
                html! { (step.passed) },
                html! { (step.failed) },
                html! { (step.runs) },
            ]
        })
        .collect();
    let head = ["Step", "On average", "Share", "At most", "Passed", "Failed", "Ran"];
    table("Steps by the time that they take", &head, &rows)
}
