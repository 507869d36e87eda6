//! What is written down of each effect: that it is intended, before; that it is so, after.

use std::io::Write as _;

use anyhow::Context as _;

use nexus_xtask::clock::Clock;
use nexus_xtask::digest::Digest;
use nexus_xtask::files;
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::workspace::Workspace;
use nexus_xtask_deliver::release::plan::{Plan, Step};

/// The kinds of the events before and after an effect.
pub(super) const INTENT: &str = "release.intent";
pub(super) const DONE: &str = "release.done";

/// The kind of the event that tells of a whole release.
const PUBLISHED: &str = "release.published";

/// The part of the journal that tells of one seal.
pub(super) struct Record {
    workspace: Workspace,
    clock: Clock,
    seal: Digest,
}

impl Record {
    pub(super) fn new(workspace: &Workspace, clock: &Clock, seal: Digest) -> Record {
        Record { workspace: workspace.clone(), clock: clock.clone(), seal }
    }

    /// The effect is about to be applied. This is on the disk when it returns.
    pub(super) fn intent(&self, step: &Step) -> anyhow::Result<()> {
        self.append(INTENT, &step.id, &[])
    }

    /// True when a run from this folder meant to apply the effect, whatever was staged then, and did not record that it
    /// came to be.
    pub(super) fn is_intended(&self, step: &Step) -> anyhow::Result<bool> {
        let mut is_open = false;
        journal::fold(&self.workspace, |line| match line.entry.kind.as_str() {
            INTENT if line.entry.subject == step.id => is_open = true,
            DONE if line.entry.subject == step.id => is_open = false,
            _ => {}
        })?;
        Ok(is_open)
    }

    /// The effect was applied, and seen.
    pub(super) fn done(&self, step: &Step) -> anyhow::Result<()> {
        self.append(DONE, &step.id, &[])
    }

    /// Every effect of the plan is there. Said once for each seal, by whichever run comes so far.
    pub(super) fn all_done(&self, plan: &Plan) -> anyhow::Result<()> {
        let seal = self.seal.to_string();
        let mut said = false;
        journal::fold(&self.workspace, |line| {
            said |= line.entry.kind == PUBLISHED && line.entry.labels.get("seal") == Some(&seal);
        })?;
        if said {
            return Ok(());
        }
        for release in &plan.releases {
            let labels = [("version", release.version.to_string()), ("commit", plan.commit.clone())];
            self.append(PUBLISHED, &release.tag, &labels)?;
        }
        Ok(())
    }

    /// Writes half of a record, as a process that is killed while it writes does.
    pub(super) fn tear(&self, step: &Step) -> anyhow::Result<()> {
        let name = self.clock.now().strftime("%Y-%m.jsonl").to_string();
        let mut file = files::open_append(&self.workspace.journal().join(name))?;
        let half = format!("{{\"v\":1,\"kind\":\"release.done\",\"subject\":\"{}", step.id);
        file.write_all(half.as_bytes()).and_then(|()| file.sync_data()).context("cannot tear the journal")
    }

    fn append(&self, kind: &str, subject: &str, labels: &[(&str, String)]) -> anyhow::Result<()> {
        let seal = [("seal", self.seal.to_string())];
        let labels = seal.iter().chain(labels).map(|(name, value)| ((*name).to_owned(), value.clone()));
        let entry = Entry {
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            labels: labels.collect(),
            ..Entry::default()
        };
        journal::append(&self.workspace, &self.clock, vec![entry]).map(drop)
    }
}
