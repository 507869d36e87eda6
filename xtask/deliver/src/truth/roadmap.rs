//! `release/roadmap.toml` and `release/owners.toml`: phases with exit criteria that are claims, tasks that claims prove, and
//! who does them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

use super::config::Config;
use crate::declared;

/// The roadmap's name from the root.
pub const FILE: &str = "release/roadmap.toml";

/// The name of the file of owners from the root.
pub const OWNERS: &str = "release/owners.toml";

/// Phases in their order, and tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Roadmap {
    /// Phases in the order in which they are gone through
    pub phases: Vec<Phase>,
    /// Tasks by id
    pub tasks: BTreeMap<String, Task>,
}

/// One phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its id
    pub id: String,
    /// What it is called
    pub title: String,
    /// Claims that must be shown for it to be over
    pub criteria: Vec<Criterion>,
    /// Commands that belong to it: `deploy run`. Against what is not local they refuse until every earlier phase is over
    #[serde(default)]
    pub commands: Vec<String>,
}

/// A claim, and how much of it must be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// The claim
    pub claim: String,
    /// The level that it must have
    pub level: super::config::Level,
}

/// Work with an owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// What is to be done
    pub title: String,
    /// Who does it
    pub owner: String,
    /// The phase it belongs to
    pub phase: String,
    /// The claim that proves it done
    pub proves: String,
    /// The level of the claim at which it is done
    pub level: super::config::Level,
}

/// Who does what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Owners {
    /// Owners by name
    pub owners: BTreeMap<String, Owner>,
}

/// One owner: a person, or a role that persons take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// What the owner answers for
    pub duty: String,
    /// How the owner is reached
    pub reach: String,
    /// The name at GitHub, to whom issues are assigned
    #[serde(default)]
    pub github: Option<String>,
}

/// What people plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// None where no roadmap is declared: then nothing is refused.
    pub roadmap: Option<Roadmap>,
    /// None where no owners are declared.
    pub owners: Option<Owners>,
}

/// Reads both files and checks them, and the claims against them.
///
/// # Errors
/// Exit 2 with every problem of both.
pub fn load(workspace: &Workspace, config: &Config) -> Result<Planned> {
    let mut findings = Vec::new();
    let roadmap = read(workspace, FILE, "roadmap", &mut findings)?;
    let owners = read(workspace, OWNERS, "owners", &mut findings)?;
    let planned = Planned { roadmap, owners };
    let texts = [FILE, OWNERS, super::config::FILE]
        .map(|file| files::read_text(&workspace.file(file)).map(Option::unwrap_or_default));
    let [roadmap, owners, claims] = texts;
    findings.extend(check(config, &planned, &Texts { roadmap: roadmap?, owners: owners?, claims: claims? }));
    if findings.is_empty() {
        return Ok(planned);
    }
    Err(Failure::found(Exit::Usage, "the roadmap cannot be used", findings))
}

fn read<T: serde::de::DeserializeOwned>(
    workspace: &Workspace,
    file: &str,
    schema: &str,
    findings: &mut Vec<Finding>,
) -> Result<Option<T>> {
    let Some(text) = files::read_text(&workspace.file(file))? else { return Ok(None) };
    match declared::parse(file, schema, &text) {
        Ok(read) => Ok(Some(read)),
        Err(finding) => {
            findings.push(finding);
            Ok(None)
        }
    }
}

/// The texts of the files, to find lines in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    pub(crate) roadmap: String,
    pub(crate) owners: String,
    pub(crate) claims: String,
}

/// The line that holds a text, or none.
fn line(text: &str, wanted: &str) -> usize {
    text.lines().position(|line| line.contains(wanted)).map_or(0, |at| at + 1)
}

pub(crate) fn check(config: &Config, planned: &Planned, texts: &Texts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(owners) = &planned.owners {
        for (name, owner) in &owners.owners {
            if owner.duty.trim().is_empty() || owner.reach.trim().is_empty() {
                let at = line(&texts.owners, &format!("[owners.{name}]"));
                let problem = format!("owner `{name}` has no duty, or cannot be reached");
                findings.push(Finding::at(OWNERS, at, problem, "fill in `duty` and `reach`"));
            }
        }
        let known: Vec<_> = owners.owners.keys().map(String::as_str).collect();
        let named = config.claims.iter().map(|(id, claim)| {
            (&claim.owner, super::config::FILE, line(&texts.claims, &format!("[claims.{id}]")))
        });
        let tasks = planned.roadmap.iter().flat_map(|roadmap| &roadmap.tasks);
        let named_by_tasks =
            tasks.map(|(id, task)| (&task.owner, FILE, line(&texts.roadmap, &format!("[tasks.{id}]"))));
        for (owner, file, at) in named.chain(named_by_tasks) {
            if !owners.owners.contains_key(owner) {
                let problem = format!("there is no owner `{owner}`");
                let next = format!("name one of: {}; or add the owner to `{OWNERS}`", known.join(", "));
                findings.push(Finding::at(file, at, problem, next));
            }
        }
    }
    if let Some(roadmap) = &planned.roadmap {
        check_roadmap(config, roadmap, texts, &mut findings);
    }
    findings
}

fn check_roadmap(config: &Config, roadmap: &Roadmap, texts: &Texts, findings: &mut Vec<Finding>) {
    let mut say = |wanted: &str, problem: String, next: &str| {
        findings.push(Finding::at(FILE, line(&texts.roadmap, wanted), problem, next));
    };
    let mut ids = BTreeSet::new();
    let unknown = "name a claim of `release/truth.toml`";
    for phase in &roadmap.phases {
        let place = format!("id = \"{}\"", phase.id);
        if !ids.insert(phase.id.as_str()) {
            say(&place, format!("there are two phases `{}`", phase.id), "give one of them another id");
        }
        if phase.criteria.is_empty() {
            let problem = format!("phase `{}` has no criteria, so nobody can tell when it is over", phase.id);
            say(&place, problem, "name claims and their levels in `criteria`");
        }
        for criterion in &phase.criteria {
            if !config.claims.contains_key(&criterion.claim) {
                let problem =
                    format!("phase `{}` asks for `{}`, which is no claim", phase.id, criterion.claim);
                say(&format!("\"{}\"", criterion.claim), problem, unknown);
            }
        }
    }
    for (id, task) in &roadmap.tasks {
        let table = format!("[tasks.{id}]");
        if !config.claims.contains_key(&task.proves) {
            say(&table, format!("task `{id}` is proven by `{}`, which is no claim", task.proves), unknown);
        }
        if !ids.contains(task.phase.as_str()) {
            say(&table, format!("task `{id}` is of phase `{}`, which is none", task.phase), "name a phase");
        }
    }
    for (id, claim) in &config.claims {
        if !ids.contains(claim.phase.as_str()) {
            let at = line(&texts.claims, &format!("[claims.{id}]"));
            let problem = format!("claim `{id}` is of phase `{}`, which is none of `{FILE}`", claim.phase);
            let known: Vec<_> = ids.iter().copied().collect();
            let next = format!("name one of: {}", known.join(", "));
            findings.push(Finding::at(super::config::FILE, at, problem, next));
        }
    }
}

/// The schema of the roadmap.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Roadmap)
}

/// The schema of the file of owners.
pub fn schema_of_owners() -> schemars::Schema {
    schemars::schema_for!(Owners)
}

#[cfg(test)]
mod tests;
