//! The lines that tell of a step: the same on a terminal, in a pipe and in a workflow's log.

use std::time::Duration;

use crate::clock;
use crate::event::{Decision, Outcome};
use crate::report::run::{Run, Step, Verdict};
use crate::report::{LINE_CHARACTERS_MAX, shortened};
use crate::terminal::{Tone, width};

use super::line::Line;

/// The columns of the first word: the longest verdict and a space.
const WORD_COLUMNS: usize = 12;

/// The most columns that a step's id is padded to: one long id does not push all others to the right.
const ID_COLUMNS_MAX: usize = 24;

/// What stands below a verdict is indented by this.
const BELOW: &str = "    ";

/// A line that begins with a label.
pub(super) fn labelled(tone: Tone, label: &str, text: &str) -> Line {
    Line::default().tone(tone, &padded(label, WORD_COLUMNS)).text(text)
}

/// The verdict on a step in one line.
pub(super) fn verdict(run: &Run, step: &Step, verdict: &Verdict) -> Line {
    let outcome = &verdict.outcome;
    let mut facts = Vec::new();
    match outcome {
        Outcome::Proven { since } => facts.push(format!("passed {}", clock::ago(*since, verdict.at))),
        outcome => facts.extend(outcome.detail()),
    }
    if !step.tries.is_empty() {
        let mut time = spoken(verdict.duration_ms);
        if let Some(last_ms) = step.plan.last_ms {
            time += &format!(" (last {})", spoken(last_ms));
        }
        facts.push(time);
    }
    if !step.plan.required && !outcome.is_pass() {
        facts.push("optional".to_owned());
    }
    about(run, step, tone(step, outcome), outcome.word(), &facts.join(", "))
}

/// What a person needs below the verdict, apart from the output: the remedy, notes, the log, the line that reruns it.
pub(super) fn below(verdict: &Verdict) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |label: &str, text: &str| {
        lines.push(Line::default().tone(Tone::Quiet, &format!("{BELOW}{}", padded(label, 9))).text(text));
    };
    if let Outcome::Unavailable { install, .. } = &verdict.outcome {
        add("install", install);
    }
    for note in &verdict.notes {
        add("note", note);
    }
    if !verdict.outcome.is_pass() {
        verdict.log.iter().for_each(|log| add("log", log));
        verdict.rerun.iter().for_each(|rerun| add("rerun", rerun));
    }
    lines
}

/// The end of a step's output, indented.
pub(super) fn output(verdict: &Verdict) -> Vec<Line> {
    let lines = shortened(&verdict.excerpt, LINE_CHARACTERS_MAX);
    lines.iter().map(|line| Line::default().text(&format!("{BELOW}{line}"))).collect()
}

/// The start of a step's program, with the reason.
pub(super) fn started(run: &Run, step: &Step, attempt: u32) -> Line {
    let reason = match (&step.plan.decision, attempt) {
        (Decision::Run { reason }, ..2) => reason.clone(),
        (_, ..2) => String::new(),
        (_, attempt) => format!("try {attempt}"),
    };
    about(run, step, Tone::Quiet, "run", &reason)
}

/// A try that failed, with another to follow.
pub(super) fn retried(run: &Run, step: &Step, attempt: u32, outcome: &Outcome) -> Line {
    let how = outcome.detail().unwrap_or_else(|| outcome.word().to_owned());
    about(run, step, Tone::Careful, "retried", &format!("try {attempt} failed: {how}"))
}

/// Something to know about a step that was decided a moment ago.
pub(super) fn noted(run: &Run, step: &str, note: &str) -> Vec<Line> {
    run.step(step).map(|step| about(run, step, Tone::Careful, "note", note)).into_iter().collect()
}

/// The person asked to stop.
pub(super) fn interrupted(run: &Run, times: u32) -> Line {
    let running = run.running().count();
    let text = match times {
        ..2 => format!("stopping: {running} running are told to end; interrupt again to kill them"),
        _ => format!("killing: {running} running"),
    };
    labelled(Tone::Careful, "interrupted", &text)
}

/// The sentences that come before anything runs.
pub(super) fn notes(run: &Run) -> Vec<Line> {
    run.notes.iter().map(|note| labelled(Tone::Careful, "note", note)).collect()
}

/// A duration as people say it.
pub(super) fn spoken(milliseconds: u64) -> String {
    clock::spoken(Duration::from_millis(milliseconds))
}

/// Text filled up with spaces to a width; one space at least follows it.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width::columns(text)).max(1);
    format!("{text}{}", " ".repeat(missing))
}

/// A line about a step: a word, the id, the rest.
pub(super) fn about(run: &Run, step: &Step, tone: Tone, word: &str, text: &str) -> Line {
    let ids = run.steps.iter().map(|step| width::columns(&step.plan.step));
    let longest = ids.max().unwrap_or(0).min(ID_COLUMNS_MAX);
    labelled(tone, word, &padded(&step.plan.step, longest + 2)).text(text)
}

fn tone(step: &Step, outcome: &Outcome) -> Tone {
    match outcome {
        Outcome::Passed => Tone::Good,
        Outcome::Proven { .. } | Outcome::Skipped { .. } => Tone::Quiet,
        Outcome::Flaky { .. } | Outcome::NotRun { .. } | Outcome::Interrupted => Tone::Careful,
        Outcome::Unavailable { .. } => {
            if step.plan.required {
                Tone::Bad
            } else {
                Tone::Careful
            }
        }
        Outcome::Failed { .. }
        | Outcome::Killed { .. }
        | Outcome::TimedOut { .. }
        | Outcome::OutputMissing { .. }
        | Outcome::Broken { .. }
        | Outcome::Unknown => Tone::Bad,
    }
}
