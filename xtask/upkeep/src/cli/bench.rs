//! `cargo xtask bench`: figures about the toolkit itself.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::bench::{self, Bench};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};

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
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let bench = match arguments.what {
        What::Warm => Bench::Warm,
        What::WarmLarge => Bench::WarmLarge,
        What::Cold => Bench::Cold,
        What::Front => Bench::Front,
        What::Propose => Bench::Propose,
    };
    let temporary = doors.environment.get("TMPDIR").unwrap_or("/tmp");
    let folder = match &arguments.folder {
        Some(folder) => doors.environment.folder().join(folder),
        None => PathBuf::from(temporary).join(format!("xtask-bench-{}", std::process::id())),
    };
    bench::run(doors, bench, folder, usize::from(arguments.pairs))
}
