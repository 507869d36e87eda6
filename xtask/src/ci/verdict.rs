//! Whether a workflow run passed: the one answer that branch protection asks for. Pure.
//!
//! It passes only where every job is shown to be well. GitHub reports a job that was skipped because another one died
//! with the same word as one that was skipped on purpose, and an expression over a missing output as an empty text;
//! so the plan is asked, and whatever is missing, unreadable or unknown speaks against the run.
//!
//! - The plan job succeeded, and its two outputs are there, readable, and agree.
//! - Where the plan has rows, the job `checks` succeeded. Its result is that of all its rows: one that failed or was
//!   cancelled makes it so.
//! - Where the plan has no rows, `checks` was skipped, and every job of the plan says why.
//! - Any other job that the verdict waits for succeeded.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::matrix::{Decision, Rows, VERSION};

/// The job that plans.
const PLAN: &str = "plan";

/// The job with the matrix.
const CHECKS: &str = "checks";

/// The answer, with every reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// What speaks against the run; empty where it passed.
    pub(crate) against: Vec<String>,
    /// What was planned and succeeded, and what was skipped and why: one line each.
    pub(crate) known: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_pass(&self) -> bool {
        self.against.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.known {
            writeln!(f, "{line}")?;
        }
        for reason in &self.against {
            writeln!(f, "against  {reason}")?;
        }
        f.write_str(if self.is_pass() { "verdict  pass" } else { "verdict  fail" })
    }
}

/// `toJSON(needs)`: jobs by id.
type Needs = BTreeMap<String, Need>;

#[derive(Debug, Deserialize)]
struct Need {
    result: String,
    /// GitHub writes `{}` where a job has no outputs; `act`, on which the workflows are tested, writes `null`.
    #[serde(default)]
    outputs: Option<BTreeMap<String, String>>,
}

/// Judges a run. `needs` is `toJSON(needs)` of the job that judges, `plan` the output of the plan job.
pub(crate) fn judge(needs: &str, plan: &str) -> Verdict {
    let mut against = Vec::new();
    let needs: Needs = match serde_json::from_str(needs) {
        Ok(needs) => needs,
        Err(error) => {
            against.push(format!("the results of the jobs cannot be read: {error}"));
            return Verdict { against, known: Vec::new() };
        }
    };
    match needs.get(PLAN) {
        None => against.push(format!("the result of `{PLAN}` is missing")),
        Some(need) => against.extend(not_success(PLAN, &need.result)),
    }
    let plan = match read_plan(plan) {
        Ok(plan) => plan,
        Err(why) => {
            against.push(why);
            against.extend(others(&needs));
            return Verdict { against, known: Vec::new() };
        }
    };
    against.extend(disagreement(&needs, &plan));
    against.extend(checks(&needs, &plan));
    against.extend(others(&needs));
    let known = plan.jobs.iter().map(|job| match &job.decision {
        Decision::Planned => format!("planned  {job}"),
        Decision::Skipped(reason) => format!("skipped  {job}: {reason}"),
    });
    Verdict { against, known: known.collect() }
}

fn read_plan(plan: &str) -> Result<Rows, String> {
    if plan.trim().is_empty() {
        return Err("there is no plan: the plan job did not get to its end".to_owned());
    }
    let plan: Rows =
        serde_json::from_str(plan).map_err(|error| format!("the plan cannot be read: {error}"))?;
    match plan.v {
        VERSION => Ok(plan),
        other => Err(format!("the plan has version {other}, this xtask reads {VERSION}")),
    }
}

/// What GitHub ran must be what the plan holds.
fn disagreement(needs: &Needs, plan: &Rows) -> Option<String> {
    let matrix = needs.get(PLAN).and_then(|need| need.outputs.as_ref()?.get("matrix"));
    match matrix {
        None => Some("there is no matrix: the plan job did not get to its end".to_owned()),
        Some(matrix) if *matrix != plan.matrix() => {
            Some("the matrix that ran is not the one of the plan".to_owned())
        }
        Some(_) => None,
    }
}

fn checks(needs: &Needs, plan: &Rows) -> Vec<String> {
    let planned = plan.planned();
    let Some(need) = needs.get(CHECKS) else { return vec![format!("the result of `{CHECKS}` is missing")] };
    if planned.is_empty() {
        let unexplained = plan.jobs.is_empty().then(|| "the plan has no jobs at all".to_owned());
        let ran = (need.result != "skipped")
            .then(|| format!("the plan plans nothing, and `{CHECKS}` is `{}`", need.result));
        return unexplained.into_iter().chain(ran).collect();
    }
    let names: Vec<_> = planned.iter().map(|row| row.name.as_str()).collect();
    let result = not_success(CHECKS, &need.result);
    result.map(|why| format!("{why}; planned were {}", names.join(", "))).into_iter().collect()
}

fn others(needs: &Needs) -> Vec<String> {
    let others = needs.iter().filter(|(id, _)| *id != PLAN && *id != CHECKS);
    others.filter_map(|(id, need)| not_success(id, &need.result)).collect()
}

fn not_success(id: &str, result: &str) -> Option<String> {
    match result {
        "success" => None,
        "failure" => Some(format!("`{id}` failed")),
        "cancelled" => Some(format!("`{id}` was cancelled")),
        "skipped" => Some(format!("`{id}` was skipped, and the plan did not say so")),
        other => Some(format!("`{id}` ended with `{other}`, which is no result that this xtask knows")),
    }
}

#[cfg(test)]
mod tests;
