//! Which programs a step would run, by version: what a fingerprint needs to know of them.
//!
//! Asking a program for its version starts a process, so the answer is kept in `.xtask/cache/tools.json` together
//! with the evidence it rests on, and a call in which no evidence changed starts none.
//! - The evidence of any program is the stamp of its binary, links resolved.
//! - `cargo`, `rustc` and their like are usually one small binary of rustup, which never changes when the toolchain
//!   does. Their evidence is everything rustup decides by: its settings, the `rust-toolchain` files from the
//!   workspace upwards, and the installed toolchains.
//! - A shim (pyenv, asdf, volta) decides anew at each call by means that only it knows: it is asked each time.
//! - A path (`scripts/check.sh`) is never executed to ask it something; its content is its version.
//!
//! Deleting the cache costs a few processes, nothing else.

use std::collections::BTreeMap;
use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Parts};
use crate::doors::Doors;
use crate::files::{self, Stamp};
use crate::shell::Command;

/// The version of the cache's format. A cache of another version is ignored.
const VERSION: u32 = 1;

/// The longest version text that is kept, in bytes: some programs list every feature they were built with.
const TEXT_LENGTH_MAX: usize = 2048;

/// The name under which the running binary itself is asked for.
pub const OWN: &str = "xtask";

/// A program that is there, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolIdentity {
    /// The name it was asked for by.
    pub program: String,
    /// Where it is. Says nothing about what it does, so it does not belong into a fingerprint.
    pub path: PathBuf,
    /// What it says about its version: `-vV` of `rustc` and `cargo`, `--version` of others. The sha256 of the
    /// content, in hexadecimal digits, where it says nothing, for a path, and for the own binary.
    pub version: String,
    /// The digest of its content: two builds that give themselves the same version differ here. `None` for the
    /// programs of a Rust toolchain managed by rustup, where it would be the digest of rustup.
    pub content: Option<Digest>,
}

impl ToolIdentity {
    /// The line that a person wants to see: the first that has a digit in it.
    pub fn line(&self) -> &str {
        self.version.lines().find(|line| line.contains(|c: char| c.is_ascii_digit())).unwrap_or(&self.version)
    }
}

/// The programs, by name, and which ones they are. `None` for a program that is not there, also when rustup stands
/// in for it and the toolchain that counts here does not have it. Reads the cache once, and writes it at most once.
///
/// Fails only where a file that is there cannot be read. A cache that cannot be used is made anew; one that cannot
/// be written costs the next call a few processes.
pub fn identities(
    doors: &Doors,
    programs: &[&str],
) -> anyhow::Result<BTreeMap<String, Option<ToolIdentity>>> {
    let cache_file = doors.workspace.cache().join("tools.json");
    let mut cache = Cache::read(&cache_file)?;
    let rustup = Rustup::look(doors)?;
    let mut answers = BTreeMap::new();
    let mut unknown = Vec::new();
    for program in programs.iter().copied().collect::<std::collections::BTreeSet<_>>() {
        let found = find(doors, program).and_then(|path| Some((files::stamp(&path)?, path)));
        let Some((binary, path)) = found else {
            answers.insert(program.to_owned(), None);
            continue;
        };
        let evidence = Evidence { rustup: rustup.evidence(program, &path, &binary), path, binary };
        match cache.tools.get(program) {
            Some(known) if known.evidence == evidence && !evidence.is_shim() => {
                answers.insert(program.to_owned(), Some(known.identity.clone()));
            }
            _ => unknown.push((program, evidence)),
        }
    }
    let asked = ask_all(doors, &unknown)?;
    let mut changed = false;
    for ((program, evidence), identity) in unknown.into_iter().zip(asked) {
        answers.insert(program.to_owned(), identity.clone());
        if let Some(identity) = identity.filter(|_| !evidence.is_shim()) {
            cache.tools.insert(program.to_owned(), Known { evidence, identity });
            changed = true;
        }
    }
    if changed {
        // In a tree that cannot be written to, the next call asks again: slower, not wrong.
        files::write_cache(&cache_file, serde_json::to_vec_pretty(&cache)?).ok();
    }
    Ok(answers)
}

/// One program; see [`identities`].
pub fn identify(doors: &Doors, program: &str) -> anyhow::Result<Option<ToolIdentity>> {
    Ok(identities(doors, &[program])?.remove(program).flatten())
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Cache {
    v: u32,
    tools: BTreeMap<String, Known>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    evidence: Evidence,
    identity: ToolIdentity,
}

/// What an answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Evidence {
    /// Where it was found, links not resolved: one binary may act by the name it is called by.
    path: PathBuf,
    binary: Stamp,
    /// What rustup decides by, where the program is rustup's.
    rustup: Option<Digest>,
}

impl Evidence {
    fn is_shim(&self) -> bool {
        self.path.parent().is_some_and(|folder| folder.ends_with("shims"))
            || self.binary.path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("-shim"))
    }
}

