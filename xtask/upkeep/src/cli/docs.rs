//! `cargo xtask docs`: the documents that are made from the code.
//!
//! To add the schema of a file under `release/`: a line where [`schemas`] has them from. The domain that owns the file owns its type.

mod page;
mod resilience;

use clap::CommandFactory as _;

use crate::tidy;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files::{self, Mode};

/// The command that brings every generated document up to date.
const COMMAND: &str = "cargo xtask docs --write";

/// Where the schemas are.
const FOLDER: &str = "release/schema";

/// The schema of every file under `release/` that people write, and of the plan of a release, by the file's name.
fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    let mut schemas = nexus_xtask::cli::schemas();
    schemas.extend(nexus_xtask_deliver::cli::schemas());
    schemas.push(("tidy", tidy::schema()));
    schemas
}

/// What to do with the documents.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Arguments {
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
    let names: Vec<_> = documents(doors)?.into_iter().map(|(name, _)| name).collect();
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "documents": names }))?;
    } else {
        doors.terminal.data(&format!("docs: {} documents are what the code says", names.len()));
    }
    Ok(Exit::Done)
}

/// Writes every generated document, or says how each differs.
pub(super) fn make(doors: &Doors, mode: Mode) -> Result<Vec<Finding>> {
    let documents = documents(doors)?;
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
fn documents(doors: &Doors) -> Result<Vec<(String, String)>> {
    let mut documents =
        vec![("docs/cli.md".to_owned(), page::page(nexus_xtask::cli::Arguments::<super::Verb>::command()))];
    if let Some(page) = resilience::page(doors)? {
        documents.push((resilience::FILE.to_owned(), page));
    }
    for (name, schema) in schemas() {
        let text = serde_json::to_string_pretty(&schema).map_err(anyhow::Error::from)?;
        documents.push((format!("{FOLDER}/{name}.json"), text + "\n"));
    }
    Ok(documents)
}
