//! Starts a satellite and talks with it: a process for what the front does not carry, such as TLS.
//!
//! In the toolkit's own repository a satellite is built when its key (sources, manifests, lock file, compiler) is new, and
//! started directly otherwise. Elsewhere it is beside the own binary, or on `PATH`. The satellite reads one request from
//! its standard input and ends when that input does, so it never outlives the front; it answers in lines on its standard
//! output, the last of which is [`Message::Done`] or [`Message::Failed`].

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::digest::{Digest, Parts};
use crate::doors::Doors;
use crate::failure::{Exit, Failure, Finding, Result};
use crate::files;
use crate::shell::{Command, Ended};

/// The version of the protocol. Front and satellite are built from the same source and refuse each other otherwise.
pub const VERSION: u32 = 1;

/// A satellite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Satellite {
    /// Its package and its binary.
    pub package: &'static str,
    /// Its folder in the toolkit's repository.
    pub folder: &'static str,
    /// Folders of the satellites whose libraries it is made from.
    pub needs: &'static [&'static str],
}

/// What a release manager runs.
pub const DELIVER: Satellite =
    Satellite { package: "nexus-xtask-deliver", folder: "xtask/deliver", needs: &[] };

/// Packs and sends.
pub const SHIP: Satellite =
    Satellite { package: "nexus-xtask-ship", folder: "xtask/ship", needs: &["xtask/deliver"] };

/// Watches and serves.
pub const OBSERVE: Satellite =
    Satellite { package: "nexus-xtask-observe", folder: "xtask/observe", needs: &["xtask/deliver"] };

/// What only the toolkit's own repository needs.
pub const UPKEEP: Satellite =
    Satellite { package: "nexus-xtask-upkeep", folder: "xtask/upkeep", needs: &["xtask/deliver"] };

/// A request with what every request carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope<R> {
    /// The version of the protocol.
    pub version: u32,
    /// The root of the workspace.
    pub root: PathBuf,
    /// What is asked.
    pub request: R,
}

/// One line of a satellite's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Message {
    /// A step of a plan went on.
    Step {
        /// The step.
        id: String,
        /// What became of it: `left`, `applied`, `waiting`, ...
        state: String,
        /// More about it, for a person; may be empty.
        detail: String,
    },
    /// Something a person may want to know.
    Note {
        /// A sentence.
        text: String,
    },
    /// A part of the answer that is known already, of the type that the request's documentation names.
    Part {
        /// The part.
        part: Value,
    },
    /// It is done; nothing follows.
    Done {
        /// The answer, of the type that the request's documentation names.
        answer: Value,
    },
    /// It was not done; nothing follows.
    Failed(Failed),
}

/// A failure, on its way from a satellite to the front.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The exit code.
    pub exit: u8,
    /// The problem.
    pub problem: String,
    /// The facts that decided.
    pub why: Vec<String>,
    /// File, line, problem and remedy of each finding.
    pub findings: Vec<(String, usize, String, String)>,
    /// The next step.
    pub next: Option<String>,
    /// A document to read.
    pub see: Option<String>,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Failed {
        Failed {
            exit: failure.exit.code(),
            problem: failure.problem,
            why: failure.why,
            findings: failure
                .findings
                .into_iter()
                .map(|finding| (finding.file, finding.line, finding.problem, finding.next))
                .collect(),
            next: failure.next,
            see: failure.see,
        }
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Failure {
        const ALL: [Exit; 9] = [
            Exit::Done,
            Exit::No,
            Exit::Usage,
            Exit::Refused,
            Exit::Conflict,
            Exit::RolledBack,
            Exit::Person,
            Exit::Temporary,
            Exit::Interrupted,
        ];
        let exit = ALL.into_iter().find(|exit| exit.code() == failed.exit).unwrap_or(Exit::No);
        Failure {
            problem: failed.problem,
            why: failed.why,
            findings: failed
                .findings
                .into_iter()
                .map(|(file, line, problem, next)| Finding::at(file, line, problem, next))
                .collect(),
            next: failed.next,
            see: failed.see,
            exit,
        }
    }
}

/// Asks a satellite, and waits for its answer. Variables of the caller reach it by name only; each message on the way is
/// handed over.
pub fn call<A: DeserializeOwned>(
    doors: &Doors,
    satellite: Satellite,
    request: &impl Serialize,
    passed: &[&str],
    mut each: impl FnMut(&Message),
) -> Result<A> {
    let binary = binary(doors, satellite)?;
    let envelope = Envelope { version: VERSION, root: doors.workspace.root().to_owned(), request };
    let line = serde_json::to_string(&envelope).context("a request is plain data")?;
    let command = Command::new(binary.display().to_string(), [""; 0]).reading(line + "\n");
    let passed: Vec<_> = passed.iter().map(|name| (*name).to_owned()).collect();
    let mut last = None;
    let mut strange = None;
    let ended = doors.shell.converse(&command, &passed, |line| match serde_json::from_str(&line) {
        Ok(message @ (Message::Done { .. } | Message::Failed(_))) => last = Some(message),
        Ok(message) => each(&message),
        Err(_) => strange = Some(line),
    })?;
    match last {
        Some(Message::Done { answer }) if ended == Ended::Exit(0) => Ok(serde_json::from_value(answer)
            .with_context(|| format!("`{}` gave an answer of another version", satellite.package))?),
        Some(Message::Failed(failed)) => Err(failed.into()),
        _ => Err(died(doors, satellite, &ended, strange)),
    }
}

