//! From what was seen to verdicts, and from verdicts to levels. Pure.
//!
//! - Only `True` is a pass: what could not be asked, what crashed and what is too old are words of their own.
//! - A level is shown where all evidence of it that applies here is true, and at least one is, and nothing below it is
//!   false or crashed. What is not available below it takes nothing away: who watches a service has not its sources.
//! - A safety claim is not shown by positive evidence alone: all its negative evidence must be true as well.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use nexus_xtask::digest::Digest;

use super::config::{Claim, Evidence, Level};

/// What evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It was looked at, and is as claimed.
    True,
    /// It was looked at, and is not as claimed.
    False,
    /// It says nothing here: another system.
    NotApplicable,
    /// It was not looked at, or too long ago, or something else has changed since.
    NotAvailable,
    /// The look itself went wrong.
    Error,
}

impl Verdict {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::True => "true",
            Verdict::False => "false",
            Verdict::NotApplicable => "not applicable",
            Verdict::NotAvailable => "not available",
            Verdict::Error => "error",
        }
    }
}

/// What was seen of one piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sight {
    /// What it said.
    pub verdict: Verdict,
    /// The fact that decided.
    pub why: String,
    /// When it was seen.
    pub at: Timestamp,
    /// The files it was seen with; none where it does not depend on them.
    pub inputs: Option<Digest>,
}

/// One piece of evidence, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What it says now.
    pub verdict: Verdict,
    /// The fact that decided.
    pub why: String,
    /// When it was seen last; none where it never was.
    pub at: Option<Timestamp>,
}

/// Where and when is judged.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    /// Now.
    pub now: Timestamp,
    /// The files of now.
    pub inputs: Digest,
    /// The system: `linux`.
    pub platform: &'a str,
}

/// A claim, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The highest level that is shown.
    pub level: Level,
    /// Its evidence, in the order of the configuration.
    pub judged: Vec<Judged>,
}

/// Judges one piece of evidence by what was seen of it.
pub fn judge(evidence: &Evidence, sight: Option<&Sight>, here: Here<'_>) -> Judged {
    if !evidence.platforms.is_empty() && !evidence.platforms.iter().any(|known| known == here.platform) {
        let why = format!("this is {}; it is for {}", here.platform, evidence.platforms.join(", "));
        return Judged { verdict: Verdict::NotApplicable, why, at: None };
    }
    let Some(sight) = sight else {
        return Judged { verdict: Verdict::NotAvailable, why: "nobody has looked yet".into(), at: None };
    };
    let fallen = |why: String| Judged { verdict: Verdict::NotAvailable, why, at: Some(sight.at) };
    let age = here.now.as_second().saturating_sub(sight.at.as_second());
    if age < 0 {
        return fallen(format!("it was seen at {}, which is in the future", sight.at));
    }
    if sight.inputs.is_some_and(|inputs| inputs != here.inputs) {
        return fallen("it was seen with other files".into());
    }
    if evidence.ttl().is_some_and(|ttl| age.unsigned_abs() > ttl) {
        let ttl = evidence.ttl.as_deref().unwrap_or_default();
        return fallen(format!("it was seen at {}, and counts for {ttl}", sight.at));
    }
    Judged { verdict: sight.verdict, why: sight.why.clone(), at: Some(sight.at) }
}

/// The level of a claim whose evidence was judged.
pub fn level(claim: &Claim, judged: &[Judged]) -> Level {
    let all = || claim.evidence.iter().zip(judged);
    let negative = || all().filter(|(evidence, _)| evidence.negative).map(|(_, judged)| judged.verdict);
    let stands = |verdict| matches!(verdict, Verdict::True | Verdict::NotApplicable);
    if claim.safety && !(negative().any(|verdict| verdict == Verdict::True) && negative().all(stands)) {
        return Level::Planned;
    }
    let mut reached = Level::Planned;
    for wanted in Level::ALL.into_iter().skip(1) {
        let of_level =
            || all().filter(|(evidence, _)| evidence.level() == wanted).map(|(_, judged)| judged.verdict);
        if of_level().any(|verdict| matches!(verdict, Verdict::False | Verdict::Error)) {
            break;
        }
        let shown = of_level().any(|verdict| verdict == Verdict::True);
        if shown && of_level().all(stands) {
            reached = wanted;
        }
    }
    reached
}

/// Judges a claim by what was seen of its evidence.
pub fn show(claim: &Claim, sights: &[Option<Sight>], here: Here<'_>) -> Shown {
    let judged: Vec<_> = claim
        .evidence
        .iter()
        .enumerate()
        .map(|(at, evidence)| judge(evidence, sights.get(at).and_then(Option::as_ref), here))
        .collect();
    Shown { level: level(claim, &judged), judged }
}

#[cfg(test)]
mod tests;
