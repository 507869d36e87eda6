//! A line of text whose words may have a tone, measured and cut before it is coloured.

use crate::terminal::{Terminal, Tone, printable, width};

/// A line that is safe to print.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Vec<(Option<Tone>, String)>);

impl Line {
    /// Adds text. Whatever it holds, it stays one line and moves no cursor.
    pub(super) fn text(mut self, text: &str) -> Line {
        self.0.push((None, printable(text)));
        self
    }

    /// Adds text with a tone.
    pub(super) fn tone(mut self, tone: Tone, text: &str) -> Line {
        self.0.push((Some(tone), printable(text)));
        self
    }

    /// The columns it takes.
    pub(super) fn columns(&self) -> usize {
        self.0.iter().map(|(_, text)| width::columns(text)).sum()
    }

    /// The line, cut to at most `limit` columns. Tabs, whose width depends on where they stand, become spaces.
    pub(super) fn cut(mut self, limit: usize) -> Line {
        let mut left = limit;
        for (_, text) in &mut self.0 {
            *text = width::cut(&text.replace('\t', " "), left);
            left -= width::columns(text);
        }
        self
    }

    /// The line without the spaces that align it with others.
    pub(super) fn compact(mut self) -> Line {
        for (_, text) in &mut self.0 {
            let words = text.trim_end_matches(' ').len();
            if words > 0 && words < text.len() {
                text.truncate(words + 1);
            }
        }
        self
    }

    /// The line without tones.
    pub(super) fn bare(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect::<String>().trim_end().to_owned()
    }

    /// The line with its tones, where colours are wanted.
    pub(super) fn painted(&self, terminal: &Terminal) -> String {
        self.0
            .iter()
            .map(|(tone, text)| match tone {
                Some(tone) => terminal.tone(*tone, text),
                None => text.clone(),
            })
            .collect()
    }
}
