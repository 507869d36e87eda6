//! What a rehearsal came to, as the last screen shows it. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

/// What a rehearsal does not show, however well it goes.
const NOT_SHOWN: &[&str] = &[
    "GitHub and the registry: servers on this machine stood in for them",
    "hosts with systemd, and the way to them by ssh",
    "targets other than this machine's, and optimized builds",
];

/// The width of names.
const COLUMN: usize = 12;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Act {
    pub(super) name: String,
    pub(super) what: String,
    pub(super) seconds: f64,
}

impl Act {
    pub(super) fn line(&self) -> String {
        row(&self.name, &format!("{} ({:.1} s)", self.what, self.seconds))
    }
}

/// A host with what it serves now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Live {
    pub(super) stage: String,
    pub(super) host: String,
    pub(super) address: String,
    pub(super) release: String,
    /// The sha256 of the archive.
    pub(super) digest: String,
}

/// The whole of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Picture {
    pub(super) commit: String,
    pub(super) seal: String,
    pub(super) acts: Vec<Act>,
    /// Each was asked over HTTP, and answered as this release.
    pub(super) live: Vec<Live>,
    /// What of the declared stages has no place on this machine.
    pub(super) left_out: Vec<String>,
    /// True when the hosts still run.
    pub(super) kept: bool,
    pub(super) took: String,
}

impl Picture {
    pub(super) fn text(&self) -> String {
        let mut lines = vec!["exercised".to_owned()];
        lines.extend(self.acts.iter().map(|act| format!("  {}", act.line())));
        if !self.live.is_empty() {
            lines.push("live".to_owned());
        }
        for live in &self.live {
            let place = format!("{:COLUMN$}{}, at {}", live.host, live.release, live.address);
            lines.push(format!("  {}", row(&live.stage, &place)));
        }
        let digests: BTreeSet<_> = self.live.iter().map(|live| &live.digest).collect();
        lines.extend(digests.iter().map(|digest| format!("  {}", row("sha256", digest))));
        lines.push("not shown".to_owned());
        let left_out = self.left_out.iter().map(|what| format!("left out of the stage {what}"));
        let not_shown = NOT_SHOWN.iter().map(|what| (*what).to_owned());
        lines.extend(not_shown.chain(left_out).map(|what| format!("  {what}")));
        lines.push(match (self.live.is_empty(), self.kept) {
            (true, _) => row("hosts", "none were needed"),
            (false, true) => row("hosts", "they run on; cargo xtask rehearse --stop ends them"),
            (false, false) => row("hosts", "ended with the rehearsal; --keep leaves them running"),
        });
        let commit = self.commit.get(..12).unwrap_or(&self.commit);
        let seal = self.seal.get(..12).unwrap_or(&self.seal);
        lines.push(row("rehearsed", &format!("commit {commit}, seal {seal}, in {}", self.took)));
        lines.join("\n")
    }
}

/// A name with a text.
pub(super) fn row(name: &str, text: &str) -> String {
    format!("{name:COLUMN$}{text}")
}
