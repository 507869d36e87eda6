//! What is known about the staged bytes: that two builds gave the same, and that the binaries run. Pure.
//!
//! The evidence is a file that a command left (`kept.rs`). It counts for one plan, and only as far as it names the very
//! digests that are staged: evidence of other bytes is no evidence of these.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::history::some;
use super::{Answer, Case, Verdict};
use crate::kept::Kept;
use crate::release::plan::{Artifact, Kind};
use nexus_xtask::clock::ago;
use nexus_xtask::digest::Digest;

/// What builds of the same plan gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reproduced {
    /// The plan's digest.
    pub(crate) plan: Digest,
    /// When the last build ended.
    pub(crate) at: Timestamp,
    /// For each build the digest of every archive and package that it made, by path in the staging folder.
    pub(crate) builds: Vec<BTreeMap<String, Digest>>,
}

/// How the binaries of the archives ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tried {
    /// The plan's digest.
    pub(crate) plan: Digest,
    /// When the last one ended.
    pub(crate) at: Timestamp,
    /// The archives that were unpacked, by path in the staging folder.
    pub(crate) archives: BTreeMap<String, Trial>,
}

/// How the binaries of one archive ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trial {
    /// The digest of the archive.
    pub(crate) sha256: Digest,
    /// Each command, as a person would type it, and its exit status; none where a signal ended it.
    pub(crate) runs: Vec<(String, Option<i32>)>,
}

pub(crate) fn reproducible(kept: &Kept<Reproduced>, targets: Option<&[String]>, case: Case) -> Answer {
    let again = "cargo xtask release reproducible";
    let no = |verdict, fact: String| Answer::new(verdict, fact, again);
    let found = match whole(kept, case, |found| found.plan, again) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let count = found.builds.len();
    if count < 2 {
        return no(Verdict::Error, format!("{count} builds say nothing about another one"));
    }
    let files = asked(case, targets, &[Kind::Archive, Kind::Symbols, Kind::Crate]);
    if files.is_empty() {
        return no(Verdict::Error, "the plan has nothing of that kind that could be built twice".to_owned());
    }
    let differing: Vec<_> = files
        .iter()
        .filter(|file| found.builds.windows(2).any(|pair| pair[0].get(**file) != pair[1].get(**file)))
        .map(|file| format!("`{file}`"))
        .collect();
    if !differing.is_empty() {
        return no(Verdict::Fail, format!("two builds gave different bytes: {}", some(&differing)));
    }
    let left: Vec<_> = files
        .iter()
        .filter(|file| !found.builds[0].contains_key(**file))
        .map(|file| format!("`{file}`"))
        .collect();
    if !left.is_empty() {
        return no(Verdict::Pending, format!("not built twice: {}", some(&left)));
    }
    let others: Vec<_> = files
        .iter()
        .filter(|file| found.builds[0].get(**file).copied() != staged(case, file))
        .map(|file| format!("`{file}`"))
        .collect();
    if !others.is_empty() {
        return no(Verdict::Fail, format!("what was built twice is not what is staged: {}", some(&others)));
    }
    Answer::pass(format!("{count} builds gave the same {} files, {}", files.len(), ago(found.at, case.now)))
}

pub(crate) fn smoke(kept: &Kept<Tried>, targets: Option<&[String]>, case: Case) -> Answer {
    let again = "cargo xtask release smoke";
    let no = |verdict, fact: String| Answer::new(verdict, fact, again);
    let found = match whole(kept, case, |found| found.plan, again) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let archives = asked(case, targets, &[Kind::Archive]);
    let answers = archives.iter().map(|file| match found.archives.get(*file) {
        None => no(Verdict::Pending, format!("`{file}` was not tried")),
        Some(trial) if staged(case, file) != Some(trial.sha256) => {
            no(Verdict::Fail, format!("another `{file}` was tried than is staged"))
        }
        Some(trial) if trial.runs.is_empty() => no(Verdict::Error, format!("nothing of `{file}` was run")),
        Some(trial) => match trial.runs.iter().find(|(_, exit)| *exit != Some(0)) {
            Some((command, Some(exit))) => {
                no(Verdict::Fail, format!("`{command}` of `{file}` exited with {exit}"))
            }
            Some((command, None)) => {
                no(Verdict::Fail, format!("`{command}` of `{file}` was ended by a signal"))
            }
            None => Answer::pass(format!(
                "`{file}`: {} binaries ran, {}",
                trial.runs.len(),
                ago(found.at, case.now)
            )),
        },
    });
    let answers: Vec<_> = answers.collect();
    match answers.is_empty() {
        true => no(Verdict::Error, "the plan has no archive of a target that is to be tried".to_owned()),
        false => Answer::all(answers),
    }
}

/// The files of the plan that the question is about; `targets` is `None` for those of all.
fn asked<'a>(case: Case<'a>, targets: Option<&[String]>, kinds: &[Kind]) -> Vec<&'a str> {
    let is_asked = |artifact: &&Artifact| {
        let of = |target: &String| targets.is_none_or(|targets| targets.contains(target));
        kinds.contains(&artifact.kind) && artifact.target.as_ref().is_none_or(of)
    };
    case.plan.artifacts.iter().filter(is_asked).map(|artifact| artifact.file.as_str()).collect()
}

/// The evidence, if it is there, whole, and of this plan.
fn whole<'a, T>(
    kept: &'a Kept<T>,
    case: Case,
    plan: impl Fn(&T) -> Digest,
    again: &str,
) -> Result<&'a T, Box<Answer>> {
    let answer = match kept {
        Kept::Whole(found) if plan(found) == case.plan.digest() => return Ok(found),
        Kept::Whole(_) => Answer::new(Verdict::Fail, "the evidence is of another plan", again),
        Kept::Tampered(why) => Answer::new(Verdict::Error, why.clone(), again),
        Kept::Absent => Answer::new(Verdict::Pending, "nobody has looked yet", again),
    };
    Err(Box::new(answer))
}

fn staged(case: Case, file: &str) -> Option<Digest> {
    Some(case.manifest?.files.get(file)?.sha256)
}

#[cfg(test)]
mod tests;
