//! Questions that must be answered with a pass before anything is released. Pure: evidence in, verdict out.
//!
//! - Only [`Verdict::Pass`] opens. What is missing, unknown, too old or of another question never passes, and a tool that
//!   crashed is an [`Verdict::Error`], whatever it had said before.
//! - Every gate is asked every time, and all answers are shown together, each with what it rests on and with what opens
//!   it.
//! - Gates are asked before the build and again before the first effect. Those about bytes have nothing to look at before
//!   the build: they are pending then, and do not stop it.
//!
//! The questions are data ([`config`]). Evidence is gathered in `evidence.rs`; each file of this folder judges one kind.

pub(crate) mod approvals;
pub(crate) mod bytes;
pub(crate) mod checks;
pub(crate) mod config;
pub(crate) mod history;
pub(crate) mod report;
pub(crate) mod tools;
pub(crate) mod waits;

use jiff::Timestamp;
use serde::Serialize;

use crate::kept::Kept;
use crate::release::plan::Plan;
use config::Gate;

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It is so. Nothing else opens the gate.
    Pass,
    /// Nobody can say yet, or too few have said yes.
    Pending,
    /// It was so, and that is too long ago.
    Expired,
    /// The question could not be answered.
    Error,
    /// It is not so.
    Fail,
}

impl Verdict {
    /// The word that people read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "Pass",
            Verdict::Pending => "Pending",
            Verdict::Expired => "Expired",
            Verdict::Error => "Error",
            Verdict::Fail => "Fail",
        }
    }
}

/// A verdict, with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) verdict: Verdict,
    /// One fact a line.
    pub(crate) evidence: Vec<String>,
    /// The command that opens the gate, or what a person does; empty for a pass.
    pub(crate) next: String,
}

impl Answer {
    pub(crate) fn new(verdict: Verdict, evidence: impl Into<String>, next: impl Into<String>) -> Answer {
        Answer { verdict, evidence: vec![evidence.into()], next: next.into() }
    }

    pub(crate) fn pass(evidence: impl Into<String>) -> Answer {
        Answer::new(Verdict::Pass, evidence, "")
    }

    /// One answer of several that must all pass: the worst one decides. None at all is no pass.
    pub(crate) fn all(answers: Vec<Answer>) -> Answer {
        let Some(worst) = answers.iter().max_by_key(|answer| answer.verdict) else {
            return Answer::new(Verdict::Error, "there was nothing to look at", "look at the gate's table");
        };
        Answer {
            verdict: worst.verdict,
            next: worst.next.clone(),
            evidence: answers.into_iter().flat_map(|answer| answer.evidence).collect(),
        }
    }
}

/// What was gathered for a gate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Evidence {
    /// There are no bytes yet that the question is about.
    NoSeal,
    /// The question could not be asked, for these reasons.
    Unknown(Vec<String>),
    Tree(history::Tree),
    Branch(history::Branch),
    Versions(history::Versions),
    Changelog(Vec<history::Noted>),
    Ci(checks::Known),
    Api(Vec<tools::Compared>),
    Policy(tools::Policy),
    Reproduced(Kept<bytes::Reproduced>),
    Tried(Kept<bytes::Tried>),
    Approvals(approvals::Approvals),
    Zones(Vec<Result<jiff::tz::TimeZone, String>>),
    Issues(Vec<crate::release::protocol::Issue>),
    Events(Vec<waits::Events>),
    Drill(waits::Drill),
    Settings(waits::Settings),
    Ran(tools::Ran),
}

/// What is judged: the plan, and the staged files where there are any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) manifest: Option<&'a crate::release::manifest::Manifest>,
    pub(crate) now: Timestamp,
}

