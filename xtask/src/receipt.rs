//! Receipts: what was done, on which inputs, with which result.
//!
//! A receipt is found by its fingerprint and proves itself: the fingerprint is computed from the components that the
//! receipt lists, and its file holds the digest of its own text. A receipt that does not prove itself counts as none.
//! Only passes have receipts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::digest::{Digest, Parts};
use crate::files;
use crate::workspace::Workspace;

/// The version that is written. A receipt of another version counts as none: it only costs running the step again.
pub const VERSION: u32 = 1;

/// The record of a step that passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version of the format.
    pub v: u32,
    /// The step.
    pub step: String,
    /// The digest of all components.
    pub fingerprint: Digest,
    /// Everything that the result may depend on, in the order in which differences are explained.
    pub components: Vec<Component>,
    /// The digest of the whole tree, by which it is kept, to name the file that differs later.
    #[serde(default)]
    pub tree: Option<Digest>,
    /// Inputs that only showed when the step ran (build scripts, dependency files), by path.
    #[serde(default)]
    pub discovered: BTreeMap<String, Option<Digest>>,
    /// Environment variables that only showed when the step ran; `None` where unset.
    #[serde(default)]
    pub discovered_variables: BTreeMap<String, Option<Digest>>,
    /// Declared outputs, by path.
    #[serde(default)]
    pub outputs: BTreeMap<String, Digest>,
    /// The run that made it.
    pub run: String,
    /// The commit that was checked out.
    #[serde(default)]
    pub commit: Option<String>,
    /// True when the work tree was that commit exactly.
    #[serde(default)]
    pub clean: bool,
    /// When the step had passed.
    pub passed_at: Timestamp,
    /// The time its program ran.
    pub duration_ms: u64,
    /// The tries it took.
    pub attempts: u32,
    /// The digest of its log.
    pub log: Digest,
    /// Where it ran.
    pub machine: String,
}

/// The file of a receipt: its text, and the digest of that text.
#[derive(Serialize, Deserialize)]
struct Envelope {
    check: Digest,
    receipt: Box<RawValue>,
}

/// One named part of a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// What it is: `command`, `toolchain`, `file src/lib.rs`, ...
    pub name: String,
    /// Its value where that is short and may be shown, else its digest.
    pub value: String,
}

/// The digest of components, in their order.
pub fn fingerprint(components: &[Component]) -> Digest {
    let mut parts = Parts::default();
    for component in components {
        parts.add(&component.name).add(&component.value);
    }
    parts.digest()
}

impl Receipt {
    /// Says why the receipt does not prove itself; `None` when it does.
    pub fn defect(&self) -> Option<&'static str> {
        if self.v != VERSION {
            Some("it has another version")
        } else if self.fingerprint != fingerprint(&self.components) {
            Some("its fingerprint is not the one of its components")
        } else {
            None
        }
    }
}

/// Writes a receipt to its place.
pub fn write(workspace: &Workspace, receipt: &Receipt) -> anyhow::Result<()> {
    let receipt_text = serde_json::value::to_raw_value(receipt)?;
    let envelope = Envelope { check: Digest::of(receipt_text.get()), receipt: receipt_text };
    files::write(&workspace.receipt(&receipt.fingerprint), serde_json::to_string(&envelope)? + "\n")
}

/// The receipt of a fingerprint; `None` where there is none that proves itself.
pub fn read(workspace: &Workspace, fingerprint: &Digest) -> anyhow::Result<Option<Receipt>> {
    let bytes = files::read(&workspace.receipt(fingerprint))?;
    Ok(bytes.and_then(|bytes| open(&bytes)).filter(|receipt| receipt.fingerprint == *fingerprint))
}

/// The receipt in a file, if it proves itself.
fn open(bytes: &[u8]) -> Option<Receipt> {
    let envelope: Envelope = serde_json::from_slice(bytes).ok()?;
    let receipt: Receipt = serde_json::from_str(envelope.receipt.get()).ok()?;
    (Digest::of(envelope.receipt.get()) == envelope.check && receipt.defect().is_none()).then_some(receipt)
}

/// Every receipt that proves itself, and the names of the files that do not hold one.
pub fn read_all(workspace: &Workspace) -> anyhow::Result<(Vec<Receipt>, Vec<String>)> {
    let mut receipts = Vec::new();
    let mut broken = Vec::new();
    for path in files::list(&workspace.receipts())? {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let receipt = files::read(&path)?.and_then(|bytes| open(&bytes));
        match receipt.filter(|receipt| workspace.receipt(&receipt.fingerprint) == path) {
            Some(receipt) => receipts.push(receipt),
            None => broken.push(workspace.name_of(&path)),
        }
    }
    receipts.sort_by_key(|receipt| receipt.passed_at);
    Ok((receipts, broken))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn receipt() -> Receipt {
        let components = vec![Component { name: "command".into(), value: "cargo fmt".into() }];
        Receipt {
            v: VERSION,
            step: "fmt".into(),
            fingerprint: fingerprint(&components),
            components,
            tree: None,
            discovered: BTreeMap::new(),
            discovered_variables: BTreeMap::new(),
            outputs: BTreeMap::new(),
            run: "r1".into(),
            commit: None,
            clean: true,
            passed_at: Timestamp::from_second(1).unwrap(),
            duration_ms: 5,
            attempts: 1,
            log: Digest::of(""),
            machine: "here".into(),
        }
    }

    #[test]
    fn a_receipt_proves_itself_and_any_change_to_it_shows() {
        assert_eq!(receipt().defect(), None);
        assert!(Receipt { v: 2, ..receipt() }.defect().is_some());
        assert!(Receipt { components: Vec::new(), ..receipt() }.defect().is_some());

        let scratch = Scratch::new();
        let workspace = Workspace::at(scratch.path());
        write(&workspace, &receipt()).unwrap();
        let path = workspace.receipt(&receipt().fingerprint);
        let text = files::read_text(&path).unwrap().unwrap();
        files::write(&path, text.replace("\"duration_ms\":5", "\"duration_ms\":6")).unwrap();
        assert_eq!(read(&workspace, &receipt().fingerprint).unwrap(), None);
    }

    #[test]
    fn only_what_proves_itself_is_read() {
        let scratch = Scratch::new();
        let workspace = Workspace::at(scratch.path());
        let good = receipt();
        write(&workspace, &good).unwrap();
        assert_eq!(read(&workspace, &good.fingerprint).unwrap(), Some(good.clone()));

        let moved = Digest::of("another");
        let text = files::read(&workspace.receipt(&good.fingerprint)).unwrap().unwrap();
        files::write(&workspace.receipt(&moved), text).unwrap();
        assert_eq!(read(&workspace, &moved).unwrap(), None);
        files::write(&workspace.receipts().join("torn.json"), "{\"v\":1").unwrap();

        let (receipts, broken) = read_all(&workspace).unwrap();
        assert_eq!(receipts, [good]);
        assert_eq!(broken.len(), 2);
    }
}
