//! `cargo xtask bench`: figures about the toolkit itself.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::bench::{self, Bench};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::journal;
use nexus_xtask::shell::{Command, Ended};
use nexus_xtask::workspace::Workspace;
use nexus_xtask_deliver::observe::metrics::Metrics;

/// What to measure, and how often.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to measure
    #[arg(value_enum)]
    what: What,
    /// Pairs of measurements; their medians are compared
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pairs: u16,
    /// The folder to measure in, made for this and removed afterwards; a folder of the temporary folder where nothing
    /// is said
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// A run in which everything is proven, against a no-op `cargo run` and three times `git status`
    Warm,
    /// The same in a tree of 50,000 files
    WarmLarge,
    /// A run of everything: the part of it in which no step runs
    Cold,
    /// A cold build of the front, against an empty crate with the same dependencies
    Front,
    /// `release propose` on 20,000 commits of 25 packages, against `git log` alone, and against git-cliff
    Propose,
    /// Folding a journal of 5 million events into metrics, against a bare typed parse of the same bytes
    Journal,
    /// Every page of the portal at 1,000,000 events, against the same at 10,000, both under load: p99 against p99
    Portal,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let bench = match arguments.what {
        What::Warm => Bench::Warm,
        What::WarmLarge => Bench::WarmLarge,
        What::Cold => Bench::Cold,
        What::Front => Bench::Front,
        What::Propose => Bench::Propose,
        // What is compared are loops of this very program.
        What::Journal if cfg!(debug_assertions) => return optimized(doors, arguments),
        What::Journal => {
            return bench::journal(doors, &folder(doors, arguments), usize::from(arguments.pairs), fold);
        }
        What::Portal => Bench::Portal,
    };
    bench::run(doors, bench, folder(doors, arguments), usize::from(arguments.pairs))
}

/// The folder to measure in.
fn folder(doors: &Doors, arguments: &Arguments) -> PathBuf {
    let temporary = doors.environment.get("TMPDIR").unwrap_or("/tmp");
    match &arguments.folder {
        Some(folder) => doors.environment.folder().join(folder),
        None => PathBuf::from(temporary).join(format!("xtask-bench-{}", std::process::id())),
    }
}

/// What `cargo xtask metrics` does with a journal.
fn fold(workspace: &Workspace) -> Result<String> {
    let mut metrics = Metrics::default();
    let report = journal::fold(workspace, |line| metrics.take(&line))?;
    match report.broken.first() {
        Some(broken) => Err(Failure::no(broken.clone()).next("cargo xtask journal verify")),
        None => Ok(metrics.text(&report, env!("CARGO_PKG_VERSION"))),
    }
}

/// The same command by an optimized build of this program.
fn optimized(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let package = env!("CARGO_PKG_NAME");
    doors.terminal.talk(&format!("building `{package}`, optimized"));
    let target = doors.workspace.root().join("target");
    let folder = target.display().to_string();
    let words = ["build", "--quiet", "--release", "--package", package, "--target-dir", &folder];
    doors.shell.read(&Command::new("cargo", words))?;
    let program = target.join("release").join(format!("{package}{}", std::env::consts::EXE_SUFFIX));
    let mut words =
        vec!["bench".to_owned(), "journal".to_owned(), "--pairs".to_owned(), arguments.pairs.to_string()];
    words.extend(doors.terminal.is_json().then(|| "--json".to_owned()));
    if let Some(folder) = &arguments.folder {
        words.extend(["--folder".to_owned(), doors.environment.folder().join(folder).display().to_string()]);
    }
    match doors.shell.run(&Command::new(program.display().to_string(), words))? {
        Ended::Exit(0) => Ok(Exit::Done),
        // It said why.
        _ => Ok(Exit::No),
    }
}
