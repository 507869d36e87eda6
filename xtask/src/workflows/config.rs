//! What people declare about workflows: `release/workflows.toml` and the pins in `release/actions.toml`.
//!
//! Both are optional. Without the first the defaults below hold; without the second the pins that this version of the
//! toolkit carries hold, and `workflows --write` writes them there. All problems are returned at once.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::deploy_workflow::{self, Deploy};
use super::release_workflow::Release;
use crate::failure::Finding;

/// Where the pins are declared.
pub(crate) const ACTIONS: &str = "release/actions.toml";

/// Where the rest is declared.
pub(crate) const WORKFLOWS: &str = "release/workflows.toml";

/// The pins of this version of the toolkit: a copy of this repository's own `release/actions.toml`, kept the same by
/// `workflows --write`, because a published package holds no file from outside its folder.
pub(crate) const SHIPPED: &str = include_str!("actions.toml");

/// The longest time that GitHub lets a job run on its own machines.
pub(super) const JOB_MINUTES_MAX: u32 = 360;

/// Actions that the generated files use: each must have a pin.
const USED: &[&str] = &["actions/checkout", "actions/cache", "actions/upload-artifact"];

/// Those that only a workspace which is released needs.
const USED_TO_RELEASE: &[&str] = &["actions/download-artifact", "actions/attest"];

/// Everything declared, validated.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The branch whose pushes are checked, and which alone writes caches.
    pub(crate) default_branch: String,
    /// When the nightly workflow starts: a cron line, in UTC.
    pub(crate) nightly: String,
    /// How long a job of checks may run.
    pub(crate) checks_minutes_max: u32,
    pub(crate) pins: Pins,
    /// How the workspace is released; none where it is not.
    pub(crate) release: Option<Release>,
    /// How a workflow deploys it; none where none does.
    pub(crate) deploy: Option<Deploy>,
}

impl Default for Config {
    /// What holds where nothing is declared.
    fn default() -> Config {
        parse(None, None).expect("the pins that ship are checked by a test")
    }
}

/// Actions of others, by `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pins(pub(crate) BTreeMap<String, Pin>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    /// The released version, as the action's repository tags it.
    pub(crate) version: String,
    /// The full commit of that tag.
    pub(crate) commit: String,
}

impl Pins {
    /// The pin of an action, which may be a folder in its repository (`actions/cache/restore`).
    pub(crate) fn of(&self, action: &str) -> &Pin {
        self.0
            .get(repository(action))
            .expect("the configuration was refused without a pin for each used action")
    }
}

/// The repository of an action: the first two parts of its path.
pub(crate) fn repository(action: &str) -> &str {
    match action.match_indices('/').nth(1) {
        Some((end, _)) => &action[..end],
        None => action,
    }
}

/// `release/workflows.toml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WorkflowsFile {
    /// The branch whose pushes are checked, and which alone writes caches (`main`).
    #[schemars(with = "Option<String>")]
    default_branch: Option<Spanned<String>>,
    /// When the nightly workflow starts, as a cron line in UTC (`17 3 * * *`).
    #[schemars(with = "Option<String>")]
    nightly: Option<Spanned<String>>,
    /// How many minutes a job of checks may run (60).
    #[schemars(with = "Option<u32>")]
    checks_minutes_max: Option<Spanned<u32>>,
}

/// `release/actions.toml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionsFile {
    /// Actions of others, by `owner/name`.
    actions: BTreeMap<String, PinEntry>,
}

/// One pinned action.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinEntry {
    /// The released version, as the action's repository tags it.
    #[schemars(with = "String")]
    version: Spanned<String>,
    /// The full commit of that tag: 40 hexadecimal digits.
    #[schemars(with = "String")]
    commit: Spanned<String>,
}

