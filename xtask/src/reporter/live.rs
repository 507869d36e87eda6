//! What happens now, redrawn in place below the lines that stay.
//!
//! Every row of the block is cut to the terminal's width, so that the cursor can go back up over it; should the
//! window have become narrower since, the rows that it wrapped are counted. Nothing is hidden or switched off between
//! two writes: a process that is killed leaves a terminal that works.

use crate::event::{Event, Stamped};
use crate::report::estimate;
use crate::report::run::{Run, Step};
use crate::terminal::{Terminal, Tone};

use super::Reporter;
use super::line::Line;
use super::{closing, lines, plain};

/// The time between two drawings, in milliseconds: more would only flicker.
const REDRAW_MS: u64 = 100;

/// The running steps that are shown, so that the block is lower than any terminal.
const RUNNING_ROWS_MAX: usize = 8;

/// The columns below which words are not aligned and bars not drawn.
const WIDE_COLUMNS: usize = 72;

/// The columns where the terminal does not say.
const USUAL_COLUMNS: usize = 80;

/// The cells of a bar.
const BAR_CELLS: u64 = 12;

/// The steps that are named as next.
const NEXT_MAX: usize = 3;

/// The live reporter.
#[derive(Default)]
pub(super) struct Live {
    run: Run,
    /// The columns of each row of the block that is on the screen.
    drawn: Vec<usize>,
    drawn_at_ms: Option<u64>,
    closed: bool,
}

impl Live {
    /// What an event writes: the block away, the lines that stay, and the block again where it is due.
    pub(super) fn on_event(&mut self, stamped: &Stamped, terminal: &Terminal, columns: usize) -> String {
        self.run.apply(stamped);
        let run = &self.run;
        let staying = match &stamped.event {
            Event::RunStarted { .. } => lines::notes(run),
            Event::StepStarted { .. } | Event::Unknown => Vec::new(),
            Event::StepRetried { step, attempt, outcome } => {
                run.step(step).map(|step| lines::retried(run, step, *attempt, outcome)).into_iter().collect()
            }
            Event::StepFinished { step, .. } => decided(run, step, columns),
            Event::StepNoted { step, note } => lines::noted(run, step, note),
            Event::Interrupted { times } => vec![lines::interrupted(run, *times)],
            Event::RunFinished { .. } => closing::lines(run),
        };
        if run.end.is_some() {
            self.closed = true;
        }
        if staying.is_empty() {
            return self.on_tick(stamped.ms, terminal, columns);
        }
        let text = self.erased(columns) + &painted(staying, terminal, columns);
        text + &self.on_tick(stamped.ms, terminal, columns)
    }

    /// What the passing of time writes: the block anew, unless it was drawn a moment ago.
    pub(super) fn on_tick(&mut self, now_ms: u64, terminal: &Terminal, columns: usize) -> String {
        let fresh = self.drawn_at_ms.is_some_and(|drawn| now_ms < drawn + REDRAW_MS);
        if self.closed || fresh {
            return String::new();
        }
        let mut text = self.erased(columns);
        let rows = block(&self.run, now_ms, columns);
        if rows.is_empty() {
            return text;
        }
        // Without wrapping (DECAWM off): a terminal that counts columns differently cuts the row, too.
        text += "\u{1b}[?7l";
        for row in &rows {
            text += &row.painted(terminal);
            text += "\u{1b}[K\n";
        }
        text += "\u{1b}[?7h";
        self.drawn = rows.iter().map(Line::columns).collect();
        self.drawn_at_ms = Some(now_ms);
        text
    }

    /// What the end of the stream writes.
    pub(super) fn on_close(&mut self, terminal: &Terminal, columns: usize) -> String {
        let text = self.erased(columns);
        if std::mem::replace(&mut self.closed, true) {
            return text;
        }
        text + &painted(closing::lines(&self.run), terminal, columns)
    }

    /// Takes the block away: up over its rows, then clears to the end of the screen.
    fn erased(&mut self, columns: usize) -> String {
        let rows: usize = self.drawn.drain(..).map(|row| row.div_ceil(columns.max(1)).max(1)).sum();
        if rows == 0 {
            return String::new();
        }
        self.drawn_at_ms = None;
        format!("\r\u{1b}[{rows}A\u{1b}[J")
    }
}

impl Reporter for Live {
    fn event(&mut self, terminal: &Terminal, event: &Stamped) {
        let text = self.on_event(event, terminal, terminal.width().unwrap_or(USUAL_COLUMNS));
        terminal.raw(&text);
    }

    fn tick(&mut self, terminal: &Terminal, now_ms: u64) {
        let text = self.on_tick(now_ms, terminal, terminal.width().unwrap_or(USUAL_COLUMNS));
        if !text.is_empty() {
            terminal.raw(&text);
        }
    }

