//! One aligned line for each start and each verdict: for pipes, files and terminals that cannot redraw.

use crate::event::{Event, Stamped};
use crate::report::run::Run;
use crate::terminal::Terminal;

use super::Reporter;
use super::line::Line;
use super::{closing, lines};

/// The plain reporter.
#[derive(Default)]
pub(super) struct Plain {
    run: Run,
}

impl Plain {
    /// The lines that an event adds.
    pub(super) fn lines(&mut self, stamped: &Stamped) -> Vec<Line> {
        self.run.apply(stamped);
        let run = &self.run;
        match &stamped.event {
            Event::RunStarted { .. } => lines::notes(run),
            Event::StepStarted { step, attempt } => {
                run.step(step).map(|step| lines::started(run, step, *attempt)).into_iter().collect()
            }
            Event::StepRetried { step, attempt, outcome } => {
                run.step(step).map(|step| lines::retried(run, step, *attempt, outcome)).into_iter().collect()
            }
            Event::StepFinished { step, .. } => decided(run, step),
            Event::StepNoted { step, note } => lines::noted(run, step, note),
            Event::Interrupted { times } => vec![lines::interrupted(run, *times)],
            Event::RunFinished { .. } => closing::lines(run),
            Event::Unknown => Vec::new(),
        }
    }

    /// The lines after the last event: none where the run came to its end.
    pub(super) fn closing(&self) -> Vec<Line> {
        if self.run.end.is_some() { Vec::new() } else { closing::lines(&self.run) }
    }
}

/// The verdict on a step with all that belongs to it.
pub(super) fn decided(run: &Run, step: &str) -> Vec<Line> {
    let Some((step, verdict)) = run.step(step).and_then(|step| Some((step, step.verdict.as_ref()?))) else {
        return Vec::new();
    };
    let mut all = vec![lines::verdict(run, step, verdict)];
    all.extend(lines::output(verdict));
    all.extend(lines::below(verdict));
    all
}

impl Reporter for Plain {
    fn event(&mut self, terminal: &Terminal, event: &Stamped) {
        self.lines(event).iter().for_each(|line| terminal.talk(&line.painted(terminal)));
    }

    fn close(&mut self, terminal: &Terminal) {
        self.closing().iter().for_each(|line| terminal.talk(&line.painted(terminal)));
    }
}
