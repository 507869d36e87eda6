//! `cargo xtask deploy` on booted hosts, each with systemd as its process 1 and an sshd of its own (`scripts/hosts.sh`).
//!
//! Every part boots hosts of its own, prepares them with `deploy setup`, and runs the real commands of a workspace of its
//! own; the hosts are turned off however the part ends. To add a part: a variant of [`Part`], a file below `hosts/`.

mod bed;
mod deployer;
mod faults;
mod fixture;
mod killed;
mod load;
mod said;
mod speed;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};

/// A part of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Ten deployments and five ways back under a load that never tries again: no request fails
    Load,
    /// The deployer is killed once in each state of a host: the lock is free, and going on and going back converge
    Killed,
    /// Partitions, a reboot, rivals, bad bytes, a full disk, a wrong clock: each ends as it is promised
    Faults,
    /// A rolling deployment to ten hosts, beside an Ansible play that does the same steps
    Speed,
}

/// Every part, in the order in which they run.
const PARTS: &[Part] = &[Part::Load, Part::Killed, Part::Faults, Part::Speed];

/// Runs the parts; of `faults` only the cases that have this in their name.
pub(crate) fn run(doors: &Doors, only: Option<Part>, case: Option<&str>) -> Result<Exit> {
    let missing = bed::missing(doors)?;
    if !missing.is_empty() {
        return Err(Failure::refused("hosts cannot be booted here")
            .why(missing)
            .next("scripts/peers.sh --hosts, as root"));
    }
    for part in PARTS.iter().filter(|part| only.is_none_or(|only| only == **part)) {
        match part {
            Part::Load => load::run(doors)?,
            Part::Killed => killed::run(doors)?,
            Part::Faults => faults::run(doors, case)?,
            Part::Speed => speed::run(doors)?,
        }
    }
    Ok(Exit::Done)
}
