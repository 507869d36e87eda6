//! Proposing a release: one walk of a long history, against git walking it for nobody, and against a generator of
//! changelogs that writes the changelog of all of it. The history is packed as it was imported, without a commit graph.

use std::path::{Path, PathBuf};

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Shell};

use super::figures::{Figure, median};
use super::history::{self, COMMITS, PACKAGES};
use super::timed;

/// How much longer than git alone a proposal may take.
const RATIO_MAX: f64 = 1.5;

/// How many times as long the generator of changelogs must take.
const PEER_RATIO_MIN: f64 = 10.0;

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
    shell.read(&Command::new("git", ["fast-import", "--quiet"]).reading(history::history()))?;
    shell.read(&Command::new("git", ["reset", "--quiet", "--hard", "main"]))?;
    let own = doors.environment.binary().display().to_string();
    let said = shell.read(&Command::new(own, ["release", "propose", "--json"]))?;
    let proposal: serde_json::Value = serde_json::from_str(&said).map_err(anyhow::Error::from)?;
    let found = proposal["commits"].as_u64();
    // All commits but the first, and the first release of the package whose changes go back the farthest.
    if found != u64::try_from(COMMITS + PACKAGES - 1).ok() {
        return Err(Failure::no(format!("the proposal is about {found:?} and not about the whole history"))
            .next("this is a defect of the fixture or of `release propose`, please report it"));
    }
    Ok(shell)
}
