//! What happened since the last releases: one walk of git's history for the whole workspace.
//!
//! The walk goes back to what every unit released, or to the beginning where a unit released nothing. Its records are
//! read while git still walks. Which commits count for which unit follows from the parents in the same walk, and whether
//! a package changed at all from the digests of its folder: one more question for all packages and releases. Where
//! the highest releases turn out not to be in one line of this history, as on a maintenance branch, it is walked again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use semver::Version;

use crate::release::commit::Message;
use crate::release::facts::{Facts, Package};
use crate::release::units::Unit;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::shell::{Command, Shell};

mod folders;
mod graph;

use graph::{Range, Walk};

/// What happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The commits that touch a package, the newest first.
    pub(crate) commits: Vec<Commit>,
    /// How many commits were looked at.
    pub(crate) walked: usize,
    /// How many of them, merges left out, touch no package.
    pub(crate) outside: usize,
    /// What each unit was, by its name.
    pub(crate) units: BTreeMap<String, Past>,
}

/// A commit that touches a package.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Commit {
    pub(crate) id: String,
    pub(crate) message: Message,
    /// Its place in the graph of the walk.
    node: usize,
}

/// What a unit released, and what happened to its packages since.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Past {
    /// The highest release in the history of this commit that is no pre-release, with its tag.
    pub(crate) stable: Option<(Version, String)>,
    /// The highest release in the history of this commit, with its tag.
    pub(crate) last: Option<(Version, String)>,
    /// Releases with tags outside of that history.
    pub(crate) elsewhere: Vec<Version>,
    /// Since the stable release, by package.
    pub(crate) since_stable: BTreeMap<String, Changes>,
    /// Since the last release, by package.
    pub(crate) since_last: BTreeMap<String, Changes>,
}

/// What happened to a package.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes {
    /// True when its files differ; also where there was no release.
    pub(crate) is_changed: bool,
    /// True when the release did not have its folder, or there was none.
    pub(crate) is_new: bool,
    /// The commits that touch it, as places in the list of all, the newest first. What was taken back is left out.
    pub(crate) commits: Vec<usize>,
}

/// Walks the history.
pub(crate) fn gather(doors: &Doors, facts: &Facts, units: &[Unit]) -> Result<History> {
    if facts.shallow {
        return Err(Failure::refused("the history is cut off, so nobody can say what changed")
            .why("this is a shallow clone: commits and tags before the cut are not here")
            .next("git fetch --unshallow --tags"));
    }
    let shell = &doors.shell;
    // What is so most often is tried first: the highest releases are in this history, and all come after the oldest of
    // them. Git would walk for as long as this to say that beforehand; this walk tells it afterwards.
    let mut pasts = pasts(facts, &facts.tags.keys().cloned().collect(), units);
    let oldest = has_start(&pasts).then(|| oldest(shell, &stable(facts, &pasts))).transpose()?.flatten();
    let mut walk = walk(shell, facts, oldest.as_deref())?;
    let is_met = |commit: &&str| *commit == facts.commit || walk.graph.has(commit);
    let has_all = releases(facts, &pasts).iter().all(is_met);
    if !has_all {
        let arguments = ["for-each-ref", "--merged=HEAD", "--format=%(refname:strip=2)", "refs/tags"];
        let merged = shell.read(&Command::new("git", arguments))?;
        pasts = self::pasts(facts, &merged.lines().map(str::to_owned).collect(), units);
    }
    let is_before =
        |oldest: &String| stable(facts, &pasts).iter().all(|commit| walk.graph.is_before(oldest, commit));
    if !has_all || !oldest.as_ref().is_none_or(is_before) {
        let common = has_start(&pasts).then(|| common(shell, &stable(facts, &pasts))).transpose()?.flatten();
        walk = self::walk(shell, facts, common.as_deref())?;
    }
    let trees = trees(shell, facts, &pasts)?;
    let mut ranges: HashMap<Option<&str>, Range> = HashMap::new();
    for (unit, past) in units.iter().zip(&mut pasts) {
        let mut since = |release: &Option<(Version, String)>| -> BTreeMap<String, Changes> {
            let release = release.as_ref().and_then(|(_, tag)| facts.tags.get(tag)).map(String::as_str);
            let range = ranges.entry(release).or_insert_with(|| walk.graph.range(release));
            let packages = facts.packages.iter().zip(&walk.by_package);
            packages
                .filter(|(package, _)| unit.packages.contains(&package.name))
                .map(|(package, commits)| {
                    let counts = |index: &usize| range.has(walk.commits[*index].node);
                    let commits = commits.iter().copied().filter(counts).collect();
                    (package.name.clone(), trees.changes(release, &facts.commit, package, commits))
                })
                .collect()
        };
        past.since_stable = since(&past.stable);
        past.since_last =
            if past.stable == past.last { past.since_stable.clone() } else { since(&past.last) };
    }
    Ok(History {
        commits: walk.commits,
        walked: walk.walked,
        outside: walk.outside,
        units: units.iter().map(|unit| unit.name.clone()).zip(pasts).collect(),
    })
}

