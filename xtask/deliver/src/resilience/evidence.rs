//! What backups and drills leave behind: `.xtask/resilience/<kind>/<name>.json`, with the digest of its own text.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use nexus_xtask::digest::Digest;
use nexus_xtask::workspace::Workspace;

use crate::kept;

pub use crate::kept::Kept;

/// The version that is written.
pub const VERSION: u32 = 1;

/// The last backup that counts: [`Created`].
pub const BACKUP: &str = "backup";

/// The last look at a backup, good or bad: [`Verified`].
pub const VERIFY: &str = "verify";

/// The last restore drill, green or red: [`Drilled`].
pub const DRILL: &str = "drill";

/// The last drill of a name on a stage, green or red: [`super::stage_drills::StageDrilled`].
pub const STAGE_DRILL: &str = "stage-drill";

/// How much there is of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Bytes of all files together.
    pub bytes: u64,
    /// How many files.
    pub files: u64,
    /// The digest of all names and contents.
    pub digest: Digest,
}

/// A backup that was read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Created {
    /// The version of the format.
    pub v: u32,
    /// When it was read back.
    pub at: Timestamp,
    /// The snapshot, as restic names it.
    pub snapshot: String,
    /// What was backed up.
    pub size: Size,
    /// Milliseconds to dump it.
    pub dump_ms: u64,
    /// Milliseconds to store it.
    pub store_ms: u64,
    /// Milliseconds to read it back and to check the repository.
    pub verify_ms: u64,
    /// Why it may be much smaller than the one before.
    pub shrink_reason: Option<String>,
}

/// A look at a backup and at every byte of its repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// The version of the format.
    pub v: u32,
    /// When it ended.
    pub at: Timestamp,
    /// The snapshot that was restored.
    pub snapshot: Option<String>,
    /// What came back.
    pub size: Option<Size>,
    /// Milliseconds to restore it.
    pub restore_ms: Option<u64>,
    /// Milliseconds to read the repository.
    pub read_ms: Option<u64>,
    /// Why it cannot be relied on; nothing where it can.
    pub reasons: Vec<String>,
}

/// A restore drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drilled {
    /// The version of the format.
    pub v: u32,
    /// When it ended.
    pub at: Timestamp,
    /// The snapshot that was restored.
    pub snapshot: Option<String>,
    /// The release that was booted, as `deploy status` names it; where nothing is said, the drill's own command knows.
    #[serde(default)]
    pub release: Option<String>,
    /// What came back.
    pub size: Option<Size>,
    /// Milliseconds to restore the files.
    pub restore_ms: Option<u64>,
    /// Milliseconds from the begin of the restore until the previous release was ready.
    pub recovery_ms: Option<u64>,
    /// Seconds between the newest recovered record and the begin of the drill.
    pub newest_age_seconds: Option<i64>,
    /// Why it is red; green where there is nothing.
    pub reasons: Vec<String>,
}

/// What a gate may think of the last drill.
#[derive(Clone, Debug, PartialEq)]
pub enum Age {
    /// It was green, so many seconds ago.
    Good(i64),
    /// There was none.
    Missing,
    /// It was green, longer ago than it may be: seconds.
    Expired(i64),
    /// It was red, and why.
    Failed(Vec<String>),
    /// Its evidence does not prove itself, and why.
    Tampered(String),
}

fn path(workspace: &Workspace, kind: &str, name: &str) -> PathBuf {
    workspace.state().join("resilience").join(kind).join(format!("{name}.json"))
}

/// Keeps evidence in the place of the last, and returns its path from the root.
///
/// # Errors
/// Where the disk does not take it.
pub fn write(
    workspace: &Workspace,
    kind: &str,
    name: &str,
    evidence: &impl Serialize,
) -> anyhow::Result<String> {
    let path = path(workspace, kind, name);
    kept::write(&path, evidence)?;
    Ok(workspace.name_of(&path))
}

/// The evidence of this name.
///
/// # Errors
/// Where the disk does not give it.
pub fn read<T: DeserializeOwned>(workspace: &Workspace, kind: &str, name: &str) -> anyhow::Result<Kept<T>> {
    kept::read(workspace, &path(workspace, kind, name))
}
