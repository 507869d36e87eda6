//! Findings that were there before the toolkit came: counted, and never more than counted.
//!
//! An adopter's clippy and docs findings at the moment of adoption are counted by package and lint in
//! `release/baseline.toml`. From then on a check counts again: more is a failure, fewer is a pass that says how to
//! lower the numbers. Without the file there is no baseline, and every finding is an error.
//!
//! Lints are capped to warnings while counting (`--cap-lints warn`), so that one denied lint does not hide what lies
//! behind it, and the only errors left are code that does not compile. That is a failure of any baseline.

pub(crate) mod config;
pub(crate) mod facts;
pub(crate) mod plan;
pub(crate) mod report;

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Result};
use crate::files;

use config::{Baseline, FILE};
use facts::Kind;

/// Counts the findings of one kind and compares them with the baseline.
pub(crate) fn check(doors: &Doors, kind: Kind) -> Result<Exit> {
    let Some(baseline) = config::load(&doors.workspace)? else {
        return Err(Failure::usage(format!("there is no {FILE}"))
            .why("without a baseline every finding is an error, and no counting is needed")
            .next(format!("cargo xtask ci --step {}", kind.word())));
    };
    let findings = facts::look(doors, kind, baseline.benches_need_nightly)?;
    let change = plan::compare(baseline.of(kind), &facts::count(&findings));
    if doors.terminal.is_json() {
        doors.terminal.json(&report::json(kind, &change))?;
    } else {
        report::lines(kind, &change).iter().for_each(|line| doors.terminal.talk(line));
    }
    if change.more.is_empty() {
        if !change.fewer.is_empty() {
            doors.terminal.talk("the baseline can be lowered: cargo xtask baseline update");
        }
        return Ok(Exit::Done);
    }
    let problem = format!("{} findings are more than {FILE} counts", kind.word());
    let failure = Failure::found(Exit::No, problem, report::more(&change, &findings));
    let running = facts::compiler(doors)?;
    Err(match baseline.compiler {
        Some(counted) if counted != running => {
            failure.why(format!("counted with {counted}, and this is {running}: new lints may be among them"))
        }
        Some(_) | None => failure,
    })
}

/// Lowers the numbers of the baseline to what is still there. Never raises one.
pub(crate) fn update(doors: &Doors) -> Result<Exit> {
    let Some(baseline) = config::load(&doors.workspace)? else {
        doors.terminal.talk(&format!("nothing to do: there is no {FILE}, every finding is an error"));
        return Ok(Exit::Done);
    };
    let mut lowered = fresh(doors)?;
    let mut more = Vec::new();
    for kind in Kind::ALL {
        let findings = facts::look(doors, kind, lowered.benches_need_nightly)?;
        let counts = facts::count(&findings);
        let change = plan::compare(baseline.of(kind), &counts);
        report::lines(kind, &change).iter().for_each(|line| doors.terminal.talk(line));
        more.extend(report::more(&change, &findings));
        *lowered.of_mut(kind) = counts;
    }
    if !more.is_empty() {
        let problem = format!("there are more findings than {FILE} counts, and it may only shrink");
        return Err(Failure::found(Exit::No, problem, more));
    }
    let file = doors.workspace.declared("baseline");
    if lowered.is_empty() {
        files::remove(&file)?;
        doors.terminal.talk(&format!("removed    {FILE}  nothing is left, every finding is an error now"));
    } else if lowered.counts() == baseline.counts()
        && lowered.benches_need_nightly == baseline.benches_need_nightly
    {
        doors.terminal.talk("nothing to do: no number became lower");
    } else {
        files::write(&file, config::render(&lowered))?;
        doors.terminal.talk(&format!("wrote      {FILE}"));
    }
    Ok(Exit::Done)
}

/// Counts what is there at adoption: the text of the file, or `None` when there is nothing to count.
pub(crate) fn first(doors: &Doors) -> Result<Option<String>> {
    let mut baseline = fresh(doors)?;
    for kind in Kind::ALL {
        *baseline.of_mut(kind) = facts::count(&facts::look(doors, kind, baseline.benches_need_nightly)?);
    }
    Ok(if baseline.is_empty() { None } else { Some(config::render(&baseline)) })
}

/// A baseline in which nothing is counted yet.
fn fresh(doors: &Doors) -> Result<Baseline> {
    Ok(Baseline {
        compiler: Some(facts::compiler(doors)?),
        benches_need_nightly: facts::benches_need_nightly(doors)?,
        ..Baseline::default()
    })
}