/// What each unit released, if these are the tags in this history.
fn pasts(facts: &Facts, merged: &BTreeSet<String>, units: &[Unit]) -> Vec<Past> {
    units.iter().map(|unit| past(facts, merged, unit)).collect()
}

fn past(facts: &Facts, merged: &BTreeSet<String>, unit: &Unit) -> Past {
    let released = unit.released(merged);
    let elsewhere = unit.released(facts.tags.keys().filter(|tag| !merged.contains(*tag)));
    Past {
        stable: released.iter().rfind(|(version, _)| version.pre.is_empty()).cloned(),
        last: released.last().cloned(),
        elsewhere: elsewhere.into_iter().map(|(version, _)| version).collect(),
        ..Past::default()
    }
}

/// The commits of the releases that changes are counted from.
fn releases<'a>(facts: &'a Facts, pasts: &[Past]) -> BTreeSet<&'a str> {
    commits(facts, pasts.iter().flat_map(|past| past.stable.iter().chain(&past.last)))
}

/// The commits of the stable releases.
fn stable<'a>(facts: &'a Facts, pasts: &[Past]) -> BTreeSet<&'a str> {
    commits(facts, pasts.iter().filter_map(|past| past.stable.as_ref()))
}

/// True when the walk ends somewhere: each unit has a stable release to count from.
fn has_start(pasts: &[Past]) -> bool {
    pasts.iter().all(|past| past.stable.is_some())
}

fn commits<'a, 'b>(
    facts: &'a Facts,
    releases: impl Iterator<Item = &'b (Version, String)>,
) -> BTreeSet<&'a str> {
    releases.filter_map(|(_, tag)| facts.tags.get(tag)).map(String::as_str).collect()
}

/// The oldest of these commits, by the times that they carry.
fn oldest(shell: &Shell, commits: &BTreeSet<&str>) -> anyhow::Result<Option<String>> {
    let words = ["rev-list", "--no-walk=sorted"].into_iter().chain(commits.iter().copied());
    let sorted = if commits.is_empty() { String::new() } else { shell.read(&Command::new("git", words))? };
    Ok(sorted.lines().last().map(str::to_owned))
}

/// The newest commit that is in the history of all of these; `None` where there is none.
fn common(shell: &Shell, commits: &BTreeSet<&str>) -> anyhow::Result<Option<String>> {
    if commits.len() < 2 {
        return Ok(commits.first().map(|commit| (*commit).to_owned()));
    }
    let words = ["merge-base", "--octopus"].into_iter().chain(commits.iter().copied());
    let found = shell.capture(&Command::new("git", words))?;
    // Exit 1 says that they have no common history; the walk then goes back to the beginning.
    Ok(Some(found.text()).filter(|text| found.is_success() && !text.is_empty()))
}

/// The one walk. A record is `/ID PARENTS`, a line end and the message, or the path of a file; no path starts with `/`.
fn walk(shell: &Shell, facts: &Facts, start: Option<&str>) -> anyhow::Result<Walk> {
    let mut walk = Walk::new(facts);
    let fixed = [
        // What a person configured for their own eyes must not change what is read here.
        "-c",
        "log.showSignature=false",
        "log",
        "-z",
        "--name-only",
        "--no-renames",
        "--no-diff-merges",
        "--no-notes",
        "--no-color",
        "--no-ext-diff",
        "--relative",
        "--encoding=UTF-8",
        "--format=/%H %P%n%B",
    ];
    let range = std::iter::once(facts.commit.clone()).chain(start.map(|start| format!("^{start}")));
    let arguments = fixed.map(str::to_owned).into_iter().chain(range);
    shell.records(&Command::new("git", arguments), |record| walk.record(record))?;
    walk.end();
    Ok(walk)
}

/// The digest of each package's folder in each commit that counts.
struct Trees(HashMap<(String, String), String>);

fn trees(shell: &Shell, facts: &Facts, pasts: &[Past]) -> anyhow::Result<Trees> {
    let mut wanted: Vec<(String, String)> = Vec::new();
    for commit in releases(facts, pasts).into_iter().chain([facts.commit.as_str()]) {
        wanted.extend(facts.packages.iter().map(|package| (commit.to_owned(), package.folder.clone())));
    }
    // From the folder that is asked in: the workspace need not be the top of its repository.
    let questions: String = wanted.iter().map(|(commit, folder)| format!("{commit}:./{folder}\n")).collect();
    let answers = shell.read(&Command::new("git", ["cat-file", "--batch-check"]).reading(questions))?;
    let of = |answer: &str| {
        answer.split_once(' ').filter(|(_, rest)| rest.starts_with("tree ")).map(|(id, _)| id.to_owned())
    };
    let pairs = wanted.into_iter().zip(answers.lines());
    Ok(Trees(pairs.filter_map(|(key, answer)| Some((key, of(answer)?))).collect()))
}

impl Trees {
    fn changes(&self, release: Option<&str>, now: &str, package: &Package, commits: Vec<usize>) -> Changes {
        let of = |commit: &str| self.0.get(&(commit.to_owned(), package.folder.clone()));
        let before = release.and_then(of);
        Changes { is_changed: before.is_none() || before != of(now), is_new: before.is_none(), commits }
    }
}
