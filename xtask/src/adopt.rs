//! Sets the toolkit up in another workspace or single package.
//!
//! facts -> plan -> execute. The plan is shown first. A file that is there is kept as it is; the three files in which
//! the toolkit needs a line of its own (cargo's configuration, `.gitignore`, `release/tools.toml`) get that line and
//! nothing else. What is there and says something else is a conflict, shown as a difference, and nothing is written.
//! Running it twice changes nothing.
//!
//! To set up another file: its path and text among [`Wanted::files`], by whoever calls.

pub(crate) mod alias;
pub(crate) mod facts;
pub(crate) mod origin;
pub(crate) mod pin;
pub(crate) mod plan;
pub(crate) mod steps;
pub(crate) mod templates;
pub(crate) mod execute;

use crate::doors::Doors;
use crate::failure::{Failure, Result};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The version of the toolkit to pin.
    pub(crate) version: semver::Version,
    /// Where that version comes from.
    pub(crate) origin: origin::Origin,
    /// The name of the alias: `xtask` where nothing else is asked for.
    pub(crate) alias: String,
    /// True to move an older pin to this version.
    pub(crate) bump: bool,
    /// More files to create: path from the root, and text.
    pub(crate) files: Vec<(String, String)>,
}

/// Looks at the workspace and says what adopting would do.
pub(crate) fn plan(doors: &Doors, wanted: &Wanted) -> Result<plan::Plan> {
    let facts = facts::look(doors, wanted)?;
    if facts.builds_toolkit {
        return Err(Failure::refused("this repository builds the toolkit itself")
            .why("its alias runs what it builds; there is nothing to adopt")
            .next("cargo xtask adopt --into PATH"));
    }
    plan::plan(&facts, wanted)
}
