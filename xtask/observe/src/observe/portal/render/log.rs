//! Logs of steps: all of them, one of them, and the lines that hold a text.

use maud::{Markup, html};

use super::Frame;
use super::parts::{badge, count, nothing, short, table, took};
use crate::observe::portal::index::ask::LogRow;
use crate::observe::portal::site::{Page, Question};

/// Lines with their numbers, ready to be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// The number of each, and its text without what could steer anything.
    pub(crate) lines: Vec<(usize, String)>,
    /// Bytes at the beginning that are not shown.
    pub(crate) left_out: u64,
    /// How many lines were looked at.
    pub(crate) looked_at: usize,
}

/// One log.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) run: String,
    pub(crate) step: String,
    pub(crate) word: String,
    pub(crate) path: String,
    pub(crate) lines: Option<Lines>,
}

/// Lines of a log that hold what was looked for.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) row: LogRow,
    pub(crate) lines: Vec<(usize, String)>,
}

/// All logs.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) rows: Vec<LogRow>,
    /// None: nothing was looked for.
    pub(crate) found: Option<Vec<Found>>,
}

/// The page about all logs.
pub(crate) fn logs(frame: Frame<'_>, values: &Logs, question: &Question) -> String {
    let rows: Vec<_> = values
        .rows
        .iter()
        .map(|row| {
            vec![
                html! { a href=(frame.link(&Page::Log(row.run.clone(), row.place))) { (short(&row.step, 60)) } },
                badge(&row.word),
                html! { (took(row.took_ms)) },
                html! { a.whole href=(frame.link(&Page::Run(row.run.clone()))) { (short(&row.run, 30)) } },
            ]
        })
        .collect();
    let body = html! {
        (filter(frame, question, true))
        @if let Some(found) = &values.found { (results(frame, found)) }
        section aria-labelledby="logs" {
            h2 #logs { "Logs of steps" }
            @if rows.is_empty() { (nothing("No step left a log, in the runs that are recorded.", "cargo xtask ci")) }
            @else { (table("Logs, of the newest run first", &["Step", "Result", "Ran", "Run"], &rows)) }
        }
    };
    frame.document("Logs", &body)
}

/// The page about one log.
pub(crate) fn log(frame: Frame<'_>, values: &Log, question: &Question) -> String {
    let body = html! {
        p { (badge(&values.word)) " in run " a href=(frame.link(&Page::Run(values.run.clone()))) { (short(&values.run, 30)) }
            ", from " code { (short(&values.path, 120)) } }
        (filter(frame, question, false))
        @match &values.lines {
            None => (nothing("This step has no log any more, or none that is in the folder of its run.", "")),
            Some(lines) => (text(lines, &values.step, question)),
        }
    };
    frame.document(&format!("Log of {}", short(&values.step, 60)), &body)
}

fn text(lines: &Lines, step: &str, question: &Question) -> Markup {
    html! {
        @if lines.left_out > 0 { p.note { (count(lines.left_out, "byte")) " at the beginning are not shown." } }
        @if !question.text.is_empty() {
            p.note { (count(lines.lines.len() as u64, "line")) " of " (lines.looked_at) " hold this text." }
        }
        @if lines.lines.is_empty() { (nothing("There is no such line.", "")) }
        @else { (numbered(lines.lines.as_slice(), &format!("Log of {}", short(step, 60)))) }
    }
}

fn results(frame: Frame<'_>, found: &[Found]) -> Markup {
    html! {
        section aria-labelledby="found" {
            h2 #found { "Found" }
            @if found.is_empty() { (nothing("No log that was looked at holds this text.", "")) }
            @for one in found {
                h3 {
                    a href=(frame.link(&Page::Log(one.row.run.clone(), one.row.place))) { (short(&one.row.step, 60)) }
                    " " (badge(&one.row.word)) " " span.age { (short(&one.row.run, 30)) }
                }
                (numbered(&one.lines, &format!("Lines of {}", short(&one.row.step, 60))))
            }
        }
    }
}

fn numbered(lines: &[(usize, String)], name: &str) -> Markup {
    html! {
        pre.log tabindex="0" aria-label=(name) {
            @for (number, line) in lines { span.number { (format!("{number:>6}  ")) } (line) "\n" }
        }
    }
}

fn filter(frame: Frame<'_>, question: &Question, by_word: bool) -> Markup {
    if !frame.is_served() {
        return html! {};
    }
    html! {
        form.filter method="get" role="search" {
            label for="text" { "Lines that hold" }
            input #text type="search" name="text" value=(question.text) maxlength="200";
            @if by_word {
                label for="word" { "in steps that are" }
                select #word name="word" {
                    @for word in ["", "failed", "flaky", "passed", "timed out", "killed", "broken"] {
                        option value=(word) selected[question.word == word] { @if word.is_empty() { "any" } @else { (word) } }
                    }
                }
            }
            button type="submit" { "Filter" }
        }
    }
}
