//! `cargo xtask shard`: what the step `test` runs when only one part of the tests is wanted. Not for people.

use crate::ci;
use crate::doors::Doors;
use crate::failure::{Exit, Result};

/// Which part, and the command that would run all of them.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The part: `2/3`, `2/auto`
    part: String,
    /// The command that runs all tests
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    ci::test_part(doors, &arguments.part, &arguments.command)
}
