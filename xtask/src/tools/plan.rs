//! What installing will do: a value that can be printed before anything happens.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Finding, Result};
use crate::shell::Command;
use crate::workspace::Workspace;

use super::config::{FILE, Install};
use super::facts::{Found, Standing};

/// Everything that installing will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The tools to install, in the order of their names.
    pub(crate) actions: Vec<Action>,
    /// The tools that are there already, with what they say.
    pub(crate) kept: Vec<(String, String)>,
    /// The tools that only a person can install.
    pub(crate) by_person: Vec<Finding>,
}

/// One tool to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Action {
    /// The tool's name.
    pub(crate) tool: String,
    /// Its version.
    pub(crate) version: String,
    /// Why it is installed.
    pub(crate) reason: String,
    /// The program that installs it.
    pub(crate) installer: &'static str,
    /// What runs, in this order.
    pub(crate) commands: Vec<Command>,
    /// The link that makes the program found: where it points, and where it is.
    pub(crate) link: Option<(PathBuf, PathBuf)>,
}

/// Plans the tools of these names, or all where there is none.
pub(crate) fn plan(standings: &[Standing], names: &[String], workspace: &Workspace) -> Result<Plan> {
    let unknown = names.iter().find(|name| !standings.iter().any(|standing| standing.name == **name));
    if let Some(unknown) = unknown {
        let known: Vec<_> = standings.iter().map(|standing| standing.name.as_str()).collect();
        return Err(Failure::usage(format!("there is no tool `{unknown}` in {FILE}"))
            .why(format!("it has {}", if known.is_empty() { "none".into() } else { known.join(", ") }))
            .next(format!("add [tools.{unknown}] to {FILE}, or correct the name")));
    }
    let mut plan = Plan::default();
    for standing in standings {
        if !names.is_empty() && !names.contains(&standing.name) {
            continue;
        }
        let reason = match &standing.found {
            Found::Same(version) => {
                plan.kept.push((standing.name.clone(), version.clone()));
                continue;
            }
            Found::Missing => "missing".to_owned(),
            Found::Other(found) => format!("found `{found}`"),
        };
        match action(standing, &reason, workspace) {
            Some(action) => plan.actions.push(action),
            // A named tool was asked for; without a name an optional one may stay away.
            None if names.is_empty() && standing.tool.optional => {}
            None => {
                let command = standing.tool.command.clone().unwrap_or_default();
                plan.by_person.push(Finding::at("", 0, format!("{}: {reason}", standing.name), command));
            }
        }
    }
    Ok(plan)
}

/// After installing: the tools that still are not what is pinned.
pub(crate) fn not_as_wanted(plan: &Plan, after: &[Standing]) -> Vec<Finding> {
    after
        .iter()
        .filter(|standing| plan.actions.iter().any(|action| action.tool == standing.name))
        .filter_map(|standing| {
            let said = match &standing.found {
                Found::Same(_) => return None,
                Found::Missing => "the program is not there".to_owned(),
                Found::Other(said) => format!("the program says `{said}`"),
            };
            let name = &standing.name;
            let problem = format!("`{name}`: {said}");
            let next = format!("correct `program`, `ask` or `version` of [tools.{name}] in {FILE}");
            Some(Finding::at(FILE, 0, problem, next))
        })
        .collect()
}

/// How a tool gets installed; `None` when a person does it.
fn action(standing: &Standing, reason: &str, workspace: &Workspace) -> Option<Action> {
    let name = &standing.name;
    let version = standing.tool.version.clone().unwrap_or_default();
    let package = standing.tool.package.as_ref().unwrap_or(name);
    let tools = workspace.tools();
    let text = |path: &Path| path.display().to_string();
    let program = format!("{}{EXE_SUFFIX}", standing.program());
    let (installer, commands, provides) = match standing.tool.install {
        Install::System => return None,
        Install::Cargo => {
            let package = format!("{package}@{version}");
            let words = ["install", "--locked", "--root", &text(&tools), &package].map(str::to_owned);
            ("cargo", vec![Command::new("cargo", words)], None)
        }
        Install::Pip => {
            let folder = tools.join(format!("venv-{name}"));
            let scripts = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
            let python = text(&scripts.join(format!("python{EXE_SUFFIX}")));
            let package = format!("{package}=={version}");
            let make = Command::new("python3", ["-m", "venv", "--clear", &text(&folder)]);
            let words = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", &package];
            ("python3", vec![make, Command::new(python, words)], Some(scripts.join(&program)))
        }
        Install::Npm => {
            let folder = tools.join(format!("npm-{name}"));
            let package = format!("{package}@{version}");
            let words = ["install", "--no-audit", "--no-fund", "--prefix", &text(&folder), &package];
            let provides = folder.join("node_modules").join(".bin").join(standing.program());
            ("npm", vec![Command::new("npm", words)], Some(provides))
        }
    };
    let link = provides.map(|provides| (provides, tools.join("bin").join(program)));
    Some(Action { tool: name.clone(), version, reason: reason.to_owned(), installer, commands, link })
}

#[cfg(test)]
mod tests;
