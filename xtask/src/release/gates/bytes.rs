//! What is known about the staged bytes: that a second build gave the same, and that the programs run. Pure.
//!
//! The evidence is a file that a command left (`kept.rs`). It counts for one seal, and only as far as it names the very
//! digests that are staged: evidence of other bytes is no evidence of these. What could not be looked at on the machine
//! that looked is named in it, and is no pass.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::history::some;
use super::{Answer, Case, Verdict};
use crate::clock::ago;
use crate::digest::Digest;
use crate::release::manifest::{self, Seal};
use crate::release::plan::{Artifact, Kind};

/// The version of both formats.
pub(crate) const VERSION: u32 = 1;

/// What came of building a seal's commit a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reproducible {
    /// [`VERSION`].
    pub(crate) v: u32,
    pub(crate) plan: Digest,
    pub(crate) seal: Seal,
    pub(crate) at: Timestamp,
    /// True when there was something to compare and nothing differs.
    pub(crate) passed: bool,
    /// The archives and packages that were compared.
    pub(crate) digests: Vec<Compared>,
    /// Archives that the machine could not build.
    pub(crate) uncompared: Vec<String>,
}

/// A file that was built twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Compared {
    /// Its path in the staging folder.
    pub(crate) file: String,
    pub(crate) first: Digest,
    /// `None` where the second build did not make it.
    pub(crate) second: Option<Digest>,
}

/// What came of trying the archives of a seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Smoke {
    /// [`VERSION`].
    pub(crate) v: u32,
    pub(crate) plan: Digest,
    pub(crate) seal: Seal,
    pub(crate) at: Timestamp,
    /// True when every program that was tried answered, and one was tried.
    pub(crate) passed: bool,
    pub(crate) tried: Vec<Tried>,
    /// Archives for other machines.
    pub(crate) untried: Vec<String>,
}

/// A program that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tried {
    /// The archive, by its path in the staging folder, and its digest.
    pub(crate) file: String,
    pub(crate) sha256: Digest,
    /// The program with its arguments.
    pub(crate) command: String,
    pub(crate) passed: bool,
    /// How it ended, and the first line it said.
    pub(crate) said: String,
}

/// A file of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept<T> {
    /// There is none.
    Absent,
    /// It is not what was written, for this reason.
    Broken(String),
    /// It is whole.
    Whole(T),
}

/// The targets whose archives are asked about; `None` for all.
type Targets<'a> = Option<&'a [String]>;

pub(crate) fn reproducible(kept: &Kept<Reproducible>, targets: Targets, case: Case) -> Answer {
    let again = "cargo xtask release reproducible";
    let no = |verdict, fact: String| Answer::new(verdict, fact, again);
    let found = match whole(kept, case, again, |found| (found.v, found.plan, found.seal)) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let files = asked(case, targets, &[Kind::Archive, Kind::Symbols, Kind::Crate]);
    if files.is_empty() {
        return no(Verdict::Error, "the plan has nothing that could be built twice".to_owned());
    }
    let that = |counts: &dyn Fn(&str, &Compared) -> bool| -> Vec<String> {
        let all = files.iter().filter(|file| {
            found.digests.iter().any(|compared| compared.file == **file && counts(file, compared))
        });
        all.map(|file| format!("`{file}`")).collect()
    };
    let compared = that(&|_, _| true);
    let differing = that(&|_, compared| compared.second != Some(compared.first));
    let others = that(&|file, compared| staged(case, file) != Some(compared.first));
    if !differing.is_empty() {
        return no(Verdict::Fail, format!("two builds gave different bytes: {}", some(&differing)));
    }
    if !others.is_empty() {
        return no(Verdict::Fail, format!("what was built twice is not what is staged: {}", some(&others)));
    }
    if compared.len() < files.len() {
        let left = files.iter().map(|file| format!("`{file}`")).filter(|file| !compared.contains(file));
        return no(Verdict::Pending, format!("not built twice: {}", some(&left.collect::<Vec<_>>())));
    }
    if !found.passed {
        return no(Verdict::Fail, "whoever built it a second time says that it is not the same".to_owned());
    }
    Answer::pass(format!("a second build gave the same {} files, {}", files.len(), ago(found.at, case.now)))
}

pub(crate) fn smoke(kept: &Kept<Smoke>, targets: Targets, case: Case) -> Answer {
    let again = "cargo xtask release smoke";
    let no = |verdict, fact: String| Answer::new(verdict, fact, again);
    let found = match whole(kept, case, again, |found| (found.v, found.plan, found.seal)) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let archives = asked(case, targets, &[Kind::Archive]);
    if archives.is_empty() {
        return no(Verdict::Error, "the plan has no archive that could be tried".to_owned());
    }
    let answers = archives.iter().map(|file| {
        let programs: Vec<_> = found.tried.iter().filter(|tried| tried.file == *file).collect();
        if programs.is_empty() {
            return no(Verdict::Pending, format!("nothing of `{file}` was tried"));
        }
        if programs.iter().any(|tried| staged(case, file) != Some(tried.sha256)) {
            return no(Verdict::Fail, format!("another `{file}` was tried than is staged"));
        }
        match programs.iter().find(|tried| !tried.passed) {
            Some(tried) => no(Verdict::Fail, format!("`{}` of `{file}`: {}", tried.command, tried.said)),
            None => Answer::pass(format!("`{file}` ran, {}", ago(found.at, case.now))),
        }
    });
    let answer = Answer::all(answers.collect());
    match answer.verdict == Verdict::Pass && !found.passed {
        true => no(Verdict::Fail, "whoever tried it says that it does not run".to_owned()),
        false => answer,
    }
}

/// The files of the plan that the question is about.
fn asked<'a>(case: Case<'a>, targets: Targets, kinds: &[Kind]) -> Vec<&'a str> {
    let is_asked = |artifact: &&Artifact| {
        let of = |target: &String| targets.is_none_or(|targets| targets.contains(target));
        kinds.contains(&artifact.kind) && artifact.target.as_ref().is_none_or(of)
    };
    case.plan.artifacts.iter().filter(is_asked).map(|artifact| artifact.file.as_str()).collect()
}

/// The evidence, if it is there, whole, and of this seal.
fn whole<'a, T>(
    kept: &'a Kept<T>,
    case: Case,
    again: &str,
    of: impl Fn(&T) -> (u32, Digest, Seal),
) -> Result<&'a T, Box<Answer>> {
    let seal = case.manifest.map(|manifest| manifest::seal(case.plan, manifest));
    let answer = match kept {
        Kept::Whole(found) => match of(found) {
            (VERSION, plan, of) if plan == case.plan.digest() && Some(of) == seal => return Ok(found),
            (VERSION, ..) => Answer::new(Verdict::Fail, "the evidence is of another seal", again),
            (other, ..) => {
                Answer::new(Verdict::Error, format!("the evidence has version {other}, not {VERSION}"), again)
            }
        },
        Kept::Broken(why) => Answer::new(Verdict::Error, why.clone(), again),
        Kept::Absent => Answer::new(Verdict::Pending, "nobody has looked yet", again),
    };
    Err(Box::new(answer))
}

fn staged(case: Case, file: &str) -> Option<Digest> {
    Some(case.manifest?.files.get(file)?.sha256)
}

#[cfg(test)]
mod tests;
