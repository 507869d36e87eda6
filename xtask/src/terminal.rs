//! The only printer. Standard output is data, standard error is talk.
//!
//! Text is understandable without colour. A closed pipe ends the printing, not the work.

pub mod width;

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::environment::Environment;

/// Where text goes, and what it may look like there.
#[derive(Debug)]
pub struct Terminal {
    json: bool,
    colour: bool,
    live: bool,
    width: Option<usize>,
    closed: AtomicBool,
}

/// The few meanings that have a colour. Every one of them is also a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It is well.
    Good,
    /// It is not well.
    Bad,
    /// It needs attention.
    Careful,
    /// It is secondary.
    Quiet,
    /// It is what to look at.
    Strong,
}

impl Terminal {
    /// The terminal of this process. `json` says that standard output is for a program.
    pub fn of_process(environment: &Environment, json: bool) -> Terminal {
        let is_terminal = io::stderr().is_terminal();
        let forced = environment.get("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let dumb = environment.get("TERM") == Some("dumb");
        let colour = forced || (is_terminal && environment.get("NO_COLOR").is_none() && !dumb);
        let width = environment.get("COLUMNS").and_then(|value| value.parse().ok());
        Terminal { json, colour, live: is_terminal && !dumb, width, closed: AtomicBool::new(false) }
    }

    /// True when the person asked for data.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// True when lines on standard error may be rewritten in place.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Columns of the terminal, asked anew because its window may change; `None` where there is no terminal.
    pub fn width(&self) -> Option<usize> {
        self.width.or_else(columns)
    }

    /// Colours a word, where colours are wanted.
    pub fn tone(&self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Careful => "33",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Prints a line of data.
    pub fn data(&self, line: &str) {
        self.print(&mut io::stdout().lock(), line, "\n");
    }

    /// Prints a value as one line of JSON.
    pub fn json(&self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        self.data(&serde_json::to_string(value)?);
        Ok(())
    }

    /// Prints a line of talk.
    pub fn talk(&self, line: &str) {
        self.print(&mut io::stderr().lock(), line, "\n");
    }

    /// Prints talk that is no whole line: the live display moves the cursor by it.
    pub fn raw(&self, text: &str) {
        self.print(&mut io::stderr().lock(), text, "");
    }

    fn print(&self, to: &mut dyn io::Write, text: &str, end: &str) {
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        let printed = to
            .write_all(text.as_bytes())
            .and_then(|()| to.write_all(end.as_bytes()))
            .and_then(|()| to.flush());
        if printed.is_err() {
            // Nobody reads any more (`xtask ci | head`). The work and its record go on.
            self.closed.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(unix)]
fn columns() -> Option<usize> {
    rustix::termios::tcgetwinsize(io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
}

#[cfg(not(unix))]
fn columns() -> Option<usize> {
    None
}

/// Makes text safe to print: control characters other than tab are shown, so that no output of a step can move the
/// cursor, set a title or start a workflow command.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\t' => safe.push('\t'),
            // Colour codes of tools are dropped, not shown.
            '\u{1b}' if rest.peek() == Some(&'[') => {
                rest.next();
                while rest.next_if(|next| !('@'..='~').contains(next)).is_some() {}
                rest.next();
            }
            // So are changes of the character set (`ESC ( B`), which some tools print at each line end.
            '\u{1b}' if rest.peek().is_some_and(|next| ('('..='/').contains(next)) => {
                rest.next();
                rest.next();
            }
            character if character.is_control() => safe.extend(character.escape_default()),
            character => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_steps_cannot_steer_the_terminal() {
        for (text, expected) in [
            ("plain\ttext", "plain\ttext"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("back\rover", "back\\rover"),
            ("\u{1b}[", ""),
            ("\u{1b}(Btext\u{1b}(B", "text"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }
}
