//! Which changelog speaks of a unit, under which name, and what it says of the version that is released.

use std::collections::BTreeMap;

use crate::doors::Doors;
use crate::files;
use crate::release::changelog;
use crate::release::config::Config;
use crate::release::facts::Facts;
use crate::release::units::Unit;

/// Where a unit's changes are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file, from the root.
    pub(crate) file: String,
    /// True where other units use the same file: then a section is named by the tag, which no other unit can have.
    pub(crate) is_shared: bool,
}

/// The place of each unit, by its name: declared for one of its packages, else `CHANGELOG.md` beside its only package,
/// else the changelog of the workspace.
pub(crate) fn places(
    doors: &Doors,
    config: &Config,
    facts: &Facts,
    units: &[Unit],
) -> BTreeMap<String, Place> {
    let files: Vec<_> = units.iter().map(|unit| file_of(doors, config, facts, unit)).collect();
    let place = |(unit, file): (&Unit, &String)| {
        let is_shared = files.iter().filter(|other| *other == file).count() > 1;
        (unit.name.clone(), Place { file: file.clone(), is_shared })
    };
    units.iter().zip(&files).map(place).collect()
}

fn file_of(doors: &Doors, config: &Config, facts: &Facts, unit: &Unit) -> String {
    let declared = |name: &String| config.packages.get(name).and_then(|package| package.changelog.clone());
    if let Some(file) = unit.packages.iter().find_map(declared) {
        return file;
    }
    let beside = match unit.packages.as_slice() {
        [only] => facts.packages.iter().find(|package| package.name == *only && !package.folder.is_empty()),
        _ => None,
    };
    let beside = beside.map(|package| format!("{}/CHANGELOG.md", package.folder));
    beside.filter(|file| doors.workspace.file(file).is_file()).unwrap_or_else(|| config.changelog.clone())
}

/// What each unit's changelog says of its version, by tag. A unit of which none says anything is not in there.
pub(crate) fn notes(
    doors: &Doors,
    config: &Config,
    facts: &Facts,
    units: &[Unit],
) -> anyhow::Result<BTreeMap<String, String>> {
    let places = places(doors, config, facts, units);
    let mut notes = BTreeMap::new();
    for unit in units {
        let Some(text) = places.get(&unit.name).map(|place| doors.workspace.file(&place.file)) else {
            continue;
        };
        let text = files::read_text(&text)?.unwrap_or_default();
        let tag = unit.tag(&unit.version);
        let section =
            changelog::section(&text, &tag).or_else(|| changelog::section(&text, &unit.version.to_string()));
        notes.extend(section.filter(|section| !section.is_empty()).map(|section| (tag, section)));
    }
    Ok(notes)
}
