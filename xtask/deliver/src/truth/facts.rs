//! What was seen: looks that were kept, receipts, the journal, what a maintainer's look at GitHub left.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Deserialize;

use nexus_xtask::digest::{Digest, Parts};
use nexus_xtask::doors::Doors;
use nexus_xtask::event::{Decision, Event as RunEvent, Planned as Step};
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::journal::{self, Line};
use nexus_xtask::shell::Command;
use nexus_xtask::workspace::Workspace;
use nexus_xtask::{files, git, recording};

use super::config::{Config, Event, Evidence, Kind};
use super::verdict::{Sight, Verdict};
use crate::kept::{self, Kept};

/// What was seen of every claim.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Now.
    pub now: Timestamp,
    /// The files of now, without those that no look depends on.
    pub inputs: Digest,
    /// The commit that is checked out; none before the first.
    pub commit: Option<String>,
    /// True when the work tree is that commit exactly.
    pub clean: bool,
    /// What was seen of the evidence of each claim, in its order.
    pub sights: BTreeMap<String, Vec<Option<Sight>>>,
    /// The level that the journal tells of each claim, and since when.
    pub told: BTreeMap<String, (String, Timestamp)>,
}

/// The kind of the event that tells of a new level.
pub const LEVEL: &str = "claim.level";

/// Gathers what was seen. `steps` are those of a run, with what would be done with each now.
///
/// # Errors
/// Where git, the journal or the steps cannot be read.
pub fn gather(doors: &Doors, config: &Config, steps: &[Step]) -> Result<Facts> {
    let listing = git::listing(&doors.shell)?.map_err(|why| {
        Failure::refused("the files of now are not known").why(why.to_string()).next("git init, and commit")
    })?;
    let now = doors.clock.now();
    let inputs = inputs(doors, &listing, &config.looks.ignore)?;
    let report = journal::verify(&doors.workspace)?;
    let read = Read { doors, steps, lines: &report.lines, now, inputs, commit: listing.head.as_deref() };
    let mut sights = BTreeMap::new();
    for (id, claim) in &config.claims {
        let seen: Result<Vec<_>> = claim.evidence.iter().map(|evidence| read.sight(id, evidence)).collect();
        sights.insert(id.clone(), seen?);
    }
    let mut told = BTreeMap::new();
    for line in report.lines.iter().filter(|line| line.entry.kind == LEVEL) {
        let level = line.entry.labels.get("level").cloned().unwrap_or_default();
        told.insert(line.entry.subject.clone(), (level, line.ts));
    }
    Ok(Facts { now, inputs, clean: listing.clean, commit: listing.head.clone(), sights, told })
}

/// The digest of the files that git sees, without those that match. A file has the same digest before it is committed and
/// after.
fn inputs(doors: &Doors, listing: &git::Listing, ignore: &[String]) -> Result<Digest> {
    let counts = |path: &str| !ignore.iter().any(|pattern| fast_glob::glob_match(pattern, path));
    let mut blobs: BTreeMap<&str, String> = BTreeMap::new();
    for entry in listing.index.split('\0') {
        let Some(path) = git::path_of(entry).filter(|path| counts(path)) else { continue };
        let words: Vec<_> = entry.split_whitespace().take(3).collect();
        if let [_, mode, object] = words[..] {
            blobs.insert(path, format!("{mode} {object}"));
        }
    }
    for path in &listing.deleted {
        blobs.remove(path.as_str());
    }
    let dirty: Vec<_> = listing.dirty.iter().map(String::as_str).filter(|path| counts(path)).collect();
    if !dirty.is_empty() {
        let command = Command::new("git", ["hash-object", "--stdin-paths"]).reading(dirty.join("\n") + "\n");
        let objects = doors.shell.read(&command)?;
        for (path, object) in dirty.iter().zip(objects.lines()) {
            let mode = match blobs.get(path) {
                Some(known) => known.split(' ').next().unwrap_or_default().to_owned(),
                None => "100644".to_owned(),
            };
            blobs.insert(path, format!("{mode} {object}"));
        }
    }
    let mut parts = Parts::default();
    for (path, object) in &blobs {
        parts.add(path).add(object);
    }
    Ok(parts.digest())
}

/// Where a look at this evidence is kept.
pub(crate) fn place(workspace: &Workspace, claim: &str, evidence: &Evidence) -> PathBuf {
    workspace.state().join("truth").join(claim).join(format!("{}.json", evidence.digest().short()))
}

struct Read<'a> {
    doors: &'a Doors,
    steps: &'a [Step],
    lines: &'a [Line],
    now: Timestamp,
    inputs: Digest,
    commit: Option<&'a str>,
}

