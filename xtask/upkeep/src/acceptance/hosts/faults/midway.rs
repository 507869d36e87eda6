//! Something happens to the first host while a deployment is under way, as soon as its journal says that it is in a state.

use std::time::Duration;

use nexus_xtask::failure::Result;

use super::{SERVICE, Seen, WAVES, wrong};
use crate::acceptance::hosts::bed::Bed;
use crate::acceptance::hosts::deployer::{Deployer, State};

/// How long a deployment may take to end once a host is away.
const END_LIMIT: Duration = Duration::from_secs(150);

/// An undo has its time after 53 s with what is declared; on a machine that is busy.
pub(super) const UNDO_LIMIT: Duration = Duration::from_secs(53 + 30);

/// Strikes, and has the hosts settled again by the same command.
pub(super) fn strike(bed: &Bed<'_>, state: State, word: &str, heal: &str, codes: &[i32]) -> Result<Seen> {
    let before = bed.settled()?;
    let lines = bed.journal(1)?.len();
    bed.declare(&format!("{word}-{}", state.word()), SERVICE, WAVES)?;
    let mut deployer = Deployer::start(bed, "faults")?;
    deployer.reaches(1, state)?;
    bed.fault(word, 1)?;
    let done = deployer.end(END_LIMIT)?;
    bed.doors.terminal.talk(&done.said);
    let status = bed.status()?;
    if !codes.contains(&done.code) {
        return Err(wrong(format!("the deployment ended with {}", done.code), done.said).why(status));
    }
    if word != "reboot" {
        if !status.contains("h1 unknown") {
            return Err(wrong("a host that is away is not called unknown", status));
        }
        undone_by_itself(bed, state, lines)?;
    }
    bed.fault(heal, 1)?;
    bed.until_only_confirmed(UNDO_LIMIT)?;
    // A host that was cut off keeps the lock until the lease of its holder is over.
    bed.until_locks_are_free()?;
    serves_what_it_must(bed, state, &before)?;
    bed.run()?.require(0, "is confirmed on every host")?;
    if bed.settled()? == before {
        return Err(wrong("the same command again did not go on", before));
    }
    Ok(Seen { code: done.code, status })
}

/// Nobody reaches the host, and its disk says that it went back.
fn undone_by_itself(bed: &Bed<'_>, state: State, lines: usize) -> Result<()> {
    if matches!(state, State::Staged | State::Confirmed) {
        return Ok(());
    }
    bed.until("the host went back by itself", UNDO_LIMIT, || {
        let journal = bed.journal(1)?;
        let is_undone = journal.iter().skip(lines).any(|line| line.step == "undo" && line.phase == "done");
        Ok(if is_undone { Ok(()) } else { Err(format!("{:?}", journal.last())) })
    })?;
    Ok(())
}

/// Before it was confirmed a host serves what it served; afterwards the other one may stay.
fn serves_what_it_must(bed: &Bed<'_>, state: State, before: &str) -> Result<()> {
    let first = bed.observed()?.into_iter().next().flatten().unwrap_or_default();
    let confirmed = first.confirmed.clone().unwrap_or_default();
    let serves = first.serving().any(|release| release == confirmed);
    if serves && (state == State::Confirmed || confirmed == before) {
        return Ok(());
    }
    Err(wrong(format!("the host does not serve {before}"), bed.status()?))
}