impl Cache {
    fn read(path: &Path) -> anyhow::Result<Cache> {
        let text = files::read(path)?.unwrap_or_default();
        // Torn, older or newer: it is a cache, so it is made anew.
        let cache = serde_json::from_slice(&text).ok().filter(|cache: &Cache| cache.v == VERSION);
        Ok(cache.unwrap_or(Cache { v: VERSION, ..Cache::default() }))
    }
}

/// What rustup decides by, apart from the program it is asked for.
/// Source: <https://rust-lang.github.io/rustup/overrides.html>.
#[derive(Debug)]
struct Rustup {
    /// The settings and the `rust-toolchain` files.
    chosen: Vec<Option<Digest>>,
    /// The folders that a toolchain can come from.
    toolchains: Vec<PathBuf>,
}

impl Rustup {
    fn look(doors: &Doors) -> anyhow::Result<Rustup> {
        let home = doors.environment.rustup_home();
        let mut chosen = Vec::new();
        let mut toolchains = Vec::new();
        if let Some(home) = home {
            chosen.push(files::read(&home.join("settings.toml"))?.map(Digest::of));
            toolchains = files::list(&home.join("toolchains"))?;
        }
        for folder in doors.workspace.root().ancestors() {
            for name in ["rust-toolchain.toml", "rust-toolchain"] {
                let Some(text) = files::read(&folder.join(name))? else {
                    chosen.push(None);
                    continue;
                };
                chosen.push(Some(Digest::of(&text)));
                toolchains.extend(toolchain_path(&text).map(|path| folder.join(path)));
            }
        }
        Ok(Rustup { chosen, toolchains })
    }

    /// The digest of all that decides what the program is; `None` when it is not rustup's.
    fn evidence(&self, program: &str, path: &Path, binary: &Stamp) -> Option<Digest> {
        if !is_proxy(path, binary) {
            return None;
        }
        let mut parts = Parts::default();
        for chosen in &self.chosen {
            parts.add(chosen.map(|digest| digest.to_string()).unwrap_or_default());
        }
        for toolchain in &self.toolchains {
            parts.add(toolchain.as_os_str().as_encoded_bytes());
            for name in ["rustc", program] {
                let stamp = files::stamp(&toolchain.join("bin").join(format!("{name}{EXE_SUFFIX}")));
                parts.add(format!("{stamp:?}"));
            }
        }
        Some(parts.digest())
    }
}

/// The `path` of a toolchain file. A file that is not TOML is the old form with nothing but a name in it.
fn toolchain_path(text: &[u8]) -> Option<String> {
    let table: toml::Table = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(table.get("toolchain")?.get("path")?.as_str()?.to_owned())
}

/// True when the program is a link to rustup, or, where there are no links, a copy of it.
fn is_proxy(path: &Path, binary: &Stamp) -> bool {
    if binary.path.file_stem().is_some_and(|name| name == "rustup") {
        return true;
    }
    let beside = path.with_file_name(format!("rustup{EXE_SUFFIX}"));
    files::stamp(&beside).is_some_and(|rustup| rustup.length == binary.length)
}

fn find(doors: &Doors, program: &str) -> Option<PathBuf> {
    match program {
        OWN => Some(doors.environment.binary().to_owned()),
        _ if is_path(program) => Some(doors.workspace.file(program)).filter(|path| path.is_file()),
        _ => doors.shell.find(program),
    }
}

fn is_path(program: &str) -> bool {
    program.contains(['/', '\\'])
}

/// Asks every program, all at the same time: `npm --version` alone takes longer than all others together.
fn ask_all(doors: &Doors, unknown: &[(&str, Evidence)]) -> anyhow::Result<Vec<Option<ToolIdentity>>> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = unknown
            .iter()
            .map(|(program, evidence)| scope.spawn(move || ask(doors, program, evidence)))
            .collect();
        asked.into_iter().map(|answer| answer.join().expect("the question does not panic")).collect()
    })
}

fn ask(doors: &Doors, program: &str, evidence: &Evidence) -> anyhow::Result<Option<ToolIdentity>> {
    let path = evidence.path.clone();
    let identity = |version, content| ToolIdentity { program: program.to_owned(), path, version, content };
    if evidence.rustup.is_some() {
        return Ok(version_text(doors, program)?.map(|version| identity(version, None)));
    }
    let content = files::read(&evidence.path)?
        .map(Digest::of)
        .with_context(|| format!("`{}` went away while it was looked at", evidence.path.display()))?;
    let said = if program == OWN || is_path(program) { None } else { version_text(doors, program)? };
    Ok(Some(identity(said.unwrap_or_else(|| content.to_string()), Some(content))))
}

/// What the program says about its version; `None` when it fails or says nothing.
fn version_text(doors: &Doors, program: &str) -> anyhow::Result<Option<String>> {
    let argument = if matches!(program, "rustc" | "cargo") { "-vV" } else { "--version" };
    let captured = doors.shell.capture(&Command::new(program, [argument]))?;
    if !captured.is_success() {
        return Ok(None);
    }
    let mut text = captured.text();
    text.truncate(text.floor_char_boundary(TEXT_LENGTH_MAX));
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests;
