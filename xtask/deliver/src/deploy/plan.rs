//! The plan of a deployment: everything that will happen on which host, as a value, or all that forbids it. Pure.
//!
//! It holds no time, no verdict and no answer of a gate: those are asked when it is made and again when it is carried
//! out. Its digest is its name.

mod refuse;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use nexus_xtask::digest::Digest;

use crate::deploy::config::{Config, Inconclusive, Stage};
use crate::deploy::contract::{Bundle, Call, Fence, HostName, Line, Observed, ReleaseId};
use crate::deploy::engine::Hook;

pub use refuse::{Known, Refusal, failure, refusals};

/// The version of the format.
pub const VERSION: u32 = 1;

/// What an undo needs beyond the time in which a wave is changed and watched once, in seconds.
const ARM_MARGIN_SECONDS: u32 = 30;

/// The kind of the note that ends a deployment on a host.
pub const ENDED: &str = "deploy.ended";

/// The kind of the note that the data was contracted.
pub const CONTRACTED: &str = "deploy.contracted";

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A sealed release comes to a stage.
    Deploy,
    /// A stage goes to a release that was good there.
    Rollback,
}

/// The word of going back in notes.
const BACK: &str = "back";

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Deploy => "forward",
            Kind::Rollback => BACK,
        }
    }
}

/// Everything that will happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of the format.
    pub version: u32,
    /// The stage.
    pub stage: String,
    /// Which way it goes.
    pub kind: Kind,
    /// What the hosts get.
    pub bundle: Bundle,
    /// The hosts, in the order in which they are changed.
    pub waves: Vec<Vec<HostName>>,
    /// How many of a wave at once.
    pub parallel: usize,
    /// What each host goes back to; none where it never had a release.
    pub way_back: BTreeMap<HostName, Option<ReleaseId>>,
    /// Hosts that a killed deployment of this very release confirmed: they go back with the others.
    pub unfinished: BTreeSet<HostName>,
    /// The fence of each host when it was looked at. It is no part of what will happen, and so not of the digest.
    #[serde(skip)]
    pub seen: BTreeMap<HostName, Fence>,
    /// What is done before the first wave.
    pub before: Vec<Hook>,
    /// What must pass after the last one.
    pub after: Vec<Hook>,
    /// What takes out of the data what only earlier releases need, once every host confirmed.
    pub contract: Option<Vec<String>>,
    /// Why that has to wait, where it has to.
    pub contract_waits: Vec<String>,
    /// The backup from which the data was restored before a stage goes back.
    pub restored: Option<String>,
    /// Releases that stay on the hosts.
    pub keep: Vec<ReleaseId>,
    /// How long a wave is watched.
    pub soak_seconds: u32,
    /// How long may be waited for a verdict beyond that.
    pub wait_seconds_max: u32,
    /// How long requests under way may take.
    pub drain_seconds: u32,
    /// After how long an undo fires.
    pub arm_seconds: u32,
    /// What an end without a verdict does.
    pub on_inconclusive: Inconclusive,
    /// The shape of the data that the release writes, and the oldest that it runs on.
    pub schema: (u32, u32),
}

/// What is known of a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostFacts {
    /// How it is.
    pub observed: Observed,
    /// Its journal.
    pub journal: Vec<Line>,
}

impl HostFacts {
    /// Releases whose deployment succeeded here and that nobody went back from since, the oldest first, each with the
    /// labels of its last end.
    pub fn good(&self) -> Vec<(ReleaseId, &BTreeMap<String, String>)> {
        self.ends(false)
    }

    /// As [`good`](Self::good), with those that people went back from: who names one knows what it is.
    pub fn succeeded(&self) -> Vec<(ReleaseId, &BTreeMap<String, String>)> {
        self.ends(true)
    }

    fn ends(&self, with_left: bool) -> Vec<(ReleaseId, &BTreeMap<String, String>)> {
        let mut good: Vec<(ReleaseId, &BTreeMap<String, String>)> = Vec::new();
        for line in self.journal.iter().filter(|line| line.step == ENDED) {
            let Some(release) = line.labels.get("release") else { continue };
            let is = |name: &str, value: &str| line.labels.get(name).is_some_and(|said| said == value);
            if is("way", BACK) && !is("outcome", "succeeded") {
                // That a host did not get there says nothing about the release, which was good when it was left.
                continue;
            }
            let place = good.iter().position(|(known, _)| known.0 == *release);
            if let Some(place) = place.filter(|_| is("way", BACK) && !with_left) {
                // What came after it is what people went back from.
                good.truncate(place);
            }
            good.retain(|(known, _)| known.0 != *release);
            if is("outcome", "succeeded") {
                good.push((ReleaseId(release.clone()), &line.labels));
            }
        }
        good
    }

