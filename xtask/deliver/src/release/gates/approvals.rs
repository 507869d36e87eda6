//! Whether enough people approved these very bytes. Pure; the signatures were looked at before.
//!
//! An approval counts when all of this is so, and is shown with the reason when it does not:
//! - its text is whole, and names this seal, this commit and these tags;
//! - it has not expired, was not made in the future, and is not older than the gate allows;
//! - its signer was a signer at the last release, and is one still: a release can take a signer away and add none;
//! - its signer neither made the release commit nor runs this command, under whichever name;
//! - nobody is counted twice, nor is a key.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Answer, Case, Verdict};
use crate::release::manifest;
use nexus_xtask::clock::ago;
use nexus_xtask::digest::Digest;

/// How far two clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Statement {
    /// [`Statement::NAME`].
    pub(crate) statement: String,
    pub(crate) seal: Digest,
    pub(crate) commit: String,
    pub(crate) tags: Vec<String>,
    /// The stage that it may be deployed to; none for an approval of the release itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<String>,
    /// A name of `release/approvers`.
    pub(crate) who: String,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
}

impl Statement {
    /// What the text says it is.
    pub(crate) const NAME: &str = "nexus-xtask-approval 1";
}

/// What became of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// It is of this text, by a key that the last release listed under this name, and that is listed still.
    Good {
        /// The key's fingerprint.
        key: String,
        /// The excluded people whose key this is.
        also: Vec<String>,
    },
    /// The key became a signer after the last release.
    Added,
    /// The key was a signer at the last release, and is none any more.
    Removed,
    /// The key was a signer under this name at no time.
    Stranger,
    /// The signature is not of this text, or not made for approvals.
    Bad,
}

/// An approval as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// What was signed; `None` where the text is no approval.
    pub(crate) statement: Option<Statement>,
    pub(crate) signature: Signature,
}

/// All that is known of approvals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Approvals {
    /// Where the signers are from, for a person.
    pub(crate) signers: String,
    /// Who does not count, and why: `ann@example.com`, `made the release commit`.
    pub(crate) excluded: Vec<(String, String)>,
    pub(crate) found: Vec<Found>,
    /// What else to know, such as a remote that could not be asked.
    pub(crate) notes: Vec<String>,
}

enum Counted<'a> {
    Yes { who: &'a str, key: &'a str, issued: Timestamp },
    TooOld(String),
    No(String),
}

/// Whether a release is approved; with a stage, whether it may be deployed there.
pub(crate) fn judge(
    found: &Approvals,
    needed: u32,
    age_max: Option<SignedDuration>,
    stage: Option<&str>,
    case: Case,
) -> Answer {
    let next = "cargo xtask release approve SEAL --key FILE, by somebody who did not make the release";
    let (Some(age_max), Some(manifest)) = (age_max, case.manifest) else {
        return Answer::new(
            Verdict::Error,
            "there is no seal that could be approved",
            "cargo xtask release stage",
        );
    };
    let seal = manifest::seal(case.plan, manifest);
    let next = next.replace("SEAL", &seal.to_string());
    let (mut people, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let (mut yes, mut old, mut no) = (Vec::new(), Vec::new(), Vec::new());
    for approval in &found.found {
        match counted(approval, found, seal, (age_max, stage), case) {
            Counted::Yes { who, key, issued } => {
                if people.insert(who.to_lowercase()) & keys.insert(key) {
                    yes.push(format!("approved by {who}, {}", ago(issued, case.now)));
                }
            }
            Counted::TooOld(why) => old.push(format!("does not count: {why}")),
            Counted::No(why) => no.push(format!("does not count: {why}")),
        }
    }
    let enough = yes.len() as u64 >= u64::from(needed);
    let verdict = match (enough, old.is_empty(), no.is_empty()) {
        (true, ..) => Verdict::Pass,
        (false, false, _) => Verdict::Expired,
        (false, true, false) => Verdict::Fail,
        (false, true, true) => Verdict::Pending,
    };
    let head = format!("{} of {needed} approvals; signers are {}", yes.len(), found.signers);
    let facts = [yes, old, no, found.notes.clone()];
    Answer {
        verdict,
        evidence: std::iter::once(head).chain(facts.into_iter().flatten()).collect(),
        next: if enough { String::new() } else { next },
    }
}

fn counted<'a>(
    approval: &'a Found,
    all: &Approvals,
    seal: Digest,
    (age_max, stage): (SignedDuration, Option<&str>),
    case: Case,
) -> Counted<'a> {
    let Some(statement) = &approval.statement else {
        return Counted::No("its text is no approval".to_owned());
    };
    let Statement { who, issued, expires, .. } = statement;
    let tags: Vec<_> = case.plan.releases.iter().map(|release| release.tag.clone()).collect();
    let no = |why: &str| Counted::No(format!("{who}: {why}"));
    let (key, also) = match &approval.signature {
        Signature::Bad => return no("the signature is not of this text"),
        Signature::Stranger => return no("is no signer"),
        Signature::Added => {
            return no("became a signer after the last release, and counts from the next one on");
        }
        Signature::Removed => return no("is no signer any more"),
        Signature::Good { key, also } => (key, also),
    };
    if statement.statement != Statement::NAME {
        return no("the text is of another kind");
    }
    if statement.seal != seal {
        return no("approved another seal");
    }
    if statement.commit != case.plan.commit || statement.tags != tags {
        return no("approved another commit or other tags");
    }
    if statement.stage.as_deref() != stage {
        return no("approved it for another purpose: a release, or another stage");
    }
    let own = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(who) || also.contains(name);
    if let Some((_, why)) = all.excluded.iter().find(own) {
        return no(why);
    }
    if *issued > case.now + SKEW || issued >= expires {
        return no("was made at a time that cannot be");
    }
    if *expires <= case.now {
        return Counted::TooOld(format!("{who}: expired {}", ago(*expires, case.now)));
    }
    if case.now.duration_since(*issued) > age_max {
        return Counted::TooOld(format!("{who}: was made {}", ago(*issued, case.now)));
    }
    Counted::Yes { who, key, issued: *issued }
}

#[cfg(test)]
mod tests;
