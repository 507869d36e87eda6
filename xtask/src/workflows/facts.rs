//! What lies below `.github`, and what is declared: read once.

use super::config::{ACTIONS, WORKFLOWS};
use super::document::Document;
use crate::doors::Doors;
use crate::files;

/// The files as they are.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Every file in the folders of workflows and actions.
    pub(crate) documents: Vec<Document>,
    /// `release/workflows.toml`, where there is one.
    pub(crate) declared: Option<String>,
    /// `release/actions.toml`, where there is one.
    pub(crate) pins: Option<String>,
    /// The copy of the pins that the toolkit ships; only in the toolkit's own repository.
    pub(crate) shipped: Option<String>,
    /// True in the repository of the toolkit itself.
    pub(crate) is_home: bool,
}

/// The manifest by which the toolkit recognises its own repository.
const HOME: &str = "xtask/Cargo.toml";

pub(crate) fn gather(doors: &Doors) -> anyhow::Result<Facts> {
    let workspace = &doors.workspace;
    let mut documents = Vec::new();
    for folder in [".github/workflows", ".github/actions"] {
        for path in files::walk(&workspace.file(folder))? {
            let name = workspace.name_of(&path);
            // Scripts and other things beside an action are none of our business, and may be no text at all.
            let text = match name.ends_with(".yml") || name.ends_with(".yaml") {
                true => files::read_text(&path)?.unwrap_or_default(),
                false => String::new(),
            };
            documents.push(Document::new(name, text));
        }
    }
    let manifest = files::read_text(&workspace.file(HOME))?.unwrap_or_default();
    Ok(Facts {
        documents,
        declared: files::read_text(&workspace.file(WORKFLOWS))?,
        pins: files::read_text(&workspace.file(ACTIONS))?,
        shipped: files::read_text(&workspace.file(super::SHIPPED_COPY))?,
        is_home: manifest.lines().any(|line| line.trim() == "name = \"nexus-xtask\""),
    })
}
