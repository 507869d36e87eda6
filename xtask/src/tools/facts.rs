//! Which of the declared tools are there, in which version.

use crate::doors::Doors;
use crate::shell::Command;

use super::config::{Declared, Tool};

/// A declared tool beside what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its name in the file.
    pub(crate) name: String,
    /// What is declared.
    pub(crate) tool: Tool,
    /// What was found.
    pub(crate) found: Found,
}

/// What was found of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The program is not there.
    Missing,
    /// The program is there and says the pinned version, or none is pinned. With what it says.
    Same(String),
    /// The program is there and says something else.
    Other(String),
}

impl Standing {
    /// The program that the tool provides.
    pub(crate) fn program(&self) -> &str {
        self.tool.program.as_deref().unwrap_or(&self.name)
    }

    /// True when nothing is left to do.
    pub(crate) fn is_as_wanted(&self) -> bool {
        matches!(self.found, Found::Same(_))
    }
}

/// Asks every declared tool for its version.
pub(crate) fn look(doors: &Doors, declared: &Declared) -> anyhow::Result<Vec<Standing>> {
    declared
        .tools
        .iter()
        .map(|(name, tool)| {
            let mut standing = Standing { name: name.clone(), tool: tool.clone(), found: Found::Missing };
            standing.found = ask(doors, &standing)?;
            Ok(standing)
        })
        .collect()
}

fn ask(doors: &Doors, standing: &Standing) -> anyhow::Result<Found> {
    if doors.shell.find(standing.program()).is_none() {
        return Ok(Found::Missing);
    }
    let tool = &standing.tool;
    let arguments = tool.ask.clone().unwrap_or_else(|| vec!["--version".to_owned()]);
    let captured = doors.shell.capture(&Command::new(standing.program(), arguments))?;
    let text = if captured.text().trim().is_empty() { captured.stderr.clone() } else { captured.text() };
    let said = first_line_with_a_number(&text);
    Ok(match &tool.version {
        Some(version) if !captured.is_success() || !says(&text, version) => Found::Other(said),
        Some(version) => Found::Same(version.clone()),
        None => Found::Same(said),
    })
}

fn first_line_with_a_number(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.clone().next().unwrap_or("nothing");
    lines.find(|line| line.contains(|c: char| c.is_ascii_digit())).unwrap_or(first).to_owned()
}

/// True when one of the words is the version: `tool 1.2.3`, `v1.2.3`, `version: 1.2.3 (abc)`.
pub(crate) fn says(text: &str, version: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !".+-_!".contains(c)).any(|word| {
        let word = word.trim_end_matches('.');
        word == version || word.strip_prefix('v') == Some(version)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_whole_word() {
        for text in ["just 1.59.0", "v1.59.0", "version: 1.59.0\n", "just 1.59.0 (abc 2026-01-01)", "1.59.0."]
        {
            assert!(says(text, "1.59.0"), "{text}");
        }
        for text in ["just 1.59.01", "11.59.0", "1.59.0-beta.1", "", "1.59"] {
            assert!(!says(text, "1.59.0"), "{text}");
        }
    }
}
