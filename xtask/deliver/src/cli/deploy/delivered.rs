//! What is written down with a deployment, so that the journal alone can say later how delivery goes: which commits it
//! brings, when they were committed, and which earlier deployments made it necessary.
//!
//! What is not known is left out, and counts as unknown later; a deployment never waits or fails for it.

use std::collections::{BTreeMap, BTreeSet};

use nexus_xtask::doors::Doors;
use nexus_xtask::shell::Command;

use crate::deploy::contract::HostName;
use crate::deploy::plan::{HostFacts, Kind, Plan};
use crate::observe::dora::history::{BEFORE, CAUSED_BY, CHANGES, DEPLOYMENT};

/// More changes than this are not written down one by one: a line of the journal stays a line.
const CHANGES_MAX: usize = 1000;

/// The commit of the release.
const COMMIT: &str = "commit";

/// The trailer of a commit that names a deployment.
const TRAILER: &str = "Caused-by";

/// The labels of a deployment's events.
pub(super) fn labels(
    doors: &Doors,
    plan: &Plan,
    hosts: &BTreeMap<HostName, HostFacts>,
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([(DEPLOYMENT.to_owned(), name(plan, hosts))]);
    let commit = &plan.bundle.commit;
    if !commit.is_empty() {
        labels.insert(COMMIT.to_owned(), commit.clone());
    }
    let Some((before, before_commit)) = before(hosts) else { return labels };
    labels.insert(BEFORE.to_owned(), before);
    if plan.kind == Kind::Deploy && !commit.is_empty() && !before_commit.is_empty() {
        labels.extend(changes(doors, &before_commit, commit));
    }
    labels
}

/// The deployment's own name: the same for whoever goes on with it, another one for the next of the same release.
pub(super) fn name(plan: &Plan, hosts: &BTreeMap<HostName, HostFacts>) -> String {
    let ends = hosts.values().map(|facts| facts.ends_of(&plan.bundle.id)).max().unwrap_or_default();
    let way = match plan.kind {
        Kind::Deploy => "",
        Kind::Rollback => ".back",
    };
    format!("{}.{}{way}", plan.deployment(), ends + 1)
}

/// The release that is confirmed on every host, and its commit; none where they differ, or have none.
fn before(hosts: &BTreeMap<HostName, HostFacts>) -> Option<(String, String)> {
    let of_host = |facts: &HostFacts| {
        let confirmed = facts.observed.confirmed.clone()?;
        let labels = facts.succeeded().into_iter().find(|(release, _)| *release == confirmed)?.1;
        Some((confirmed.0, labels.get(COMMIT).cloned().unwrap_or_default()))
    };
    let all: Option<BTreeSet<(String, String)>> = hosts.values().map(of_host).collect();
    let all = all?;
    (all.len() == 1).then(|| all.into_iter().next())?
}

/// When each commit of a range was made, merges left out, and the deployments that any of them names. Nothing where git
/// does not know the commits, as in a shallow clone.
fn changes(doors: &Doors, before: &str, commit: &str) -> BTreeMap<String, String> {
    let format = format!("--format=%ct%x09%P%x09%(trailers:key={TRAILER},valueonly,separator=%x20)");
    let range = format!("{before}..{commit}");
    let command = Command::new("git", ["log", "--no-show-signature", &format, &range, "--"]);
    let Ok(text) = doors.shell.read(&command) else { return BTreeMap::new() };
    let mut times = Vec::new();
    let mut causes = BTreeSet::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, '\t');
        let (Some(at), Some(parents)) = (fields.next(), fields.next()) else { continue };
        if !parents.contains(' ') {
            times.push(at);
        }
        causes.extend(fields.next().into_iter().flat_map(str::split_whitespace).map(str::to_owned));
    }
    let mut labels = BTreeMap::new();
    if times.len() <= CHANGES_MAX {
        labels.insert(CHANGES.to_owned(), times.join(" "));
    }
    if !causes.is_empty() {
        labels.insert(CAUSED_BY.to_owned(), causes.into_iter().collect::<Vec<_>>().join(" "));
    }
    labels
}
