//! The verb of this satellite. Its flags are in `deliver`, where the whole tree of verbs is.

use std::process::ExitCode;

use clap::Subcommand;

use nexus_xtask::cli::{self, elsewhere};
use nexus_xtask::doors::Doors;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask_deliver::cli::portal::{Arguments, What};

use crate::observe::portal;

/// What is done here.
#[derive(Debug, Subcommand)]
enum Verb {
    #[command(about = elsewhere::PORTAL, long_about = None)]
    Portal(Arguments),
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    cli::launch::<Verb>(|Verb::Portal(arguments), environment, json| {
        run(&open(environment, json)?, &arguments)
    })
}

fn open(environment: Environment, json: bool) -> Result<Doors> {
    cli::open(environment, json)
}

fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match &arguments.what {
        What::Serve(wanted) => portal::serve(doors, wanted),
        What::Export(wanted) => portal::export(doors, &wanted.output),
    }
}
