//! `cargo xtask docs`: the documents that are made from the code.
//!
//! To add the schema of a file under `release/`: a line in [`SCHEMAS`]. The domain that owns the file owns its type.

mod page;

use clap::CommandFactory as _;

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Finding, Result};
use crate::files::{self, Mode};
use crate::{baseline, ci, release, tidy, tools, workflows};

/// The command that brings every generated document up to date.
const COMMAND: &str = "cargo xtask docs --write";

/// Where the schemas are.
const FOLDER: &str = "release/schema";

/// What makes a schema.
type Schema = fn() -> schemars::Schema;

/// The schema of every file under `release/` that people write, and of the plan of a release: the name, and what makes it.
const SCHEMAS: &[(&str, Schema)] = &[
    ("ci", ci::schema),
    ("tidy", tidy::schema),
    ("tools", tools::config::schema),
    ("baseline", baseline::config::schema),
    ("actions", workflows::actions_schema),
    ("workflows", workflows::workflows_schema),
    ("release", release::config::schema),
    ("plan", release::plan::schema),
    ("gates", release::gates::config::schema),
];

/// What to do with the documents.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Arguments {
    /// Make the documents what the code says
    #[arg(long)]
    write: bool,
    /// Say how the documents differ from the code
    #[arg(long)]
    check: bool,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    tidy::require_house(doors)?;
    let mode = if arguments.write { Mode::Write } else { Mode::Check };
    let findings = make(doors, mode)?;
    if !findings.is_empty() {
        return Err(
            Failure::found(Exit::No, "generated documents are not up to date", findings).next(COMMAND)
        );
    }
    let names: Vec<_> = documents()?.into_iter().map(|(name, _)| name).collect();
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "documents": names }))?;
    } else {
        doors.terminal.data(&format!("docs: {} documents are what the code says", names.len()));
    }
    Ok(Exit::Done)
}

/// Writes every generated document, or says how each differs.
pub(super) fn make(doors: &Doors, mode: Mode) -> Result<Vec<Finding>> {
    let documents = documents()?;
    let mut findings = Vec::new();
    for (name, text) in &documents {
        findings.extend(files::generate(mode, &doors.workspace.file(name), name, text, COMMAND)?);
    }
    for path in files::list(&doors.workspace.file(FOLDER))? {
        let name = doors.workspace.name_of(&path);
        if !documents.iter().any(|(known, _)| *known == name) {
            findings.push(Finding::at(&name, 0, "no generator makes this file", format!("git rm {name}")));
        }
    }
    Ok(findings)
}

/// Every generated document: its path from the root, and its text.
fn documents() -> Result<Vec<(String, String)>> {
    let mut documents = vec![("docs/cli.md".to_owned(), page::page(super::Arguments::command()))];
    for (name, schema) in SCHEMAS {
        let text = serde_json::to_string_pretty(&schema()).map_err(anyhow::Error::from)?;
        documents.push((format!("{FOLDER}/{name}.json"), text + "\n"));
    }
    Ok(documents)
}
