//! Evidence that is kept for a gate that asks later: a file with the digest of its own text.
//!
//! A torn or a changed file is no evidence. Who can write it can also make it up: it is worth as much as the machine that
//! wrote it.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use nexus_xtask::digest::Digest;
use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

/// Evidence as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept<T> {
    /// There is none.
    Absent,
    /// It does not prove itself, and why.
    Tampered(String),
    /// It proves itself.
    Whole(T),
}

impl<T> Kept<T> {
    /// The same with another evidence, where there is some.
    pub fn map<U>(self, other: impl FnOnce(T) -> U) -> Kept<U> {
        match self {
            Kept::Absent => Kept::Absent,
            Kept::Tampered(why) => Kept::Tampered(why),
            Kept::Whole(evidence) => Kept::Whole(other(evidence)),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    check: Digest,
    evidence: Box<RawValue>,
}

/// Keeps evidence in the place of what was there.
///
/// # Errors
/// Where the disk does not take it.
pub fn write(path: &Path, evidence: &impl Serialize) -> anyhow::Result<()> {
    let evidence = serde_json::value::to_raw_value(evidence)?;
    let envelope = Envelope { check: Digest::of(evidence.get()), evidence };
    files::write(path, serde_json::to_string(&envelope)? + "\n")
}

/// The evidence of a file.
///
/// # Errors
/// Where the disk does not give it.
pub fn read<T: DeserializeOwned>(workspace: &Workspace, path: &Path) -> anyhow::Result<Kept<T>> {
    let Some(bytes) = files::read(path)? else { return Ok(Kept::Absent) };
    let shown = workspace.name_of(path);
    let Ok(envelope) = serde_json::from_slice::<Envelope>(&bytes) else {
        return Ok(Kept::Tampered(format!("`{shown}` cannot be read")));
    };
    if Digest::of(envelope.evidence.get()) != envelope.check {
        return Ok(Kept::Tampered(format!("`{shown}` was changed after it was written")));
    }
    Ok(match serde_json::from_str(envelope.evidence.get()) {
        Ok(evidence) => Kept::Whole(evidence),
        Err(error) => Kept::Tampered(format!("`{shown}` is of another version: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_xtask::scratch::Scratch;

    #[test]
    fn evidence_that_was_changed_is_none() {
        let scratch = Scratch::new();
        let workspace = Workspace::at(scratch.path());
        let path = scratch.path().join("kept.json");
        let read = || read::<Vec<u32>>(&workspace, &path).unwrap();
        assert_eq!(read(), Kept::Absent);
        write(&path, &vec![1, 2]).unwrap();
        assert_eq!(read(), Kept::Whole(vec![1, 2]));

        let text = files::read_text(&path).unwrap().unwrap();
        for (changed, problem) in [
            (text.replace("[1,2]", "[1,3]"), "was changed"),
            (text[..text.len() / 2].to_owned(), "cannot be read"),
            (String::new(), "cannot be read"),
        ] {
            files::write(&path, changed).unwrap();
            let Kept::Tampered(why) = read() else { panic!("{problem}") };
            assert!(why.contains(problem), "{why}");
        }
        write(&path, &"of another kind").unwrap();
        assert!(matches!(read(), Kept::Tampered(why) if why.contains("another version")));
    }
}
