//! What is asked of `ship` about the bytes of a release.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::release::manifest::Seal;
use crate::release::plan::Plan;

/// The beginning of the signed comment of a signature that is worth nothing: its key was thrown away.
pub const REHEARSAL: &str = "rehearsal";

/// Writes the staging folder. The answer is [`Staged`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The plan.
    pub plan: Plan,
    /// What was built, one for each target of the plan.
    pub builds: Vec<Build>,
    /// The folder with the packed crates.
    pub crates: PathBuf,
    /// Files from the root that go into every archive, beside the binaries.
    pub include: Vec<String>,
    /// The address of the repository for people, without a `/` at its end.
    pub repository: String,
    /// True where the packages may hold what is not committed.
    pub rehearsal: bool,
    /// How the list of checksums is signed; `None` where the plan has no signature.
    pub signing: Option<Signing>,
    /// The staging folder: replaced as a whole, at the very end.
    pub output: PathBuf,
}

/// What was built for a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The target triple.
    pub target: String,
    /// The folder: below it a folder for each package, with its binaries, and in `symbols` what was split off them.
    pub folder: PathBuf,
}

/// How the list of checksums is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    /// The text of the minisign public key that the signature must verify with.
    pub public_key: String,
    /// True to sign with a key made for this once and thrown away. Else the secret key is in `MINISIGN_SECRET_KEY`, and
    /// its password in `MINISIGN_PASSWORD`.
    pub rehearsal: bool,
}

/// What was staged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// The seal over plan and files.
    pub seal: Seal,
    /// How many files there are, beside plan and manifest.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
}

/// Unpacks archives, each into a folder of its own. The answer is a list of [`Unpacked`], in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpack {
    /// Each archive, and the folder for it.
    pub archives: Vec<(PathBuf, PathBuf)>,
}

/// What was in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpacked {
    /// The files that may be run, by their path in the folder.
    pub programs: Vec<String>,
}
