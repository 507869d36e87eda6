//! Which changelog speaks of a unit, under which name, and what it says of the version that is released.

use std::collections::BTreeMap;

use crate::release::changelog;
use crate::release::config::Config;
use crate::release::units::Unit;
use nexus_xtask::doors::Doors;
use nexus_xtask::files;

/// Where a unit's changes are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file, from the root.
    pub(crate) file: String,
    /// True where other units use the same file: then a section is named by the tag, which no other unit can have.
    pub(crate) is_shared: bool,
}

/// The place of each unit, by its name: declared for one of its packages, else the changelog of the workspace.
pub(crate) fn places(config: &Config, units: &[Unit]) -> BTreeMap<String, Place> {
    let files: Vec<_> = units.iter().map(|unit| file_of(config, unit)).collect();
    let place = |(unit, file): (&Unit, &&str)| {
        let is_shared = files.iter().filter(|other| *other == file).count() > 1;
        (unit.name.clone(), Place { file: (*file).to_owned(), is_shared })
    };
    units.iter().zip(&files).map(place).collect()
}

/// The changelog of a unit, from the root.
pub(crate) fn file_of<'a>(config: &'a Config, unit: &Unit) -> &'a str {
    let own = unit.packages.iter().find_map(|name| config.packages.get(name)?.changelog.as_ref());
    own.unwrap_or(&config.changelog)
}

/// What each unit's changelog says of its version, by tag. A unit of which none says anything is not in there.
pub(crate) fn notes(
    doors: &Doors,
    config: &Config,
    units: &[Unit],
) -> anyhow::Result<BTreeMap<String, String>> {
    let places = places(config, units);
    let mut notes = BTreeMap::new();
    for unit in units {
        let Some(text) = places.get(&unit.name).map(|place| doors.workspace.file(&place.file)) else {
            continue;
        };
        let text = files::read_text(&text)?.unwrap_or_default();
        let tag = unit.tag(&unit.version);
        // Where units share the file, a version alone may be that of another one.
        let by_version = || {
            let is_shared = places.get(&unit.name).is_some_and(|place| place.is_shared);
            changelog::section(&text, &unit.version.to_string()).filter(|_| !is_shared)
        };
        let section = changelog::section(&text, &tag).or_else(by_version);
        notes.extend(section.filter(|section| !section.is_empty()).map(|section| (tag, section)));
    }
    Ok(notes)
}
