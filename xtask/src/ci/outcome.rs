//! How a program ended, and what that means for the step and for the run. Pure.

use crate::ci::plan::Plan;
use crate::ci::step::Step;
use crate::event::{Decision, Outcome, Status};
use crate::shell::Ended;

/// Why we ended a program, if we did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) interrupted: bool,
    pub(crate) timed_out: bool,
}

/// The outcome of a step whose program the plan does not run; `None` for one that runs.
pub(crate) fn of_decision(decision: &Decision) -> Option<Outcome> {
    match decision.clone() {
        Decision::Run { .. } => None,
        Decision::Proven { since, .. } => Some(Outcome::Proven { since }),
        Decision::Skipped { reason } => Some(Outcome::Skipped { reason }),
        Decision::Unavailable { tool, install } => Some(Outcome::Unavailable { tool, install }),
    }
}

/// The outcome of a step whose program ended.
pub(crate) fn of_end(
    step: &Step,
    ended: Result<Ended, String>,
    attempt: u32,
    stop: Stop,
    missing: Option<String>,
) -> Outcome {
    match ended {
        _ if stop.interrupted => Outcome::Interrupted,
        _ if stop.timed_out => {
            Outcome::TimedOut { limit_ms: u64::try_from(step.timeout.as_millis()).unwrap_or(u64::MAX) }
        }
        Ok(Ended::Exit(0)) => match missing {
            Some(output) => Outcome::OutputMissing { output },
            None if attempt > 1 => Outcome::Flaky { attempt },
            None => Outcome::Passed,
        },
        Ok(Ended::Exit(exit)) => Outcome::Failed { exit },
        Ok(Ended::Signal(signal)) => Outcome::Killed { signal },
        Ok(Ended::Missing) => {
            let tool = step.command.first().cloned().unwrap_or_default();
            let install = match tool.contains('/') {
                true => {
                    format!("make `{tool}`, or correct `command` of step `{}` in release/ci.toml", step.id)
                }
                false => format!("install `{tool}` and put it on PATH"),
            };
            Outcome::Unavailable { install, tool }
        }
        Ok(Ended::NotStarted(why)) => Outcome::Broken { why: format!("`{}` {why}", step.command.join(" ")) },
        Err(why) => Outcome::Broken { why },
    }
}

/// True for an outcome that another try could change.
pub(crate) fn may_retry(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed { .. }
        | Outcome::Killed { .. }
        | Outcome::TimedOut { .. }
        | Outcome::OutputMissing { .. } => true,
        Outcome::Passed
        | Outcome::Flaky { .. }
        | Outcome::Proven { .. }
        | Outcome::Unavailable { .. }
        | Outcome::NotRun { .. }
        | Outcome::Skipped { .. }
        | Outcome::Interrupted
        | Outcome::Broken { .. }
        | Outcome::Unknown => false,
    }
}

/// How a run came out. `required` says of each step whether the run is complete without it.
pub(crate) fn status(outcomes: &[Outcome], required: &[bool], interrupted: bool) -> Status {
    let unavailable = |wanted: bool| {
        outcomes
            .iter()
            .zip(required)
            .any(|(outcome, required)| matches!(outcome, Outcome::Unavailable { .. }) && *required == wanted)
    };
    let failed = |outcome: &Outcome| outcome.is_failure() && !matches!(outcome, Outcome::NotRun { .. });
    if interrupted {
        Status::Interrupted
    } else if outcomes.iter().any(failed) {
        Status::Failed
    } else if unavailable(true) {
        Status::Unavailable
    } else if outcomes.iter().any(Outcome::is_failure) {
        Status::Failed
    } else if unavailable(false) {
        Status::Incomplete
    } else if outcomes.iter().any(Outcome::is_pass) {
        Status::Passed
    } else {
        Status::Nothing
    }
}

/// What the person does next; `None` where there is nothing to do.
pub(crate) fn next(status: Status, plan: &Plan, outcomes: &[Outcome]) -> Option<String> {
    let install = || {
        outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Unavailable { install, .. } => Some(install.clone()),
            _ => None,
        })
    };
    match status {
        Status::Passed | Status::Nothing | Status::Unknown => None,
        Status::Incomplete | Status::Unavailable => install(),
        Status::Interrupted => Some("cargo xtask ci --rerun failed".to_owned()),
        Status::Failed => {
            let failed: Vec<_> = plan
                .steps
                .iter()
                .zip(outcomes)
                .filter(|(_, outcome)| outcome.is_failure() && !matches!(outcome, Outcome::NotRun { .. }))
                .collect();
            match failed.as_slice() {
                [(planned, _)] => Some(format!("cargo xtask ci --step {}", planned.step.id)),
                _ => Some("cargo xtask ci --rerun failed".to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
