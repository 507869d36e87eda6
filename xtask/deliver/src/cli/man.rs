//! `cargo xtask man`: manual pages, one for each command.

use std::path::PathBuf;

use clap::{Command, CommandFactory as _};

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask::files;

/// Where the pages go.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder they are written to; without it `.xtask/man`
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let folder = match &arguments.into {
        Some(folder) => doors.environment.folder().join(folder),
        None => doors.workspace.state().join("man"),
    };
    let mut paths = Vec::new();
    for (name, text) in pages()? {
        let path = folder.join(format!("{name}.1"));
        files::write(&path, text)?;
        paths.push(doors.workspace.name_of(&path));
    }
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "pages": paths }))?;
    } else {
        paths.iter().for_each(|path| doors.terminal.data(path));
    }
    Ok(Exit::Done)
}

/// The name and the text of every page.
fn pages() -> Result<Vec<(String, Vec<u8>)>> {
    // The command `help` prints what the pages say: it has none of its own.
    let mut command = nexus_xtask::cli::Arguments::<super::Verb>::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&mut pages, "cargo-xtask", &command)?;
    Ok(pages)
}

fn add(pages: &mut Vec<(String, Vec<u8>)>, name: &str, command: &Command) -> Result<()> {
    let mut text = Vec::new();
    let named = command.clone().display_name(name.to_owned());
    let page = clap_mangen::Man::new(named).title(name.to_owned()).manual("cargo xtask");
    page.render(&mut text).map_err(anyhow::Error::from)?;
    pages.push((name.to_owned(), text));
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    for below in below {
        add(pages, &format!("{name}-{}", below.get_name()), below)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_of_its_own() {
        let pages = pages().unwrap();
        let (_, page) = pages.iter().find(|(name, _)| name == "cargo-xtask-journal-verify").unwrap();
        let page = String::from_utf8(page.clone()).unwrap();
        assert!(page.contains("cargo xtask journal verify"), "{page}");
        assert_eq!(pages[0].0, "cargo-xtask");
    }
}
