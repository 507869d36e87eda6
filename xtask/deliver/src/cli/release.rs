//! `cargo xtask release`: from what would ship to what everybody can fetch.

mod propose;
mod prepare;
mod plan;
mod build;
mod stage;
mod smoke;
mod reproducible;
pub(super) mod gate;
mod approve;
pub(super) mod rehearse;
mod publish;
mod status;
mod verify;
mod doctor;
mod rollback;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};

/// What to do with the release.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// What would ship now: next versions with their reasons, and the text for the changelogs
    ///
    /// The history since the last releases decides. Nothing is changed.
    Propose(propose::Arguments),
    /// Versions, lock file and changelog of the next release, as one commit on a branch
    Prepare(prepare::Arguments),
    /// Everything that releasing this commit would do, in its order, and the way back
    Plan(plan::Arguments),
    /// The binaries of the plan, the same bytes on every machine
    Build(build::Arguments),
    /// The staging folder with everything that is published, and its seal
    Stage(stage::Arguments),
    /// Runs each staged program once, on this machine
    Smoke(smoke::Arguments),
    /// Builds from a fresh clone and compares with what is staged
    Reproducible(reproducible::Arguments),
    /// Ask every gate, and show all answers; exit 1 where one is not open
    Gate(gate::Arguments),
    /// Approve staged files with an ssh signature over their seal
    Approve(approve::Arguments),
    /// The whole release against servers on this machine, with whatever is to go wrong
    Rehearse(rehearse::Arguments),
    /// Carry a staged release out; the same command again goes on where it stopped
    Publish(publish::Arguments),
    /// What of a staged release is there, and what is missing
    Status(status::Arguments),
    /// Download a published release, and check all of it: files, signature, origin, packages, programs
    Verify(verify::Arguments),
    /// Compare the last releases here, at the forge and in the registry, and say what repairs them
    Doctor(doctor::Arguments),
    /// Yank the packages of a release, dependants first
    Yank(rollback::Arguments),
    /// Take a release back as far as it can be, the last effect first
    Rollback(rollback::Arguments),
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match &arguments.verb {
        Verb::Propose(wanted) => propose::run(doors, wanted),
        Verb::Prepare(wanted) => prepare::run(doors, wanted),
        Verb::Plan(wanted) => plan::run(doors, wanted),
        Verb::Build(wanted) => build::run(doors, wanted),
        Verb::Stage(wanted) => stage::run(doors, wanted),
        Verb::Smoke(wanted) => smoke::run(doors, wanted),
        Verb::Reproducible(wanted) => reproducible::run(doors, wanted),
        Verb::Gate(wanted) => gate::run(doors, wanted),
        Verb::Approve(wanted) => approve::run(doors, wanted),
        Verb::Rehearse(wanted) => rehearse::run(doors, wanted),
        Verb::Publish(wanted) => publish::run(doors, wanted),
        Verb::Status(wanted) => status::run(doors, wanted),
        Verb::Verify(wanted) => verify::run(doors, wanted),
        Verb::Doctor(wanted) => doctor::run(doors, wanted),
        Verb::Yank(wanted) => rollback::yank(doors, wanted),
        Verb::Rollback(wanted) => rollback::run(doors, wanted),
    }
}
