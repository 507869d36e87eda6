//! What a host can be asked, the same for every driver.
//!
//! A [`Call`] is data: the engine asks for it, the plan prints it, a driver carries it out. Every call is idempotent, and
//! every call that changes something carries the [`Fence`] of the lock under which it was asked; a target refuses a
//! lower one than it has seen, so a deployer that lost its lock cannot act any more.
//!
//! The order on one host is stage, arm, start, probe, switch, drain, confirm. From `arm` on, the host undoes the
//! change by itself unless `confirm` comes in time. The trial selection does not survive a reboot, the confirmed one
//! does.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use nexus_xtask::digest::Digest;

/// A host, as `release/stages.toml` names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostName(pub String);

/// A release as a target knows it: `<version>-<12 digits of the digest>`. The digest covers the archive and the
/// configuration, so the same bytes with another configuration are another release, and going back brings both back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleaseId(pub String);

/// How often the lock of a target was taken. Only the holder of the newest may change the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub u64);

/// What is put on a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Its name on the target.
    pub id: ReleaseId,
    /// The version that the service must say it is.
    pub version: String,
    /// The sealed archive (tar.gz), on this machine.
    pub archive: PathBuf,
    /// Its sha256; the target hashes again before it activates.
    pub digest: Digest,
    /// The seal of the release that the archive belongs to.
    pub seal: String,
    /// The commit of that release; empty where it was deployed before commits were noted.
    pub commit: String,
    /// The program, as a path inside the archive.
    pub program: String,
    /// Variables of the service. Secrets are not among them: see `secrets`.
    pub configuration: BTreeMap<String, String>,
    /// Names of secrets, each a file in the target's folder for secrets; the value never leaves the target.
    pub secrets: Vec<String>,
}

/// What a target is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// Look, and change nothing. Needs no lock.
    Observe,
    /// Put a bundle into a folder of its own and hash it there. A folder that is whole already stays as it is.
    Stage {
        /// The bundle.
        bundle: Bundle,
    },
    /// Undo by itself after so many seconds: serve `to` again. Arming again moves the moment.
    Arm {
        /// What is served then.
        to: Option<ReleaseId>,
        /// From now.
        seconds: u32,
    },
    /// Start an instance on its private address, beside what serves. Nobody but a probe reaches it.
    Start {
        /// The release.
        release: ReleaseId,
    },
    /// Let this release take the service's address beside what serves, and wait until it has it. Its private instance
    /// ends. The selection is a trial.
    Switch {
        /// The release.
        release: ReleaseId,
    },
    /// End every instance but this release's: no new requests, then what is under way, at most so many seconds.
    Drain {
        /// The release that stays.
        keep: ReleaseId,
        /// The limit.
        seconds: u32,
    },
    /// The release is good: the selection goes to the disk, then the undo is disarmed.
    Confirm {
        /// The release.
        release: ReleaseId,
    },
    /// Serve this release again, end all others, forget the trial, disarm. `None`: serve nothing, as before the first
    /// release.
    Revert {
        /// What is served then.
        to: Option<ReleaseId>,
    },
    /// Remove staged releases, except these and what is selected, armed or running.
    Prune {
        /// What stays.
        keep: Vec<ReleaseId>,
    },
    /// Write a line into the target's journal.
    Note {
        /// The kind of event: `deploy.begun`, `deploy.ended`, `hold.set`, ...
        kind: String,
        /// Names and values.
        labels: BTreeMap<String, String>,
    },
    /// End what serves of a confirmed release at once, as a crash does (SIGKILL), and leave the start to whoever starts
    /// services there. Refused while a deployment is half done. For drills.
    Crash {
        /// The release.
        release: ReleaseId,
    },
    /// Nobody may deploy until then, whoever asks; `None` ends that.
    Hold {
        /// Why, by whom, until when (seconds since 1970).
        hold: Option<Hold>,
    },
}

impl Call {
    /// Its word, as it stands in a target's journal.
    pub fn word(&self) -> &'static str {
        match self {
            Call::Observe => "observe",
            Call::Stage { .. } => "stage",
            Call::Arm { .. } => "arm",
            Call::Start { .. } => "start",
            Call::Switch { .. } => "switch",
            Call::Drain { .. } => "drain",
            Call::Confirm { .. } => "confirm",
            Call::Revert { .. } => "revert",
            Call::Prune { .. } => "prune",
            Call::Note { .. } => "note",
            Call::Crash { .. } => "crash",
            Call::Hold { .. } => "hold",
        }
    }
}

/// What a target answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It is so.
    Done,
    /// How it is.
    Observed(Box<Observed>),
    /// The old instances are gone.
    Drained {
        /// True when one had to be killed at the limit.
        cut: bool,
    },
}

/// How a target is. Made from what is there at this moment, not from what was asked earlier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The newest fence that it has seen.
    pub fence: Fence,
    /// The release that serves after a reboot.
    pub confirmed: Option<ReleaseId>,
    /// The release that was switched to and is not confirmed.
    pub trial: Option<ReleaseId>,
    /// Instances that run.
    pub running: Vec<Instance>,
    /// The undo that is armed.
    pub armed: Option<Armed>,
    /// Folders of releases.
    pub staged: Vec<Staged>,
    /// Who holds the lock.
    pub holder: Option<Holder>,
    /// A person's hold.
    pub hold: Option<Hold>,
    /// Bytes free where releases are put.
    pub free_bytes: u64,
    /// The target's clock, seconds since 1970.
    pub clock_seconds: i64,
    /// The releases that were confirmed here, oldest first, each with the time.
    pub history: Vec<Confirmed>,
}

