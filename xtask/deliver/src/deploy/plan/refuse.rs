//! Everything that forbids a deployment, all of it at once. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use nexus_xtask::failure::{Exit, Failure, Finding};

use crate::deploy::config::Stage;
use crate::deploy::contract::{HostName, ReleaseId, Trouble};

use super::{HostFacts, Kind, Plan};

/// A clock that is further off than this makes times in journals and undos worth nothing, in seconds.
const SKEW_SECONDS_MAX: i64 = 30;

/// A release needs this many times the size of its archive while it is unpacked.
const SPACE_TIMES: u64 = 5;

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What it is about: a host, a gate, `freeze`, ...
    pub what: String,
    /// The reason.
    pub why: String,
    /// What to do.
    pub next: String,
    /// True where a precondition is missing; false where a gate said no.
    pub missing: bool,
}

/// What is known beside the plan.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Hosts of the stage that gave no answer, and why.
    pub unreachable: BTreeMap<HostName, String>,
    /// The hosts of each stage before this one.
    pub upstream: BTreeMap<String, Vec<Result<HostFacts, Trouble>>>,
    /// Until when nothing is deployed here, as people read it; none where it is not frozen.
    pub frozen_until: Option<String>,
    /// The reason for which a freeze is broken.
    pub freeze_broken: Option<String>,
    /// Gates that were asked, and what those said that are not open.
    pub gates: Vec<Refusal>,
    /// This machine's clock, seconds since 1970.
    pub now_seconds: i64,
    /// The size of the archive, in bytes.
    pub bytes: u64,
}

/// All reasons against a plan.
pub fn refusals(
    plan: &Plan,
    stage: &Stage,
    hosts: &BTreeMap<HostName, HostFacts>,
    known: &Known,
) -> Vec<Refusal> {
    let mut all: Vec<Refusal> = known
        .unreachable
        .iter()
        .map(|(host, why)| {
            missing(&host.0, why.clone(), "make it reachable, or take it out of release/stages.toml")
        })
        .collect();
    for (host, facts) in hosts {
        all.extend(of_host(plan, host, facts, known));
    }
    if plan.kind == Kind::Deploy {
        for name in &stage.after {
            all.extend(of_upstream(plan, stage, name, known));
        }
        if let (Some(until), None) = (&known.frozen_until, &known.freeze_broken) {
            let next = "wait, or: --override-freeze REASON, which is written down";
            all.push(refused(
                "freeze",
                format!("nothing is deployed to `{}` until {until}", plan.stage),
                next,
            ));
        }
        all.extend(known.gates.iter().cloned());
    }
    all
}

fn of_host(plan: &Plan, host: &HostName, facts: &HostFacts, known: &Known) -> Vec<Refusal> {
    let mut all = Vec::new();
    let observed = &facts.observed;
    let skew = observed.clock_seconds - known.now_seconds;
    if skew.abs() > SKEW_SECONDS_MAX {
        let why = format!("its clock is {skew} s off");
        all.push(missing(&host.0, why, "set the clock there: undos and leases go by it"));
    }
    if let Some(hold) = observed.hold.as_ref().filter(|hold| hold.until_seconds > observed.clock_seconds) {
        let why = format!("on hold by {}: {}", hold.who, hold.reason);
        all.push(refused(&host.0, why, "cargo xtask deploy hold --release, when the reason is gone"));
    }
    let is_there =
        |release: &ReleaseId| observed.staged.iter().any(|staged| staged.release == *release && staged.whole);
    if let Some(back) = plan.back(host).filter(|back| !is_there(back)) {
        let why = format!("{} is gone, so it could not go back to it", back.0);
        all.push(missing(&host.0, why, "deploy that release again first, or raise `keep`"));
    }
    let needed = known.bytes.saturating_mul(SPACE_TIMES);
    if !is_there(&plan.bundle.id) && observed.free_bytes < needed {
        let why =
            format!("{} MB are free, and {} MB are needed", observed.free_bytes >> 20, (needed >> 20) + 1);
        all.push(missing(&host.0, why, "free space there"));
    }
    let contracted = facts.contracted();
    if plan.schema.0 < contracted && plan.restored.is_none() {
        let why = format!(
            "its data was contracted to schema {contracted}, and this release is of {}",
            plan.schema.0
        );
        all.push(missing(
            &host.0,
            why,
            "restore a backup from before that, then: cargo xtask deploy rollback --restored BACKUP",
        ));
    }
    if plan.kind == Kind::Rollback && !is_there(&plan.bundle.id) {
        let why = format!("{} is gone", plan.bundle.id.0);
        all.push(missing(&host.0, why, "deploy it again: its bytes are in the release"));
    }
    all
}

/// Only bytes that every host of the stage before confirmed, and for long enough, go on.
fn of_upstream(plan: &Plan, stage: &Stage, name: &str, known: &Known) -> Vec<Refusal> {
    let next = format!("cargo xtask deploy run --to {name} --execute");
    let Some(hosts) = known.upstream.get(name) else {
        return vec![missing(name, "it was not looked at".to_owned(), &next)];
    };
    let digest = plan.bundle.digest.to_string();
    let mut all = Vec::new();
    if hosts.is_empty() {
        all.push(missing(name, "it has no host, so nothing was confirmed there".to_owned(), &next));
    }
    for facts in hosts {
        let facts = match facts {
            Ok(facts) => facts,
            Err(trouble) => {
                all.push(missing(
                    name,
                    trouble.to_string(),
                    "a stage that gives no answer has not confirmed anything",
                ));
                continue;
            }
        };
        let confirmed = facts.observed.confirmed.clone();
        let since = facts.observed.history.iter().rev().find(|one| Some(&one.release) == confirmed.as_ref());
        let good = facts.good();
        let is_same = good.iter().any(|(release, labels)| {
            Some(release) == confirmed.as_ref() && labels.get("digest") == Some(&digest)
        });
        match (is_same, since) {
            (true, Some(since)) => {
                let rested = facts.observed.clock_seconds - since.at_seconds;
                let left = i64::from(stage.rest_seconds) - rested;
                if left > 0 {
                    let why =
                        format!("confirmed there for {rested} s, and must be for {} s", stage.rest_seconds);
                    all.push(refused(name, why, &format!("wait for {left} s")));
                }
            }
            _ => {
                let why = format!("{} has not been confirmed there with these bytes", plan.bundle.version);
                all.push(missing(name, why, &next));
            }
        }
    }
    all.dedup();
    all
}

fn missing(what: &str, why: String, next: &str) -> Refusal {
    Refusal { what: what.to_owned(), why, next: next.to_owned(), missing: true }
}

fn refused(what: &str, why: String, next: &str) -> Refusal {
    Refusal { what: what.to_owned(), why, next: next.to_owned(), missing: false }
}

/// All reasons as one failure: exit 3 where something is missing, 1 where gates alone said no.
pub fn failure(refusals: &[Refusal], problem: String) -> Failure {
    let exit = if refusals.iter().any(|one| one.missing) { Exit::Refused } else { Exit::No };
    let findings = refusals
        .iter()
        .map(|one| Finding::at("", 0, format!("{}: {}", one.what, one.why), one.next.clone()))
        .collect();
    Failure::found(exit, problem, findings)
}
