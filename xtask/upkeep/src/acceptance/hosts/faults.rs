//! What goes wrong around a deployment, case by case on one bed.
//!
//! A case makes something go wrong, sees how the command ends and what `deploy status` says then, puts it right, and has
//! the hosts settled on one release again by nothing but the same commands. To add one: a line in [`CASES`], a function in
//! `midway.rs` (it strikes while a deployment is under way) or `around.rs`.

mod around;
mod midway;

use nexus_xtask::clock::spoken;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};

use super::bed::Bed;
use super::deployer::State;

const HOSTS: usize = 3;

/// As in `killed`, with time to strike between the switch and its confirmation.
const SERVICE: &str = "drain_seconds = 3\n";
const WAVES: &str = "waves = [\"1\"]\nparallel = 2\nsoak_seconds = 4\nkeep = 40\n";

/// What was seen while it was wrong.
struct Seen {
    code: i32,
    status: String,
}

/// What a case does, given the bed and, where it strikes midway, when.
enum Case {
    /// A word of `hosts.sh` to the first host when that is in this state, the word that ends it, and the exits that are right.
    Midway(State, &'static str, &'static str, &'static [i32]),
    Around(fn(&Bed<'_>) -> Result<Seen>),
}

/// A host that cannot be asked is not known to be back (6), or the lock went with it (75), or nothing was touched yet (3).
const AWAY: &[i32] = &[3, 6, 75];

/// As [`AWAY`]; a host that is there again soon enough is back (5).
const SHORTLY_AWAY: &[i32] = &[5, 6, 75];

const CASES: &[(&str, Case)] = &[
    ("partition when staged", Case::Midway(State::Staged, "cut", "heal", AWAY)),
    ("partition when armed", Case::Midway(State::Armed, "cut", "heal", AWAY)),
    ("partition when started", Case::Midway(State::Started, "cut", "heal", AWAY)),
    ("partition when switched", Case::Midway(State::Switched, "cut", "heal", AWAY)),
    ("partition when drained", Case::Midway(State::Drained, "cut", "heal", AWAY)),
    ("partition when confirmed", Case::Midway(State::Confirmed, "cut", "heal", AWAY)),
    ("reboot when switched", Case::Midway(State::Switched, "reboot", "heal", SHORTLY_AWAY)),
    ("reboot when drained", Case::Midway(State::Drained, "reboot", "heal", SHORTLY_AWAY)),
    ("silent behind a shared connection", Case::Midway(State::Started, "silence", "heal", AWAY)),
    ("sshd gone when switched", Case::Midway(State::Switched, "refuse", "accept", AWAY)),
    ("sshd refuses", Case::Around(around::sshd_refuses)),
    ("two deployers race", Case::Around(around::two_race)),
    ("zombie with an old fence", Case::Around(around::zombie)),
    ("corrupt artifact on one host", Case::Around(around::corrupt)),
    ("disk full for a release", Case::Around(around::disk_full)),
    ("disk full for the journal", Case::Around(around::journal_full)),
    ("clock skew", Case::Around(around::clock_skew)),
    ("start limit of systemd", Case::Around(around::start_limit)),
    ("release that keeps dying", Case::Around(around::keeps_dying)),
];

/// Runs the cases that have this in their name: a line for each.
pub(super) fn run(doors: &Doors, only: Option<&str>) -> Result<()> {
    let begun = doors.clock.start();
    let bed = Bed::boot(doors, "faults", HOSTS)?;
    bed.declare("f0", SERVICE, WAVES)?;
    bed.run()?.require(0, "is confirmed on every host")?;
    let mut findings = Vec::new();
    let cases: Vec<_> =
        CASES.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only))).collect();
    for (name, case) in &cases {
        let case_begun = doors.clock.start();
        let seen = match case {
            Case::Midway(state, strike, heal, codes) => midway::strike(&bed, *state, strike, heal, codes),
            Case::Around(case) => case(&bed),
        };
        let took = spoken(case_begun.elapsed());
        match seen {
            Ok(Seen { code, status }) => {
                doors.terminal.data(&format!("{name}: exit {code}; {status}; held ({took})"));
            }
            Err(failure) => {
                doors.terminal.data(&format!("{name}: NOT HELD ({took})\n{failure}"));
                findings.push(Finding::at("", 0, format!("{name}: {}", failure.problem), "see above"));
                put_right(&bed)?;
            }
        }
    }
    if !findings.is_empty() {
        return Err(Failure::found(Exit::No, "a fault did not end as it is promised", findings));
    }
    doors.terminal.data(&format!("faults: {} cases held, {}", cases.len(), spoken(begun.elapsed())));
    bed.end()
}

/// After a case that did not hold, so that the next one begins with hosts in order.
fn put_right(bed: &Bed<'_>) -> Result<()> {
    for number in 1..=HOSTS {
        bed.fault("heal", number)?;
        bed.fault("accept", number)?;
    }
    bed.until_only_confirmed(midway::UNDO_LIMIT)?;
    bed.until_locks_are_free()?;
    bed.declare("put-right", SERVICE, WAVES)?;
    bed.run()?.require(0, "on every host")?;
    Ok(())
}

fn wrong(problem: impl Into<String>, why: impl Into<String>) -> Failure {
    Failure::no(problem).why(why).next("cargo xtask acceptance hosts --only faults --case TEXT")
}
