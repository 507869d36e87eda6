//! Proposing a release: one walk of the history, against git walking it for nobody, and against a generator of changelogs.
//!
//! The history is made from nothing, the same each time: 25 packages, each released once, then 20,000 commits with merges,
//! reverts, breaking changes and text of no form. Its commits are packed by `git fast-import`, without a commit graph.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::doors::Doors;
use crate::failure::{Failure, Result};
use crate::files;
use crate::shell::{Command, Shell};

use super::figures::{Figure, median};
use super::timed;

/// Commits after the releases.
const COMMITS: usize = 20_000;

/// Packages, each with a version and a tag of its own.
const PACKAGES: usize = 25;

/// Files of each package besides its manifest.
const FILES: usize = 40;

/// How much longer than git alone a proposal may take.
const RATIO_MAX: f64 = 1.5;

/// How many times as long the generator of changelogs must take.
const PEER_RATIO_MIN: f64 = 10.0;

/// Every so many commits one comes from a branch that is merged.
const MERGE_EVERY: usize = 20;

/// Every so many commits one takes back the one before.
const REVERT_EVERY: usize = 97;

const SUBJECTS: [&str; 10] = [
    "feat: read what was not read before",
    "fix(parser): an empty line is no entry (#1234)",
    "Tidy up the tables",
    "fix: a date before 1970 is a date",
    "docs: say what the third argument is for",
    "chore(deps): raise the version of a dependency",
    "perf: fewer copies on the way in",
    "feat(cli)!: the flag has another name",
    "refactor: one function instead of two",
    "Make it work on other systems",
];

pub(super) fn measure(doors: &Doors, folder: &Path, pairs: usize) -> Result<Vec<Figure>> {
    let root = folder.join("workspace");
    let shell = make(doors, &root)?;
    let raw = Command::new("git", ["log", "--name-only", "p00-v1.0.0..HEAD"]);
    let own = doors.environment.binary().display().to_string();
    let propose = Command::new(own, ["release", "propose"]);
    let peer = peer(doors);
    let cliff = peer.map(|program| Command::new(program, ["--offline", "--output", "../changelog.md"]));
    let (mut raws, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    // One round that is not counted: the first call of each finds cold caches of the system, and no cache of its own.
    for round in 0..=pairs {
        let times = [timed(doors, &shell, &raw)?, timed(doors, &shell, &propose)?];
        let their = cliff.as_ref().map(|cliff| timed(doors, &shell, cliff)).transpose()?;
        if round > 0 {
            raws.push(times[0]);
            ours.push(times[1]);
            theirs.extend(their);
        }
    }
    let (raw, our, their) = (median(&raws), median(&ours), median(&theirs));
    let mut figures = vec![
        Figure::plain("`git log --name-only`, 20,000 commits", raw * 1000.0, "ms"),
        Figure::plain("`cargo xtask release propose`", our * 1000.0, "ms"),
        Figure::plain("propose / git log", our / raw, "").at_most(RATIO_MAX),
    ];
    if cliff.is_some() {
        figures.push(Figure::plain("git-cliff, the whole changelog", their * 1000.0, "ms"));
        figures.push(Figure::plain("git-cliff / propose", their / our, "").at_least(PEER_RATIO_MIN));
    } else {
        doors.terminal.talk("not compared with git-cliff, which is not here: scripts/peers.sh installs it");
    }
    Ok(figures)
}

/// The peer, on `PATH` or where `scripts/peers.sh` puts it.
fn peer(doors: &Doors) -> Option<String> {
    let default = || Some(doors.environment.home()?.join(".cache/nexus-xtask/peers"));
    let peers = doors.environment.get("XTASK_PEERS").map(PathBuf::from).or_else(default);
    let installed = peers.map(|peers| peers.join("bin/git-cliff")).filter(|program| program.is_file());
    installed.or_else(|| doors.shell.find("git-cliff")).map(|program| program.display().to_string())
}

/// Makes the repository, and checks that a proposal is about all of it.
fn make(doors: &Doors, root: &Path) -> Result<Shell> {
    files::remove_folder(root)?;
    files::create_folder(root)?;
    let shell = Shell::new(root, &doors.environment);
    shell.read(&Command::new("git", ["init", "--quiet", "--initial-branch=main"]))?;
    shell.read(&Command::new("git", ["fast-import", "--quiet"]).reading(history()))?;
    shell.read(&Command::new("git", ["reset", "--quiet", "--hard", "main"]))?;
    let own = doors.environment.binary().display().to_string();
    let said = shell.read(&Command::new(own, ["release", "propose", "--json"]))?;
    let proposal: serde_json::Value = serde_json::from_str(&said).map_err(anyhow::Error::from)?;
    let found = (proposal["commits"].as_u64(), proposal["releases"].as_array().map(Vec::len));
    let wanted = u64::try_from(COMMITS + PACKAGES - 1).ok();
    if found != (wanted, Some(PACKAGES)) {
        return Err(Failure::no(format!("the proposal is about {found:?} and not about the whole history"))
            .next("this is a defect of the fixture or of `release propose`, please report it"));
    }
    Ok(shell)
}

/// The history as `git fast-import` reads it: <https://git-scm.com/docs/git-fast-import>.
fn history() -> String {
    let mut stream = String::with_capacity(COMMITS * 600);
    let mut import = Import { stream: &mut stream, mark: 0, last: None };
    let members: Vec<_> = (0..PACKAGES).map(|package| format!("\"crates/p{package:02}\"")).collect();
    let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", "));
    let ignored = (".gitignore".to_owned(), "/target/\n/.xtask/\n".to_owned());
    for package in 0..PACKAGES {
        let mut changed = Vec::new();
        if package == 0 {
            changed.extend([("Cargo.toml".to_owned(), workspace.clone()), ignored.clone()]);
            // Cargo refuses a workspace with a member that is not there, so all of them come with the first commit.
            changed.extend((0..PACKAGES).flat_map(files_of));
        }
        changed.push((file(package, 0), format!("//! Released, {package}.\n")));
        import.commit("main", &format!("chore: release p{package:02}"), &changed, None);
        import.tag(&format!("p{package:02}-v1.{package}.0"));
    }
    let mut dice = 1_u64;
    let mut number = 0;
    while number < COMMITS {
        // Knuth's constants: the same numbers everywhere.
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let roll = |sides: usize| usize::try_from(dice >> 33).unwrap_or(0) / 7 % sides;
        let package = roll(PACKAGES);
        let touched = roll(4) + 1;
        let changed: Vec<_> = (0..touched)
            .map(|more| {
                (
                    file(package, (number + more * 11) % FILES),
                    format!("// {number} {more}\npub const N: usize = {number};\n"),
                )
            })
            .collect();
        let title =
            if number % REVERT_EVERY == 1 { "Revert \"fix: a date\"" } else { SUBJECTS[roll(1000) % 10] };
        let body = if number % 3 == 0 {
            "\n\nThe reason stands here, in a line or two, as people write it:\nit was not so before, and now it is.\n\nRefs: 1234567\n"
        } else {
            "\n"
        };
        let message = format!("{title}{body}");
        if number % MERGE_EVERY == 0 && number + 1 < COMMITS {
            let trunk = import.last;
            import.commit("side", &message, &changed, None);
            let side = import.last;
            import.last = trunk;
            import.commit("main", "Merge branch 'side'", &changed, side);
            number += 2;
        } else {
            import.commit("main", &message, &changed, None);
            number += 1;
        }
    }
    stream.push_str("done\n");
    stream
}

