//! `cargo xtask dora`: how delivery goes, from the journal.

use jiff::Timestamp;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::journal;
use nexus_xtask::shell::quoted;

use crate::deploy::config;
use crate::observe::dora::{self, history, render};
use crate::release::gates::config::duration;

/// Of which stage, and over how long.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The stage; the last one in the order of promotion where nothing is said
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// How far back: `90d`, `48h`
    #[arg(long, value_name = "TIME", default_value = "90d")]
    window: String,
    /// The moment from which it is looked back, as in `2026-01-31T12:00:00Z`; now where nothing is said
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let window = duration(&arguments.window).ok_or_else(|| {
        Failure::usage(format!("`{}` is no time", arguments.window)).next("cargo xtask dora --window 90d")
    })?;
    let stage = stage(doors, arguments.stage.as_deref())?;
    let until = arguments.until.unwrap_or_else(|| doors.clock.now());
    let found = events(doors)?;
    let report = dora::report(&found.lines, &stage, window, until);
    if doors.terminal.is_json() {
        doors.terminal.json(&report)?;
    } else {
        doors.terminal.data(&render::report(&report));
    }
    if !found.broken.is_empty() {
        doors.terminal.talk(
            "warning: the journal is not whole, and so are these figures; see: cargo xtask journal verify",
        );
    }
    Ok(Exit::Done)
}

/// The part of the journal that delivery is folded from: its events, and the earliest of all.
pub(super) fn events(doors: &Doors) -> Result<journal::Report> {
    let (mut lines, mut earliest) = (Vec::new(), None);
    let report = journal::fold(&doors.workspace, |line| {
        let is_earliest = earliest.is_none_or(|earliest| line.ts < earliest);
        if is_earliest {
            earliest = Some(line.ts);
        }
        if is_earliest || history::counts(&line) {
            lines.push(line);
        }
    })?;
    Ok(journal::Report { lines, ..report })
}

/// The one that is named; it may be one of earlier days, as long as the journal has it. Else the last one.
fn stage(doors: &Doors, named: Option<&str>) -> Result<String> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let config = config::load(&doors.workspace)?;
    let last = config.order().last().map(|last| (*last).to_owned());
    last.ok_or_else(|| {
        Failure::usage(format!("`{}` declares no stage", config::FILE)).next("cargo xtask dora --stage STAGE")
    })
}

/// What a person is told who names a deployment that is not there.
pub(super) fn unknown(link: &str, stage: &str) -> Failure {
    Failure::refused(format!("there is no deployment `{link}` in this journal"))
        .why("a link that leads nowhere would count for nothing")
        .next(format!("cargo xtask --json dora --stage {}", quoted(stage)))
}
