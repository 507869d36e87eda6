//! Workspaces that someone else wrote adopt the toolkit, and a minute later `cargo xtask ci` is green on them.
//!
//! Each is fetched as published source into a temporary folder, committed there, adopted with the running binary under
//! the name that adopters install (`cargo-nexus-xtask`), adopted a second time (nothing may change), and run through
//! `cargo xtask ci` as a person would. Green is not enough: the recorded run must hold a pass of every step that the
//! shape of the project calls for, and a planted finding must turn the run red.
//!
//! To add a project: its line in [`STRANGERS`]. It must build and pass its own tests without a network.

mod fetch;
mod judge;

use std::path::{Path, PathBuf};

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::shell::{Command, Shell};
use nexus_xtask::{clock, event, files};

/// A public project.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stranger {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: Kind,
    /// What it stands for.
    pub(crate) shape: &'static str,
    /// Steps that must be among the passed ones.
    pub(crate) steps: &'static [&'static str],
    /// A source file that a finding is planted into.
    pub(crate) planted_into: &'static str,
}

/// Where its source is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A package for cargo.
    Crate,
    /// A source distribution for pip.
    SourceDistribution,
}

const RUST: &[&str] = &["workflows", "fmt", "clippy", "doc", "build", "test", "doctest"];

const STRANGERS: &[Stranger] = &[
    Stranger {
        name: "semver",
        version: "1.0.27",
        kind: Kind::Crate,
        shape: "one package, its lock file not tracked",
        steps: RUST,
        planted_into: "src/lib.rs",
    },
    Stranger {
        name: "ripgrep",
        version: "15.1.0",
        kind: Kind::SourceDistribution,
        shape: "a workspace of ten packages",
        steps: RUST,
        planted_into: "crates/globset/src/lib.rs",
    },
    Stranger {
        name: "rpds-py",
        version: "2026.9.1",
        kind: Kind::SourceDistribution,
        shape: "a Python extension with tests in Python",
        steps: &["workflows", "fmt", "clippy", "build", "python-install", "python-test"],
        planted_into: "src/lib.rs",
    },
];

/// A finding that clippy reports by default, and that is as long as any: it must count.
const PLANTED: &str = "\n/// Planted.\npub fn planted_by_acceptance() -> bool {\n    return true;\n}\n";

/// Adopts each project, or the one of this name, below `folder`, and says how it went. `package` is the folder of the
/// toolkit's own package.
pub(crate) fn run(doors: &Doors, package: &Path, folder: &Path, only: Option<&str>) -> Result<Exit> {
    let chosen: Vec<_> =
        STRANGERS.iter().filter(|stranger| only.is_none_or(|name| name == stranger.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = STRANGERS.iter().map(|stranger| stranger.name).collect();
        return Err(Failure::usage("there is no such project")
            .why(names.join(", "))
            .next("cargo xtask acceptance strangers --only NAME"));
    }
    let shell = adopters_shell(doors, folder)?;
    let mut findings = Vec::new();
    for stranger in chosen {
        let started = doors.clock.start();
        let root = folder.join(stranger.name);
        doors
            .terminal
            .talk(&format!("stranger   {} {}: {}", stranger.name, stranger.version, stranger.shape));
        let problems = match trial(doors, &shell, package, stranger, &root) {
            Ok(problems) => problems,
            Err(error) => vec![format!("{error:#}")],
        };
        let word = if problems.is_empty() { "green" } else { "red" };
        let spoken = clock::spoken(started.elapsed());
        doors
            .terminal
            .data(&format!("{word:<6} {} {}  {}  {spoken}", stranger.name, stranger.version, stranger.shape));
        let next = format!("look at {}", root.display());
        findings.extend(
            problems
                .into_iter()
                .map(|problem| Finding::at("", 0, format!("{}: {problem}", stranger.name), &next)),
        );
    }
    if findings.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::found(Exit::No, "a stranger is not green", findings))
}

/// A shell in which the running binary is installed under the name that adopters have it by.
fn adopters_shell(doors: &Doors, folder: &Path) -> anyhow::Result<Shell> {
    let bin = folder.join("bin");
    files::link(doors.environment.binary(), &bin.join("cargo-nexus-xtask"))?;
    Ok(Shell::new(folder, &doors.environment.clone().with_path_in_front(&[bin])))
}