    /// How many deployments of a release, there or back, have ended here.
    pub fn ends_of(&self, release: &ReleaseId) -> usize {
        let is_of = |line: &&Line| line.labels.get("release") == Some(&release.0);
        self.journal.iter().filter(|line| line.step == ENDED).filter(is_of).count()
    }

    /// True for a release whose deployment succeeded here.
    fn is_good(&self, release: &ReleaseId) -> bool {
        self.good().iter().any(|(good, _)| good == release)
    }

    /// What this host goes back to when a release does not stay: what is confirmed, when that is good; where a killed
    /// deployment confirmed it, the newest good one before; without any, what it had.
    fn back(&self, release: &ReleaseId) -> Option<ReleaseId> {
        let confirmed = self.observed.confirmed.as_ref()?;
        if self.is_good(confirmed) {
            return Some(confirmed.clone());
        }
        let good = self.good().into_iter().rev().map(|(good, _)| good).find(|good| good != release);
        let earlier =
            || self.observed.history.iter().rev().map(|one| &one.release).find(|one| *one != release);
        good.or_else(|| if confirmed == release { earlier().cloned() } else { Some(confirmed.clone()) })
    }

    /// True while a deployment is under way here, or died: what runs is not known to be good.
    pub fn is_open(&self) -> bool {
        let observed = &self.observed;
        let confirmed = observed.confirmed.as_ref();
        observed.trial.is_some()
            || observed.armed.is_some()
            || confirmed.is_some_and(|one| !self.is_good(one))
    }

    /// The newest shape of the data that releases before cannot run on any more; 0 where nothing was contracted.
    pub fn contracted(&self) -> u32 {
        let schema = |line: &Line| line.labels.get("schema")?.parse().ok();
        self.journal.iter().fold(0, |before, line| match line.step.as_str() {
            CONTRACTED => schema(line).unwrap_or(0).max(before),
            // Data that was restored has all again that was in the backup.
            ENDED if line.labels.contains_key("restored") => 0,
            _ => before,
        })
    }

    /// True when the release is confirmed here and its deployment never ended.
    fn is_unfinished(&self, release: &ReleaseId) -> bool {
        self.observed.confirmed.as_ref() == Some(release) && !self.is_good(release)
    }
}

/// Makes the plan of a deployment.
pub fn make(
    config: &Config,
    name: &str,
    stage: &Stage,
    kind: Kind,
    bundle: Bundle,
    hosts: &BTreeMap<HostName, HostFacts>,
) -> Plan {
    let waves: Vec<Vec<HostName>> = match kind {
        Kind::Deploy => {
            stage.waves().into_iter().map(|wave| wave.into_iter().map(HostName).collect()).collect()
        }
        // Going back is for everybody at once.
        Kind::Rollback => vec![stage.names()],
    };
    let probe = &config.service.probe;
    let soak_seconds = if kind == Kind::Rollback { 0 } else { stage.soak_seconds };
    let parallel = match kind {
        Kind::Deploy => usize::try_from(stage.parallel).unwrap_or(1),
        Kind::Rollback => stage.hosts.len().max(1),
    };
    let largest = waves.iter().map(Vec::len).max().unwrap_or(1);
    let chunks = u32::try_from(largest.div_ceil(parallel.max(1))).unwrap_or(u32::MAX);
    // Every host of a wave is armed when its turn comes, and again when all have had theirs.
    let turn = 2 * probe.startup_seconds + config.service.drain_seconds;
    let before = match kind {
        Kind::Deploy => hooks_before(stage),
        Kind::Rollback => Vec::new(),
    };
    let checks = stage.checks.iter();
    let keep = keep(stage, hosts);
    let schema = schema(stage, kind, &bundle.id, hosts);
    let (contract, contract_waits) = match kind {
        Kind::Deploy => contract(stage, &bundle.id, &keep, hosts),
        Kind::Rollback => (None, Vec::new()),
    };
    Plan {
        version: VERSION,
        stage: name.to_owned(),
        kind,
        way_back: hosts.iter().map(|(host, facts)| (host.clone(), facts.back(&bundle.id))).collect(),
        unfinished: hosts
            .iter()
            .filter(|(_, facts)| facts.is_unfinished(&bundle.id))
            .map(|(host, _)| host.clone())
            .collect(),
        seen: hosts.iter().map(|(host, facts)| (host.clone(), facts.observed.fence)).collect(),
        contract,
        contract_waits,
        restored: None,
        keep,
        bundle,
        waves,
        parallel,
        before,
        after: checks.map(|(name, words)| Hook::Check { name: name.clone(), words: words.clone() }).collect(),
        soak_seconds,
        wait_seconds_max: stage.analysis.wait_seconds_max,
        drain_seconds: config.service.drain_seconds,
        arm_seconds: chunks.saturating_mul(turn).saturating_add(ARM_MARGIN_SECONDS),
        on_inconclusive: stage.analysis.on_inconclusive,
        schema,
    }
}

