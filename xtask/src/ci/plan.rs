//! Steps, facts and receipts in, the list of what will happen out. Pure.
//!
//! Every step of the workspace that was asked for is in the plan, each with a decision and its reason: nothing is
//! left out silently.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::ci::affected::Affected;
use crate::ci::facts::Facts;
use crate::ci::fingerprint::{Fingerprint, programs, why_never};
use crate::ci::step::{CARGO_LANE, Step, StepId, matches};
use crate::event::{Decision, Planned};
use crate::failure::{Failure, Result};

/// What the person asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// These steps, with what they need; empty for all.
    pub(crate) steps: Vec<String>,
    /// The steps of this job, with what they need.
    pub(crate) job: Option<String>,
    /// No receipt answers.
    pub(crate) no_cache: bool,
    /// Only what a change can reach; `None` for everything.
    pub(crate) affected: Option<(Affected, Vec<String>)>,
}

/// What the receipts say about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A receipt of a pass on the same inputs, made then.
    Proven(Timestamp),
    /// None answers, for this reason.
    Open(String),
}

/// Everything that will happen.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// In the order in which needs come first.
    pub(crate) steps: Vec<PlannedStep>,
    /// Sentences that the person should know before anything runs.
    pub(crate) notes: Vec<String>,
}

/// A step and what happens to it.
#[derive(Clone, Debug)]
pub(crate) struct PlannedStep {
    pub(crate) step: Step,
    /// The command with its packages.
    pub(crate) words: Vec<String>,
    pub(crate) decision: Decision,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) last_ms: Option<u64>,
}

/// Makes the plan. `fingerprints` and `answers` are by step; `last` is how long each took when it last ran.
pub(crate) fn plan(
    steps: &[Step],
    facts: &Facts,
    fingerprints: &BTreeMap<StepId, Option<Fingerprint>>,
    answers: &BTreeMap<StepId, Answer>,
    last: &BTreeMap<String, u64>,
    wanted: &Wanted,
) -> Result<Plan> {
    let chosen = choose(steps, wanted)?;
    let packages = packages(wanted);
    let mut planned: Vec<PlannedStep> = Vec::new();
    for step in steps.iter().filter(|step| chosen.contains(&step.id)) {
        let runs_again = step.needs.iter().find(|need| {
            planned.iter().any(|other| {
                other.step.id == **need
                    && !other.step.outputs.is_empty()
                    && matches!(other.decision, Decision::Run { .. })
            })
        });
        let fingerprint = fingerprints.get(&step.id).cloned().flatten();
        let decision = match decide(step, facts, wanted) {
            Some(decision) => decision,
            None => match runs_again {
                Some(need) => Decision::Run { reason: format!("`{need}` makes its outputs again") },
                None => answered(step, facts, &fingerprint, answers.get(&step.id), wanted),
            },
        };
        planned.push(PlannedStep {
            words: step.selected(&packages).iter().map(|word| facts.filled_in(word)).collect(),
            last_ms: last.get(step.id.as_str()).copied(),
            step: step.clone(),
            decision,
            fingerprint,
        });
    }
    Ok(Plan { notes: notes(facts, wanted, &planned), steps: planned })
}

/// The packages that `--affected` selected; empty for all.
pub(crate) fn packages(wanted: &Wanted) -> Vec<String> {
    match &wanted.affected {
        Some((Affected::Packages(packages), _)) => packages.keys().cloned().collect(),
        Some((Affected::Everything(_), _)) | None => Vec::new(),
    }
}

fn choose(steps: &[Step], wanted: &Wanted) -> Result<BTreeSet<StepId>> {
    let all = || steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>().join(", ");
    for id in &wanted.steps {
        if !steps.iter().any(|step| step.id.as_str() == id) {
            return Err(Failure::usage(format!("there is no step `{id}`"))
                .why(format!("the steps are: {}", all()))
                .next("cargo xtask ci --list"));
        }
    }
    if let Some(job) = &wanted.job
        && !steps.iter().any(|step| step.job == *job)
    {
        let jobs: BTreeSet<_> = steps.iter().map(|step| step.job.as_str()).collect();
        return Err(Failure::usage(format!("there is no job `{job}`"))
            .why(format!("the jobs are: {}", jobs.into_iter().collect::<Vec<_>>().join(", ")))
            .next("cargo xtask ci --list"));
    }
    let asked = |step: &Step| {
        let by_id = wanted.steps.is_empty() || wanted.steps.iter().any(|id| id == step.id.as_str());
        by_id && wanted.job.as_ref().is_none_or(|job| step.job == *job)
    };
    let mut chosen: BTreeSet<StepId> =
        steps.iter().filter(|step| asked(step)).map(|step| step.id.clone()).collect();
    // Needs come first, so one pass from the end finds everything that is needed.
    for step in steps.iter().rev() {
        if chosen.contains(&step.id) {
            chosen.extend(step.needs.iter().cloned());
        }
    }
    Ok(chosen)
}