fn died(doors: &Doors, satellite: Satellite, ended: &Ended, strange: Option<String>) -> Failure {
    let failure =
        Failure::new(Exit::Temporary, format!("`{}` ended without an answer: {ended}", satellite.package));
    let failure = match strange {
        Some(line) => failure.why(format!("it said: {line}")),
        None => failure,
    };
    failure.why("what it had done is found by looking").next(format!("again: {}", doors.environment.typed()))
}

/// The satellite's binary, built where that is needed.
pub fn binary(doors: &Doors, satellite: Satellite) -> Result<PathBuf> {
    if is_here(doors, satellite) {
        return built(doors, satellite);
    }
    installed(doors, satellite).ok_or_else(|| {
        let beside = beside(doors, satellite);
        Failure::refused(format!("`{}` is not installed", satellite.package))
            .why(format!("it is neither `{}` nor on PATH", beside.display()))
            .next(format!("cargo install {} --version {}", satellite.package, env!("CARGO_PKG_VERSION")))
    })
}

/// The satellite's binary where nothing has to be built for it: for what must not cost anybody anything.
pub fn ready(doors: &Doors, satellite: Satellite) -> Option<PathBuf> {
    match is_here(doors, satellite) {
        true => kept(doors, satellite).ok().filter(|kept| kept.is_file()),
        false => installed(doors, satellite),
    }
}

fn is_here(doors: &Doors, satellite: Satellite) -> bool {
    doors.workspace.file(&format!("{}/Cargo.toml", satellite.folder)).is_file()
}

fn installed(doors: &Doors, satellite: Satellite) -> Option<PathBuf> {
    Some(beside(doors, satellite))
        .filter(|beside| beside.is_file())
        .or_else(|| doors.shell.find(satellite.package))
}

fn beside(doors: &Doors, satellite: Satellite) -> PathBuf {
    let name = format!("{}{}", satellite.package, std::env::consts::EXE_SUFFIX);
    doors.environment.binary().with_file_name(name)
}

/// Where it is kept for this state of its sources.
fn kept(doors: &Doors, satellite: Satellite) -> anyhow::Result<PathBuf> {
    let key = key(doors, satellite)?;
    let name = format!("{}-{}{}", satellite.package, key.short(), std::env::consts::EXE_SUFFIX);
    Ok(doors.workspace.satellites().join(name))
}

/// Builds it from this repository, unless that was done for the same key.
fn built(doors: &Doors, satellite: Satellite) -> Result<PathBuf> {
    let folder = doors.workspace.satellites();
    let kept = kept(doors, satellite)?;
    if kept.is_file() {
        return Ok(kept);
    }
    let _held = files::lock(&folder.join("lock"))?;
    if kept.is_file() {
        return Ok(kept);
    }
    doors
        .terminal
        .talk(&format!("building `{}`; this is done once for each state of its sources", satellite.package));
    let target = doors.workspace.root().join("target");
    let build = Command::new("cargo", ["build", "--quiet", "--package", satellite.package, "--target-dir"]);
    let build = Command {
        arguments: build.arguments.into_iter().chain([target.display().to_string()]).collect(),
        ..build
    };
    let captured = doors.shell.capture(&build)?;
    if !captured.is_success() {
        return Err(Failure::refused(format!("`{}` cannot be built", satellite.package))
            .why(captured.stderr.trim())
            .next(format!("cargo build --package {}", satellite.package)));
    }
    let made = target.join("debug").join(format!("{}{}", satellite.package, std::env::consts::EXE_SUFFIX));
    for old in files::list(&folder)? {
        if old.file_name().is_some_and(|name| name.to_string_lossy().starts_with(satellite.package)) {
            files::remove(&old)?;
        }
    }
    files::copy(&made, &kept)?;
    Ok(kept)
}

/// What a satellite is made of: its sources and those of the front's library, manifests, lock file and compiler.
fn key(doors: &Doors, satellite: Satellite) -> anyhow::Result<Digest> {
    let mut parts = Parts::default();
    let mut sources = files::walk(&doors.workspace.file("xtask/src"))?;
    for folder in satellite.needs.iter().chain([&satellite.folder]) {
        sources.extend(files::walk(&doors.workspace.file(&format!("{folder}/src")))?);
        sources.push(doors.workspace.file(&format!("{folder}/Cargo.toml")));
    }
    let manifests = ["Cargo.toml", "Cargo.lock", "xtask/Cargo.toml"].map(|name| doors.workspace.file(name));
    sources.extend(manifests);
    for path in sources {
        parts.add(doors.workspace.name_of(&path));
        add_digest(&mut parts, &path)?;
    }
    let compiler = crate::toolchain::identify(doors, "rustc")?;
    parts.add(compiler.map_or_else(String::new, |compiler| compiler.version));
    Ok(parts.digest())
}

fn add_digest(parts: &mut Parts, path: &Path) -> anyhow::Result<()> {
    parts.add(files::digest(path)?.map_or_else(String::new, |digest| digest.to_string()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_way_from_satellite_to_front() {
        let failure = Failure::found(
            Exit::Conflict,
            "the tag `v1` is on another commit",
            vec![Finding::at("a.toml", 3, "is wrong", "correct it")],
        )
        .why("it was moved")
        .next("cargo xtask release status");
        let text = failure.to_string();
        let line = serde_json::to_string(&Message::Failed(failure.into())).unwrap();
        let Message::Failed(back) = serde_json::from_str(&line).unwrap() else { panic!("{line}") };
        let back = Failure::from(back);
        assert_eq!((back.exit, back.to_string()), (Exit::Conflict, text));
    }
}
