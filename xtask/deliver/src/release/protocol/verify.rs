//! A published release, looked at as a stranger would.

use std::path::PathBuf;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Endpoints;
use nexus_xtask::digest::Digest;

/// Asks whether what is published is what the tag says. The answer is [`Verified`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verify {
    /// Where to look.
    pub endpoints: Endpoints,
    /// `owner/name`.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The commit that the tag leads to in this repository.
    pub commit: String,
    /// The text of the minisign public key at that commit; none where releases are not signed.
    pub public_key: Option<String>,
    /// Each package with the digest of its file, packed anew from the commit.
    pub packages: Vec<(String, Version, Digest)>,
    /// The triple of this machine: its archives are unpacked.
    pub host: String,
    /// The folder that everything is downloaded into. It is emptied first.
    pub folder: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// What holds.
    pub holds: Vec<String>,
    /// What does not.
    pub problems: Vec<String>,
    /// Programs for this machine, by their paths.
    pub programs: Vec<PathBuf>,
}
