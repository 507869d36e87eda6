//! `cargo xtask journal`: the record, checked.

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Finding, Result};
use crate::journal::sync::{self, Found, Wanted};
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
    /// Bring the events of this machine to the branch that machines share, and those of others here
    Sync {
        /// The remote repository
        #[arg(long, value_name = "REMOTE", default_value = "origin")]
        remote: String,
        /// The branch, which has no history in common with any other
        #[arg(long, value_name = "BRANCH", default_value = "xtask-state")]
        branch: String,
        /// Do it; without this what would be done is said
        #[arg(long)]
        execute: bool,
    },
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match &arguments.verb {
        Verb::Verify => verify(doors),
        Verb::Sync { remote, branch, execute } => {
            sync(doors, &Wanted { remote: remote.clone(), branch: branch.clone() }, *execute)
        }
    }
}

fn sync(doors: &Doors, wanted: &Wanted, execute: bool) -> Result<Exit> {
    let found = sync::sync(doors, wanted, execute)?;
    if doors.terminal.is_json() {
        let Found { to_push, to_take, others } = found;
        doors.terminal.json(&serde_json::json!({
            "pushed": to_push, "taken": to_take, "others": others, "executed": execute,
        }))?;
        return Ok(Exit::Done);
    }
    let (push, take) = if execute { ("pushed", "taken") } else { ("to push", "to take") };
    doors.terminal.data(&format!("{push:<8}  {} events of this machine", found.to_push));
    doors.terminal.data(&format!("{take:<8}  {} events of {} others", found.to_take, found.others));
    if !execute {
        doors.terminal.talk("nothing was changed; to do it: add --execute");
    }
    Ok(Exit::Done)
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
