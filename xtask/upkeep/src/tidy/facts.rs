//! What the rules look at, gathered once.

use std::collections::BTreeSet;

use super::code::Code;
use super::config::Config;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::git;
use nexus_xtask::shell::Command;

/// Commits that are read when no range is given and the default branch has all of them already.
const COMMITS_RECENT: &str = "50";

/// The folder of what tests work on: it may be as bad as a test needs it.
const FIXTURES: &str = "/fixtures/";

/// Everything that the rules look at.
pub(super) struct Facts {
    /// Files as git sees them: tracked, plus untracked and not ignored.
    pub(super) files: Vec<Source>,
    /// Commits to judge, the newest first; merges are left out.
    pub(super) commits: Vec<Commit>,
    /// The commits that were meant, as git names them.
    pub(super) range: String,
    /// Packages that a build of the front compiles on this machine.
    pub(super) packages: BTreeSet<String>,
    /// What only the command line knows.
    pub(super) given: super::Given,
}

/// One file.
pub(super) struct Source {
    /// Its path from the root, with `/` as separator.
    pub(super) path: String,
    /// Its length in bytes.
    pub(super) bytes: usize,
    /// Its text; empty where it is not UTF-8.
    pub(super) text: String,
    /// What is in a Rust file of this repository; `None` for everything else, and for what tests work on.
    pub(super) code: Option<Code>,
}

impl Source {
    fn new(path: String, bytes: Vec<u8>) -> Source {
        let length = bytes.len();
        // Not UTF-8 is a picture or an archive: the rules about text have nothing to say about it.
        let text = String::from_utf8(bytes).unwrap_or_default();
        let is_code = path.ends_with(".rs") && !path.contains(FIXTURES);
        let code = is_code.then(|| Code::of(&text));
        Source { path, bytes: length, text, code }
    }

    /// True for a document of this repository.
    pub(super) fn is_document(&self) -> bool {
        self.path.ends_with(".md") && !self.path.contains(FIXTURES)
    }

    /// The file's name without folder and extension.
    pub(super) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.split_once('.').map_or(name, |(stem, _)| stem)
    }

    /// The modules that a Rust file of a `src` folder stands for: `xtask/src/ci/plan.rs` is `["ci", "plan"]`. Empty for
    /// the root of a crate, `None` for everything else.
    pub(super) fn module(&self) -> Option<Vec<&str>> {
        self.code.as_ref()?;
        let (_, path) = self.path.split_once("src/")?;
        let mut names: Vec<_> = path.strip_suffix(".rs")?.split('/').collect();
        if names.first() == Some(&"bin") {
            return None;
        }
        if matches!(names.as_slice(), ["lib" | "main"]) {
            names.clear();
        }
        Some(names)
    }
}

/// One commit.
pub(super) struct Commit {
    /// Its abbreviated name.
    pub(super) id: String,
    /// The first line of its message.
    pub(super) subject: String,
}

impl Facts {
    /// The file with this path.
    pub(super) fn file(&self, path: &str) -> Option<&Source> {
        self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().map(|index| &self.files[index])
    }

    /// Facts made of these files, for tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Facts {
        let mut files: Vec<_> = files
            .iter()
            .map(|(path, text)| Source::new((*path).to_owned(), text.as_bytes().to_vec()))
            .collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let parses = |words: &[String]| match words.first().map(String::as_str) {
            Some("ci") => Ok(()),
            _ => Err("unrecognized subcommand".to_owned()),
        };
        Facts {
            files,
            commits: Vec::new(),
            range: String::new(),
            packages: BTreeSet::new(),
            given: super::Given { generated: Vec::new(), parses },
        }
    }
}

pub(super) fn gather(
    doors: &Doors,
    config: &Config,
    wanted: Option<&str>,
    given: super::Given,
) -> Result<Facts> {
    let files = sources(doors)?;
    let (range, commits) = match wanted {
        Some(range) => (range.to_owned(), commits(doors, range)?),
        None => recent(doors)?,
    };
    let packages = packages(doors, &config.front.package)?;
    Ok(Facts { files, commits, range, packages, given })
}

