//! The last lines of a run: how it came out, where the time went, and what to do next.
//!
//! A green run has one or two of them. The lines to paste come last, because that is where people look.

use crate::event::{Outcome, Status};
use crate::report::run::Run;
use crate::report::timings::{Link, Timings};
use crate::terminal::Tone;

use super::line::Line;
use super::lines::{labelled, spoken};

/// The most steps of the critical path that are named; of a longer one the longest.
const LINKS_MAX: usize = 5;

/// The closing lines of a run that is over, or whose stream broke off.
pub(super) fn lines(run: &Run) -> Vec<Line> {
    let mut lines = vec![result(run)];
    for (step, verdict) in run.decided() {
        let id = &step.plan.step;
        match &verdict.outcome {
            Outcome::Flaky { attempt } => {
                lines.push(labelled(Tone::Careful, "flaky", &format!("{id} passed only at try {attempt}")));
            }
            Outcome::Unavailable { install, .. } => {
                lines.push(labelled(Tone::Careful, "unavailable", &format!("{id}, install with: {install}")));
            }
            _ => {}
        }
    }
    lines.extend(time(run));
    let reruns = run.failures().filter_map(|(_, verdict)| verdict.rerun.as_ref());
    lines.extend(reruns.map(|rerun| labelled(Tone::Bad, "rerun", rerun)));
    let next = run.end.as_ref().and_then(|end| end.next.as_ref());
    lines.extend(next.map(|next| labelled(Tone::Strong, "next", next)));
    lines
}

fn result(run: &Run) -> Line {
    let tone = match run.end.as_ref().map(|end| end.status) {
        Some(Status::Passed | Status::Nothing) => Tone::Good,
        Some(Status::Incomplete | Status::Interrupted) => Tone::Careful,
        Some(Status::Failed | Status::Unavailable | Status::Unknown) | None => Tone::Bad,
    };
    let counted = match run.counted() {
        counted if counted.is_empty() => "no steps".to_owned(),
        counted => counted,
    };
    let text = match run.end {
        Some(_) => format!(": {counted} in {}", spoken(run.total_ms())),
        None => format!("; after {}: {counted}", spoken(run.total_ms())),
    };
    labelled(Tone::Strong, "result", "").tone(tone, &run.result()).text(&text)
}

fn time(run: &Run) -> Option<Line> {
    let timings = Timings::of(run);
    if timings.critical.is_empty() {
        return None;
    }
    let named = named(&timings.critical);
    let links: Vec<_> =
        named.iter().map(|link| format!("{} {}", link.step, spoken(link.duration_ms))).collect();
    let more = match timings.critical.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} shorter"),
    };
    let text = format!(
        "critical path {}: {}{more}; no step ran for {}",
        spoken(timings.critical_ms),
        links.join(", "),
        spoken(timings.idle_ms)
    );
    Some(labelled(Tone::Quiet, "time", &text))
}

/// The longest links, in the order of the path.
fn named(links: &[Link]) -> Vec<&Link> {
    let mut places: Vec<usize> = (0..links.len()).collect();
    places.sort_by_key(|place| std::cmp::Reverse(links[*place].duration_ms));
    places.truncate(LINKS_MAX);
    places.sort_unstable();
    places.into_iter().map(|place| &links[place]).collect()
}
