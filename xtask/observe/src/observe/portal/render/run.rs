//! One run: its steps, their graph, and where the time went.

use maud::{Markup, html};

use nexus_xtask::report::run::{Moment, Run, Step};
use nexus_xtask::report::timings::Timings;

use super::Frame;
use super::graph::{bar, graph};
use super::parts::{badge, commit, nothing, plain, short, table, took, when};
use crate::observe::portal::site::Page;

/// The page about a run with this name.
pub(crate) fn run(frame: Frame<'_>, name: &str, run: &Run) -> String {
    let timings = Timings::of(run);
    let critical: Vec<_> = timings.critical.iter().map(|link| link.step.clone()).collect();
    let body = html! {
        (facts(frame, run))
        @for note in &run.notes { p.note { (short(note, 400)) } }
        section aria-labelledby="steps" {
            h2 #steps { "Steps" }
            @if run.steps.is_empty() { (nothing("The plan had no step.", "")) }
            @else {
                (graph(run, &critical))
                (steps(frame, name, run, &critical))
            }
        }
        section aria-labelledby="time" {
            h2 #time { "Where the time went" }
            (path(&timings))
        }
        @let failed: Vec<_> = run.failures().collect();
        @if !failed.is_empty() {
            section aria-labelledby="failed" {
                h2 #failed { "What went wrong" }
                @for (step, verdict) in failed {
                    article.failed {
                        h3 { (short(&step.plan.step, 80)) " " (badge(step.word())) }
                        @if let Some(detail) = verdict.outcome.detail() { p { (short(&detail, 400)) } }
                        @if !verdict.excerpt.is_empty() {
                            pre tabindex="0" aria-label={ "The end of the log of " (short(&step.plan.step, 80)) } {
                                @for line in &verdict.excerpt { (plain(line)) "\n" }
                            }
                        }
                        @if let Some(rerun) = &verdict.rerun { p { "Again: " code { (short(rerun, 200)) } } }
                    }
                }
            }
        }
    };
    frame.document(&format!("Run {name}"), &body)
}

fn facts(frame: Frame<'_>, run: &Run) -> Markup {
    html! {
        dl.facts {
            dt { "Result" } dd { @if run.end.is_some() { (badge(&run.result())) } @else { (badge("unfinished")) " " (short(&run.result(), 200)) } }
            @if let Some(began) = run.began { dt { "Began" } dd { (when(began, frame.site.now)) } }
            dt { "Took" } dd { (took(run.total_ms())) }
            dt { "Commit" } dd { (commit(run.commit.as_deref().unwrap_or_default())) }
            dt { "Command" } dd { code { (short(&run.command, 200)) } }
            dt { "Steps" } dd { (short(&run.counted(), 200)) }
            @if let Some(next) = run.end.as_ref().and_then(|end| end.next.as_ref()) { dt { "Next" } dd { code { (short(next, 200)) } } }
        }
    }
}

fn steps(frame: Frame<'_>, name: &str, run: &Run, critical: &[String]) -> Markup {
    let end = Moment { ms: run.last_event_ms, place: usize::MAX };
    let whole = run.total_ms().max(1);
    let rows: Vec<_> = run
        .steps
        .iter()
        .enumerate()
        .map(|(place, step)| {
            let on_path = critical.contains(&step.plan.step);
            let log = step.verdict.as_ref().is_some_and(|verdict| verdict.log.is_some());
            let title = short(&step.plan.step, 60);
            vec![
                html! { @if log { a href=(frame.link(&Page::Log(name.to_owned(), place))) { (title) } } @else { (title) } },
                html! { (badge(step.word())) @if let Some(detail) = detail(step) { " " span.age { (short(&detail, 80)) } } },
                html! { @if let Some(verdict) = &step.verdict { (took(verdict.duration_ms)) } },
                html! { @if let Some((began, ended)) = step.span(end) { (bar(began.ms, ended.ms - began.ms, whole, on_path)) } },
                html! { @if on_path { "critical" } },
                html! { (short(&step.plan.needs.join(", "), 60)) },
                html! { (short(&step.plan.job, 20)) },
            ]
        })
        .collect();
    table("Steps in the order of the plan", &["Step", "Result", "Ran", "When", "Path", "Needs", "Job"], &rows)
}

fn detail(step: &Step) -> Option<String> {
    step.verdict.as_ref()?.outcome.detail()
}

fn path(timings: &Timings) -> Markup {
    if timings.critical.is_empty() {
        return nothing("No step's program ran.", "");
    }
    let rows: Vec<_> = timings
        .critical
        .iter()
        .map(|link| {
            vec![
                html! { (short(&link.step, 60)) },
                html! { (took(link.duration_ms)) },
                html! { (took(link.waited_ms)) },
            ]
        })
        .collect();
    html! {
        p { "The critical path took " (took(timings.critical_ms)) " of " (took(timings.total_ms)) "; no step ran for " (took(timings.idle_ms)) "." }
        (table("The critical path", &["Step", "Took", "Waited before"], &rows))
    }
}
