//! A run, folded from its events. Every view is made from it.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::event::{Decision, Event, Outcome, Planned, Stamped, Status};

/// A run as far as its events go.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The run's name; empty before its first event.
    pub name: String,
    /// The command as a person would type it.
    pub command: String,
    /// The commit that is checked out.
    pub commit: Option<String>,
    /// What the person should know before anything runs.
    pub notes: Vec<String>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// Every step of the plan, in the plan's order; then steps that no plan named, as they came.
    pub steps: Vec<Step>,
    /// How often the person asked to stop.
    pub interrupts: u32,
    /// How it ended; `None` while it runs, and for ever where its writer was killed.
    pub end: Option<End>,
    /// The time of the last event, in milliseconds since the run began.
    pub last_event_ms: u64,
    places: HashMap<String, usize>,
    count: usize,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct End {
    /// How it came out.
    pub status: Status,
    /// From first to last event, in milliseconds.
    pub duration_ms: u64,
    /// What to do next.
    pub next: Option<String>,
}

/// A step as far as its events go.
#[derive(Clone, Debug)]
pub struct Step {
    /// What the plan says.
    pub plan: Planned,
    /// Each time its program was started.
    pub tries: Vec<Try>,
    /// How it was decided; `None` as long as it is not.
    pub verdict: Option<Verdict>,
}

/// A point in the stream: the time, and the place that orders events of the same millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Milliseconds since the run began.
    pub ms: u64,
    /// The place in the stream.
    pub place: usize,
}

/// One time a step's program was started.
#[derive(Clone, Debug)]
pub struct Try {
    /// Its number, from 1.
    pub attempt: u32,
    /// When it started.
    pub began: Moment,
    /// When it ended; `None` as long as it runs.
    pub ended: Option<Moment>,
    /// How it ended; the last one's outcome is the step's verdict.
    pub outcome: Option<Outcome>,
}

/// How a step was decided.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// How it came out.
    pub outcome: Outcome,
    /// The time of day.
    pub at: Timestamp,
    /// The place in the stream.
    pub moment: Moment,
    /// The time its program ran, all tries together, in milliseconds.
    pub duration_ms: u64,
    /// The last lines of its output.
    pub excerpt: Vec<String>,
    /// The log, from the workspace root.
    pub log: Option<String>,
    /// A line to paste that runs just this step again.
    pub rerun: Option<String>,
    /// What else to know.
    pub notes: Vec<String>,
}

impl Run {
    /// The run that these events tell of.
    pub fn of(events: &[Stamped]) -> Run {
        let mut run = Run::default();
        for event in events {
            run.apply(event);
        }
        run
    }

    /// Takes in the next event.
    pub fn apply(&mut self, stamped: &Stamped) {
        self.count += 1;
        self.last_event_ms = self.last_event_ms.max(stamped.ms);
        let moment = Moment { ms: stamped.ms, place: self.count };
        match &stamped.event {
            Event::RunStarted { run, command, commit, steps, notes } => {
                self.name.clone_from(run);
                self.command.clone_from(command);
                self.commit.clone_from(commit);
                self.notes.clone_from(notes);
                self.began = Some(stamped.at);
                for planned in steps {
                    self.step_mut(&planned.step).plan = planned.clone();
                }
            }
            Event::StepStarted { step, attempt } => self.step_mut(step).tries.push(Try {
                attempt: *attempt,
                began: moment,
                ended: None,
                outcome: None,
            }),
            Event::StepRetried { step, outcome, .. } => self.step_mut(step).end_try(moment, outcome),
            Event::StepFinished { step, outcome, duration_ms, excerpt, log, rerun, notes } => {
                let step = self.step_mut(step);
                step.end_try(moment, outcome);
                step.verdict = Some(Verdict {
                    outcome: outcome.clone(),
                    at: stamped.at,
                    moment,
                    duration_ms: *duration_ms,
                    excerpt: excerpt.clone(),
                    log: log.clone(),
                    rerun: rerun.clone(),
                    notes: notes.clone(),
                });
            }
            Event::StepNoted { step, note } => {
                if let Some(verdict) = &mut self.step_mut(step).verdict {
                    verdict.notes.push(note.clone());
                }
            }
            Event::Interrupted { times } => self.interrupts = *times,
            Event::RunFinished { status, duration_ms, next } => {
                self.end = Some(End { status: *status, duration_ms: *duration_ms, next: next.clone() });
            }
            Event::Unknown => {}
        }
    }

