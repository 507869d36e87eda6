//! Tools as lines for a person and as data for a program.

use super::facts::{Found, Standing};
use super::plan::Plan;

/// What will happen, one line each, verb first.
pub(crate) fn plan_lines(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for action in &plan.actions {
        let commands: Vec<_> = action.commands.iter().map(ToString::to_string).collect();
        lines.push(format!("install    {} {}  ({})", action.tool, action.version, action.reason));
        lines.extend(commands.iter().map(|command| format!("           {command}")));
    }
    lines.extend(plan.kept.iter().map(|(tool, version)| format!("there      {tool}  {version}")));
    if plan.actions.is_empty() && plan.by_person.is_empty() {
        lines.push("nothing to do".to_owned());
    }
    lines
}

/// One line for each tool: a word for its state, its name, what is wanted, what was found.
pub(crate) fn lines(standings: &[Standing]) -> Vec<String> {
    if standings.is_empty() {
        return vec![format!("no tools are declared in {}", super::config::FILE)];
    }
    let width = standings.iter().map(|standing| standing.name.len()).max().unwrap_or_default();
    standings
        .iter()
        .map(|standing| {
            let wanted = standing.tool.version.as_deref().unwrap_or("any");
            let install = standing.tool.install.word();
            let optional = if standing.tool.optional { ", optional" } else { "" };
            let detail = match &standing.found {
                Found::Other(said) => format!("  says `{said}`"),
                Found::Same(_) | Found::Missing => String::new(),
            };
            format!(
                "{:<8} {:<width$}  {wanted} ({install}{optional}){detail}",
                word(&standing.found),
                standing.name
            )
        })
        .collect()
}

/// The state as one word.
pub(crate) fn word(found: &Found) -> &'static str {
    match found {
        Found::Missing => "missing",
        Found::Same(_) => "ok",
        Found::Other(_) => "old",
    }
}

/// What brings a tool to its pinned version.
pub(crate) fn next(standing: &Standing) -> String {
    match (&standing.tool.command, standing.is_as_wanted()) {
        (_, true) => String::new(),
        (Some(command), false) => command.clone(),
        (None, false) => format!("cargo xtask tools install {}", standing.name),
    }
}

/// The tools as data.
pub(crate) fn json(standings: &[Standing]) -> serde_json::Value {
    let tools: Vec<_> = standings
        .iter()
        .map(|standing| {
            let found = match &standing.found {
                Found::Missing => None,
                Found::Same(said) | Found::Other(said) => Some(said),
            };
            serde_json::json!({
                "name": standing.name, "program": standing.program(), "install": standing.tool.install.word(),
                "version": standing.tool.version, "optional": standing.tool.optional,
                "state": word(&standing.found), "found": found, "next": next(standing),
            })
        })
        .collect();
    serde_json::json!({ "tools": tools })
}
