//! `cargo xtask workflows`.

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Result};
use crate::workflows::{self, Checked};

/// What to do with the workflow files. Without a flag: print what `--write` would do.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Write the generated files, and remove those that no generator makes any more
    #[arg(long, conflicts_with_all = ["check", "adopt_pins"])]
    write: bool,
    /// Check every file below .github: drift with a diff, pins, rights, scripts, limits
    #[arg(long, conflicts_with = "adopt_pins")]
    check: bool,
    /// Take over the pins of actions that a bot changed in the generated files
    #[arg(long)]
    adopt_pins: bool,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let install = "cargo install --quiet --locked --force nexus-xtask --bin cargo-nexus-xtask";
    let jobs = ["lint".to_owned(), "test".to_owned()];
    let workflows = workflows::read(doors, install)?;
    if arguments.check {
        return show(doors, workflows.check(&jobs));
    }
    let (verb, lines) = if arguments.adopt_pins {
        ("adopted", workflows.adopt_pins(doors, install)?)
    } else if arguments.write {
        ("written", lines(&workflows.write(doors)?))
    } else {
        ("planned", lines(&workflows.plan()))
    };
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ verb: lines }))?;
    } else {
        lines.iter().for_each(|line| doors.terminal.data(line));
        if lines.is_empty() {
            doors.terminal.talk("no pin differs from release/actions.toml");
        } else if verb == "planned" {
            doors.terminal.talk("next: cargo xtask workflows --write");
        }
    }
    Ok(Exit::Done)
}

fn lines(changes: &[workflows::Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

fn show(doors: &Doors, checked: Checked) -> Result<Exit> {
    let Checked { ours, foreign, findings, warnings } = checked;
    if doors.terminal.is_json() && findings.is_empty() {
        let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        doors
            .terminal
            .json(&serde_json::json!({ "ours": ours, "foreign": foreign, "warnings": warnings }))?;
    } else if !doors.terminal.is_json() {
        ours.iter().for_each(|file| doors.terminal.data(&format!("ours     {file}")));
        foreign.iter().for_each(|file| doors.terminal.data(&format!("foreign  {file}")));
        warnings.iter().for_each(|warning| doors.terminal.talk(&format!("warning: {warning}")));
    }
    if findings.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::found(Exit::No, "the workflow files are not what they should be", findings))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_condition_of_the_checks_names_the_very_matrix_of_an_empty_plan() {
        let empty = crate::ci::matrix::rows(&[]).matrix();
        assert_eq!(crate::workflows::NOT_EMPTY, format!("needs.plan.outputs.matrix != '{empty}'"));
    }
}