    /// A step by its id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.get(*self.places.get(id)?)
    }

    /// The place of a step in `steps`.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// The steps whose program runs now, or ran when the stream broke off.
    pub fn running(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.is_running())
    }

    /// The steps that are decided, each with its verdict.
    pub fn decided(&self) -> impl Iterator<Item = (&Step, &Verdict)> {
        self.steps.iter().filter_map(|step| Some((step, step.verdict.as_ref()?)))
    }

    /// The steps that themselves went wrong, each with its verdict. Those that only did not run, or were
    /// stopped, are not among them.
    pub fn failures(&self) -> impl Iterator<Item = (&Step, &Verdict)> {
        self.decided().filter(|(step, verdict)| match &verdict.outcome {
            Outcome::NotRun { .. } | Outcome::Interrupted => false,
            Outcome::Unavailable { .. } => step.plan.required,
            outcome => outcome.is_failure(),
        })
    }

    /// How many steps came out how, in the order in which people want to read it; words without a step are left out.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        const ORDER: [&str; 13] = [
            "passed",
            "proven",
            "flaky",
            "failed",
            "timed out",
            "killed",
            "broken",
            "interrupted",
            "unavailable",
            "not run",
            "skipped",
            "unknown",
            UNDECIDED,
        ];
        let words: Vec<_> = self.steps.iter().map(Step::word).collect();
        ORDER
            .into_iter()
            .map(|word| (word, words.iter().filter(|other| **other == word).count()))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// The same as a phrase: `3 passed, 9 proven`; empty where there is no step.
    pub fn counted(&self) -> String {
        let counts: Vec<_> = self.counts().iter().map(|(word, count)| format!("{count} {word}")).collect();
        counts.join(", ")
    }

    /// How the run came out, as people say it. A stream that broke off names what ran then.
    pub fn result(&self) -> String {
        if let Some(end) = &self.end {
            return end.status.word().to_owned();
        }
        let running: Vec<_> = self.running().map(|step| step.plan.step.as_str()).collect();
        match running.is_empty() {
            true => "interrupted while nothing was running".to_owned(),
            false => format!("interrupted while running: {}", running.join(", ")),
        }
    }

    /// The time the run took so far, in milliseconds.
    pub fn total_ms(&self) -> u64 {
        self.end.as_ref().map_or(self.last_event_ms, |end| end.duration_ms)
    }

    fn step_mut(&mut self, id: &str) -> &mut Step {
        let place = *self.places.entry(id.to_owned()).or_insert_with(|| {
            self.steps.push(Step::unplanned(id));
            self.steps.len() - 1
        });
        &mut self.steps[place]
    }
}

/// The word for a step that the stream left undecided.
const UNDECIDED: &str = "undecided";

impl Step {
    /// True while its program runs, or is about to be tried again.
    pub fn is_running(&self) -> bool {
        self.verdict.is_none() && !self.tries.is_empty()
    }

    /// The word for how it came out.
    pub fn word(&self) -> &'static str {
        self.verdict.as_ref().map_or(UNDECIDED, |verdict| verdict.outcome.word())
    }

    /// When its program was first started, and when it last ended: up to `now` where it runs still.
    pub fn span(&self, now: Moment) -> Option<(Moment, Moment)> {
        let first = self.tries.first()?;
        let last = self.tries.last()?;
        Some((first.began, last.ended.unwrap_or(now).max(first.began)))
    }

    fn unplanned(id: &str) -> Step {
        let plan = Planned {
            step: id.to_owned(),
            job: String::new(),
            needs: Vec::new(),
            lane: None,
            command: String::new(),
            required: true,
            decision: Decision::Run { reason: String::new() },
            last_ms: None,
        };
        Step { plan, tries: Vec::new(), verdict: None }
    }

    fn end_try(&mut self, moment: Moment, outcome: &Outcome) {
        if let Some(open) = self.tries.last_mut().filter(|last| last.ended.is_none()) {
            open.ended = Some(moment);
            open.outcome = Some(outcome.clone());
        }
    }
}

#[cfg(test)]
mod tests;
