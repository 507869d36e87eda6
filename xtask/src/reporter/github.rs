//! A job of GitHub Actions: the plain lines, the output of failed steps in groups, and annotations.
//!
//! Text of steps never becomes a workflow command. The runner takes a line as one when it begins with `::` (blanks
//! before it do not count) or when `##[` stands anywhere in it. So an output is printed between `stop-commands` and a
//! token that the output cannot contain, every line of ours begins with a word, and `##[` is broken up everywhere.
//!
//! GitHub shows 10 errors and 10 warnings of one step of a workflow, which is one run here. The rest is counted.

use crate::digest::Digest;
use crate::event::{Event, Outcome, Stamped};
use crate::report::run::{Run, Step, Verdict};
use crate::terminal::Terminal;

use super::Reporter;
use super::annotation::{self, Annotation, Level};
use super::line::Line;
use super::plain::Plain;
use super::{closing, lines};

/// The annotations of one level that GitHub shows of one step of a workflow.
const SHOWN_MAX: usize = 10;

/// The annotations of one level that one step of ours may take, so that the first does not take them all.
const SHOWN_PER_STEP_MAX: usize = 4;

/// The GitHub reporter.
#[derive(Default)]
pub(super) struct Github {
    run: Run,
    plain: Plain,
    errors: Budget,
    warnings: Budget,
}

/// How many annotations of one level were made, and how many had no place any more.
#[derive(Default)]
struct Budget {
    shown: usize,
    left_out: usize,
}

impl Github {
    /// What an event prints, line by line.
    pub(super) fn lines(&mut self, stamped: &Stamped, terminal: &Terminal) -> Vec<String> {
        self.run.apply(stamped);
        let plain = self.plain.lines(stamped);
        match &stamped.event {
            Event::StepFinished { step, .. } => self.decided(step, terminal),
            Event::RunFinished { .. } => self.closing(terminal),
            Event::RunStarted { .. }
            | Event::StepStarted { .. }
            | Event::StepRetried { .. }
            | Event::StepNoted { .. }
            | Event::Interrupted { .. }
            | Event::Unknown => plain.iter().map(|line| harmless(line, terminal)).collect(),
        }
    }

    /// What the end of the stream prints.
    pub(super) fn last_lines(&self, terminal: &Terminal) -> Vec<String> {
        if self.run.end.is_some() { Vec::new() } else { self.closing(terminal) }
    }

    fn decided(&mut self, id: &str, terminal: &Terminal) -> Vec<String> {
        let Some((step, verdict)) = self.run.step(id).and_then(|step| Some((step, step.verdict.as_ref()?)))
        else {
            return Vec::new();
        };
        let mut all = vec![harmless(&lines::verdict(&self.run, step, verdict), terminal)];
        all.extend(group(&step.plan.step, verdict));
        all.extend(lines::below(verdict).iter().map(|line| harmless(line, terminal)));
        let (mut errors, mut warnings) = (0, 0);
        for annotation in annotations(step, verdict) {
            let (budget, mine) = match annotation.level {
                Level::Error => (&mut self.errors, &mut errors),
                Level::Warning => (&mut self.warnings, &mut warnings),
            };
            if budget.shown < SHOWN_MAX && *mine < SHOWN_PER_STEP_MAX {
                budget.shown += 1;
                *mine += 1;
                all.push(broken_up(&annotation.command()));
            } else {
                budget.left_out += 1;
            }
        }
        all
    }

    fn closing(&self, terminal: &Terminal) -> Vec<String> {
        let mut all = Vec::new();
        if self.errors.left_out + self.warnings.left_out > 0 {
            let text = format!(
                "{} errors and {} warnings more than the annotations show; the groups above have them",
                self.errors.left_out, self.warnings.left_out
            );
            all.push(Line::default().text(&text));
        }
        all.extend(closing::lines(&self.run));
        all.iter().map(|line| harmless(line, terminal)).collect()
    }
}

impl Reporter for Github {
    fn event(&mut self, terminal: &Terminal, event: &Stamped) {
        self.lines(event, terminal).iter().for_each(|line| terminal.talk(line));
    }

    fn close(&mut self, terminal: &Terminal) {
        self.last_lines(terminal).iter().for_each(|line| terminal.talk(line));
    }
}

/// The output of a step as a group that opens on a click.
fn group(step: &str, verdict: &Verdict) -> Vec<String> {
    if verdict.excerpt.is_empty() {
        return Vec::new();
    }
    let output: Vec<_> = lines::output(verdict).iter().map(|line| broken_up(&line.bare())).collect();
    // A text cannot contain its own digest, so nothing in it starts the commands again.
    let token = Digest::of(output.join("\n")).to_string();
    let title = broken_up(&Line::default().text(&format!("{step}: the end of its output")).bare());
    let mut all = vec![format!("::group::{title}"), format!("::stop-commands::{token}")];
    all.extend(output);
    all.extend([format!("::{token}::"), "::endgroup::".to_owned()]);
    all
}

/// What is worth an annotation. A step that only did not run has none: the one it waited for has.
fn annotations(step: &Step, verdict: &Verdict) -> Vec<Annotation> {
    let id = &step.plan.step;
    let about = |level, message: String| {
        vec![Annotation { level, title: id.clone(), message: plain_text(&message), place: None }]
    };
    let rerun = verdict.rerun.iter().map(|rerun| format!("\nRun it again with: {rerun}")).collect::<String>();
    let detail = verdict.outcome.detail().unwrap_or_else(|| verdict.outcome.word().to_owned());
    match &verdict.outcome {
        Outcome::Passed
        | Outcome::Proven { .. }
        | Outcome::Skipped { .. }
        | Outcome::NotRun { .. }
        | Outcome::Interrupted => Vec::new(),
        Outcome::Flaky { .. } => about(Level::Warning, format!("{id} is flaky: {detail}")),
        Outcome::Unavailable { install, .. } => {
            let level = if step.plan.required { Level::Error } else { Level::Warning };
            about(level, format!("{id} is unavailable: {detail}\nInstall it with: {install}"))
        }
        Outcome::Failed { .. }
        | Outcome::Killed { .. }
        | Outcome::TimedOut { .. }
        | Outcome::OutputMissing { .. }
        | Outcome::Broken { .. }
        | Outcome::Unknown => {
            let lines: Vec<_> = verdict.excerpt.iter().map(|line| plain_text(line)).collect();
            let mut found = annotation::found(id, &lines);
            if !found.iter().any(|found| found.level == Level::Error) {
                let word = verdict.outcome.word();
                found.extend(about(Level::Error, format!("{id} {word}: {detail}{rerun}")));
            }
            found
        }
    }
}

/// The text of a message: each of its lines made printable.
fn plain_text(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| Line::default().text(line).bare()).collect();
    lines.join("\n")
}

fn harmless(line: &Line, terminal: &Terminal) -> String {
    broken_up(&line.painted(terminal))
}

fn broken_up(text: &str) -> String {
    text.replace("##[", "## [")
}
