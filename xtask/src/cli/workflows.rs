//! `cargo xtask workflows`.

use crate::ci;
use crate::doors::Doors;
use crate::failure::{Exit, Failure, Result};
use crate::shell::Command;
use crate::tools::{self, front};
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
    let install = &install(&install_arguments(doors)?);
    let workflows = workflows::read(doors, install)?;
    if arguments.check {
        let mut jobs: Vec<_> = ci::jobs(doors)?.into_iter().map(|planned| planned.job).collect();
        jobs.dedup();
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

/// Every generated file of a workspace that adopts the toolkit: path from its root, and text. `arguments` make cargo
/// install the version that the workspace will pin.
pub(super) fn adopted(doors: &Doors, arguments: &[String]) -> Result<Vec<(String, String)>> {
    let asked = Command::new("git", ["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]);
    // Without git, without a remote or without a head of it there is no answer; the file to edit says the branch.
    let branch = doors.shell.read(&asked).unwrap_or_default();
    let branch = branch.strip_prefix("origin/").unwrap_or("main");
    Ok(workflows::adopted(&install(arguments), branch))
}

/// The arguments that make cargo install the pinned front, or this version where none is pinned.
fn install_arguments(doors: &Doors) -> Result<Vec<String>> {
    Ok(match tools::config::load(&doors.workspace)?.xtask {
        Some(pinned) => front::install_command(&pinned).arguments,
        None => vec!["install".to_owned(), "--locked".to_owned(), format!("nexus-xtask@={}", front::RUNNING)],
    })
}

/// The line by which a job installs the front. With the newest toolchain, whatever the workspace itself is built with:
/// the front may need a newer one.
fn install(arguments: &[String]) -> String {
    let words = arguments.iter().map(String::as_str);
    let more = ["--quiet", "--force", "--bin", "cargo-nexus-xtask"];
    Command::new("cargo", std::iter::once("+stable").chain(words).chain(more)).to_string()
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
