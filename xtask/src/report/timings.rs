//! Where the time of a run went.
//!
//! Only what was measured is said. How long the run would have taken otherwise was not measured.

use serde::Serialize;

use super::chain::Graph;
use super::run::{Moment, Run};

/// Where the time of a run went, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timings {
    /// From the first to the last event.
    pub total_ms: u64,
    /// The time in which the program of at least one step ran.
    pub busy_ms: u64,
    /// The rest: the time in which none ran.
    pub idle_ms: u64,
    /// The longest chain of steps that had to wait for each other, because one needs the other or because they share
    /// a lane. Only steps whose program ran are named.
    pub critical: Vec<Link>,
    /// The time of that chain's steps together.
    pub critical_ms: u64,
    /// For each step whose program ran: how much longer it could have taken without making the chain longer.
    pub slack: Vec<Slack>,
}

/// One step of the critical path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The step.
    pub step: String,
    /// The time between the end of the link before it (or the beginning of the run) and its own start.
    pub waited_ms: u64,
    /// From its first start to its last end, tries and the time between them together.
    pub duration_ms: u64,
}

/// How much longer a step could have taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Slack {
    /// The step.
    pub step: String,
    /// 0 on the critical path.
    pub slack_ms: u64,
}

impl Timings {
    /// The timings of a run, as far as its events go.
    pub fn of(run: &Run) -> Timings {
        let end = Moment { ms: run.last_event_ms, place: usize::MAX };
        let total_ms = run.total_ms();
        let busy_ms = busy(run, end).min(total_ms);
        let graph = graph(run, end);
        let longest = graph.longest();
        let after = graph.reversed().longest();
        let critical_ms = longest.length.iter().copied().max().unwrap_or(0);

        let mut critical = Vec::new();
        let mut reached = 0;
        for place in longest.path() {
            let Some((began, ended)) = run.steps[place].span(end) else { continue };
            critical.push(Link {
                step: run.steps[place].plan.step.clone(),
                waited_ms: began.ms.saturating_sub(reached),
                duration_ms: ended.ms - began.ms,
            });
            reached = ended.ms;
        }
        let slack = (0..run.steps.len()).filter(|place| run.steps[*place].span(end).is_some()).map(|place| {
            let through = longest.length[place] + after.length[place] - graph.length[place];
            Slack { step: run.steps[place].plan.step.clone(), slack_ms: critical_ms.saturating_sub(through) }
        });
        Timings {
            total_ms,
            busy_ms,
            idle_ms: total_ms - busy_ms,
            critical,
            critical_ms,
            slack: slack.collect(),
        }
    }
}

/// The time in which at least one program ran.
fn busy(run: &Run, end: Moment) -> u64 {
    let tries = run.steps.iter().flat_map(|step| &step.tries);
    let mut spans: Vec<_> = tries.map(|one| (one.began.ms, one.ended.unwrap_or(end).ms)).collect();
    spans.sort_unstable();
    let mut reached = 0;
    let mut busy = 0;
    for (began, ended) in spans {
        busy += ended.saturating_sub(began.max(reached));
        reached = reached.max(ended);
    }
    busy
}

/// Which step came before which, because it was needed or held the lane. An edge goes forward in the stream, so that
/// no recording can make a cycle; a step that was decided without running hands on what it waited for.
fn graph(run: &Run, end: Moment) -> Graph {
    let spans: Vec<Option<(Moment, Moment)>> = run
        .steps
        .iter()
        .map(|step| {
            step.span(end).or_else(|| step.verdict.as_ref().map(|verdict| (verdict.moment, verdict.moment)))
        })
        .collect();
    let follows = |earlier: usize, later: usize| match (spans[earlier], spans[later]) {
        (Some((_, ended)), Some((began, _))) => ended.place < began.place,
        _ => false,
    };
    let mut graph = Graph {
        length: spans.iter().map(|span| span.map_or(0, |(began, ended)| ended.ms - began.ms)).collect(),
        before: vec![Vec::new(); spans.len()],
    };
    for (later, step) in run.steps.iter().enumerate() {
        let needs = step.plan.needs.iter().filter_map(|need| run.place(need));
        graph.before[later].extend(needs.filter(|earlier| follows(*earlier, later)));
    }
    let mut started: Vec<usize> = (0..run.steps.len()).filter(|place| spans[*place].is_some()).collect();
    started.sort_by_key(|place| spans[*place].map(|(began, _)| began.place));
    for (index, later) in started.iter().copied().enumerate() {
        let lane = run.steps[later].plan.lane.as_ref();
        let earlier = started[..index].iter().rev().find(|earlier| {
            lane.is_some()
                && run.steps[**earlier].plan.lane.as_ref() == lane
                && !run.steps[**earlier].tries.is_empty()
        });
        graph.before[later].extend(earlier.copied().filter(|earlier| follows(*earlier, later)));
    }
    graph
}

#[cfg(test)]
mod tests;