/// A process of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Of which release.
    pub release: ReleaseId,
    /// True when it has the service's address, false when it has a private one.
    pub serving: bool,
    /// `active`, `starting`, `stopping`, `failed`.
    pub state: String,
    /// How often it was started again after it died.
    pub restarts: u32,
}

/// An undo that is armed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// What is served then.
    pub to: Option<ReleaseId>,
    /// When, in seconds since 1970 by the target's clock.
    pub at_seconds: i64,
}

/// A release's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// The release.
    pub release: ReleaseId,
    /// True when it is whole and its digest was shown there.
    pub whole: bool,
}

/// A release that was confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// The release.
    pub release: ReleaseId,
    /// When, in seconds since 1970 by the target's clock.
    pub at_seconds: i64,
    /// The deployment.
    pub deployment: String,
}

/// Who holds a target's lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The person or the run.
    pub who: String,
    /// The deployment.
    pub deployment: String,
    /// Since when, in seconds since 1970 by the target's clock.
    pub since_seconds: i64,
    /// When it last gave a sign of life.
    pub seen_seconds: i64,
}

/// A person's hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Whose.
    pub who: String,
    /// Until when, in seconds since 1970.
    pub until_seconds: i64,
}

/// Why a call was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trouble", rename_all = "snake_case")]
pub enum Trouble {
    /// No answer. Whether it was carried out is not known; the host counts as touched.
    Unreachable {
        /// What the transport said.
        why: String,
    },
    /// The target has seen a newer fence: this deployer lost its lock.
    Fenced {
        /// The newest fence.
        newest: Fence,
    },
    /// The lock is held.
    Busy {
        /// By whom.
        holder: Holder,
    },
    /// The target says no, and nothing was changed: a digest that differs, a full disk, a release that is gone.
    Refused {
        /// Why.
        why: String,
    },
    /// The service did not do what it must: it did not start, it died.
    Failed {
        /// What its log says last.
        why: String,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Unreachable { why } => write!(f, "no answer: {why}"),
            Trouble::Fenced { newest } => {
                write!(f, "another deployer took the lock since (fence {})", newest.0)
            }
            Trouble::Busy { holder } => {
                write!(f, "`{}` holds the lock for {}", holder.who, holder.deployment)
            }
            Trouble::Refused { why } => write!(f, "refused: {why}"),
            Trouble::Failed { why } => write!(f, "failed: {why}"),
        }
    }
}

/// A line of a target's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its place, from 1.
    pub seq: u64,
    /// The sha256 of the line before, without its line end; 64 zeros in the first.
    pub prev: String,
    /// The deployment.
    pub deployment: String,
    /// The fence.
    pub fence: Fence,
    /// The call's word, or the kind of a note.
    pub step: String,
    /// `intent` before, `done` after, `failed` when it was not carried out, `note` otherwise.
    pub phase: String,
    /// The release or what else it is about.
    pub subject: String,
    /// When, in seconds since 1970 by the target's clock.
    pub at_seconds: i64,
    /// Names and values of a note.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// How a service is reached for a probe: of the private instance, or of what serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The private address of the instance that [`Call::Start`] started.
    Private,
    /// The service's address.
    Public,
}

/// A way to hosts.
pub trait Driver: Send + Sync {
    /// Takes the lock of a target. It cannot outlive this process: it is freed when the lease is dropped, when the
    /// connection breaks, and at the latest 30 s after the last sign of life.
    fn lock(&self, host: &HostName, who: &str, deployment: &str) -> Result<Box<dyn Lease>, Trouble>;

    /// Carries a call out. `fence` is that of the lease; `Observe` needs none.
    fn perform(
        &self,
        host: &HostName,
        call: &Call,
        deployment: &str,
        fence: Fence,
    ) -> Result<Answer, Trouble>;

    /// The address (`http://...`, or `unix:<path>`) at which this machine reaches a door of the host while the answer lives.
    fn reach(&self, host: &HostName, door: Door, release: &ReleaseId) -> Result<Box<dyn Reached>, Trouble>;

    /// The target's journal, whole lines only, oldest first.
    fn journal(&self, host: &HostName) -> Result<Vec<Line>, Trouble>;

    /// The newest lines of what the service's instances said there, and of what started them, oldest first: of one
    /// release, or of all. They are as the service wrote them: secrets that it prints are in them.
    fn log(&self, host: &HostName, release: Option<&ReleaseId>, lines: u32) -> Result<Vec<String>, Trouble>;

    /// The commands that a call would run from here, to be shown.
    fn commands(&self, host: &HostName, call: &Call) -> Vec<String>;
}

/// A lock that is held.
pub trait Lease: Send {
    /// Its fence.
    fn fence(&self) -> Fence;

    /// True while the connection that holds it lives.
    fn lives(&mut self) -> bool;
}

/// A way that is open.
pub trait Reached: Send {
    /// The address.
    fn address(&self) -> String;
}