/// What is wrong with the adoption of one project; empty when it is green.
fn trial(
    doors: &Doors,
    shell: &Shell,
    package: &Path,
    stranger: &Stranger,
    root: &Path,
) -> anyhow::Result<Vec<String>> {
    files::remove_folder(root)?;
    fetch::source(doors, shell, stranger, root)?;
    commit(shell, root, "source as published", &["init", "--quiet", "--initial-branch=main"])?;
    let say = |line: String| doors.terminal.talk(&format!("  {line}"));
    let from = package.display().to_string();
    let adopt = |more: &[&str]| {
        let words = ["nexus-xtask", "adopt", "--source", "path", "--from", &from];
        Command::new("cargo", words.iter().chain(more).copied()).within(root)
    };
    let mut problems = Vec::new();
    let ended = shell.follow(&adopt(&[]), &[], say)?;
    if ended != nexus_xtask::shell::Ended::Exit(0) {
        return Ok(vec![format!("`adopt` ended with {ended}")]);
    }
    let status = Command::new("git", ["status", "--porcelain", "--untracked-files=all"]).within(root);
    let before = snapshot(root, &shell.read(&status)?)?;
    let again = shell.capture(&adopt(&[]))?;
    if !again.is_success() || !again.stderr.contains("nothing to do") {
        problems.push(format!("`adopt` the second time ended with {}: {}", again.ended, again.stderr));
    }
    if snapshot(root, &shell.read(&status)?)? != before {
        problems.push("`adopt` the second time changed something".to_owned());
    }
    commit(shell, root, "adopt the toolkit", &[])?;
    let ci = Command::new("cargo", ["xtask", "ci"]).within(root);
    let ended = shell.follow(&ci, &[], say)?;
    let events = last_run(root)?;
    problems.extend(judge::green(&ended, &events, stranger.steps));
    doors.terminal.data(&format!("{:<6} {}  {}", "ran", stranger.name, judge::summary(&events)));
    problems.extend(planted(doors, shell, stranger, root)?);
    Ok(problems)
}

/// Plants a finding: the step that counts findings must be red, and green again without it.
fn planted(doors: &Doors, shell: &Shell, stranger: &Stranger, root: &Path) -> anyhow::Result<Vec<String>> {
    let file = root.join(stranger.planted_into);
    let before = files::read_text(&file)?.unwrap_or_default();
    files::write(&file, format!("{before}{PLANTED}"))?;
    let ci = Command::new("cargo", ["xtask", "ci", "--step", "clippy"]).within(root);
    let ended = shell.follow(&ci, &[], |line| doors.terminal.talk(&format!("  {line}")))?;
    files::write(&file, before)?;
    Ok(judge::red(&ended, &last_run(root)?, "clippy"))
}

fn commit(shell: &Shell, root: &Path, subject: &str, before: &[&str]) -> anyhow::Result<()> {
    let git = |words: &[&str]| Command::new("git", words.iter().copied()).within(root);
    if !before.is_empty() {
        shell.read(&git(before))?;
    }
    shell.read(&git(&["add", "--all"]))?;
    let name = ["-c", "user.name=Stranger", "-c", "user.email=stranger@example.com"];
    let words: Vec<_> = name.into_iter().chain(["commit", "--quiet", "--message", subject]).collect();
    shell.read(&git(&words))?;
    Ok(())
}

/// The changed files with their contents.
fn snapshot(root: &Path, status: &str) -> anyhow::Result<Vec<(String, Option<nexus_xtask::digest::Digest>)>> {
    status
        .lines()
        .map(|line| {
            let name = line.get(3..).unwrap_or_default().trim_matches('"');
            Ok((line.to_owned(), files::digest(&root.join(name))?))
        })
        .collect()
}

/// The events of the newest recorded run; empty where there is none.
fn last_run(root: &Path) -> anyhow::Result<Vec<event::Stamped>> {
    let runs = files::list(&root.join(".xtask/runs"))?;
    let recorded: Vec<PathBuf> =
        runs.into_iter().map(|run| run.join("events.jsonl")).filter(|file| file.is_file()).collect();
    let Some(newest) = recorded.last() else { return Ok(Vec::new()) };
    event::parse(&files::read_text(newest)?.unwrap_or_default())
}
