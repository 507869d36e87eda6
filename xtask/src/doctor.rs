//! Is everything there that the work needs, on this machine and in this clone?
//!
//! facts -> report. To add a check: a field of `facts::Facts`, and its line in `report::lines`.

pub(crate) mod facts;
pub mod report;

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Finding, Result};

use report::Line;

/// Looks, and shows one line a check. `others` are lines that other parts of the toolkit contribute.
pub(crate) fn run(doors: &Doors, others: Vec<Line>) -> Result<Exit> {
    let mut lines = report::lines(&facts::look(doors)?);
    lines.extend(others);
    show(doors, &lines, "something that the work needs is not there")
}

/// Shows one line a check. What is sick is a failure with this problem.
pub fn show(doors: &Doors, lines: &[Line], problem: &str) -> Result<Exit> {
    let sick: Vec<_> = lines.iter().filter(|line| line.is_sick()).collect();
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "healthy": sick.is_empty(), "checks": lines }))?;
        return Ok(if sick.is_empty() { Exit::Done } else { Exit::Refused });
    }
    report::text(lines).iter().for_each(|line| doors.terminal.data(line));
    if sick.is_empty() {
        return Ok(Exit::Done);
    }
    let findings = sick
        .into_iter()
        .map(|line| Finding::at("", 0, format!("{}: {}", line.what, line.detail), &line.next))
        .collect();
    Err(Failure::found(Exit::Refused, problem, findings))
}
