//! What a recorded run shows. Pure: events in, problems out.

use std::collections::BTreeMap;

use nexus_xtask::event::{Event, Outcome, Stamped, Status};
use nexus_xtask::shell::Ended;

/// Steps whose program a machine may lack without the run being less green: the toolchain of a minimum supported Rust
/// version, and the policy check.
const MAY_LACK: &[&str] = &["msrv", "deny"];

/// What speaks against calling the run green: its exit, its status, and steps that are not among the passed ones.
pub(super) fn green(ended: &Ended, events: &[Stamped], steps: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    if *ended != Ended::Exit(0) {
        problems.push(format!("`cargo xtask ci` ended with {ended}"));
    }
    let outcomes = outcomes(events);
    match status(events) {
        Some(Status::Passed) => {}
        Some(Status::Incomplete) => problems.extend(lacking(&outcomes)),
        Some(status) => problems.push(format!("the recorded run is {}", status.word())),
        None => problems.push("no finished run is recorded".to_owned()),
    }
    for step in steps {
        match outcomes.get(step) {
            Some(outcome) if outcome.is_pass() => {}
            Some(outcome) => problems.push(format!("step `{step}` {}", outcome.word())),
            None => problems.push(format!("step `{step}` was not run")),
        }
    }
    problems
}

fn lacking(outcomes: &BTreeMap<&str, &Outcome>) -> Vec<String> {
    outcomes
        .iter()
        .filter(|(step, outcome)| matches!(outcome, Outcome::Unavailable { .. }) && !MAY_LACK.contains(step))
        .map(|(step, outcome)| format!("step `{step}`: {}", outcome.detail().unwrap_or_default()))
        .collect()
}

/// The steps that were passed, and those that could not be asked, in the order in which they were decided.
pub(super) fn summary(events: &[Stamped]) -> String {
    let mut passed = Vec::new();
    let mut lacking = Vec::new();
    for stamped in events {
        if let Event::StepFinished { step, outcome, .. } = &stamped.event {
            if outcome.is_pass() {
                passed.push(step.as_str());
            } else if matches!(outcome, Outcome::Unavailable { .. }) {
                lacking.push(step.as_str());
            }
        }
    }
    let without =
        if lacking.is_empty() { String::new() } else { format!("; without {}", lacking.join(", ")) };
    format!("{} steps: {}{without}", passed.len(), passed.join(", "))
}

/// What speaks against calling the run red because of this step alone.
pub(super) fn red(ended: &Ended, events: &[Stamped], step: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if *ended != Ended::Exit(1) {
        problems.push(format!("with a planted finding `cargo xtask ci --step {step}` ended with {ended}"));
    }
    if !matches!(outcomes(events).get(step), Some(Outcome::Failed { .. })) {
        problems.push(format!("a planted finding did not make step `{step}` fail"));
    }
    problems
}

fn status(events: &[Stamped]) -> Option<Status> {
    events.iter().rev().find_map(|stamped| match &stamped.event {
        Event::RunFinished { status, .. } => Some(*status),
        _ => None,
    })
}

fn outcomes(events: &[Stamped]) -> BTreeMap<&str, &Outcome> {
    events
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::StepFinished { step, outcome, .. } => Some((step.as_str(), outcome)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(steps: &[(&str, Outcome)], status: Option<Status>) -> Vec<Stamped> {
        let steps = steps.iter().map(|(step, outcome)| Event::StepFinished {
            step: (*step).to_owned(),
            outcome: outcome.clone(),
            duration_ms: 1,
            excerpt: Vec::new(),
            log: None,
            rerun: None,
            notes: Vec::new(),
        });
        let end = status.map(|status| Event::RunFinished { status, duration_ms: 1, next: None });
        let at = jiff::Timestamp::UNIX_EPOCH;
        steps.chain(end).map(|event| Stamped { v: nexus_xtask::event::VERSION, at, ms: 0, event }).collect()
    }

    #[test]
    fn green_is_a_pass_of_every_step_that_is_called_for() {
        let steps = [("fmt", Outcome::Passed), ("test", Outcome::Flaky { attempt: 2 })];
        let passed = events(&steps, Some(Status::Passed));
        assert_eq!(green(&Ended::Exit(0), &passed, &["fmt", "test"]), [""; 0]);
        assert_eq!(green(&Ended::Exit(0), &passed, &["doc"]), ["step `doc` was not run"]);
    }

    #[test]
    fn an_exit_of_zero_alone_is_not_green() {
        let missing = || Outcome::Unavailable { tool: "x".into(), install: String::new() };
        let left_out = [("test", Outcome::Skipped { reason: "x".into() }), ("msrv", missing())];
        let run = |steps: &[(&str, Outcome)]| events(steps, Some(Status::Incomplete));
        assert_eq!(green(&Ended::Exit(0), &run(&left_out), &["test"]), ["step `test` skipped"]);
        assert_eq!(
            green(&Ended::Exit(0), &run(&[("python-test", missing())]), &[]),
            ["step `python-test`: `x` is not installed"]
        );
        assert_eq!(
            green(&Ended::Exit(0), &events(&[], Some(Status::Nothing)), &[]),
            ["the recorded run is nothing to do"]
        );
        assert_eq!(green(&Ended::Exit(0), &[], &[]), ["no finished run is recorded"]);
        assert_eq!(
            green(&Ended::Exit(3), &events(&[], Some(Status::Passed)), &[]),
            ["`cargo xtask ci` ended with exit 3"]
        );
    }

    #[test]
    fn red_is_a_failure_of_the_step_itself() {
        let failed = events(&[("clippy", Outcome::Failed { exit: 1 })], Some(Status::Failed));
        assert_eq!(red(&Ended::Exit(1), &failed, "clippy"), [""; 0]);
        let passed = events(&[("clippy", Outcome::Passed)], Some(Status::Passed));
        assert_eq!(red(&Ended::Exit(0), &passed, "clippy").len(), 2);
    }
}
