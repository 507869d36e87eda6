//! `cargo xtask release`: from what would ship to what everybody can fetch.

mod plan;

use crate::doors::Doors;
use crate::failure::{Exit, Result};

/// What to do with the release.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Everything that releasing this commit would do, in its order, and the way back
    Plan(plan::Arguments),
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match &arguments.verb {
        Verb::Plan(wanted) => plan::run(doors, wanted),
    }
}
