//! The plan as text, and what a recorded run says about its steps. Pure.

use jiff::Timestamp;

use crate::ci::plan::{Plan, PlannedStep};
use crate::clock::ago;
use crate::event::{Decision, Event, Stamped};

/// One line for each step: decision, id, job, command, reason.
pub(crate) fn table(plan: &Plan, now: Timestamp) -> String {
    let id = plan.steps.iter().map(|planned| planned.step.id.as_str().len()).max().unwrap_or(0);
    let job = plan.steps.iter().map(|planned| planned.step.job.len()).max().unwrap_or(0);
    let lines = plan.steps.iter().map(|planned| {
        let (word, reason) = decision(&planned.decision, now);
        let optional = if planned.step.required { "" } else { " (optional)" };
        format!(
            "{word:<11}  {:<id$}  {:<job$}  {}{optional}\n{:indent$}{reason}",
            planned.step.id.as_str(),
            planned.step.job,
            planned.step.typed(&planned.words),
            "",
            indent = 11 + 2 + id + 2 + job + 2,
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Why a step would run, or would not.
pub(crate) fn explanation(planned: &PlannedStep, now: Timestamp) -> String {
    let (word, reason) = decision(&planned.decision, now);
    let mut lines = vec![format!("{word}  {}: {reason}", planned.step.id)];
    if let Some(fingerprint) = &planned.fingerprint {
        lines.push(format!("fingerprint  {}", fingerprint.digest));
        for component in &fingerprint.components {
            let value = component.value.replace('\u{1f}', " ");
            lines.push(format!("  {}: {}", component.name, value.lines().next().unwrap_or_default()));
        }
    }
    lines.join("\n")
}

fn decision(decision: &Decision, now: Timestamp) -> (&'static str, String) {
    match decision {
        Decision::Run { reason } => ("run", reason.clone()),
        Decision::Proven { since, .. } => {
            ("proven", format!("passed on the same inputs {}", ago(*since, now)))
        }
        Decision::Skipped { reason } => ("skipped", reason.clone()),
        Decision::Unavailable { tool, install } => ("unavailable", format!("`{tool}` is missing: {install}")),
    }
}

/// The steps of a recorded run that are not shown to hold, those included that were running when it was killed.
pub(crate) fn not_passed(events: &[Stamped]) -> Vec<String> {
    let mut open = Vec::new();
    for stamped in events {
        match &stamped.event {
            Event::RunStarted { steps, .. } => {
                let runs = steps.iter().filter(|planned| matches!(planned.decision, Decision::Run { .. }));
                open.extend(runs.map(|planned| planned.step.clone()));
            }
            Event::StepFinished { step, outcome, .. } if outcome.is_pass() => {
                open.retain(|other| other != step)
            }
            _ => {}
        }
    }
    open
}
