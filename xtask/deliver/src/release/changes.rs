//! Change files: what a change asks of the version, written and reviewed with the change itself.
//!
//! ```text
//! ---
//! alpha: minor
//! beta: patch
//! ---
//! The parser reads dates.
//! ```
//!
//! One file for each change, `release/changes/NAME.md`; preparing the release takes them away. Where a package has any,
//! its commits are not asked. In `0.y.z` the words mean what they mean to cargo: `major` raises `y`.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};

use crate::release::facts::Facts;
use crate::release::version::Bump;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;

/// Where change files are.
pub(crate) const FOLDER: &str = "release/changes";

const FORM: &str =
    "begin the file with `---`, a line `PACKAGE: patch` (or `minor`, `major`) for each package, and `---`";

/// One change, and what it asks of packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The file, from the root.
    pub(crate) file: String,
    pub(crate) packages: BTreeMap<String, Bump>,
    /// What the changelog says, in Markdown.
    pub(crate) text: String,
}

/// The change files of the work tree, by name.
pub(crate) fn load(doors: &Doors, facts: &Facts) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut findings = Vec::new();
    for path in files::list(&doors.workspace.file(FOLDER))? {
        let file = doors.workspace.name_of(&path);
        // A folder that would be empty otherwise has a file that explains it.
        if path.extension().is_none_or(|extension| extension != "md") || file.ends_with("/README.md") {
            continue;
        }
        let text = files::read_text(&path)?.unwrap_or_default();
        match parse(&file, &text, facts) {
            Ok(change) => changes.push(change),
            Err(found) => findings.extend(found),
        }
    }
    if findings.is_empty() {
        Ok(changes)
    } else {
        Err(Failure::found(Exit::Usage, "a change file cannot be read", findings))
    }
}

fn parse(file: &str, text: &str, facts: &Facts) -> std::result::Result<Change, Vec<Finding>> {
    let found = |line: usize, problem: String| Finding::at(file, line, problem, FORM);
    let text = text.replace("\r\n", "\n");
    let parts = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n").or_else(|| rest.split_once("\n---")));
    let Some((front, body)) = parts else {
        return Err(vec![found(1, "it does not say which packages it changes".to_owned())]);
    };
    let mut findings = Vec::new();
    let mut packages = BTreeMap::new();
    for (line, (name, word)) in entries(front).map_err(|(line, why)| vec![found(line + 1, why)])? {
        // The line of `---` stands before.
        let line = line + 1;
        if !facts.packages.iter().any(|package| package.name == name) {
            findings.push(found(line, format!("no package of the workspace is named `{name}`")));
        }
        match Bump::of(&word) {
            Some(bump) => {
                packages.insert(name, bump);
            }
            None => findings.push(found(line, format!("`{word}` is not `patch`, `minor` or `major`"))),
        }
    }
    if packages.is_empty() && findings.is_empty() {
        findings.push(found(1, "it does not say which packages it changes".to_owned()));
    }
    let text = body.trim().trim_start_matches("# ").to_owned();
    if text.is_empty() {
        findings.push(Finding::at(
            file,
            0,
            "it does not say what changed",
            "write a sentence below the second `---`",
        ));
    }
    if findings.is_empty() { Ok(Change { file: file.to_owned(), packages, text }) } else { Err(findings) }
}

/// A line, and what is there: a key and its value, or what is wrong.
type At<T> = (usize, T);

/// The keys of the front matter with their lines and values.
fn entries(front: &str) -> std::result::Result<Vec<At<(String, String)>>, At<String>> {
    let documents =
        MarkedYaml::load_from_str(front).map_err(|error| (error.marker().line(), error.info().to_owned()))?;
    let Some(first) = documents.first() else { return Ok(Vec::new()) };
    let YamlData::Mapping(entries) = &first.data else {
        return Err((1, "it does not say which packages it changes".to_owned()));
    };
    let word = |node: &MarkedYaml| match &node.data {
        YamlData::Value(Scalar::String(text)) => text.to_string(),
        _ => String::new(),
    };
    Ok(entries.iter().map(|(key, value)| (key.span.start.line(), (word(key), word(value)))).collect())
}

#[cfg(test)]
mod tests;
