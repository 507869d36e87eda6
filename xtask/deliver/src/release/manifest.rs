//! The staging folder: its manifest, and the seal over plan and manifest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::release::plan::Plan;
use nexus_xtask::digest::{Digest, Parts};

/// The version of the format.
pub const VERSION: u32 = 1;

/// The manifest's name in the staging folder.
pub const FILE: &str = "manifest.json";

/// The plan's name in the staging folder.
pub const PLAN: &str = "plan.json";

/// Every file of a staging folder but plan and manifest, by its path in it: that of an artifact of the plan, with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the format.
    pub version: u32,
    /// The digest of the plan that the files were built for.
    pub plan: Digest,
    /// The files, by path.
    pub files: BTreeMap<String, Staged>,
}

/// A file that is staged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staged {
    /// The digest of its bytes.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What is gated, approved, rehearsed and published.
pub type Seal = Digest;

/// The seal over a plan and its staged files.
pub fn seal(plan: &Plan, manifest: &Manifest) -> Seal {
    let mut parts = Parts::default();
    parts.add("nexus-xtask seal 1").add(plan.digest().to_string());
    for (name, staged) in &manifest.files {
        parts.add(name).add(staged.sha256.to_string()).add(staged.bytes.to_string());
    }
    parts.digest()
}
