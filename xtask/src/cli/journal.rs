//! `cargo xtask journal`: the record, checked.

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Finding, Result};
use crate::{journal, receipt};

/// What to do with the journal.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Read every line and every receipt, and say what does not prove itself
    Verify,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match arguments.verb {
        Verb::Verify => verify(doors),
    }
}

fn verify(doors: &Doors) -> Result<Exit> {
    let journal = journal::verify(&doors.workspace)?;
    let (receipts, broken_receipts) = receipt::read_all(&doors.workspace)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({
            "lines": journal.lines.len(), "broken": journal.broken, "torn": journal.torn,
            "set_aside": journal.set_aside, "receipts": receipts.len(), "broken_receipts": broken_receipts,
        }))?;
    } else {
        doors.terminal.data(&format!(
            "journal   {} lines, {} broken",
            journal.lines.len(),
            journal.broken.len()
        ));
        doors.terminal.data(&format!(
            "receipts  {} prove themselves, {} do not",
            receipts.len(),
            broken_receipts.len()
        ));
        for aside in journal.torn.iter().chain(&journal.set_aside) {
            doors.terminal.data(&format!("torn      {aside} (a writer was killed; nothing whole was lost)"));
        }
    }
    let remedy = "keep a copy of .xtask/journal and look at the line; the lines around it are still good";
    let lines = journal.broken.into_iter().map(|place| Finding::at("", 0, place, remedy));
    let receipts = broken_receipts.into_iter().map(|name| {
        Finding::at(name.clone(), 0, "does not prove itself", format!("rm {name}, then run `cargo xtask ci`"))
    });
    let findings: Vec<_> = lines.chain(receipts).collect();
    if findings.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::found(Exit::No, "the record does not prove itself", findings))
}
