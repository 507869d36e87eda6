//! Prepares a release: the versions in manifests and lock file, the changelog cut, one commit on a branch.
//!
//! Everything is done in a checkout of the current commit that stands beside the person's own ([`checkout`]), so what is
//! not committed is no part of it, and none of it is touched. The same commit and the same wishes give the same tree, so
//! the same command again finds its work done.

pub(crate) mod wanted;
pub(crate) mod versions;
pub(crate) mod edit;
pub(crate) mod checkout;
pub(crate) mod pull;

use std::collections::BTreeMap;

use semver::Version;

use crate::release::changelog::{self, Cut, Entry};
use crate::release::changes;
use crate::release::config::{self, Config};
use crate::release::facts::{self, Facts};
use crate::release::notes::{self, Place};
use crate::release::units::{self, Unit};
use checkout::{Branch, Checkout};
use edit::{Manifest, New};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::shell::Command;
use versions::{Bump, Due, Versions};

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The next version, by the name of a unit or of a package in it.
    pub(crate) versions: BTreeMap<String, Version>,
    /// What the changelog says besides what is under Unreleased, by the name of the unit.
    pub(crate) entries: BTreeMap<String, Vec<Entry>>,
    /// Change files, from the root, with what stays of them; `None` for one that has said all.
    pub(crate) consumed: BTreeMap<String, Option<String>>,
    /// What a person may want to know.
    pub(crate) remarks: Vec<String>,
}

/// What was prepared.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) base: String,
    pub(crate) tree: String,
    pub(crate) bumps: Vec<Bump>,
    /// Subject of the commit and title of the pull request.
    pub(crate) title: String,
    /// What is released, for the pull request.
    pub(crate) body: String,
    /// How the tree differs from the base.
    pub(crate) diff: String,
    /// What a person may want to know.
    pub(crate) remarks: Vec<String>,
    /// The commit, where one was wanted and something differs.
    pub(crate) commit: Option<checkout::Committed>,
    pub(crate) repository: Option<String>,
    pub(crate) config: Config,
}

/// Prepares the release of the commit that is checked out, and commits it where a branch is given. `said` names versions;
/// what it says nothing of is as proposed. `None` where nothing is due.
pub(crate) fn prepare(
    doors: &Doors,
    said: &BTreeMap<String, Version>,
    branch: Option<&Branch>,
) -> Result<Option<Prepared>> {
    let checkout = Checkout::of_head(doors)?;
    let inside = doors.within(&checkout.root);
    let config = config::load(&inside.workspace)?;
    let facts = Facts { branch: checkout::current_branch(doors)?, ..facts::gather(&inside)? };
    if facts.shallow {
        return Err(Failure::refused(
            "the history is cut off, and with it the tags that say what is released",
        )
        .why("this is a shallow clone")
        .next("git fetch --unshallow --tags"));
    }
    let units = units::units(&config, &facts).map_err(refused)?;
    let wanted = wishes(&inside, &facts, &units, said)?;
    if wanted.versions.is_empty() {
        return Ok(None);
    }
    let manifests = manifests(&inside, &facts)?;
    let versions = versions::versions(&facts, &units, &manifests, &wanted.versions).map_err(refused)?;
    let places = notes::places(&config, &units);
    let date = doors.clock.now().to_string();
    let date = date.split('T').next().unwrap_or_default();

    let mut changed = bumped(&manifests, &versions)?;
    let cuts = cuts(&inside, &places, &wanted, &versions, date)?;
    changed.extend(cuts.files.clone());
    for (file, text) in &changed {
        files::write(&inside.workspace.file(file), text)?;
    }
    let mut paths: Vec<String> = changed.into_keys().collect();
    for (file, rest) in &wanted.consumed {
        let path = inside.workspace.file(file);
        match rest {
            Some(rest) => files::write(&path, rest)?,
            None => files::remove(&path)?,
        }
        paths.push(file.clone());
    }
    if versions.bumps.iter().any(|bump| bump.from != bump.to) && lock(&inside)? {
        paths.push("Cargo.lock".to_owned());
    }
    let tree = checkout.tree(&paths)?;
    let title = title(&versions.due);
    let diff = checkout.diff(&tree)?;
    let commit = match branch {
        Some(branch) if !diff.is_empty() => Some(checkout.commit(branch, &tree, &title)?),
        _ => None,
    };
    Ok(Some(Prepared {
        base: checkout.base.clone(),
        diff,
        tree,
        body: body(&versions.due, &places, &cuts.files),
        title,
        bumps: versions.bumps,
        remarks: wanted.remarks.into_iter().chain(cuts.remarks).collect(),
        commit,
        repository: crate::release::plan::repository(&config, &facts).ok(),
        config,
    }))
}

