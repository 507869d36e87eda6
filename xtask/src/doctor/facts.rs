//! What this machine and this clone have.

use crate::doors::Doors;
use crate::shell::Command;
use crate::{files, git, toolchain};

/// Entries that are counted for the size of a folder: as many as are looked at in about a tenth of a second.
const ENTRIES_MAX: usize = 20_000;

/// Everything that the report is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The toolchain that the workspace asks for, as rust-toolchain.toml names it.
    pub(crate) channel: Option<String>,
    /// The line by which each program of the toolchain says its version.
    pub(crate) rustc: Option<String>,
    pub(crate) cargo: Option<String>,
    pub(crate) clippy: Option<String>,
    pub(crate) rustfmt: Option<String>,
    pub(crate) nextest: Option<String>,
    pub(crate) git: Option<String>,
    /// `None` where there is no git program; an error where the folder is in no repository.
    pub(crate) repository: Option<Result<Repository, String>>,
    /// Bytes that are free on the disk of the workspace.
    pub(crate) disk_free: Option<u64>,
    /// The folders that grow, with their size in bytes; `false` where there is more than was counted.
    pub(crate) used: Vec<(String, u64, bool)>,
    /// Why the state folder cannot be written to.
    pub(crate) state_broken: Option<String>,
}

/// What git says of the clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repository {
    pub(crate) is_shallow: bool,
    pub(crate) has_commits: bool,
    /// True when git ignores the state folder.
    pub(crate) ignores_state: bool,
}

/// Looks at the machine and the clone.
pub(crate) fn look(doors: &Doors) -> anyhow::Result<Facts> {
    let programs = ["rustc", "cargo", "cargo-clippy", "rustfmt", "cargo-nextest", "git"];
    let mut found = toolchain::identities(doors, &programs)?;
    let mut line = |program: &str| found.remove(program).flatten().map(|tool| tool.line().to_owned());
    let git = line("git");
    let root = doors.workspace.root();
    let mut used = Vec::new();
    for folder in ["target", ".xtask"] {
        let (bytes, is_all) = files::size(&root.join(folder), ENTRIES_MAX)?;
        used.push((folder.to_owned(), bytes, is_all));
    }
    Ok(Facts {
        channel: channel(doors)?,
        rustc: line("rustc"),
        cargo: line("cargo"),
        clippy: line("cargo-clippy"),
        rustfmt: line("rustfmt"),
        nextest: line("cargo-nextest"),
        repository: git.as_ref().map(|_| repository(doors)).transpose()?,
        git,
        disk_free: files::space_free(root),
        used,
        state_broken: probe(doors).err().map(|error| format!("{error:#}")),
    })
}

/// The toolchain file of the workspace; a line of its own where it has the old form without TOML.
fn channel(doors: &Doors) -> anyhow::Result<Option<String>> {
    for name in ["rust-toolchain.toml", "rust-toolchain"] {
        let Some(text) = files::read_text(&doors.workspace.file(name))? else { continue };
        let table: Result<toml::Table, _> = text.parse();
        return Ok(match table {
            Ok(table) => table
                .get("toolchain")
                .and_then(|toolchain| toolchain.get("channel"))
                .and_then(|channel| Some(channel.as_str()?.to_owned())),
            Err(_) => Some(text.trim().to_owned()),
        });
    }
    Ok(None)
}

fn repository(doors: &Doors) -> anyhow::Result<Result<Repository, String>> {
    let ask = |arguments: &[&str]| doors.shell.capture(&Command::new("git", arguments.iter().copied()));
    let shallow = ask(&["rev-parse", "--is-shallow-repository"])?;
    if !shallow.is_success() {
        let why = shallow.stderr.lines().next().unwrap_or("git says no");
        return Ok(Err(why.trim_start_matches("fatal: ").to_owned()));
    }
    Ok(Ok(Repository {
        is_shallow: shallow.text() == "true",
        has_commits: git::head(&doors.shell)?.is_some(),
        ignores_state: ask(&["check-ignore", "--quiet", ".xtask/probe"])?.is_success(),
    }))
}

/// Writes to the state folder, as every run will.
fn probe(doors: &Doors) -> anyhow::Result<()> {
    let file = doors.workspace.cache().join("probe");
    files::write(&file, "written by `cargo xtask doctor`\n")?;
    files::remove(&file)
}