/// What is decided about a step whatever the receipts say; `None` when they decide.
fn decide(step: &Step, facts: &Facts, wanted: &Wanted) -> Option<Decision> {
    if !step.platforms.is_empty() && !step.platforms.contains(&facts.platform) {
        let reason = format!("it runs on {}, this is {}", step.platforms.join(", "), facts.platform);
        return Some(Decision::Skipped { reason });
    }
    if let Some(reason) = &step.left_out {
        return Some(Decision::Skipped { reason: reason.clone() });
    }
    let (tool, install) = missing(step, facts).filter(|_| out_of_reach(step, wanted).is_none())?;
    Some(Decision::Unavailable { tool, install })
}

/// What the receipts say, and whether the change reaches the step at all.
fn answered(
    step: &Step,
    facts: &Facts,
    fingerprint: &Option<Fingerprint>,
    answer: Option<&Answer>,
    wanted: &Wanted,
) -> Decision {
    if let Some(reason) = out_of_reach(step, wanted) {
        return Decision::Skipped { reason };
    }
    if wanted.no_cache {
        return Decision::Run { reason: "receipts were not asked (--no-cache)".to_owned() };
    }
    match (fingerprint, answer) {
        (Some(fingerprint), Some(Answer::Proven(since))) => {
            Decision::Proven { since: *since, fingerprint: fingerprint.digest }
        }
        (_, Some(Answer::Open(reason))) => Decision::Run { reason: reason.clone() },
        _ => {
            let never = why_never(step, facts);
            Decision::Run {
                reason: never.unwrap_or_else(|| "a step that it needs is never proven".to_owned()),
            }
        }
    }
}

/// Why `--affected` leaves a step out; `None` when it does not.
fn out_of_reach(step: &Step, wanted: &Wanted) -> Option<String> {
    let (Affected::Packages(packages), changed) = wanted.affected.as_ref()? else { return None };
    if step.is_by_package() {
        return packages.is_empty().then(|| "the change reaches no package".to_owned());
    }
    let touched = changed.iter().any(|path| matches(&step.inputs, path));
    (!touched).then(|| "the change reaches none of its inputs".to_owned())
}

/// The first program that is not there, and the command that installs it.
fn missing(step: &Step, facts: &Facts) -> Option<(String, String)> {
    if let Some((name, false, install)) = &step.toolchain {
        return Some((name.clone(), install.clone()));
    }
    let program = programs(step).into_iter().find(|program| {
        !program.contains('/') && program != crate::toolchain::OWN && !facts.has_tool(program)
    })?;
    let install = match program.as_str() {
        pinned if facts.pinned_tools.contains(pinned) => format!("cargo xtask tools install {pinned}"),
        cargo if cargo.starts_with("cargo-") => format!("cargo install --locked {cargo}"),
        other => format!("install `{other}` and put it on PATH"),
    };
    Some((program, install))
}

fn notes(facts: &Facts, wanted: &Wanted, planned: &[PlannedStep]) -> Vec<String> {
    let mut notes: Vec<String> = facts.uncacheable.iter().cloned().collect();
    match &wanted.affected {
        Some((Affected::Everything(reason), _)) => {
            notes.push(format!("affected: everything, because {reason}"))
        }
        Some((Affected::Packages(packages), _)) if packages.is_empty() => {
            notes.push("affected: no package".to_owned());
        }
        Some((Affected::Packages(packages), _)) => {
            notes.extend(packages.iter().map(|(name, reason)| format!("affected: {name}, because {reason}")));
        }
        None => {}
    }
    for planned in planned {
        notes.extend(planned.step.notes.iter().map(|note| format!("{}: {note}", planned.step.id)));
    }
    notes
}

impl PlannedStep {
    /// The step as the event stream has it.
    pub(crate) fn event(&self) -> Planned {
        Planned {
            step: self.step.id.to_string(),
            job: self.step.job.clone(),
            needs: self.step.needs.iter().map(ToString::to_string).collect(),
            lane: self.step.lane.clone(),
            command: self.step.typed(&self.words),
            required: self.step.required,
            decision: self.decision.clone(),
            last_ms: self.last_ms,
        }
    }

    /// True when its process compiles with cargo into the shared build folder.
    pub(crate) fn compiles(&self) -> bool {
        self.step.compiles || self.step.lane.as_deref() == Some(CARGO_LANE)
    }
}

#[cfg(test)]
mod tests;
