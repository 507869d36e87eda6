//! The staging folder: where it is, how it is read, and what is refused.
//!
//! It holds the plan, the manifest, and one file for each artifact of the plan, at the artifact's path. Whoever uses it
//! asks here first: [`check`] reads every byte and compares with the manifest, and the front also compares with the
//! repository (`check_here`). Every problem is found in one go, and one is enough to refuse the whole folder.
//!
//! Plan and manifest have one form of text each, and any other is refused: so each byte of the folder counts, also a
//! blank that would mean nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use crate::release::manifest::{self, Manifest, Seal};
use crate::release::plan::{self, Kind as ArtifactKind, Plan};
use crate::release::protocol::stage::REHEARSAL;
use crate::release::{facts, plan_of};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files::{self, Kind};
use nexus_xtask::workspace::Workspace;

/// What brings a folder into being again.
const AGAIN: &str = "cargo xtask release stage";

/// Where a release is staged when nothing else is said.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.state().join("release/staging")
}

/// The staging folder that a person names, or that of the workspace.
pub(crate) fn given(doors: &Doors, named: Option<&Path>) -> PathBuf {
    named.map_or_else(|| folder(&doors.workspace), |named| doors.environment.folder().join(named))
}

/// The one text of a plan or a manifest.
pub fn text(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value).map_err(anyhow::Error::from)? + "\n")
}

/// The plan, the manifest and the seal of a staging folder, when every byte of it is as it was staged.
///
/// # Errors
/// Exit 3, with all that is wrong: a file that differs, is missing, is not listed, or is no plain file; a manifest of
/// another plan; a path that leads out of the folder.
pub fn check(folder: &Path) -> Result<(Plan, Manifest, Seal)> {
    let (plan, manifest, findings) = look(folder)?;
    verdict(folder, plan, manifest, findings)
}

/// As [`check`], and the plan is the one of the commit that is checked out, with nothing changed and the same tools.
pub(crate) fn check_here(doors: &Doors, folder: &Path) -> Result<(Plan, Manifest, Seal)> {
    let (plan, manifest, mut findings) = look(folder)?;
    findings.extend(repository(doors, &plan)?);
    verdict(folder, plan, manifest, findings)
}

/// Refuses a folder that was signed for a rehearsal.
pub(crate) fn require_signed(folder: &Path, plan: &Plan) -> Result<()> {
    let mark = format!("trusted comment: {REHEARSAL}");
    for artifact in plan.artifacts.iter().filter(|artifact| artifact.kind == ArtifactKind::Signature) {
        let text = files::read_text(&folder.join(&artifact.file))?.unwrap_or_default();
        if text.lines().any(|line| line.starts_with(&mark)) {
            return Err(Failure::refused("what is staged was signed for a rehearsal")
                .why(format!("the key of `{}` was thrown away, so nobody can verify it", artifact.file))
                .next(format!("with the secret key in MINISIGN_SECRET_KEY: {AGAIN}")));
        }
    }
    Ok(())
}

fn verdict(
    folder: &Path,
    plan: Plan,
    manifest: Manifest,
    findings: Vec<Finding>,
) -> Result<(Plan, Manifest, Seal)> {
    if findings.is_empty() {
        let seal = manifest::seal(&plan, &manifest);
        return Ok((plan, manifest, seal));
    }
    Err(Failure::found(Exit::Refused, format!("`{}` is not what was staged", folder.display()), findings)
        .why("a release is published as it was staged, or not at all"))
}

fn look(folder: &Path) -> Result<(Plan, Manifest, Vec<Finding>)> {
    let mut findings = Vec::new();
    let plan = read(folder, manifest::PLAN, &mut findings, |text| {
        plan::parse(text).map_err(|findings| {
            findings
                .into_iter()
                .map(|finding| Finding::at(manifest::PLAN, finding.line, finding.problem, AGAIN))
                .collect()
        })
    })?;
    let manifest = read(folder, manifest::FILE, &mut findings, parse)?;
    let (Some(plan), Some(manifest)) = (plan, manifest) else {
        return Err(Failure::found(
            Exit::Refused,
            format!("`{}` holds no release that can be read", folder.display()),
            findings,
        ));
    };
    findings.extend(disagreements(&plan, &manifest));
    findings.extend(differences(folder, &manifest)?);
    Ok((plan, manifest, findings))
}

