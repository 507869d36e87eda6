//! Evidence about a release's bytes: `.xtask/release/<plan>/<name>.json`. A gate compares its digests with those that are
//! staged.

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kept::{self, Kept};
use nexus_xtask::digest::Digest;
use nexus_xtask::workspace::Workspace;

/// What builds of the same plan gave: [`crate::release::gates::bytes::Reproduced`].
pub(crate) const REPRODUCIBLE: &str = "reproducible";

/// How the binaries ran: [`crate::release::gates::bytes::Tried`].
pub(crate) const SMOKE: &str = "smoke";

fn path(workspace: &Workspace, plan: &Digest, name: &str) -> PathBuf {
    workspace.state().join("release").join(plan.to_string()).join(format!("{name}.json"))
}

/// Keeps evidence about a plan. What was kept before under this name is replaced.
pub(crate) fn write(
    workspace: &Workspace,
    plan: &Digest,
    name: &str,
    evidence: &impl Serialize,
) -> anyhow::Result<()> {
    kept::write(&path(workspace, plan, name), evidence)
}

/// The evidence about a plan.
pub(crate) fn read<T: DeserializeOwned>(
    workspace: &Workspace,
    plan: &Digest,
    name: &str,
) -> anyhow::Result<Kept<T>> {
    kept::read(workspace, &path(workspace, plan, name))
}
