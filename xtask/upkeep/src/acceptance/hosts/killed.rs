//! The deployer is killed with SIGKILL as soon as a host's journal says that it is in a state; each state once, and once
//! more for the way back.
//!
//! Either time the lock is free within 35 s. The first time nobody does anything until the undo has had its time: then no
//! host runs what is not confirmed, and the same command again converges. The second time the way back converges at once,
//! whatever is half done.

use std::time::Duration;

use nexus_xtask::clock::{Started, spoken};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};

use super::bed::Bed;
use super::deployer::{Deployer, STATES, State};

const HOSTS: usize = 3;

/// One host, then two at once: with what the fixture declares an undo has its time after 53 s.
const SERVICE: &str = "drain_seconds = 3\n";
const WAVES: &str = "waves = [\"1\"]\nparallel = 2\nsoak_seconds = 1\nkeep = 20\n";
const UNDO_LIMIT: Duration = Duration::from_secs(53 + 20);

/// Runs the part: a line for each kill.
pub(super) fn run(doors: &Doors) -> Result<()> {
    let begun = doors.clock.start();
    let bed = Bed::boot(doors, "killed", HOSTS)?;
    bed.declare("k0", SERVICE, WAVES)?;
    bed.run()?.require(0, "is confirmed on every host")?;
    for state in STATES {
        let (free, killed) = kill(&bed, state, "again")?;
        bed.until_only_confirmed(UNDO_LIMIT)?;
        let quiet = killed.elapsed();
        let seen = bed.status()?;
        let again = bed.run()?.require(0, "is confirmed on every host")?;
        let release = bed.settled()?;
        doors.terminal.data(&format!(
            "killed when h1 was {:<9}: lock free after {}, nothing unconfirmed after {} ({seen}); again: exit {}, {release} everywhere",
            state.word(),
            spoken(free),
            spoken(quiet),
            again.code,
        ));
    }
    for state in STATES {
        let before = bed.settled()?;
        let (free, _) = kill(&bed, state, "back")?;
        let seen = bed.status()?;
        // Where nothing is half done yet, the way back without a name is one release further.
        let named = (state == State::Staged).then_some(before.as_str());
        let back = bed.rollback(named)?.require(0, "confirmed on every host")?;
        let release = bed.settled()?;
        if release != before {
            return Err(Failure::no("the way back led elsewhere")
                .why(format!("to {release}, not to {before}"))
                .next("cargo xtask acceptance hosts --only killed"));
        }
        doors.terminal.data(&format!(
            "killed when h1 was {:<9}: lock free after {} ({seen}); back: exit {}, {release} everywhere",
            state.word(),
            spoken(free),
            back.code,
        ));
    }
    doors.terminal.data(&format!(
        "killed: {} kills on {HOSTS} hosts, every one resumed or went back, {}",
        2 * STATES.len(),
        spoken(begun.elapsed())
    ));
    bed.end()
}

/// Kills a deployment of a new release. Returns after how long every lock was free, and the moment of the kill.
fn kill(bed: &Bed<'_>, state: State, round: &str) -> Result<(Duration, Started)> {
    bed.declare(&format!("{round}-{}", state.word()), SERVICE, WAVES)?;
    let mut deployer = Deployer::start(bed, "killed")?;
    deployer.reaches(1, state)?;
    deployer.kill()?;
    let killed = bed.doors.clock.start();
    bed.doors.terminal.talk(&format!("killed when h1 was {}", state.word()));
    bed.until_locks_are_free()?;
    Ok((killed.elapsed(), killed))
}
