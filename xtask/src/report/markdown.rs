//! The run as Markdown: the step summary of a workflow run, and `report.md` beside a recording.
//!
//! Text of steps can neither end the block it stands in nor become markup: a fence is longer than any run of backticks
//! inside it, and elsewhere everything that GitHub's Markdown reads as markup is escaped.

use std::time::Duration;

use crate::clock;
use crate::event::Outcome;
use crate::terminal::printable;

use super::excerpt::{LINE_CHARACTERS_MAX, shortened};
use super::run::{Run, Step, Verdict};
use super::timings::Timings;

/// Room kept for the line that says what was left out.
const NOTICE_BYTES: usize = 200;

/// The longest note, reason or command outside of a fenced block, in characters.
const PHRASE_CHARACTERS_MAX: usize = 300;

pub(super) fn render(run: &Run, limit: usize) -> String {
    let mut page = Page { text: String::new(), limit, left_out: 0 };
    page.add(&format!("### {}: {}\n\n", escaped(command(run)), escaped(&run.result())));
    page.add(&format!("{}\n", head(run)));
    for note in &run.notes {
        page.add(&format!("\n> {}\n", escaped(note)));
    }
    if !run.steps.is_empty() {
        page.add("\n| step | verdict | time | last time | detail |\n|---|---|---:|---:|---|\n");
        // What went wrong is not what the limit cuts.
        let (bad, good): (Vec<_>, Vec<_>) =
            run.steps.iter().partition(|step| step.verdict.as_ref().is_none_or(speaks_up));
        for step in bad.into_iter().chain(good) {
            page.add(&row(run, step));
        }
    }
    page.add(&times(run));
    for (step, verdict) in run.failures() {
        page.add(&failure(step, verdict));
    }
    if let Some(next) = run.end.as_ref().and_then(|end| end.next.as_ref()) {
        page.add(&format!("\nNext:\n\n{}", fenced("", std::slice::from_ref(next))));
    }
    page.finished()
}

/// Text that grows up to a limit, and counts what did not fit.
struct Page {
    text: String,
    limit: usize,
    left_out: usize,
}

impl Page {
    fn add(&mut self, part: &str) {
        if self.text.len() + part.len() + NOTICE_BYTES <= self.limit {
            self.text.push_str(part);
        } else {
            self.left_out += 1;
        }
    }

    fn finished(mut self) -> String {
        if self.left_out > 0 {
            let notice = format!(
                "\n**{} parts of this report are left out: it may have {} bytes.** The recording has everything.\n",
                self.left_out, self.limit
            );
            // Below the size of this sentence no limit makes sense; then nothing is said rather than too much.
            if self.text.len() + notice.len() <= self.limit {
                self.text.push_str(&notice);
            }
        }
        self.text
    }
}

fn command(run: &Run) -> &str {
    if run.command.is_empty() { "a run without a beginning" } else { &run.command }
}

fn head(run: &Run) -> String {
    let counted = match run.counted() {
        counted if counted.is_empty() => "no steps".to_owned(),
        counted => counted,
    };
    let mut head = format!("{counted} in {}", spoken(run.total_ms()));
    if let Some(commit) = &run.commit {
        head += &format!(", commit {}", escaped(commit.get(..12).unwrap_or(commit)));
    }
    if !run.name.is_empty() {
        head += &format!(", run {}", escaped(&run.name));
    }
    head
}

fn speaks_up(verdict: &Verdict) -> bool {
    !matches!(verdict.outcome, Outcome::Passed | Outcome::Proven { .. } | Outcome::Skipped { .. })
}

fn row(run: &Run, step: &Step) -> String {
    let id = escaped(&step.plan.step);
    let last = step.plan.last_ms.map(spoken).unwrap_or_default();
    let Some(verdict) = &step.verdict else {
        let detail = match (step.is_running(), &run.end) {
            (true, _) => "the run ended while this step ran",
            (false, _) => "the run ended before this step",
        };
        return format!("| {id} | **{}** |  | {last} | {detail} |\n", step.word());
    };
    let word = match speaks_up(verdict) {
        true => format!("**{}**", verdict.outcome.word()),
        false => verdict.outcome.word().to_owned(),
    };
    let time = if step.tries.is_empty() { String::new() } else { spoken(verdict.duration_ms) };
    let mut detail: Vec<String> = match &verdict.outcome {
        Outcome::Proven { since } => {
            vec![format!("passed {} on the same inputs", clock::ago(*since, verdict.at))]
        }
        Outcome::Unavailable { tool, install } => vec![format!("`{tool}` is not installed: `{install}`")],
        outcome => outcome.detail().into_iter().collect(),
    };
    if !step.plan.required {
        detail.push("optional".to_owned());
    }
    detail.extend(verdict.notes.iter().cloned());
    format!("| {id} | {word} | {time} | {last} | {} |\n", escaped(&detail.join("; ")))
}

fn times(run: &Run) -> String {
    let timings = Timings::of(run);
    if timings.critical.is_empty() {
        return String::new();
    }
    let links: Vec<_> = timings
        .critical
        .iter()
        .map(|link| format!("{} {}", escaped(&link.step), spoken(link.duration_ms)))
        .collect();
    format!(
        "\nCritical path: {} ({} of {}). No step ran for {}.\n",
        links.join(", "),
        spoken(timings.critical_ms),
        spoken(timings.total_ms),
        spoken(timings.idle_ms)
    )
}

fn failure(step: &Step, verdict: &Verdict) -> String {
    let mut text = format!("\n#### {} {}", escaped(&step.plan.step), verdict.outcome.word());
    if let Some(detail) = verdict.outcome.detail() {
        text += &format!(": {}", escaped(&detail));
    }
    text.push('\n');
    if !verdict.excerpt.is_empty() {
        text += &format!("\n{}", fenced("text", &shortened(&verdict.excerpt, LINE_CHARACTERS_MAX)));
    }
    if let Some(log) = &verdict.log {
        text += &format!("\nLog: {}\n", escaped(log));
    }
    if let Some(rerun) = &verdict.rerun {
        text += &format!(
            "\nRun just this step again:\n\n{}",
            fenced("console", &shortened(std::slice::from_ref(rerun), usize::MAX))
        );
    }
    text
}

/// A fenced block that nothing inside it can end.
fn fenced(language: &str, lines: &[String]) -> String {
    let mut longest = 2;
    for line in lines {
        let mut run = 0;
        for character in line.chars() {
            run = if character == '`' { run + 1 } else { 0 };
            longest = longest.max(run);
        }
    }
    let fence = "`".repeat(longest + 1);
    let lines: Vec<_> = lines.iter().map(|line| printable(line)).collect();
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// Text that Markdown shows as it is, on one line.
fn escaped(text: &str) -> String {
    let cut = shortened(&[text.replace(['\n', '\r'], " ")], PHRASE_CHARACTERS_MAX).concat();
    let mut safe = String::with_capacity(cut.len());
    for character in cut.chars() {
        if "\\`*_[]<>|~&#!@$".contains(character) {
            safe.push('\\');
        }
        safe.push(character);
    }
    safe
}

fn spoken(milliseconds: u64) -> String {
    clock::spoken(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests;
