//! `cargo xtask baseline`: findings that were there before, counted.

use crate::baseline;
use crate::baseline::facts::Kind;
use crate::doors::Doors;
use crate::failure::{Exit, Result};

/// What to do with release/baseline.toml.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Count the findings again, and fail when there are more
    Check {
        #[arg(value_enum)]
        kind: Kind,
    },
    /// Lower the numbers to what is still there; never raises one
    Update,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match arguments.verb {
        Verb::Check { kind } => baseline::check(doors, kind),
        Verb::Update => baseline::update(doors),
    }
}