/// What a gate says to some evidence.
pub(crate) fn verdict(gate: &Gate, evidence: &Evidence, case: Case) -> Answer {
    match (gate, evidence) {
        (_, Evidence::NoSeal) => {
            Answer::new(Verdict::Pending, "nothing is staged yet", "cargo xtask release stage")
        }
        (_, Evidence::Unknown(why)) => Answer {
            verdict: Verdict::Error,
            evidence: why.clone(),
            next: "put right what is named here, then: cargo xtask release gate".to_owned(),
        },
        (Gate::CleanTree, Evidence::Tree(found)) => history::tree(found, &case.plan.commit),
        (Gate::Branch, Evidence::Branch(found)) => history::branch(found),
        (Gate::Version, Evidence::Versions(found)) => history::versions(found),
        (Gate::Changelog, Evidence::Changelog(found)) => history::changelog(found),
        (Gate::Ci { source, checks }, Evidence::Ci(found)) => {
            checks::judge(*source, checks, found, &case.plan.commit, case.now)
        }
        (Gate::Api { .. }, Evidence::Api(found)) => tools::api(found),
        (Gate::Policy { checks, days_max }, Evidence::Policy(found)) => {
            tools::policy(found, checks, *days_max, case.now)
        }
        (Gate::Reproducible { targets }, Evidence::Reproduced(found)) => {
            bytes::reproducible(found, targets.as_deref(), case)
        }
        (Gate::Smoke { targets }, Evidence::Tried(found)) => bytes::smoke(found, targets.as_deref(), case),
        (Gate::Approvals { needed, age_max }, Evidence::Approvals(found)) => {
            approvals::judge(found, *needed, config::duration(age_max), None, case)
        }
        (Gate::Window { freezes }, Evidence::Zones(zones)) => waits::window(freezes, zones, case.now),
        (Gate::Issues { label }, Evidence::Issues(found)) => waits::issues(label, found),
        (Gate::Soak { event, hours_min, .. }, Evidence::Events(found)) => {
            waits::soak(event, *hours_min, found, case.now)
        }
        (Gate::Drill { name }, Evidence::Drill(found)) => waits::drill(name, found),
        (Gate::GithubSettings { days_max }, Evidence::Settings(found)) => {
            waits::settings(found, *days_max, case)
        }
        (Gate::Command { .. }, Evidence::Ran(found)) => tools::command(found),
        // A kind that is judged by evidence of another one would be open to whoever can make that.
        _ => Answer::new(
            Verdict::Error,
            "what was gathered answers another question",
            "this is a defect in xtask, please report it",
        ),
    }
}

/// A gate, and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Asked {
    /// Its name in release/gates.toml.
    pub(crate) gate: String,
    /// Its kind; `unknown` for a gate of the plan that is not declared.
    pub(crate) kind: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) evidence: Vec<String>,
    /// The command that opens it.
    pub(crate) next: String,
    /// True for a gate about bytes, asked before there were any: it stops no build, and is asked again.
    pub(crate) waits: bool,
}

impl Asked {
    /// A gate with its answer.
    pub(crate) fn new(name: &str, gate: &Gate, evidence: &Evidence, case: Case) -> Asked {
        let Answer { verdict, evidence: facts, next } = verdict(gate, evidence, case);
        Asked {
            gate: name.to_owned(),
            kind: gate.kind(),
            verdict,
            evidence: facts,
            next,
            waits: gate.needs_seal() && *evidence == Evidence::NoSeal && case.manifest.is_none(),
        }
    }

    /// A gate that the plan names and that nobody declared.
    pub(crate) fn unknown(name: &str) -> Asked {
        Asked {
            gate: name.to_owned(),
            kind: "unknown",
            verdict: Verdict::Error,
            evidence: vec![format!("the plan names it, and {} does not", config::FILE)],
            next: "make the plan again: cargo xtask release plan".to_owned(),
            waits: false,
        }
    }

    /// True where it stops what comes next.
    pub(crate) fn stops(&self) -> bool {
        self.verdict != Verdict::Pass && !self.waits
    }
}

#[cfg(test)]
mod tests;
