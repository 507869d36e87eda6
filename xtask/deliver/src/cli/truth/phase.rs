//! Whether a command may act outside of this machine yet: where a roadmap is declared, every phase before its own is over.

use std::collections::BTreeMap;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::journal::{self, Entry};

use super::Ledger;
use crate::truth::{phase, roadmap};

/// The kind of the event that tells of a command that acted early.
const OVERRIDDEN: &str = "phase.overridden";

/// The flag with which a person takes it upon themselves.
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct Early {
    /// Act though the roadmap says that it is too early, for this reason; it is written down
    #[arg(long, value_name = "REASON")]
    early: Option<String>,
}

/// Refuses what is too early. Without a roadmap nothing is.
///
/// # Errors
/// Exit 3 with the claims that are missing; exit 2 where roadmap or claims cannot be used.
pub(in crate::cli) fn require(doors: &Doors, command: &str, given: &Early) -> Result<()> {
    if files::read_text(&doors.workspace.file(roadmap::FILE))?.is_none() {
        return Ok(());
    }
    let ledger = Ledger::read(doors)?;
    let Some(planned) = &ledger.planned.roadmap else { return Ok(()) };
    let Some(early) = phase::early(planned, command, &ledger.levels()) else { return Ok(()) };
    let reason = given.early.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let Some(reason) = reason else {
        let mut failure = Failure::refused(format!("`{command}` belongs to the phase `{}`", early.phase));
        for missing in &early.missing {
            failure = failure.why(missing.as_str());
        }
        return Err(failure.next("cargo xtask truth check --run, or `--early REASON`, which is written down"));
    };
    let labels = [("missing", early.missing.join("; ")), ("reason", reason.to_owned())];
    let labels: BTreeMap<_, _> = labels.map(|(name, value)| (name.to_owned(), value)).into();
    let entry = Entry { kind: OVERRIDDEN.into(), subject: command.into(), labels, ..Entry::default() };
    journal::append(&doors.workspace, &doors.clock, vec![entry])?;
    doors.terminal.talk(&format!("`{command}` is early, and the journal has the reason"));
    Ok(())
}
