//! `cargo xtask ci`, and `lint`, `build`, `test`, which run a part of it.

use clap::{Args, Subcommand};

use crate::ci::{self, Options};
use crate::doors::Doors;
use crate::failure::{Exit, Result};
use crate::{recording, reporter, workflows};

/// How `ci` runs.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Run this step, with what it needs; can be given several times
    #[arg(long = "step", value_name = "ID")]
    steps: Vec<String>,
    /// Run the steps of this job, with what they need
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Show every step, and what would be done with it
    #[arg(long)]
    list: bool,
    /// Say why a step would run again: the first thing that differs from its last pass
    #[arg(long, value_name = "ID")]
    explain: Option<String>,
    /// Run again what did not pass in the last run
    #[arg(long, value_name = "WHICH", value_parser = ["failed"])]
    rerun: Option<String>,
    #[command(flatten)]
    manner: Manner,
    /// Run one part of the tests: `2/3`, or `2/auto` for as many parts as the recorded durations call for; `auto`
    /// runs them all and says how many
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
}

/// What all of the commands share.
#[derive(Debug, Args)]
struct Manner {
    /// Only what the change can reach
    #[arg(long)]
    affected: bool,
    /// The revision that the change starts from; without it, where the branch left the default branch
    #[arg(long, value_name = "REV", requires = "affected")]
    base: Option<String>,
    /// After a failure, go on with whatever does not need the failed step
    #[arg(long)]
    keep_going: bool,
    /// Ignore receipts of earlier passes
    #[arg(long)]
    no_cache: bool,
    /// Steps at once, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    parallel: Option<u16>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the jobs that a workflow run has: one for each group of steps, platform and shard
    Plan {
        /// Write the outputs of the plan job; ask first whether the merge queue proved this commit
        #[arg(long)]
        github: bool,
    },
    /// Judge a workflow run, from its variables NEEDS and PLAN: only what was planned and succeeded is a pass
    Verdict,
    /// Show a recorded run again
    Replay {
        /// The run's name, the beginning of it, or `last`
        #[arg(default_value = "last")]
        run: String,
    },
}

/// How `lint` runs.
#[derive(Debug, Args)]
pub struct LintArguments {
    /// Correct what the tools can correct by themselves
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    manner: Manner,
}

/// How `build` runs.
#[derive(Debug, Args)]
pub struct StepArguments {
    #[command(flatten)]
    manner: Manner,
}

/// How `test` runs.
#[derive(Debug, Args)]
pub struct TestArguments {
    /// Run one part of the tests: `2/3`, or `2/auto` for as many parts as the recorded durations call for; `auto`
    /// runs them all and says how many
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// After the run, declare how long the tests take in `release/durations.json`, by which shards are balanced
    #[arg(long, conflicts_with = "shard")]
    keep_durations: bool,
    #[command(flatten)]
    manner: Manner,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    match &arguments.verb {
        Some(Verb::Plan { github: false }) => ci::github::show(doors, &ci::jobs(doors)?),
        Some(Verb::Plan { github: true }) => {
            ci::github::plan(doors, &workflows::default_branch(doors)?, &ci::jobs(doors)?)
        }
        Some(Verb::Verdict) => ci::github::judge(doors),
        Some(Verb::Replay { run }) => {
            reporter::replay(doors, &recording::read(&doors.workspace, run)?);
            Ok(Exit::Done)
        }
        None => ci::run(
            doors,
            &Options {
                steps: arguments.steps.clone(),
                job: arguments.job.clone(),
                list: arguments.list,
                explain: arguments.explain.clone(),
                rerun_failed: arguments.rerun.is_some(),
                shard: arguments.shard.clone(),
                ..arguments.manner.options()
            },
        ),
    }
}

pub(super) fn lint(doors: &Doors, arguments: &LintArguments) -> Result<Exit> {
    if arguments.fix {
        return ci::fix(doors);
    }
    ci::run(doors, &Options { job: Some("lint".to_owned()), ..arguments.manner.options() })
}

pub(super) fn build(doors: &Doors, arguments: &StepArguments) -> Result<Exit> {
    ci::run(doors, &Options { steps: vec!["build".to_owned()], ..arguments.manner.options() })
}

pub(super) fn test(doors: &Doors, arguments: &TestArguments) -> Result<Exit> {
    let shard = arguments.shard.clone();
    let options = Options { job: Some("test".to_owned()), shard, ..arguments.manner.options() };
    let exit = ci::run(doors, &options)?;
    if arguments.keep_durations && exit == Exit::Done {
        ci::declare_durations(doors)?;
    }
    Ok(exit)
}

impl Manner {
    fn options(&self) -> Options {
        Options {
            affected: self.affected.then(|| self.base.clone()),
            keep_going: self.keep_going,
            no_cache: self.no_cache,
            parallel: self.parallel.map(usize::from),
            ..Options::default()
        }
    }
}
