//! Annotations: what a workflow run shows at the line of the file, and the places that tools name in their output.

/// How serious it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
}

/// One annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Annotation {
    pub(super) level: Level,
    pub(super) title: String,
    pub(super) message: String,
    pub(super) place: Option<Place>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) column: Option<u32>,
}

impl Annotation {
    /// The workflow command. Nothing in the values can end a property or the command: see GitHub's documentation of
    /// workflow commands, and `command.ts` of its toolkit for the escapes.
    pub(super) fn command(&self) -> String {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        let mut properties = Vec::new();
        if let Some(place) = &self.place {
            properties.push(format!("file={}", property(&place.file)));
            properties.push(format!("line={}", place.line));
            properties.extend(place.column.map(|column| format!("col={column}")));
        }
        properties.push(format!("title={}", property(&self.title)));
        format!("::{level} {}::{}", properties.join(","), data(&self.message))
    }
}

/// A value after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The places that an output names, in its order:
/// - `error: ...` or `warning: ...` followed by `--> file:line:column` (rustc, clippy, rustdoc, cargo-deny);
/// - `Diff in file:line:` (rustfmt);
/// - `thread '...' panicked at file:line:column:` followed by the message (tests).
pub(super) fn found(step: &str, lines: &[String]) -> Vec<Annotation> {
    let mut found = Vec::new();
    // The headline that waits for its place.
    let mut headline: Option<(Level, &str)> = None;
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let mut add = |level, message: &str, place| {
            let (title, message) = (step.to_owned(), message.to_owned());
            found.push(Annotation { level, title, message, place: Some(place) });
        };
        if let Some(place) = trimmed.strip_prefix("--> ").and_then(place) {
            if let Some((level, message)) = headline.take() {
                add(level, message, place);
            }
        } else if let Some(place) = trimmed.strip_prefix("Diff in ").and_then(place) {
            add(Level::Error, "not formatted", place);
        } else if let Some(place) = panicked(trimmed) {
            let message = lines.get(index + 1).map_or("panicked", |message| message.trim());
            add(Level::Error, message, place);
        } else if let Some(level) = level(line) {
            headline = Some((level, line));
        }
    }
    found
}

/// The level of a headline: `error`, `error[E0308]`, `warning`, followed by a colon.
fn level(line: &str) -> Option<Level> {
    let (word, _) = line.split_once(": ")?;
    let word = word.split_once('[').filter(|(_, code)| code.ends_with(']')).map_or(word, |(word, _)| word);
    match word {
        "error" => Some(Level::Error),
        "warning" => Some(Level::Warning),
        _ => None,
    }
}

fn panicked(line: &str) -> Option<Place> {
    let (thread, at) = line.split_once(" panicked at ")?;
    if !thread.starts_with("thread '") {
        return None;
    }
    place(at)
}

/// `file:line:column`, `file:line:column:` or `file:line:`.
fn place(text: &str) -> Option<Place> {
    let mut parts: Vec<&str> = text.trim().trim_end_matches(':').rsplitn(3, ':').collect();
    parts.reverse();
    let (file, line, column) = match parts[..] {
        [file, line, column] if line.parse::<u32>().is_ok() => (file.to_owned(), line, Some(column)),
        [drive, file, line] if drive.len() == 1 => (format!("{drive}:{file}"), line, None),
        [file, line] => (file.to_owned(), line, None),
        _ => return None,
    };
    let column = column.map(str::parse).transpose().ok()?;
    let line = line.parse().ok()?;
    let is_path = !file.is_empty() && !file.contains(char::is_control);
    is_path.then_some(Place { file, line, column })
}

#[cfg(test)]
mod tests;
