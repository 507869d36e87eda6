//! `cargo xtask release gate`.

use std::path::PathBuf;

use crate::cli::drill;
use crate::release::gates::waits::Drill;
use crate::release::gates::{Asked, Verdict, report};
use crate::release::manifest::{self, Manifest};
use crate::release::plan::Plan;
use crate::release::{self, evidence, staging};
use crate::resilience::{self, evidence::Age};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};

/// When the gates are asked, and about what.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Before the build, or before the first effect, when there are staged files; that is chosen by whether there are any
    #[arg(long, value_name = "WHEN")]
    when: Option<When>,
    /// The staging folder; `.xtask/release/staging` where nothing is said
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum When {
    /// Before the build: gates about bytes are asked later
    Build,
    /// Before the first effect: every gate must be open
    Effects,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let folder = staging::given(doors, arguments.staging.as_deref());
    let is_staged = folder.join(manifest::FILE).is_file();
    let when = arguments.when.unwrap_or(match arguments.staging.is_some() || is_staged {
        true => When::Effects,
        false => When::Build,
    });
    let asked = match when {
        When::Build => evidence::ask(doors, &release::plan_of(doors)?, None, &drills(doors))?,
        When::Effects => {
            let (plan, manifest, _) = staging::check_here(doors, &folder)?;
            asked(doors, &plan, &manifest)?
        }
    };
    show(doors, &asked)
}

/// Asks every gate about staged files.
pub(crate) fn asked(doors: &Doors, plan: &Plan, manifest: &Manifest) -> Result<Vec<Asked>> {
    evidence::ask(doors, plan, Some(manifest), &drills(doors))
}

/// Asks every gate about staged files, and refuses to go on where one is not open.
pub(super) fn require(doors: &Doors, plan: &Plan, manifest: &Manifest) -> Result<()> {
    let asked = asked(doors, plan, manifest)?;
    let first = asked.iter().find(|asked| asked.stops());
    match first {
        None => Ok(()),
        Some(first) => {
            Err(Failure::no("not every gate is open").why(report::table(&asked)).next(first.next.clone()))
        }
    }
}

/// What a gate of the kind `drill` asks.
fn drills(doors: &Doors) -> impl Fn(&str) -> Result<Drill> {
    move |name| {
        let age = drill::age(doors, name)?;
        let verdict = match &age {
            Age::Good(_) => Verdict::Pass,
            Age::Missing => Verdict::Pending,
            Age::Expired(_) => Verdict::Expired,
            Age::Failed(_) => Verdict::Fail,
            Age::Tampered(_) => Verdict::Error,
        };
        Ok(Drill { verdict, said: resilience::report::age(&age), command: drill::command(doors, name) })
    }
}

fn show(doors: &Doors, asked: &[Asked]) -> Result<Exit> {
    let shut = asked.iter().filter(|asked| asked.stops()).count();
    if doors.terminal.is_json() {
        doors.terminal.json(&asked)?;
        return Ok(if shut == 0 { Exit::Done } else { Exit::No });
    }
    doors.terminal.data(&report::table(asked));
    match asked.iter().find(|asked| asked.stops()) {
        None => Ok(Exit::Done),
        Some(first) => {
            let plural = if shut == 1 { "gate does" } else { "gates do" };
            Err(Failure::no(format!("{shut} {plural} not open")).next(first.next.clone()))
        }
    }
}
