//! From what is proposed, and what a person said, to what is prepared. Pure.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use crate::release::changelog::{Entry, Kind};
use crate::release::changes::Change;
use crate::release::prepare::Wanted;
use crate::release::propose::Proposal;
use crate::release::units::Unit;

/// What is wanted: all that is proposed, or of that only what a person named a version for.
pub(crate) fn wanted(
    proposal: Option<&Proposal>,
    changes: &[(Change, String)],
    units: &[Unit],
    said: &BTreeMap<String, Version>,
) -> Wanted {
    let named = |unit: &Unit| {
        let mut names = std::iter::once(&unit.name).chain(&unit.packages);
        names.find_map(|name| said.get(name))
    };
    let mut wanted = Wanted { versions: said.clone(), ..Wanted::default() };
    let mut released: BTreeSet<&str> = BTreeSet::new();
    for unit in units {
        let mut proposed = proposal.iter().flat_map(|proposal| &proposal.releases);
        let next = proposed.find(|next| next.unit == unit.name);
        match (next, named(unit)) {
            (Some(next), None) if said.is_empty() => {
                wanted.versions.insert(unit.name.clone(), next.next.clone());
            }
            (_, None) => continue,
            (_, Some(_)) => {}
        }
        released.extend(unit.packages.iter().map(String::as_str));
        let entries = next.iter().flat_map(|next| &next.entries).map(|entry| Entry {
            kind: Kind::of(entry.kind).unwrap_or(Kind::Changed),
            text: entry.text.clone(),
        });
        wanted.entries.insert(unit.name.clone(), entries.collect());
    }
    for (change, text) in changes {
        if change.packages.keys().any(|name| released.contains(name.as_str())) {
            wanted.consumed.insert(change.file.clone(), without(text, &released));
        }
    }
    wanted
}

/// A change file that still waits for other packages; `None` where it has said all that it had to say.
fn without(text: &str, released: &BTreeSet<&str>) -> Option<String> {
    let mut fences = 0;
    let mut is_waiting = false;
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        let is_fence = line.trim_end() == "---";
        fences += usize::from(is_fence);
        if fences == 1 && !is_fence {
            let name = line.split(':').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            if released.contains(name) {
                continue;
            }
            is_waiting |= line.contains(':') && !name.starts_with('#');
        }
        kept.push_str(line);
    }
    is_waiting.then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_file_keeps_what_still_waits() {
        let text = "---\n# why\nalpha: minor\n\"beta\": patch\r\n---\nalpha: stays text\n";
        let released = |names: &[&'static str]| without(text, &names.iter().copied().collect());
        assert_eq!(released(&["alpha", "beta"]), None);
        assert_eq!(
            released(&["alpha"]).as_deref(),
            Some("---\n# why\n\"beta\": patch\r\n---\nalpha: stays text\n")
        );
        assert_eq!(released(&[]).as_deref(), Some(text));
    }
}
