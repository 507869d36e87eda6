//! What would ship now, and why. Pure.
//!
//! A package's change files say what the next version must be. Where it has none, its commits do; where those are in no
//! form that says it, the headings under Unreleased; and where nothing is said of a package whose files differ, it is a
//! patch. What is known of the API is a floor under all of that. A package that needs one of those that move gets a
//! patch at the least, and packages of one unit move together.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::Serialize;

use crate::release::changes::Change;
use crate::release::config::Config;
use crate::release::facts::Facts;
use crate::release::history::{Changes, History, Past};
use crate::release::limits::{self, Schedule};
use crate::release::units::Unit;
use crate::release::version::{self, Asked, Bump};
use nexus_xtask::failure::Finding;

mod judge;
mod text;
pub(crate) mod table;

pub(crate) use text::headings;

/// Everything that a proposal follows from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) facts: &'a Facts,
    pub(crate) units: &'a [Unit],
    pub(crate) history: &'a History,
    pub(crate) changes: &'a [Change],
    /// The kinds of change that have entries under Unreleased, by changelog.
    pub(crate) unreleased: &'a BTreeMap<String, Vec<String>>,
    /// Packages whose API breaks; `None` where nobody asked.
    pub(crate) breaking: Option<&'a BTreeSet<String>>,
}

/// What would ship now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Proposal {
    pub(crate) commit: String,
    pub(crate) branch: Option<String>,
    /// The pre-release channel of the branch.
    pub(crate) channel: Option<String>,
    /// How many commits were looked at, and how many of them touch no package.
    pub(crate) commits: usize,
    pub(crate) commits_outside: usize,
    /// What is due.
    pub(crate) releases: Vec<Next>,
    /// What is not.
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) limits: Schedule,
    /// What a person should know beside that.
    pub(crate) notes: Vec<String>,
}

/// A unit that is due.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Next {
    pub(crate) unit: String,
    pub(crate) now: Version,
    pub(crate) next: Version,
    pub(crate) tag: String,
    /// The tag of the release that the changes are counted from; none for a first release.
    pub(crate) since: Option<String>,
    pub(crate) bump: Option<Bump>,
    /// The reasons in a few words.
    pub(crate) why: String,
    pub(crate) packages: Vec<Package>,
    /// What the changelog gets beside what stands under Unreleased.
    pub(crate) entries: Vec<Entry>,
    /// The same as Markdown.
    pub(crate) changelog: String,
}

/// A package of a unit that is due.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// True where no release had it.
    pub(crate) new: bool,
    pub(crate) bump: Option<Bump>,
    pub(crate) why: Vec<Why>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Why {
    pub(crate) by: By,
    /// What it asks for; none for what asks for nothing of its own.
    pub(crate) bump: Option<Bump>,
    /// The change file, the commit or the package that says so; may be empty.
    pub(crate) source: String,
    pub(crate) text: String,
}

/// What a reason comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    ChangeFile,
    Commit,
    /// A heading under Unreleased.
    Changelog,
    /// The files differ, and nothing else is known.
    Difference,
    Api,
    Dependency,
}

/// A line of the changelog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    /// The heading: `Added`, `Changed`, `Fixed`, ...
    pub(crate) kind: &'static str,
    /// Markdown that is safe to repeat.
    pub(crate) text: String,
}

/// A unit that is not due.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Waiting {
    pub(crate) unit: String,
    pub(crate) version: Version,
    pub(crate) why: String,
}

/// A unit while it is looked at.
struct Draft<'a> {
    unit: &'a Unit,
    past: &'a Past,
    packages: Vec<Package>,
    /// True when something changed since the last release of any kind.
    is_fresh: bool,
    next: Option<Version>,
}

/// What would ship, or everything that keeps a version from being chosen.
pub(crate) fn propose(inputs: &Inputs) -> Result<Proposal, Vec<Finding>> {
    let branch = inputs.facts.branch.as_deref();
    let is_on = |globs: &[String]| {
        branch.is_some_and(|branch| globs.iter().any(|glob| fast_glob::glob_match(glob, branch)))
    };
    let channel = inputs.config.channels.iter().find(|(_, channel)| is_on(&channel.branches));
    let drafts = settled(inputs, channel.map(|(_, channel)| channel.identifier.as_str()))?;
    let mut notes = text::notes(inputs, &drafts);
    if let Some(branch) = branch.filter(|_| channel.is_none() && !is_on(&inputs.config.branches)) {
        notes.push(format!("`{branch}` is no branch that releases are made from"));
    }
    let (due, waiting): (Vec<_>, Vec<_>) = drafts.into_iter().partition(|draft| draft.next.is_some());
    Ok(Proposal {
        commit: inputs.facts.commit.clone(),
        branch: inputs.facts.branch.clone(),
        channel: channel.map(|(name, _)| name.clone()),
        commits: inputs.history.walked,
        commits_outside: inputs.history.outside,
        limits: limits(inputs, &due),
        releases: due.into_iter().filter_map(|draft| text::next(inputs, draft)).collect(),
        waiting: waiting.iter().map(text::waiting).collect(),
        notes,
    })
}