/// What is proposed for the commit, and what was said.
fn wishes(doors: &Doors, facts: &Facts, units: &[Unit], said: &BTreeMap<String, Version>) -> Result<Wanted> {
    // Whoever names versions gets them, also where nothing could be proposed.
    let (proposal, remark) = match crate::release::proposal_from(doors, facts, false) {
        Ok(proposal) => (Some(proposal), None),
        Err(failure) if said.is_empty() => return Err(failure),
        Err(failure) => {
            let why = failure.findings.first().map_or(&failure.problem, |finding| &finding.problem);
            (None, Some(format!("the changelog has only what is under Unreleased, since {why}")))
        }
    };
    let mut changes = Vec::new();
    for change in changes::load(doors, facts)? {
        let text = files::read_text(&doors.workspace.file(&change.file))?.unwrap_or_default();
        changes.push((change, text));
    }
    let wanted = wanted::wanted(proposal.as_ref(), &changes, units, said);
    Ok(Wanted { remarks: remark.into_iter().collect(), ..wanted })
}

fn refused(findings: Vec<Finding>) -> Failure {
    Failure::found(Exit::Usage, "this release cannot be prepared", findings)
}

/// Every manifest of the workspace, the root's first.
fn manifests(doors: &Doors, facts: &Facts) -> Result<Vec<Manifest>> {
    let of_packages = facts.packages.iter().map(|package| match package.folder.as_str() {
        "" => "Cargo.toml".to_owned(),
        folder => format!("{folder}/Cargo.toml"),
    });
    let mut names: Vec<_> = std::iter::once("Cargo.toml".to_owned()).chain(of_packages).collect();
    names.sort_by_key(|name| (name != "Cargo.toml", name.clone()));
    names.dedup();
    let (mut manifests, mut findings) = (Vec::new(), Vec::new());
    for name in names {
        let text = files::read_text(&doors.workspace.file(&name))?.unwrap_or_default();
        match Manifest::parse(name, text) {
            Ok(manifest) => manifests.push(manifest),
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() { Ok(manifests) } else { Err(refused(findings)) }
}

/// The manifests that change, by their names, with their new texts.
fn bumped(manifests: &[Manifest], versions: &Versions) -> Result<BTreeMap<String, String>> {
    let moving = versions.bumps.iter().filter(|bump| bump.from != bump.to);
    let new = New {
        packages: moving.map(|bump| (bump.package.as_str(), &bump.to)).collect(),
        inherited: versions.inherited.as_ref(),
    };
    let (mut changed, mut findings) = (BTreeMap::new(), Vec::new());
    for manifest in manifests {
        match manifest.with(&new) {
            Ok(text) if text != manifest.text => {
                changed.insert(manifest.file.clone(), text);
            }
            Ok(_) => {}
            Err(more) => findings.extend(more),
        }
    }
    if findings.is_empty() { Ok(changed) } else { Err(refused(findings)) }
}

/// The changelogs, cut.
struct Cuts {
    files: BTreeMap<String, String>,
    remarks: Vec<String>,
}

fn cuts(
    doors: &Doors,
    places: &BTreeMap<String, Place>,
    wanted: &Wanted,
    versions: &Versions,
    date: &str,
) -> Result<Cuts> {
    let mut cuts = Cuts { files: BTreeMap::new(), remarks: Vec::new() };
    let mut findings = Vec::new();
    for due in &versions.due {
        let Some(place) = places.get(&due.unit.name) else { continue };
        let entries = wanted.entries.get(&due.unit.name).map(Vec::as_slice).unwrap_or_default();
        let there = match cuts.files.get(&place.file) {
            Some(text) => Some(text.clone()),
            None => files::read_text(&doors.workspace.file(&place.file))?,
        };
        let Some(text) = there.or_else(|| (!entries.is_empty()).then(|| NEW.to_owned())) else {
            cuts.remarks.push(format!("there is no `{}` to say what {} brings", place.file, due.tag));
            continue;
        };
        let sharing = versions.due.iter().filter(|other| places.get(&other.unit.name) == Some(place)).count();
        if sharing > 1 && changelog::unreleased(&text).is_some_and(|text| !text.is_empty()) {
            findings.push(ambiguous(place, due));
            continue;
        }
        let name = name_in(place, due);
        let cut = Cut { name: &name, tag: &due.tag, date, entries };
        match changelog::cut(&text, &cut) {
            Ok(done) => {
                let form = changelog::findings(&text).into_iter();
                cuts.remarks
                    .extend(form.map(|found| format!("{}:{}: {}", place.file, found.line, found.problem)));
                let text = done;
                if changelog::section(&text, &name).is_none_or(|section| section.is_empty()) {
                    cuts.remarks.push(format!("`{}` says nothing of {name}", place.file));
                }
                cuts.files.insert(place.file.clone(), text);
            }
            Err(more) => {
                findings
                    .extend(more.into_iter().map(|finding| Finding { file: place.file.clone(), ..finding }));
            }
        }
    }
    findings.dedup();
    if findings.is_empty() { Ok(cuts) } else { Err(refused(findings)) }
}

/// A changelog that begins with this release.
const NEW: &str = "# Changelog\n\nThe format is [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).\n\n## [Unreleased]\n";

fn ambiguous(place: &Place, due: &Due) -> Finding {
    Finding::at(
        &place.file,
        0,
        "what is under Unreleased could belong to any of the units that are released together",
        format!(
            "give each a changelog of its own (`packages.{}.changelog` in {})",
            due.unit.packages[0],
            config::FILE
        ),
    )
}

fn name_in(place: &Place, due: &Due) -> String {
    if place.is_shared { due.tag.clone() } else { due.to.to_string() }
}

/// Brings the lock file up to date: offline where that is enough, since only packages of the workspace change. False
/// where the repository has none.
fn lock(doors: &Doors) -> Result<bool> {
    if !doors.workspace.file("Cargo.lock").is_file() {
        return Ok(false);
    }
    let update = |more: &[&str]| {
        let words = ["update", "--quiet", "--workspace"].into_iter().chain(more.iter().copied());
        doors.shell.capture(&Command::new("cargo", words))
    };
    if update(&["--offline"])?.is_success() {
        return Ok(true);
    }
    // A machine that never built this workspace has no copy of the registry's index to resolve with.
    let asked = update(&[])?;
    if asked.is_success() {
        return Ok(true);
    }
    Err(Failure::refused("cargo cannot bring the lock file up to date").why(asked.stderr.trim()).next(
        "make `cargo update --workspace` pass (the registry must be reachable once), then run this again",
    ))
}

/// `release: one 1.2.0, two 0.3.0`.
fn title(due: &[Due]) -> String {
    let named: Vec<_> = due.iter().map(|due| format!("{} {}", name_of(&due.unit), due.to)).collect();
    format!("release: {}", named.join(", "))
}

/// A unit of all packages has no name that people know; its first package has.
fn name_of(unit: &Unit) -> &str {
    match (unit.name.as_str(), unit.packages.as_slice()) {
        ("workspace", [first, ..]) => first,
        (name, _) => name,
    }
}

/// The longest text of a pull request, in bytes; GitHub refuses more than 65,536 characters.
const BODY_MAX: usize = 60_000;

fn body(due: &[Due], places: &BTreeMap<String, Place>, cuts: &BTreeMap<String, String>) -> String {
    let mut body = String::from(
        "Merging this makes its commit the release commit: plan, gates and publishing start from it.\n\
         The branch follows the default branch until then; what is changed on it by hand stops that.\n",
    );
    for due in due {
        body.push_str(&format!("\n## {} {}\n\n", name_of(&due.unit), due.to));
        let place = places.get(&due.unit.name);
        let text = place.and_then(|place| cuts.get(&place.file).map(|text| (place, text)));
        let section = text.and_then(|(place, text)| changelog::section(text, &name_in(place, due)));
        body.push_str(
            section.filter(|text| !text.is_empty()).as_deref().unwrap_or("The changelog says nothing."),
        );
        body.push('\n');
    }
    if body.len() > BODY_MAX {
        body.truncate(body.floor_char_boundary(BODY_MAX));
        body.push_str("\n\nThe rest is in the changelog.\n");
    }
    body
}
