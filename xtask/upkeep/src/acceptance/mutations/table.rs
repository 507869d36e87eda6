//! The table of changes, and the workspace that is changed, as types.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde::Deserialize;

/// Both files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The files of the fixture.
    #[serde(default)]
    pub(super) files: BTreeMap<String, String>,
    /// Names for several steps.
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) mutation: Vec<Mutation>,
}

/// One change.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mutation {
    pub(super) name: String,
    /// A script that is run first, before the steps of `only` are run.
    pub(super) before: String,
    /// The change, as a script.
    pub(super) change: String,
    /// A script that undoes what the general one does not know.
    pub(super) after: String,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) folder: Option<String>,
    /// The steps to look at; empty for all.
    pub(super) only: Vec<String>,
    /// The steps and groups that must run again.
    pub(super) runs: Vec<String>,
    /// Those of them that must fail.
    pub(super) red: Vec<String>,
}

impl Table {
    pub(super) fn load() -> anyhow::Result<Table> {
        let table: Table = toml::from_str(include_str!("table.toml")).context("cannot read the table")?;
        let fixture: Table =
            toml::from_str(include_str!("fixture.toml")).context("cannot read the fixture")?;
        Ok(Table { files: fixture.files, ..table })
    }

    /// Steps, with the names of groups replaced.
    pub(super) fn steps(&self, names: &[String]) -> BTreeSet<String> {
        let steps = names.iter().flat_map(|name| match self.groups.get(name) {
            Some(group) => group.clone(),
            None => vec![name.clone()],
        });
        steps.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_what_was_promised() {
        let table = Table::load().unwrap();
        let names: BTreeSet<_> = table.mutation.iter().map(|mutation| &mutation.name).collect();
        assert_eq!(names.len(), table.mutation.len(), "every change has a name of its own");
        let (nothing, counting): (Vec<_>, Vec<_>) =
            table.mutation.iter().partition(|mutation| mutation.runs.is_empty());
        assert!(counting.len() >= 50, "{} changes count", counting.len());
        assert!(nothing.len() >= 10, "{} changes count for nothing", nothing.len());
    }
}