/// Reads both files. `None` stands for a file that is not there.
pub(crate) fn parse(workflows: Option<&str>, actions: Option<&str>) -> Result<Config, Vec<Finding>> {
    let mut findings = Vec::new();
    let pins = pins(actions.unwrap_or(SHIPPED), &mut findings);
    let text = workflows.unwrap_or_default();
    let file: WorkflowsFile = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            findings.push(unreadable(WORKFLOWS, text, &error));
            WorkflowsFile::default()
        }
    };
    let mut refuse = |span: Range<usize>, problem: &str, next: &str| {
        findings.push(Finding::at(WORKFLOWS, line_of(text, span), problem, next));
    };
    if let Some(branch) = &file.default_branch
        && (branch.get_ref().is_empty() || branch.get_ref().contains([' ', '*', '[', ',', '\n']))
    {
        let next = "write the name of one branch, for example `default_branch = \"main\"`";
        refuse(branch.span(), "`default_branch` is not the name of a branch", next);
    }
    if let Some(nightly) = &file.nightly
        && !is_cron(nightly.get_ref())
    {
        let next = "write minute, hour, day, month and weekday, for example `nightly = \"17 3 * * *\"`";
        refuse(nightly.span(), "`nightly` is not a cron line of five fields", next);
    }
    if let Some(minutes) = &file.checks_minutes_max
        && !(1..=JOB_MINUTES_MAX).contains(minutes.get_ref())
    {
        let problem = format!("`checks_minutes_max` is not between 1 and {JOB_MINUTES_MAX}");
        refuse(minutes.span(), &problem, "write how long a job of checks may run, in minutes");
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    Ok(Config {
        default_branch: file.default_branch.map_or_else(|| "main".to_owned(), Spanned::into_inner),
        // Not at a full hour: then GitHub starts most schedules of the world, and late.
        nightly: file.nightly.map_or_else(|| "17 3 * * *".to_owned(), Spanned::into_inner),
        checks_minutes_max: file.checks_minutes_max.map_or(60, Spanned::into_inner),
        pins,
        release: None,
        deploy: None,
    })
}

impl Config {
    /// The same for a workspace that is released in this way.
    pub(crate) fn releasing(self, release: Option<Release>) -> Result<Config, Vec<Finding>> {
        let wanted = if release.is_some() { USED_TO_RELEASE } else { &[] };
        let missing: Vec<_> = wanted
            .iter()
            .filter(|used| !self.pins.0.contains_key(**used))
            .map(|used| unpinned(used))
            .collect();
        if missing.is_empty() { Ok(Config { release, ..self }) } else { Err(missing) }
    }

    /// The same for a workspace that a workflow deploys in this way.
    pub(crate) fn deploying(self, deploy: Option<Deploy>) -> Result<Config, Vec<Finding>> {
        let is_released = self.release.is_some();
        let findings = deploy.as_ref().map(|deploy| deploy_workflow::problems(deploy, is_released));
        match findings.unwrap_or_default() {
            none if none.is_empty() => Ok(Config { deploy, ..self }),
            findings => Err(findings),
        }
    }
}

fn unpinned(action: &str) -> Finding {
    Finding::at(
        ACTIONS,
        0,
        format!("no pin for `{action}`, which the generated workflows use"),
        format!("add a table `[actions.\"{action}\"]` with `version` and `commit`"),
    )
}

fn pins(text: &str, findings: &mut Vec<Finding>) -> Pins {
    let file: ActionsFile = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            findings.push(unreadable(ACTIONS, text, &error));
            return Pins(BTreeMap::new());
        }
    };
    for (action, entry) in &file.actions {
        if !is_commit(entry.commit.get_ref()) {
            findings.push(Finding::at(
                ACTIONS,
                line_of(text, entry.commit.span()),
                format!("the pin of `{action}` is not a full commit"),
                format!(
                    "write the 40 digits that `git ls-remote --tags` shows for {}",
                    entry.version.get_ref()
                ),
            ));
        }
        if !is_version(entry.version.get_ref()) {
            findings.push(Finding::at(
                ACTIONS,
                line_of(text, entry.version.span()),
                format!("the version of `{action}` is not that of a release"),
                "write the full version of the tag, for example `v7.0.1`",
            ));
        }
    }
    let missing = USED.iter().filter(|used| !file.actions.contains_key(**used));
    findings.extend(missing.map(|used| unpinned(used)));
    let pins = file.actions.into_iter().map(|(action, entry)| {
        (action, Pin { version: entry.version.into_inner(), commit: entry.commit.into_inner() })
    });
    Pins(pins.collect())
}

/// True for 40 hexadecimal digits, as git prints them.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// True for a version with at least one number, with or without a `v`.
pub(crate) fn is_version(text: &str) -> bool {
    let number = text.strip_prefix('v').unwrap_or(text);
    number.starts_with(|first: char| first.is_ascii_digit())
        && number.chars().all(|character| character.is_ascii_alphanumeric() || ".-+_".contains(character))
}

fn is_cron(text: &str) -> bool {
    let fields: Vec<_> = text.split(' ').collect();
    fields.len() == 5
        && fields.iter().all(|field| {
            !field.is_empty()
                && field
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric() || "*/,-".contains(character))
        })
}

fn unreadable(file: &str, text: &str, error: &toml::de::Error) -> Finding {
    let line = error.span().map_or(0, |span| line_of(text, span));
    Finding::at(file, line, error.message().to_owned(), format!("edit {file}"))
}

fn line_of(text: &str, span: Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