fn sources(doors: &Doors) -> Result<Vec<Source>> {
    let listing = git::listing(&doors.shell)?.map_err(|why| {
        Failure::refused("the house rules are about the files that git knows")
            .why(why.to_string())
            .next("git clone the repository, and call `cargo xtask tidy` there")
    })?;
    let paths = listing.paths();
    let mut sources = Vec::new();
    for path in paths {
        // A file that is deleted, a submodule and a link that leads nowhere have no content.
        let place = doors.workspace.file(&path);
        if place.is_dir() {
            continue;
        }
        if let Some(bytes) = files::read(&place)? {
            sources.push(Source::new(path, bytes));
        }
    }
    Ok(sources)
}

/// The commits that the default branch of `origin` does not have, or the last ones where it has them all.
fn recent(doors: &Doors) -> Result<(String, Vec<Commit>)> {
    for branch in ["origin/HEAD", "origin/main", "origin/master"] {
        let base = doors.shell.capture(&Command::new("git", ["merge-base", branch, "HEAD"]))?;
        if !base.is_success() {
            continue;
        }
        let range = format!("{}..HEAD", base.text());
        let ours = commits(doors, &range)?;
        if !ours.is_empty() {
            return Ok((format!("{branch}..HEAD"), ours));
        }
        break;
    }
    if git::head(&doors.shell)?.is_none() {
        return Ok(("no commits".to_owned(), Vec::new()));
    }
    Ok((format!("the last {COMMITS_RECENT}"), commits(doors, "HEAD")?))
}

fn commits(doors: &Doors, range: &str) -> Result<Vec<Commit>> {
    let mut call = vec!["log", "--no-merges", "--format=%h%x09%s"];
    if range == "HEAD" {
        call.extend(["--max-count", COMMITS_RECENT]);
    }
    call.extend(["--end-of-options", range, "--"]);
    let log = doors.shell.capture(&Command::new("git", call))?;
    if !log.is_success() {
        return Err(Failure::usage(format!("git knows no commits `{range}`"))
            .why(log.stderr.trim())
            .next("cargo xtask tidy --commits origin/main..HEAD"));
    }
    let text = log.text();
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    Ok(lines.map(|(id, subject)| Commit { id: id.to_owned(), subject: subject.to_owned() }).collect())
}

/// The packages behind a package, for a build on this machine: with build scripts and macros, without tests.
fn packages(doors: &Doors, package: &str) -> Result<BTreeSet<String>> {
    if package.is_empty() {
        return Ok(BTreeSet::new());
    }
    let question = ["tree", "--package", package, "--edges", "normal,build", "--prefix", "none"];
    let offline =
        doors.shell.capture(&Command::new("cargo", question.iter().copied().chain(["--offline"])))?;
    let tree = match offline.is_success() {
        true => offline,
        // A machine that runs a stored binary has not fetched the sources yet.
        false => doors.shell.capture(&Command::new("cargo", question))?,
    };
    if !tree.is_success() {
        return Err(Failure::refused(format!("cannot tell what `{package}` depends on"))
            .why(tree.stderr.trim())
            .next("cargo fetch --locked"));
    }
    let packages = tree.text().lines().filter_map(name_and_version).collect();
    Ok(packages)
}

/// `syn v2.0.1 (proc-macro) (*)` is `syn v2.0.1`.
fn name_and_version(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    Some(format!("{} {}", words.next()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_which_module_it_is() {
        let module = |path: &str| {
            Source::new(path.to_owned(), Vec::new())
                .module()
                .map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(module("xtask/src/ci/plan.rs").unwrap(), ["ci", "plan"]);
        assert_eq!(module("xtask/src/lib.rs").unwrap(), [""; 0]);
        assert_eq!(module("xtask/src/bin/cargo-nexus-xtask.rs"), None);
        assert_eq!(module("xtask/tests/it/main.rs"), None);
        assert_eq!(module("xtask/tests/fixtures/one/src/plan.rs"), None);
    }

    #[test]
    fn a_package_counts_once_however_often_the_tree_shows_it() {
        let lines = ["syn v3.0.10", "syn v3.0.10 (*)", "clap_derive v4.6.9 (proc-macro)"];
        let names: BTreeSet<_> = lines.into_iter().filter_map(name_and_version).collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["clap_derive v4.6.9", "syn v3.0.10"]);
    }
}
