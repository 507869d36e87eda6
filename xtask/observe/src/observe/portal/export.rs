//! The pages as files: for a server that only has files, such as GitHub Pages.
//!
//! They are made beside their folder and put in its place as a whole. A folder that holds something else is never replaced.

use std::path::Path;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;

use super::index::{Index, ask};
use super::site::{MAIN, Page, Place, Question};
use super::{ASSETS, page, site};

/// The file by which a folder is known as one of ours.
const MARK: &str = ".nexus-xtask-portal";

/// Writes every page into this folder.
pub(crate) fn export(doors: &Doors, output: &Path) -> Result<Exit> {
    let folder = doors.environment.folder().join(output);
    let is_ours = folder.join(MARK).is_file();
    if !is_ours && !files::list(&folder)?.is_empty() {
        return Err(Failure::refused(format!("`{}` holds something else", output.display()))
            .why("an export replaces its folder as a whole, and this one was not made by an export")
            .next("cargo xtask portal export --output portal"));
    }
    let index = Index::of(&doors.workspace);
    index.build(doors)?;
    let new = beside(&folder);
    files::remove_folder(&new)?;
    let pages = write(doors, &index, &new)?;
    if let Some(parent) = folder.parent() {
        files::create_folder(parent)?;
    }
    files::replace_folder(&new, &folder)?;
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "folder": folder, "pages": pages }))?;
    } else {
        doors.terminal.data(&format!("{pages} pages in {}", output.display()));
    }
    Ok(Exit::Done)
}

fn beside(folder: &Path) -> std::path::PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    folder.with_file_name(name)
}

fn write(doors: &Doors, index: &Index, folder: &Path) -> anyhow::Result<usize> {
    let site = site(doors, index, Place::Files)?;
    let mut pages: Vec<Page> = MAIN.to_vec();
    for run in index.ask(|asked| ask::runs(asked, usize::MAX >> 1))? {
        pages.push(Page::Run(run.name));
    }
    for row in index.ask(|asked| ask::logs(asked, usize::MAX >> 1))? {
        pages.push(Page::Log(row.run, row.place));
    }
    let mut written = 0;
    for here in &pages {
        // What was removed since has no page; nothing that is listed leads to it for long.
        if let Some(text) = page(doors, index, &site, here, &Question::default())? {
            files::write_cache(&folder.join(here.file()), text)?;
            written += 1;
        }
    }
    for (name, _, text) in ASSETS.into_iter().filter(|(name, ..)| !name.ends_with(".js")) {
        files::write_cache(&folder.join(name), text)?;
    }
    files::write_cache(&folder.join(MARK), "Made by `cargo xtask portal export`.\n")?;
    Ok(written)
}