    fn close(&mut self, terminal: &Terminal) {
        let text = self.on_close(terminal, terminal.width().unwrap_or(USUAL_COLUMNS));
        terminal.raw(&text);
    }
}

/// Lines that stay.
fn painted(lines: Vec<Line>, terminal: &Terminal, columns: usize) -> String {
    let fitting = lines.into_iter().map(|line| if columns < WIDE_COLUMNS { line.compact() } else { line });
    fitting.map(|line| line.painted(terminal) + "\n").collect()
}

/// The verdict on a step, cut to the screen, because it is in the report, too. What a person wants to read to its end
/// or to paste is not cut.
fn decided(run: &Run, step: &str, columns: usize) -> Vec<Line> {
    let mut all = plain::decided(run, step);
    if let Some(verdict) = all.first_mut().filter(|_| columns < WIDE_COLUMNS) {
        *verdict = std::mem::take(verdict).compact().cut(columns);
    }
    all
}

/// The rows of the block: what runs, then how far the run is. None before the plan is known.
fn block(run: &Run, now_ms: u64, columns: usize) -> Vec<Line> {
    if run.steps.is_empty() {
        return Vec::new();
    }
    let running: Vec<_> = run.running().collect();
    let shown = if running.len() > RUNNING_ROWS_MAX { RUNNING_ROWS_MAX - 1 } else { running.len() };
    let mut rows: Vec<_> =
        running[..shown].iter().map(|step| running_row(run, step, now_ms, columns)).collect();
    if running.len() > shown {
        rows.push(Line::default().text(&format!("and {} more running", running.len() - shown)));
    }
    rows.push(progress_row(run, now_ms, columns));
    // The last column stays free: some terminals wrap already when it is written.
    rows.into_iter().map(|row| row.cut(columns.saturating_sub(1))).collect()
}

fn running_row(run: &Run, step: &Step, now_ms: u64, columns: usize) -> Line {
    let began_ms = step.tries.last().map_or(now_ms, |last| last.began.ms);
    let elapsed_ms = now_ms.saturating_sub(began_ms);
    let elapsed = lines::spoken(elapsed_ms);
    let time = match step.plan.last_ms {
        None => elapsed,
        Some(last_ms) if elapsed_ms <= last_ms => format!("{elapsed} of about {}", about(last_ms)),
        Some(last_ms) => format!("{elapsed}, last {}", about(last_ms)),
    };
    if columns < WIDE_COLUMNS {
        return Line::default().tone(Tone::Strong, "run ").text(&format!("{} {time}", step.plan.step));
    }
    let row = lines::about(run, step, Tone::Strong, "running", &lines::padded(&time, 22));
    match step.plan.last_ms {
        Some(last_ms) => row.tone(Tone::Quiet, &bar(elapsed_ms, last_ms)),
        None => row,
    }
}

fn bar(elapsed_ms: u64, last_ms: u64) -> String {
    let full = (elapsed_ms * BAR_CELLS).checked_div(last_ms).unwrap_or(BAR_CELLS).min(BAR_CELLS);
    let cells = (0..BAR_CELLS).map(|cell| if cell < full { '#' } else { '.' });
    format!("[{}]", cells.collect::<String>())
}

fn progress_row(run: &Run, now_ms: u64, columns: usize) -> Line {
    let decided = run.decided().count();
    let failed = run.failures().count();
    let mut row = Line::default();
    let word = if run.interrupts > 0 { "stopping" } else { "done" };
    row = match columns < WIDE_COLUMNS {
        true => row.tone(Tone::Strong, &format!("{word} ")),
        false => lines::labelled(Tone::Strong, word, ""),
    };
    row = row.text(&format!("{decided}/{}", run.steps.len()));
    if failed > 0 {
        row = row.text(", ").tone(Tone::Bad, &format!("{failed} failed"));
    }
    let estimate = estimate::rest(run, now_ms);
    match (estimate.rest_ms, estimate.unknown) {
        (0, _) => {}
        (rest_ms, 0) => row = row.text(&format!(", about {} left", about(rest_ms))),
        (rest_ms, _) => row = row.text(&format!(", over {} left", about(rest_ms))),
    }
    let next = estimate::next(run);
    if !next.is_empty() && run.interrupts == 0 {
        let more = if next.len() > NEXT_MAX { ", .." } else { "" };
        let next = &next[..next.len().min(NEXT_MAX)];
        row = row.tone(Tone::Quiet, &format!(", next {}{more}", next.join(", ")));
    }
    row
}

/// A duration of which tenths of a second would promise too much.
fn about(milliseconds: u64) -> String {
    match milliseconds.div_ceil(1000) {
        seconds @ ..60 => format!("{seconds}s"),
        seconds => lines::spoken(seconds * 1000),
    }
}

#[cfg(test)]
mod tests;