/// Reads one of the two documents; what is wrong with it joins the findings.
fn read<T: Serialize>(
    folder: &Path,
    name: &str,
    findings: &mut Vec<Finding>,
    parse: impl FnOnce(&str) -> std::result::Result<T, Vec<Finding>>,
) -> Result<Option<T>> {
    let path = folder.join(name);
    let bytes = match files::kind(&path)? {
        Kind::File { .. } => files::read(&path)?,
        Kind::Link | Kind::Folder | Kind::Absent => None,
    };
    let Some(bytes) = bytes else {
        findings.push(Finding::at(name, 0, "is no file here", AGAIN));
        return Ok(None);
    };
    let Ok(found) = String::from_utf8(bytes) else {
        findings.push(Finding::at(name, 0, "is not UTF-8", AGAIN));
        return Ok(None);
    };
    match parse(&found) {
        Ok(value) => {
            if text(&value)? != found {
                findings.push(Finding::at(name, 0, "is not the text that was staged", AGAIN));
            }
            Ok(Some(value))
        }
        Err(problems) => {
            findings.extend(problems);
            Ok(None)
        }
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> std::result::Result<T, Vec<Finding>> {
    serde_json::from_str(text)
        .map_err(|error| vec![Finding::at(manifest::FILE, error.line(), error.to_string(), AGAIN)])
}

/// Where plan and manifest do not say the same.
fn disagreements(plan: &Plan, manifest: &Manifest) -> Vec<Finding> {
    let of_manifest = |problem: String| Finding::at(manifest::FILE, 0, problem, AGAIN);
    let mut findings = Vec::new();
    if manifest.version != manifest::VERSION {
        let (found, known) = (manifest.version, manifest::VERSION);
        findings.push(of_manifest(format!("has version {found}, and this toolkit reads version {known}")));
    }
    if manifest.plan != plan.digest() {
        findings.push(of_manifest("was written for another plan".to_owned()));
    }
    let planned: BTreeSet<_> = plan.artifacts.iter().map(|artifact| artifact.file.as_str()).collect();
    for name in manifest.files.keys().filter(|name| !planned.contains(name.as_str())) {
        findings.push(of_manifest(format!("lists `{name}`, which the plan does not have")));
    }
    for name in planned.iter().filter(|name| !manifest.files.contains_key(**name)) {
        findings.push(of_manifest(format!("does not list `{name}`, which the plan has")));
    }
    findings
}

/// Where the folder is not what the manifest says.
fn differences(folder: &Path, manifest: &Manifest) -> Result<Vec<Finding>> {
    let here = Workspace::at(folder);
    let mut findings = Vec::new();
    let mut found = BTreeSet::new();
    for path in files::walk(folder)? {
        let name = here.name_of(&path);
        if name == manifest::PLAN || name == manifest::FILE {
            continue;
        }
        let problem = match manifest.files.get(&name) {
            None => Some("is in the folder, and nobody staged it".to_owned()),
            Some(_) if files::kind(&path)? == Kind::Link => Some("is a link".to_owned()),
            Some(staged) => {
                let bytes = files::stamp(&path).map_or(0, |stamp| stamp.length);
                // A size that differs says enough, and what is no plain file is never read.
                if bytes != staged.bytes {
                    Some(format!("has {bytes} bytes, and {} were staged", staged.bytes))
                } else {
                    let digest = files::digest(&path)?.filter(|digest| *digest == staged.sha256);
                    digest.is_none().then(|| "has other bytes than those that were staged".to_owned())
                }
            }
        };
        findings.extend(problem.map(|problem| Finding::at(&name, 0, problem, AGAIN)));
        found.insert(name);
    }
    let missing = manifest.files.keys().filter(|name| !found.contains(*name));
    findings.extend(missing.map(|name| Finding::at(name, 0, "is missing", AGAIN)));
    Ok(findings)
}

/// Where the repository is not what the plan was made of.
fn repository(doors: &Doors, plan: &Plan) -> Result<Vec<Finding>> {
    let facts = facts::gather(doors)?;
    if facts.commit != plan.commit {
        return Ok(vec![Finding::at(
            "",
            0,
            format!("commit `{}` is checked out, and `{}` was staged", facts.commit, plan.commit),
            format!("git checkout {}", plan.commit),
        )]);
    }
    if !facts.dirty.is_empty() {
        return Ok(vec![dirty(&facts)]);
    }
    Ok(plan_differences(plan, &plan_of(doors)?))
}

/// That the work tree is not the commit.
pub(crate) fn dirty(facts: &facts::Facts) -> Finding {
    let shown: Vec<_> = facts.dirty.iter().take(5).map(|entry| format!("`{}`", entry.trim())).collect();
    let more = facts.dirty.len().saturating_sub(shown.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Finding::at(
        "",
        0,
        format!("the work tree is not the commit: {}{more}", shown.join(", ")),
        "git status; commit what belongs to the release, put the rest aside",
    )
}

/// How the plan of this commit, made here and now, differs from the one that was staged.
fn plan_differences(staged: &Plan, here: &Plan) -> Vec<Finding> {
    if staged == here {
        return Vec::new();
    }
    let names: BTreeSet<_> = staged.tools.keys().chain(here.tools.keys()).collect();
    let version = |plan: &Plan, name: &String| plan.tools.get(name).cloned().unwrap_or("none".to_owned());
    let mut findings: Vec<_> = names
        .into_iter()
        .filter(|name| staged.tools.get(*name) != here.tools.get(*name))
        .map(|name| {
            let problem = format!(
                "`{name}` is `{}` here, and `{}` staged it",
                version(here, name),
                version(staged, name)
            );
            Finding::at("", 0, problem, format!("use that version, or stage again: {AGAIN}"))
        })
        .collect();
    if findings.is_empty() {
        let problem = "the plan of this commit, made here, is another one";
        findings.push(Finding::at(manifest::PLAN, 0, problem, format!("stage again: {AGAIN}")));
    }
    findings
}

#[cfg(test)]
mod tests;