/// The shapes of the data that a release knows: those of the stage as it is declared now, or as they were when it came.
fn schema(
    stage: &Stage,
    kind: Kind,
    release: &ReleaseId,
    hosts: &BTreeMap<HostName, HostFacts>,
) -> (u32, u32) {
    let now = (stage.migrations.schema, stage.migrations.schema_min);
    let then = || {
        let good = hosts.values().flat_map(HostFacts::succeeded).find(|(one, _)| one == release)?.1;
        Some((good.get("schema")?.parse().ok()?, good.get("schema_min")?.parse().ok()?))
    };
    match kind {
        Kind::Deploy => now,
        Kind::Rollback => then().unwrap_or(now),
    }
}

/// A backup is made before the data changes: one of afterwards cannot be used by the release before.
fn hooks_before(stage: &Stage) -> Vec<Hook> {
    let backups = stage.backups.iter().map(|name| Hook::Backup(name.clone()));
    backups.chain(stage.migrations.expand.clone().map(Hook::Expand)).collect()
}

/// The command that contracts the data, or why that has to wait: every release that stays must run without what goes.
fn contract(
    stage: &Stage,
    release: &ReleaseId,
    keep: &[ReleaseId],
    hosts: &BTreeMap<HostName, HostFacts>,
) -> (Option<Vec<String>>, Vec<String>) {
    let schema = stage.migrations.schema;
    let Some(words) = &stage.migrations.contract else { return (None, Vec::new()) };
    if hosts.values().all(|facts| facts.contracted() >= schema) {
        return (None, Vec::new());
    }
    let mut waits = BTreeSet::new();
    for facts in hosts.values() {
        for (good, labels) in facts.good() {
            let wrote: u32 = labels.get("schema").and_then(|said| said.parse().ok()).unwrap_or(0);
            if good != *release && keep.contains(&good) && wrote < schema {
                waits.insert(format!("{} needs the data of schema {wrote}", good.0));
            }
        }
    }
    match waits.is_empty() {
        true => (Some(words.clone()), Vec::new()),
        false => (None, waits.into_iter().collect()),
    }
}

/// The newest good releases of any host, as many as are kept.
fn keep(stage: &Stage, hosts: &BTreeMap<HostName, HostFacts>) -> Vec<ReleaseId> {
    let count = usize::try_from(stage.keep).unwrap_or(usize::MAX);
    let mut keep = BTreeSet::new();
    for facts in hosts.values() {
        keep.extend(facts.good().into_iter().rev().take(count).map(|(release, _)| release));
    }
    keep.into_iter().collect()
}

impl Plan {
    /// Its name: the digest over all that it says.
    pub fn digest(&self) -> Digest {
        // A plan is plain data with sorted maps: it always has this one text.
        Digest::of(serde_json::to_vec(self).unwrap_or_default())
    }

    /// All hosts, sorted: locks are always taken in this order.
    pub fn hosts(&self) -> Vec<HostName> {
        let mut hosts: Vec<_> = self.waves.iter().flatten().cloned().collect();
        hosts.sort();
        hosts
    }

    /// What a host goes back to.
    pub fn back(&self, host: &HostName) -> Option<ReleaseId> {
        self.way_back.get(host).cloned().flatten()
    }

    /// The note that ends this deployment on a host.
    pub fn note(&self, outcome: &str) -> Call {
        let labels = [
            ("outcome", outcome.to_owned()),
            ("way", self.kind.word().to_owned()),
            ("release", self.bundle.id.0.clone()),
            ("version", self.bundle.version.clone()),
            ("digest", self.bundle.digest.to_string()),
            ("seal", self.bundle.seal.clone()),
            ("commit", self.bundle.commit.clone()),
            ("stage", self.stage.clone()),
            ("plan", self.digest().to_string()),
            ("schema", self.schema.0.to_string()),
            ("schema_min", self.schema.1.to_string()),
        ];
        let restored = self.restored.clone().map(|backup| ("restored", backup));
        let labels = labels.into_iter().chain(restored);
        let labels = labels.map(|(name, value)| (name.to_owned(), value)).collect();
        Call::Note { kind: ENDED.to_owned(), labels }
    }

    /// The note that the data was contracted.
    pub fn note_contracted(&self) -> Call {
        let labels = [("schema".to_owned(), self.schema.0.to_string())].into();
        Call::Note { kind: CONTRACTED.to_owned(), labels }
    }

    /// The name of this deployment in journals: the same for the same release in the same stage, so that who resumes it
    /// goes on with it.
    pub fn deployment(&self) -> String {
        format!("{}-{}", self.stage, self.bundle.id.0)
    }
}

#[cfg(test)]
mod tests;
