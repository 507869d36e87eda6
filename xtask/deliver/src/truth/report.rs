//! What a person sees of claims. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::config::{Config, Level};
use super::verdict::{Judged, Shown, Verdict};

/// A claim as data.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Told<'a> {
    id: &'a str,
    text: &'a str,
    owner: &'a str,
    phase: &'a str,
    level: Level,
    safety: bool,
    evidence: Vec<ToldEvidence>,
}

impl Told<'_> {
    /// True for the claim of this id.
    pub(crate) fn is(&self, id: &str) -> bool {
        self.id == id
    }
}

/// Its evidence as data.
#[derive(Clone, Debug, Serialize)]
struct ToldEvidence {
    what: String,
    shows: Level,
    verdict: Verdict,
    why: String,
    at: Option<jiff::Timestamp>,
}

/// Every claim as data.
pub(crate) fn told<'a>(config: &'a Config, shown: &BTreeMap<String, Shown>) -> Vec<Told<'a>> {
    let one = |(id, claim): (&'a String, &'a super::config::Claim)| {
        let shown = shown.get(id)?;
        let evidence = claim.evidence.iter().zip(&shown.judged).map(|(evidence, judged)| ToldEvidence {
            what: evidence.shown(),
            shows: evidence.level(),
            verdict: judged.verdict,
            why: judged.why.clone(),
            at: judged.at,
        });
        Some(Told {
            id,
            text: &claim.text,
            owner: &claim.owner,
            phase: &claim.phase,
            level: shown.level,
            safety: claim.safety,
            evidence: evidence.collect(),
        })
    };
    config.claims.iter().filter_map(one).collect()
}

/// One line for each claim, the highest first, and how many there are of each level.
pub(crate) fn table(config: &Config, shown: &BTreeMap<String, Shown>) -> String {
    let mut text = String::new();
    let longest = config.claims.keys().map(String::len).max().unwrap_or_default();
    let level = |id: &str| shown.get(id).map_or(Level::Planned, |shown| shown.level);
    let mut ids: Vec<_> = config.claims.keys().collect();
    ids.sort_by_key(|id| (std::cmp::Reverse(level(id)), id.as_str()));
    for id in ids {
        let weakest = shown.get(id).and_then(|shown| {
            shown
                .judged
                .iter()
                .find(|judged| !matches!(judged.verdict, Verdict::True | Verdict::NotApplicable))
        });
        let why = weakest
            .map_or(String::new(), |judged| format!("  {}: {}", judged.verdict.word(), first(&judged.why)));
        let _ = writeln!(text, "{:8}  {id:longest$}{why}", level(id).word());
    }
    let counts = Level::ALL.iter().rev().map(|wanted| {
        let count = config.claims.keys().filter(|id| level(id) == *wanted).count();
        format!("{count} {}", wanted.word())
    });
    text + &counts.collect::<Vec<_>>().join(", ")
}

/// Everything about one claim.
pub(crate) fn explained(config: &Config, id: &str, shown: &Shown) -> String {
    let Some(claim) = config.claims.get(id) else { return String::new() };
    let mut text = format!("{id}  {}\n  {}\n", shown.level.word(), claim.text);
    let _ = writeln!(
        text,
        "  owner {}, phase {}{}",
        claim.owner,
        claim.phase,
        if claim.safety { ", safety" } else { "" }
    );
    if claim.evidence.is_empty() {
        text += "  no evidence is declared: it is only planned\n";
    }
    for (evidence, judged) in claim.evidence.iter().zip(&shown.judged) {
        let at =
            judged.at.map_or(String::new(), |at| format!(", seen {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")));
        let _ = writeln!(
            text,
            "  {:8}  {}\n            {}: {}{at}",
            evidence.level().word(),
            evidence.shown(),
            judged.verdict.word(),
            judged.why.trim()
        );
    }
    text.trim_end().to_owned()
}

/// Why a level is not shown: the first evidence of it, or below it, that is not true; one that was seen to be wrong before one
/// that was not seen. None where there is no evidence of it at all.
pub(crate) fn missing(config: &Config, id: &str, shown: &Shown, wanted: Level) -> (Option<Verdict>, String) {
    let Some(claim) = config.claims.get(id) else { return (None, "it is no claim any more".into()) };
    let is_missing = |judged: &Judged| !matches!(judged.verdict, Verdict::True | Verdict::NotApplicable);
    let all = claim.evidence.iter().zip(&shown.judged);
    let found = all
        .filter(|(evidence, judged)| (evidence.level() <= wanted || evidence.negative) && is_missing(judged))
        .max_by_key(|(_, judged)| matches!(judged.verdict, Verdict::False | Verdict::Error));
    match found {
        Some((evidence, judged)) => {
            let why = format!("{}: {}: {}", evidence.shown(), judged.verdict.word(), first(&judged.why));
            (Some(judged.verdict), why)
        }
        None => (None, "no evidence is declared for it".into()),
    }
}

fn first(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}
