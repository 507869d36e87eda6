//! Evidence about a release's bytes, kept for a gate that asks later: `.xtask/release/<plan>/<name>.json`.
//!
//! The file holds the digest of its own text, so a torn or a changed one is no evidence. Who can write it can also make
//! it up: it is worth as much as the machine that wrote it, and the gate compares its digests with those that are staged.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::release::gates::bytes::Kept;
use nexus_xtask::digest::Digest;
use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

/// What builds of the same plan gave: [`crate::release::gates::bytes::Reproduced`].
pub(crate) const REPRODUCIBLE: &str = "reproducible";

/// How the binaries ran: [`crate::release::gates::bytes::Tried`].
pub(crate) const SMOKE: &str = "smoke";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    check: Digest,
    evidence: Box<RawValue>,
}

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
    let evidence = serde_json::value::to_raw_value(evidence)?;
    let envelope = Envelope { check: Digest::of(evidence.get()), evidence };
    files::write(&path(workspace, plan, name), serde_json::to_string(&envelope)? + "\n")
}

/// The evidence about a plan.
pub(crate) fn read<T: DeserializeOwned>(
    workspace: &Workspace,
    plan: &Digest,
    name: &str,
) -> anyhow::Result<Kept<T>> {
    let path = path(workspace, plan, name);
    let Some(bytes) = files::read(&path)? else { return Ok(Kept::Absent) };
    let shown = workspace.name_of(&path);
    let Ok(envelope) = serde_json::from_slice::<Envelope>(&bytes) else {
        return Ok(Kept::Broken(format!("`{shown}` cannot be read")));
    };
    if Digest::of(envelope.evidence.get()) != envelope.check {
        return Ok(Kept::Broken(format!("`{shown}` was changed after it was written")));
    }
    Ok(match serde_json::from_str(envelope.evidence.get()) {
        Ok(evidence) => Kept::Whole(evidence),
        Err(error) => Kept::Broken(format!("`{shown}` is of another version: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_xtask::scratch::Scratch;

    #[test]
    fn gates_evidence_that_was_changed_is_none() {
        let scratch = Scratch::new();
        let workspace = Workspace::at(scratch.path());
        let plan = Digest::of("plan");
        let read = || read::<Vec<u32>>(&workspace, &plan, SMOKE).unwrap();
        assert_eq!(read(), Kept::Absent);
        write(&workspace, &plan, SMOKE, &vec![1, 2]).unwrap();
        assert_eq!(read(), Kept::Whole(vec![1, 2]));

        let path = path(&workspace, &plan, SMOKE);
        let text = files::read_text(&path).unwrap().unwrap();
        for (changed, problem) in [
            (text.replace("[1,2]", "[1,3]"), "was changed"),
            (text[..text.len() / 2].to_owned(), "cannot be read"),
            (String::new(), "cannot be read"),
        ] {
            files::write(&path, changed).unwrap();
            let Kept::Broken(why) = read() else { panic!("{problem}") };
            assert!(why.contains(problem), "{why}");
        }
        write(&workspace, &plan, SMOKE, &"of another kind").unwrap();
        assert!(matches!(read(), Kept::Broken(why) if why.contains("another version")));
    }
}
