//! How long a run will take from now on, from how long its steps took when they last ran.

use crate::event::Decision;

use super::chain::Graph;
use super::run::{Run, Step};

/// What is left of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// The longest chain of what is left, in milliseconds. Steps without a known time count as nothing.
    pub rest_ms: u64,
    /// How many undecided steps have no known time: the rest is at least the one above.
    pub unknown: usize,
}

/// Estimates what is left at `now_ms`: the longest chain by needs and lanes of the steps that are not decided.
pub fn rest(run: &Run, now_ms: u64) -> Estimate {
    let mut graph = Graph { length: vec![0; run.steps.len()], before: vec![Vec::new(); run.steps.len()] };
    let mut unknown = 0;
    let mut open: Vec<usize> =
        (0..run.steps.len()).filter(|place| run.steps[*place].verdict.is_none()).collect();
    // What runs holds its lane; the others follow in the plan's order.
    open.sort_by_key(|place| !run.steps[*place].is_running());
    for (index, place) in open.iter().copied().enumerate() {
        let step = &run.steps[place];
        match step.plan.last_ms.filter(|_| runs(step)) {
            Some(last_ms) => {
                let elapsed_ms = step.tries.last().map_or(0, |last| now_ms.saturating_sub(last.began.ms));
                graph.length[place] = last_ms.saturating_sub(elapsed_ms);
            }
            None => unknown += usize::from(runs(step)),
        }
        if step.is_running() {
            continue;
        }
        let needs = step.plan.needs.iter().filter_map(|need| run.place(need));
        graph.before[place].extend(needs.filter(|need| run.steps[*need].verdict.is_none()));
        let lane = step.plan.lane.as_ref();
        let holder = open[..index]
            .iter()
            .rev()
            .find(|holder| lane.is_some() && run.steps[**holder].plan.lane.as_ref() == lane);
        graph.before[place].extend(holder);
    }
    Estimate { rest_ms: graph.longest().length.into_iter().max().unwrap_or(0), unknown }
}

/// True when the plan runs its program: what the plan decides otherwise takes no time.
fn runs(step: &Step) -> bool {
    matches!(step.plan.decision, Decision::Run { .. })
}

/// The steps that can start next: undecided, not running, and everything they need holds. In the plan's order.
pub fn next(run: &Run) -> Vec<&str> {
    let holds = |need: &String| {
        run.step(need).and_then(|step| step.verdict.as_ref()).is_some_and(|verdict| verdict.outcome.is_pass())
    };
    let waiting = run.steps.iter().filter(|step| step.verdict.is_none() && !step.is_running() && runs(step));
    let (ready, later): (Vec<_>, Vec<_>) = waiting.partition(|step| step.plan.needs.iter().all(holds));
    let first = if ready.is_empty() { later } else { ready };
    first.iter().map(|step| step.plan.step.as_str()).collect()
}

#[cfg(test)]
mod tests;