impl Read<'_> {
    fn sight(&self, claim: &str, evidence: &Evidence) -> Result<Option<Sight>> {
        match evidence.kind() {
            Kind::Step(step) => self.step(step),
            Kind::Event(event) => Ok(self.event(event)),
            Kind::Drill(name) => Ok(self.drill(name)),
            Kind::Setting(what) => self.setting(what),
            Kind::Test(_) | Kind::Command(_) | Kind::Probe(_) => {
                let path = place(&self.doors.workspace, claim, evidence);
                Ok(match kept::read(&self.doors.workspace, &path)? {
                    Kept::Absent => None,
                    Kept::Whole(sight) => Some(sight),
                    Kept::Tampered(why) => {
                        Some(Sight { verdict: Verdict::Error, why, at: self.now, inputs: None })
                    }
                })
            }
        }
    }

    /// A pass on the inputs of now, or the failure of the newest run of this commit.
    fn step(&self, wanted: &str) -> Result<Option<Sight>> {
        let bound = |verdict, why, at| Sight { verdict, why, at, inputs: Some(self.inputs) };
        let Some(step) = self.steps.iter().find(|step| step.step == wanted) else {
            return Ok(Some(bound(Verdict::Error, format!("there is no step `{wanted}`"), self.now)));
        };
        let reason = match &step.decision {
            Decision::Proven { since, .. } => {
                return Ok(Some(bound(Verdict::True, "passed on the inputs of now".into(), *since)));
            }
            Decision::Run { reason } | Decision::Skipped { reason } => reason.clone(),
            Decision::Unavailable { tool, .. } => format!("`{tool}` is missing"),
        };
        if let Some((run, at)) = self.failed(wanted)? {
            return Ok(Some(bound(Verdict::False, format!("failed in run {run}"), at)));
        }
        Ok(Some(bound(Verdict::NotAvailable, reason, self.now)))
    }

    /// The newest run that has the step, where the step failed there at this commit.
    fn failed(&self, wanted: &str) -> Result<Option<(String, Timestamp)>> {
        for run in recording::list(&self.doors.workspace)?.into_iter().rev() {
            let events = recording::read(&self.doors.workspace, &run)?;
            let outcome = events.iter().find_map(|stamped| match &stamped.event {
                RunEvent::StepFinished { step, outcome, .. } if step == wanted => Some((outcome, stamped.at)),
                _ => None,
            });
            let Some((outcome, at)) = outcome else { continue };
            let commit = events.iter().find_map(|stamped| match &stamped.event {
                RunEvent::RunStarted { commit, .. } => commit.as_deref(),
                _ => None,
            });
            return Ok((outcome.is_failure() && commit == self.commit).then_some((run, at)));
        }
        Ok(None)
    }

    fn event(&self, wanted: &Event) -> Option<Sight> {
        let line = newest(self.lines, |line| {
            line.entry.kind == wanted.kind
                && wanted.subject.as_ref().is_none_or(|subject| *subject == line.entry.subject)
        })?;
        let differs = wanted.labels.iter().find(|(name, value)| line.entry.labels.get(*name) != Some(*value));
        let (verdict, why) = match differs {
            None => (Verdict::True, format!("the newest is line {} of {}", line.seq, line.writer)),
            Some((name, value)) => {
                let actual = line.entry.labels.get(name).map_or("nothing", String::as_str);
                (Verdict::False, format!("`{name}` of the newest is {actual}, and not {value}"))
            }
        };
        Some(Sight { verdict, why, at: line.ts, inputs: None })
    }

    /// `drill.KIND` is a drill that was good, `drill.KIND.failed` one that was not.
    fn drill(&self, name: &str) -> Option<Sight> {
        let line =
            newest(self.lines, |line| line.entry.kind.starts_with("drill.") && line.entry.subject == name)?;
        let (verdict, why) = match line.entry.kind.ends_with(".failed") {
            true => (Verdict::False, "the newest drill was not good"),
            false => (Verdict::True, "the newest drill was good"),
        };
        Some(Sight { verdict, why: why.into(), at: line.ts, inputs: None })
    }

    /// What a maintainer's look at GitHub left: `doctor --github`.
    fn setting(&self, wanted: &str) -> Result<Option<Sight>> {
        #[derive(Deserialize)]
        struct Looked {
            at: Timestamp,
            checks: Vec<Check>,
        }
        #[derive(Deserialize)]
        struct Check {
            state: String,
            what: String,
            detail: String,
        }
        let path = self.doors.workspace.state().join("release/github-settings.json");
        let Some(text) = files::read_text(&path)? else { return Ok(None) };
        let looked: Looked = serde_json::from_str(&text)
            .with_context(|| format!("`{}` cannot be read", self.doors.workspace.name_of(&path)))?;
        let Some(check) = looked.checks.iter().find(|check| check.what == wanted) else { return Ok(None) };
        let verdict = if check.state == "ok" { Verdict::True } else { Verdict::False };
        Ok(Some(Sight { verdict, why: check.detail.clone(), at: looked.at, inputs: None }))
    }
}

/// The newest line that is meant. Of several writers, the time decides.
fn newest(lines: &[Line], is_meant: impl Fn(&Line) -> bool) -> Option<&Line> {
    lines
        .iter()
        .filter(|line| is_meant(line))
        .max_by(|one, other| (one.ts, &one.writer, one.seq).cmp(&(other.ts, &other.writer, other.seq)))
}