/// Every unit with its next version. A unit that moves may move others, so this goes on until nothing changes.
fn settled<'a>(inputs: &Inputs<'a>, channel: Option<&str>) -> Result<Vec<Draft<'a>>, Vec<Finding>> {
    let mut drafts: Vec<_> = inputs.units.iter().filter_map(|unit| draft(inputs, unit)).collect();
    loop {
        let mut findings = Vec::new();
        for draft in &mut drafts {
            match version::next(&asked(inputs, draft, channel)) {
                Ok(next) => draft.next = next,
                Err(refusal) => {
                    let problem = format!("`{}`: {}", draft.unit.name, refusal.problem);
                    findings.push(Finding::at("", 0, problem, refusal.next));
                }
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        if !move_dependants(inputs, &mut drafts) {
            return Ok(drafts);
        }
    }
}

fn draft<'a>(inputs: &Inputs<'a>, unit: &'a Unit) -> Option<Draft<'a>> {
    let past = inputs.history.units.get(&unit.name)?;
    let packages: Vec<_> = judged(inputs, unit, &past.since_stable);
    let is_fresh = match past.stable == past.last {
        true => packages.iter().any(|package| package.bump.is_some()),
        false => judged(inputs, unit, &past.since_last).iter().any(|package| package.bump.is_some()),
    };
    Some(Draft { unit, past, packages, is_fresh, next: None })
}

fn judged(inputs: &Inputs, unit: &Unit, since: &BTreeMap<String, Changes>) -> Vec<Package> {
    let known = unit.packages.iter().filter_map(|name| since.get_key_value(name));
    known.map(|(name, changes)| judge::package(inputs, unit, name, changes)).collect()
}

fn asked<'a>(inputs: &'a Inputs, draft: &'a Draft, channel: Option<&'a str>) -> Asked<'a> {
    let branch = inputs.facts.branch.as_deref();
    Asked {
        manifest: &draft.unit.version,
        stable: draft.past.stable.as_ref().map(|(version, _)| version),
        last: draft.past.last.as_ref().map(|(version, _)| version),
        elsewhere: &draft.past.elsewhere,
        channel,
        line: branch.and_then(|branch| branch.strip_prefix("maintenance/")),
        bump: draft.bump(),
        is_fresh: draft.is_fresh,
    }
}

impl Draft<'_> {
    fn bump(&self) -> Option<Bump> {
        self.packages.iter().filter_map(|package| package.bump).max()
    }

    /// The release that its changes are counted from: a pre-release tells what is new since the one before it.
    fn since(&self) -> Option<&(Version, String)> {
        let is_prerelease = self.next.as_ref().is_some_and(|next| !next.pre.is_empty());
        if is_prerelease { self.past.last.as_ref() } else { self.past.stable.as_ref() }
    }
}

/// Gives a patch to every package that needs one that moves, also by packages that are not released. True when that was
/// news for any.
fn move_dependants(inputs: &Inputs, drafts: &mut [Draft]) -> bool {
    let due = drafts.iter().filter_map(|draft| Some((draft.unit, draft.next.as_ref()?)));
    let mut moving: BTreeMap<&str, String> = due
        .flat_map(|(unit, next)| {
            unit.packages.iter().map(move |name| (name.as_str(), format!("{name} {next}")))
        })
        .collect();
    let released: BTreeSet<&str> =
        drafts.iter().flat_map(|draft| draft.unit.packages.iter().map(String::as_str)).collect();
    loop {
        let unreleased = inputs.facts.packages.iter().filter(|package| {
            !released.contains(package.name.as_str()) && !moving.contains_key(package.name.as_str())
        });
        let carried: Vec<_> = unreleased
            .filter_map(|package| {
                let mut needed = package.dependencies.iter().filter(|dependency| !dependency.development);
                let carrier = needed.find_map(|dependency| moving.get(dependency.name.as_str()))?;
                Some((package.name.as_str(), carrier.clone()))
            })
            .collect();
        if carried.is_empty() {
            break;
        }
        moving.extend(carried);
    }
    let mut is_news = false;
    for draft in drafts {
        for package in &mut draft.packages {
            let Some(known) = inputs.facts.packages.iter().find(|known| known.name == package.name) else {
                continue;
            };
            let needed = known.dependencies.iter().filter(|dependency| {
                !dependency.development && !draft.unit.packages.contains(&dependency.name)
            });
            for dependency in needed {
                let Some(moved) = moving.get(dependency.name.as_str()) else { continue };
                let is_known =
                    package.why.iter().any(|why| why.by == By::Dependency && why.source == dependency.name);
                if !is_known {
                    package.why.push(Why {
                        by: By::Dependency,
                        bump: Some(Bump::Patch),
                        source: dependency.name.clone(),
                        text: format!("needs {moved}"),
                    });
                    package.bump = package.bump.max(Some(Bump::Patch));
                    draft.is_fresh = true;
                    is_news = true;
                }
            }
        }
    }
    is_news
}

fn limits(inputs: &Inputs, due: &[Draft]) -> Schedule {
    let registry = &inputs.config.registry;
    let is_published = |name: &str| {
        inputs
            .facts
            .packages
            .iter()
            .any(|package| package.name == name && package.is_published_to(&registry.name))
    };
    let packages = due.iter().flat_map(|draft| &draft.packages).filter(|package| is_published(&package.name));
    let (new, known): (Vec<_>, Vec<_>) = packages.partition(|package| package.new);
    limits::schedule(registry, new.iter().map(|package| package.name.clone()).collect(), known.len())
}