/// The manifest and the files of a package.
fn files_of(package: usize) -> Vec<(String, String)> {
    let needs = if package % 5 == 4 {
        format!("p{:02} = {{ path = \"../p{:02}\" }}\n", package - 1, package - 1)
    } else {
        String::new()
    };
    let manifest = format!(
        "[package]\nname = \"p{package:02}\"\nversion = \"1.{package}.0\"\nedition = \"2024\"\n\n[dependencies]\n{needs}"
    );
    let files = (0..FILES).map(|index| (file(package, index), format!("//! File {index}.\n")));
    std::iter::once((format!("crates/p{package:02}/Cargo.toml"), manifest)).chain(files).collect()
}

fn file(package: usize, index: usize) -> String {
    match index {
        0 => format!("crates/p{package:02}/src/lib.rs"),
        index => format!("crates/p{package:02}/src/part{}/file{index:02}.rs", index % 4),
    }
}

struct Import<'a> {
    stream: &'a mut String,
    mark: usize,
    /// The commit that the next one follows.
    last: Option<usize>,
}

impl Import<'_> {
    fn commit(&mut self, branch: &str, message: &str, changed: &[(String, String)], merged: Option<usize>) {
        self.mark += 1;
        let (mark, time, length) = (self.mark, 1_700_000_000 + self.mark * 60, message.len());
        let who = format!("bench <bench@example.com> {time} +0000");
        self.line(&format!(
            "commit refs/heads/{branch}\nmark :{mark}\ncommitter {who}\ndata {length}\n{message}"
        ));
        if let Some(last) = self.last {
            self.line(&format!("from :{last}"));
        }
        if let Some(merged) = merged {
            self.line(&format!("merge :{merged}"));
        }
        for (path, text) in changed {
            self.line(&format!("M 100644 inline {path}\ndata {}\n{text}", text.len()));
        }
        self.last = Some(mark);
    }

    fn tag(&mut self, name: &str) {
        self.line(&format!("reset refs/tags/{name}\nfrom :{}\n", self.mark));
    }

    fn line(&mut self, text: &str) {
        // Writing to a string cannot fail.
        writeln!(self.stream, "{text}").ok();
    }
}
