//! The command tree of the front. The documentation of an argument is its help; `docs/cli.md` is generated from it.
//!
//! What a developer or a job of `ci` runs is here ([`Own`]). The rest is in satellites, whose names and sentences are here
//! (`elsewhere`): the front hands the whole command line to them before it reads it, so that their flags cost nothing
//! here. A satellite has the tree of the front and its own verbs in one ([`launch`]).

pub mod elsewhere;
mod ci;
mod journal;
mod shard;
mod adopt;
mod baseline;
pub mod doctor;
mod tools;
mod workflows;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::doors::Doors;
use crate::environment::{Environment, INSTALLED_VERB};
use crate::failure::{Exit, Failure, Result};
use crate::shell::guardian;
use crate::terminal::Terminal;

use elsewhere::Elsewhere;

/// From a commit to a running, verified service: the same commands on a laptop and in GitHub Actions.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
pub struct Arguments<V: Subcommand> {
    /// Print data for a program instead of text for a person
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: V,
}

/// What the front does itself.
#[derive(Debug, Subcommand)]
pub enum Own {
    /// Lint, build and test, without what is proven already
    Ci(ci::Arguments),
    /// The steps of job `lint`: format, clippy, docs, lock file and what the workspace adds
    Lint(ci::LintArguments),
    /// The step `build`
    Build(ci::StepArguments),
    /// The steps of job `test`: unit, integration and documentation tests
    Test(ci::TestArguments),
    /// A part of a test step, in a job of its own
    #[command(hide = true)]
    Shard(shard::Arguments),
    /// Set the toolkit up in another workspace or single package
    Adopt(adopt::Arguments),
    /// Findings that were there before the toolkit came: counted, and never more than counted
    Baseline(baseline::Arguments),
    /// Look at this machine and this clone, and say what to run
    Doctor(doctor::Arguments),
    /// Check the record: the journal and the receipts
    Journal(journal::Arguments),
    /// The tools that steps need: pinned, and installed for this workspace alone
    Tools(tools::Arguments),
    /// Generate the GitHub workflows, and check every file below .github
    Workflows(workflows::Arguments),
}

impl Own {
    /// Carries it out.
    pub fn run(&self, doors: &Doors) -> Result<Exit> {
        match self {
            Own::Ci(wanted) => ci::run(doors, wanted),
            Own::Lint(wanted) => ci::lint(doors, wanted),
            Own::Build(wanted) => ci::build(doors, wanted),
            Own::Test(wanted) => ci::test(doors, wanted),
            Own::Shard(wanted) => shard::run(doors, wanted),
            Own::Adopt(wanted) => adopt::run(doors, wanted),
            Own::Baseline(wanted) => baseline::run(doors, wanted),
            // With `--github` a satellite looks, before this is reached.
            Own::Doctor(_) => doctor::run(doors),
            Own::Journal(wanted) => journal::run(doors, wanted),
            Own::Tools(wanted) => tools::run(doors, wanted),
            Own::Workflows(wanted) => workflows::run(doors, wanted),
        }
    }

    /// The doors for it. Adopting looks at another folder than the one it is called from.
    fn doors(&self, environment: Environment, json: bool) -> Result<Doors> {
        let folder = match self {
            Own::Adopt(wanted) => wanted.folder(&environment)?,
            Own::Ci(_)
            | Own::Lint(_)
            | Own::Build(_)
            | Own::Test(_)
            | Own::Shard(_)
            | Own::Baseline(_)
            | Own::Doctor(_)
            | Own::Journal(_)
            | Own::Tools(_)
            | Own::Workflows(_) => environment.folder().to_owned(),
        };
        let doors = Doors::open(environment, &folder, json)?;
        // The doctor says it in one line beside the others, and adopting moves the pin.
        if !matches!(self, Own::Adopt(_) | Own::Doctor(_)) {
            crate::tools::front::check(&doors)?;
        }
        Ok(doors)
    }
}

/// The verbs of the front, as `--help` lists them.
#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Own(Own),
    #[command(flatten)]
    Elsewhere(Elsewhere),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(satellite) = elsewhere::of(&arguments) {
        return elsewhere::hand_over(satellite, arguments);
    }
    launch::<Verb>(|verb, environment, json| match verb {
        Verb::Own(own) => own.run(&own.doors(environment, json)?),
        Verb::Elsewhere(_) => {
            Err(Failure::usage("the verb comes before its flags").next("cargo xtask VERB --help"))
        }
    })
}

/// Runs the command line of this process: parses it, and shows what went wrong.
pub fn launch<V: Subcommand>(run: impl FnOnce(V, Environment, bool) -> Result<Exit>) -> ExitCode {
    let mut arguments = std::env::args_os().peekable();
    let own = arguments.next().unwrap_or_default();
    if arguments.next_if(|first| first == guardian::VERB).is_some() {
        return guardian::run(arguments);
    }
    arguments.next_if(|first| first == INSTALLED_VERB);
    let arguments = match Arguments::<V>::try_parse_from(std::iter::once(own).chain(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors. If nobody reads them, nothing is lost.
            error.print().ok();
            return ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { 0 });
        }
    };
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(_) => return ExitCode::from(Exit::Usage.code()),
    };
    let terminal = Terminal::of_process(&environment, arguments.json);
    match run(arguments.verb, environment, arguments.json) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => show(&terminal, &failure),
    }
}

/// Opens the doors for a verb of a satellite, in the folder that it was called from.
pub fn open(environment: Environment, json: bool) -> Result<Doors> {
    let folder = environment.folder().to_owned();
    let doors = Doors::open(environment, &folder, json)?;
    crate::tools::front::check(&doors)?;
    Ok(doors)
}

/// Carries out a verb of the front, from wherever.
pub fn run_own(own: &Own, environment: Environment, json: bool) -> Result<Exit> {
    own.run(&own.doors(environment, json)?)
}

/// Says what is wrong with the words after `cargo xtask`; asking for help or the version is right.
pub fn parses<V: Subcommand>(words: &[String]) -> std::result::Result<(), String> {
    let words = std::iter::once("cargo xtask").chain(words.iter().map(String::as_str));
    match Arguments::<V>::try_parse_from(words) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// The schemas of the files under `release/` that the front reads, by the file's name.
pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    vec![
        ("ci", crate::ci::schema()),
        ("tools", crate::tools::config::schema()),
        ("baseline", crate::baseline::config::schema()),
        ("actions", crate::workflows::actions_schema()),
        ("workflows", crate::workflows::workflows_schema()),
    ]
}

fn show(terminal: &Terminal, failure: &Failure) -> ExitCode {
    if terminal.is_json() {
        terminal.data(&failure.json().to_string());
    } else {
        terminal.talk(&failure.to_string());
    }
    ExitCode::from(failure.exit.code())
}
