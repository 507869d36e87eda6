//! Follows a bot: from pins in the generated workflow files back to `release/actions.toml`. Pure.

use std::collections::BTreeMap;

use super::config::{ACTIONS, Pin, Pins};
use super::plan::{Change, Kind};
use super::{ADOPT, WRITE};
use crate::failure::Finding;

/// What adopting gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Adopted {
    /// The new text of `release/actions.toml`: comments and order stay.
    pub(super) text: String,
    /// A sentence for each pin that changed.
    pub(super) said: Vec<String>,
}

/// Adopts what differs in pins alone. Refused where a file differs in more, and where two files disagree.
pub(super) fn adopt(text: &str, changes: &[Change], declared: &Pins) -> Result<Adopted, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut bumped: BTreeMap<&str, (&Pin, &str)> = BTreeMap::new();
    for change in changes {
        let Kind::Repinned(pins) = &change.kind else {
            if change.kind == Kind::Update && change.file.starts_with(".github/") {
                findings.push(Finding::at(
                    &change.file,
                    0,
                    "differs from what its generator prints in more than pins",
                    format!("cargo xtask workflows --check shows it; {WRITE} undoes it"),
                ));
            }
            continue;
        };
        for (action, pin) in pins.iter().filter(|(action, pin)| declared.0.get(*action) != Some(pin)) {
            match bumped.get(action.as_str()) {
                Some((other, file)) if *other != pin => findings.push(Finding::at(
                    &change.file,
                    0,
                    format!("pins `{action}` to {}, and {file} to {}", pin.version, other.version),
                    format!("make both the same, then run `{ADOPT}`"),
                )),
                Some(_) => {}
                None => {
                    bumped.insert(action, (pin, &change.file));
                }
            }
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    write(text, &bumped, declared)
}

fn write(
    text: &str,
    bumped: &BTreeMap<&str, (&Pin, &str)>,
    declared: &Pins,
) -> Result<Adopted, Vec<Finding>> {
    let mut document: toml_edit::DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        vec![Finding::at(ACTIONS, 0, error.message().to_owned(), format!("edit {ACTIONS}"))]
    })?;
    let mut said = Vec::new();
    for (action, (pin, _)) in bumped {
        let before = declared.0.get(*action).map_or("none", |before| &before.version);
        said.push(format!("{action} {before} -> {} ({})", pin.version, pin.commit));
        let entry = &mut document["actions"][action];
        entry["version"] = toml_edit::value(&pin.version);
        entry["commit"] = toml_edit::value(&pin.commit);
    }
    Ok(Adopted { text: document.to_string(), said })
}

#[cfg(test)]
mod tests {
    use super::super::config;
    use super::*;

    fn repinned(file: &str, version: &str) -> Change {
        let pin = Pin { version: version.to_owned(), commit: "a".repeat(40) };
        Change { file: file.to_owned(), kind: Kind::Repinned([("actions/cache".to_owned(), pin)].into()) }
    }

    fn shipped() -> Pins {
        config::parse(None, None).unwrap().pins
    }

    #[test]
    fn a_bump_changes_two_values_and_keeps_the_comments() {
        let changes = [repinned("a.yml", "v9.0.0"), repinned("b.yml", "v9.0.0")];
        let adopted = adopt(config::SHIPPED, &changes, &shipped()).unwrap();
        assert_eq!(adopted.said, [format!("actions/cache v6.1.0 -> v9.0.0 ({})", "a".repeat(40))]);
        let differing: Vec<_> =
            adopted.text.lines().zip(config::SHIPPED.lines()).filter(|(a, b)| a != b).collect();
        assert_eq!(differing.len(), 2, "{differing:?}");
        let pins = config::parse(None, Some(&adopted.text)).unwrap().pins;
        assert_eq!(pins.of("actions/cache").version, "v9.0.0");
    }

    #[test]
    fn files_that_disagree_and_files_that_differ_in_more_are_refused() {
        let update = Change { file: ".github/workflows/c.yml".to_owned(), kind: Kind::Update };
        let changes = [repinned("a.yml", "v9.0.0"), repinned("b.yml", "v9.1.0"), update];
        let refused = adopt(config::SHIPPED, &changes, &shipped()).unwrap_err();
        let problems: Vec<_> = refused.iter().map(|finding| finding.problem.as_str()).collect();
        assert_eq!(
            problems,
            [
                "pins `actions/cache` to v9.1.0, and a.yml to v9.0.0",
                "differs from what its generator prints in more than pins"
            ]
        );
    }

    #[test]
    fn nothing_bumped_is_nothing_said() {
        let adopted = adopt(config::SHIPPED, &[], &shipped()).unwrap();
        assert_eq!((adopted.text.as_str(), adopted.said.len()), (config::SHIPPED, 0));
    }
}
