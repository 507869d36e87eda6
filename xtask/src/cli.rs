//! The command tree. The documentation of an argument is its help; `docs/cli.md` is generated from it.

mod ci;
mod journal;
mod shard;
mod completions;
mod docs;
mod man;
mod tidy;
mod acceptance;
mod adopt;
mod baseline;
mod bench;
mod doctor;
mod release;
mod tools;
mod workflows;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::doors::Doors;
use crate::environment::{Environment, INSTALLED_VERB};
use crate::failure::{Exit, Failure, Result};
use crate::shell::guardian;
use crate::terminal::Terminal;

/// From a commit to a running, verified service: the same commands on a laptop and in GitHub Actions.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Print data for a program instead of text for a person
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Lint, build and test, without what is proven already
    Ci(ci::Arguments),
    /// The steps of job `lint`: format, clippy, docs, lock file and what the workspace adds
    Lint(ci::LintArguments),
    /// The step `build`
    Build(ci::StepArguments),
    /// The steps of job `test`: unit, integration and documentation tests
    Test(ci::TestArguments),
    #[command(hide = true)]
    Shard(shard::Arguments),
    /// Release what this workspace makes: propose, plan, build, gate, publish, verify
    Release(release::Arguments),
    /// Check the rules of this repository
    ///
    /// Every rule is asked, and all findings are shown together. The rules hold in the repository of the toolkit alone:
    /// in a workspace without `release/tidy.toml` the command is refused.
    Tidy(tidy::Arguments),
    /// Make or check the documents that come from the code
    ///
    /// These are the command reference `docs/cli.md` and a JSON schema for each file under `release/`. As `tidy`, the
    /// command is refused outside of the repository of the toolkit.
    Docs(docs::Arguments),
    /// Print the completion script of a shell
    Completions(completions::Arguments),
    /// Write manual pages, one for each command
    Man(man::Arguments),
    /// Figures about the toolkit itself, as ratios measured in one run
    Bench(bench::Arguments),
    /// Proofs that take too long for every run
    Acceptance(acceptance::Arguments),
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

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().peekable();
    let own = arguments.next().unwrap_or_default();
    if arguments.next_if(|first| first == guardian::VERB).is_some() {
        return guardian::run(arguments);
    }
    arguments.next_if(|first| first == INSTALLED_VERB);
    let arguments = match Arguments::try_parse_from(std::iter::once(own).chain(arguments)) {
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
    match run(arguments, environment) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => show(&terminal, &failure),
    }
}

fn run(arguments: Arguments, environment: Environment) -> Result<Exit> {
    let folder = match &arguments.verb {
        Verb::Adopt(wanted) => wanted.folder(&environment)?,
        _ => environment.folder().to_owned(),
    };
    let doors = Doors::open(environment, &folder, arguments.json)?;
    // The doctor says it in one line beside the others, and adopting moves the pin.
    if !matches!(arguments.verb, Verb::Adopt(_) | Verb::Doctor(_)) {
        crate::tools::front::check(&doors)?;
    }
    match arguments.verb {
        Verb::Ci(wanted) => ci::run(&doors, &wanted),
        Verb::Lint(wanted) => ci::lint(&doors, &wanted),
        Verb::Build(wanted) => ci::build(&doors, &wanted),
        Verb::Test(wanted) => ci::test(&doors, &wanted),
        Verb::Shard(wanted) => shard::run(&doors, &wanted),
        Verb::Journal(wanted) => journal::run(&doors, &wanted),
        Verb::Workflows(wanted) => workflows::run(&doors, &wanted),
        Verb::Release(wanted) => release::run(&doors, &wanted),
        Verb::Tidy(wanted) => tidy::run(&doors, &wanted),
        Verb::Docs(wanted) => docs::run(&doors, &wanted),
        Verb::Completions(wanted) => completions::run(&doors, &wanted),
        Verb::Man(wanted) => man::run(&doors, &wanted),
        Verb::Bench(wanted) => bench::run(&doors, &wanted),
        Verb::Acceptance(wanted) => acceptance::run(&doors, &wanted),
        Verb::Adopt(wanted) => adopt::run(&doors, &wanted),
        Verb::Baseline(wanted) => baseline::run(&doors, &wanted),
        Verb::Doctor(wanted) => doctor::run(&doors, &wanted),
        Verb::Tools(wanted) => tools::run(&doors, &wanted),
    }
}

/// Says what is wrong with the words after `cargo xtask`; asking for help or the version is right.
fn parses(words: &[String]) -> std::result::Result<(), String> {
    let words = std::iter::once("cargo xtask").chain(words.iter().map(String::as_str));
    match Arguments::try_parse_from(words) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn show(terminal: &Terminal, failure: &Failure) -> ExitCode {
    if terminal.is_json() {
        terminal.data(&failure.json().to_string());
    } else {
        terminal.talk(&failure.to_string());
    }
    ExitCode::from(failure.exit.code())
}
