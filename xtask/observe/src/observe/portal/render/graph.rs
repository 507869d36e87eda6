//! Pictures of a run, as SVG without any style of its own. Whatever they show is a text too: in the table beside them.

use std::collections::{BTreeSet, HashMap};

use maud::{Markup, html};

use nexus_xtask::report::run::Run;

use super::parts::{Tone, short};

/// Sizes of the graph, in units of the picture.
const NODE_WIDTH: usize = 150;
const NODE_HEIGHT: usize = 30;
const GAP_ACROSS: usize = 40;
const GAP_DOWN: usize = 10;

/// Steps of a run that are drawn at most: more cannot be read.
const NODES_MAX: usize = 150;

/// A part of a whole, as a bar: where it begins, and how long it is.
pub(super) fn bar(from: u64, length: u64, whole: u64, critical: bool) -> Markup {
    let whole = whole.max(1);
    let x = from.min(whole) * 1000 / whole;
    let width = (length.min(whole) * 1000 / whole).max(4).min(1004 - x.min(1000));
    let class = if critical { "bar critical" } else { "bar" };
    html! {
        svg.track viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect.(class) x=(x) y="0" width=(width) height="10" {}
        }
    }
}

/// A time in which something was so.
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) tone: Tone,
}

/// What was so when, over a whole time.
pub(super) fn strip(spans: &[Span], from: i64, until: i64) -> Markup {
    let whole = (until - from).max(1);
    let place = |at: i64| (at.clamp(from, until) - from) * 1000 / whole;
    html! {
        svg.track viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            @for span in spans {
                // What was short is seen all the same.
                @let width = (place(span.until) - place(span.from)).max(3);
                rect.bar.(span.tone.class()) x=(place(span.from)) y="0" width=(width) height="10" {}
            }
        }
    }
}

/// The steps, each behind those that it needs.
pub(super) fn graph(run: &Run, critical: &[String]) -> Markup {
    if run.steps.len() > NODES_MAX || run.steps.iter().all(|step| step.plan.needs.is_empty()) {
        return html! {};
    }
    let before = before(run);
    let levels = levels(&before);
    let mut rows = vec![0_usize; levels.iter().max().map_or(1, |level| level + 1)];
    let places: Vec<(usize, usize)> = levels
        .iter()
        .map(|level| {
            let row = rows[*level];
            rows[*level] += 1;
            (level * (NODE_WIDTH + GAP_ACROSS), row * (NODE_HEIGHT + GAP_DOWN))
        })
        .collect();
    let width = rows.len() * (NODE_WIDTH + GAP_ACROSS) - GAP_ACROSS;
    let height = rows.iter().max().unwrap_or(&1) * (NODE_HEIGHT + GAP_DOWN) - GAP_DOWN;
    html! {
        div.scroll role="region" aria-label="Graph of the steps" tabindex="0" {
            svg.graph viewBox={ "-2 -2 " (width + 4) " " (height + 4) } width=(width + 4) height=(height + 4) role="img" aria-label="Which step waits for which; the table below says it in words" {
                @for (later, before) in before.iter().enumerate() {
                    @for earlier in before { (edge(places[*earlier], places[later])) }
                }
                @for (step, (x, y)) in run.steps.iter().zip(&places) {
                    @let tone = Tone::of(step.word()).class();
                    @let class = if critical.contains(&step.plan.step) { "critical" } else { "" };
                    g.node.(tone).(class) {
                        rect x=(x) y=(y) width=(NODE_WIDTH) height=(NODE_HEIGHT) rx="4" {}
                        text x=(x + 10) y=(y + 19) { (short(&step.plan.step, 19)) }
                    }
                }
            }
        }
    }
}

/// The places of the steps that each one needs, each of them once.
fn before(run: &Run) -> Vec<BTreeSet<usize>> {
    let named = run.steps.iter().enumerate().map(|(place, step)| (step.plan.step.as_str(), place));
    let places: HashMap<&str, usize> = named.collect();
    let needs = run.steps.iter().map(|step| step.plan.needs.iter());
    needs.map(|needs| needs.filter_map(|need| places.get(need.as_str()).copied()).collect()).collect()
}

fn edge(from: (usize, usize), to: (usize, usize)) -> Markup {
    let (x, y) = (from.0 + NODE_WIDTH, from.1 + NODE_HEIGHT / 2);
    let (to_x, to_y) = (to.0, to.1 + NODE_HEIGHT / 2);
    let bend = GAP_ACROSS / 2;
    // A recording may say anything; one that goes backwards is drawn all the same.
    let path = format!("M{x} {y} C{} {y} {} {to_y} {to_x} {to_y}", x + bend, to_x as i64 - bend as i64);
    html! { path.edge d=(path) {} }
}

/// How many steps each has before it, on the longest way. Whoever is on a cycle stays where the bound ends.
fn levels(before: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut levels = vec![0; before.len()];
    for _ in 0..before.len() {
        let mut changed = false;
        for (later, before) in before.iter().enumerate() {
            let level = before.iter().map(|earlier| levels[*earlier] + 1).max().unwrap_or(0);
            let level = level.min(levels.len());
            changed |= level > levels[later];
            levels[later] = levels[later].max(level);
        }
        if !changed {
            break;
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &[&[usize]], expected: &[usize]) {
        let before: Vec<_> = before.iter().map(|places| places.iter().copied().collect()).collect();
        assert_eq!(levels(&before), expected);
    }

    #[test]
    fn a_step_stands_behind_all_that_it_needs() {
        check(&[], &[]);
        check(&[&[], &[0], &[0, 1], &[]], &[0, 1, 2, 0]);
    }

    /// A recording may say anything; the picture has an end all the same.
    #[test]
    fn a_cycle_has_an_end() {
        check(&[&[1], &[0]], &[2, 2]);
        check(&[&[0]], &[1]);
    }
}
