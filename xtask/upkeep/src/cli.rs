//! The verbs of the toolkit's own repository, in one tree with all others.

mod acceptance;
mod bench;
mod docs;
mod tidy;

use std::process::ExitCode;

use clap::Subcommand;

use nexus_xtask::cli::{self, elsewhere};
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask_deliver::cli as deliver;

/// Every verb there is.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(flatten)]
    Everybody(deliver::Verb),
    /// Check the rules of this repository
    ///
    /// Every rule is asked, and all findings are shown together. The rules hold in the repository of the toolkit alone:
    /// in a workspace without `release/tidy.toml` the command is refused.
    #[command(about = elsewhere::TIDY)]
    Tidy(tidy::Arguments),
    /// Make or check the documents that come from the code
    ///
    /// These are the command reference `docs/cli.md` and a JSON schema for each file under `release/`. As `tidy`, the
    /// command is refused outside of the repository of the toolkit.
    #[command(about = elsewhere::DOCS)]
    Docs(docs::Arguments),
    #[command(about = elsewhere::BENCH)]
    Bench(bench::Arguments),
    #[command(about = elsewhere::ACCEPTANCE)]
    Acceptance(acceptance::Arguments),
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    cli::launch::<Verb>(run)
}

fn run(verb: Verb, environment: Environment, json: bool) -> Result<Exit> {
    let open = |environment| cli::open(environment, json);
    match verb {
        Verb::Everybody(verb) => verb.run(environment, json),
        Verb::Tidy(wanted) => tidy::run(&open(environment)?, &wanted),
        Verb::Docs(wanted) => docs::run(&open(environment)?, &wanted),
        Verb::Bench(wanted) => bench::run(&open(environment)?, &wanted),
        Verb::Acceptance(wanted) => acceptance::run(&open(environment)?, &wanted),
    }
}
