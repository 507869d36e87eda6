//! `cargo xtask deploy`: from sealed bytes to running stages, and back.

mod announce;
mod delivered;
pub(super) mod gates;
mod logs;
mod look;
mod resilience;
pub(super) mod run;
mod setup;
mod traced;

use std::path::PathBuf;

use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};

/// What to do with the stages.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Prepare a bare Debian host for the service: user, sudo rule, folders, units; shown first
    Setup(setup::Arguments),
    /// Everything that a deployment would do, every reason against it, and the way back
    Plan(Wanted),
    /// Bring the staged release to a stage; the same command again goes on after whatever stopped it
    Run(run::Arguments),
    /// The same as `run`: a stage takes what the stages before it confirmed
    Promote(run::Arguments),
    /// Bring a stage back to its last good release, or to one that is named
    Rollback(run::Back),
    /// What runs in each stage, and what is under way
    Status(look::Arguments),
    /// The journals of the hosts
    History(look::History),
    /// What the service said on its hosts, and what started it there; secrets that it prints are shown as they are
    Logs(logs::Arguments),
    /// Whether the journals of the hosts are whole
    Audit(look::Audit),
    /// Keep a stage as it is: nobody deploys there until the given time
    Hold(look::Hold),
    /// The same for a day, for whoever wants a deployment to stop after its wave
    Pause(look::OfStage),
    /// Ends a hold
    Resume(look::OfStage),
    /// Say who holds the locks of a stage, and whether they are alive
    Unlock(look::OfStage),
}

/// What is deployed, and where to.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// The stage
    #[arg(long, value_name = "STAGE")]
    to: String,
    /// The staging folder; `.xtask/release/staging` where nothing is said
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
    /// The seal that is meant; another one in the folder is refused
    #[arg(long, value_name = "SEAL")]
    seal: Option<Digest>,
    /// Deploy in a time in which nothing is deployed; the reason is written down
    #[arg(long, value_name = "REASON")]
    override_freeze: Option<String>,
    /// Print every command that would be run
    #[arg(long)]
    show_commands: bool,
    /// The backup from which the data was restored.
    #[arg(skip)]
    restored: Option<String>,
}

impl Wanted {
    /// A deployment to a stage, with nothing else said.
    pub(super) fn to(stage: &str) -> Wanted {
        let to = stage.to_owned();
        Wanted { to, staging: None, seal: None, override_freeze: None, show_commands: false, restored: None }
    }
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match &arguments.verb {
        Verb::Setup(wanted) => setup::run(doors, wanted),
        Verb::Plan(wanted) => run::plan(doors, wanted),
        Verb::Run(wanted) | Verb::Promote(wanted) => run::run(doors, wanted),
        Verb::Rollback(wanted) => run::rollback(doors, wanted),
        Verb::Status(wanted) => look::status(doors, wanted),
        Verb::History(wanted) => look::history(doors, wanted),
        Verb::Logs(wanted) => logs::run(doors, wanted),
        Verb::Audit(wanted) => look::audit(doors, wanted),
        Verb::Hold(wanted) => look::hold(doors, wanted),
        Verb::Pause(wanted) => look::pause(doors, wanted),
        Verb::Resume(wanted) => look::resume(doors, wanted),
        Verb::Unlock(wanted) => look::unlock(doors, wanted),
    }
}
