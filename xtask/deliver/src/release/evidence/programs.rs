//! What other programs say: compatibility, policy, any command.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use jiff::Timestamp;

use super::{World, history};
use crate::release::gates::config;
use crate::release::gates::tools::{Compared, Policy, Ran};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::Result;
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Ended};
use nexus_xtask::terminal::printable;

/// Where `cargo deny` looks for its configuration.
const DENY: [&str; 3] = ["deny.toml", ".deny.toml", ".cargo/deny.toml"];

/// Compares each library that is published with its last release.
pub(super) fn api(world: &World, skip: &[String]) -> Result<Vec<Compared>> {
    let earlier = history::earlier_tags(world)?;
    let mut all = Vec::new();
    for package in &world.plan.packages {
        let is_library = world.facts.packages.iter().any(|known| known.name == package.name && known.library);
        if !is_library || skip.contains(&package.name) {
            continue;
        }
        let unit = world.units.iter().find(|unit| unit.packages.contains(&package.name));
        let mut released = unit.map(|unit| unit.released(&earlier)).unwrap_or_default();
        // A pre-release is compared with the last release that made a promise.
        if released.iter().any(|(version, _)| version.pre.is_empty()) {
            released.retain(|(version, _)| version.pre.is_empty());
        }
        let with = match released.pop() {
            Some((before, tag)) if was_there(world, &tag, &package.name)? => {
                world.doors.terminal.talk(&format!("comparing the API of `{}` with `{tag}`", package.name));
                let words =
                    ["semver-checks", "check-release", "--package", &package.name, "--baseline-rev", &tag];
                let captured = world.doors.shell.capture(&Command::new("cargo", words))?;
                Some((before, captured.ended.clone(), captured.text() + "\n" + &captured.stderr))
            }
            _ => None,
        };
        all.push(Compared { package: package.name.clone(), version: package.version.clone(), with });
    }
    Ok(all)
}

/// True unless no manifest at that tag has the name: a package that is new has nothing to be compared with.
fn was_there(world: &World, tag: &str, package: &str) -> Result<bool> {
    let pattern = format!("^ *name *= *\"{package}\"");
    let words = ["grep", "--quiet", "-E", "-e", &pattern, tag, "--", "*Cargo.toml"];
    Ok(world.doors.shell.capture(&Command::new("git", words))?.ended != Ended::Exit(1))
}

pub(super) fn policy(world: &World, checks: &[String]) -> Result<Policy> {
    let words = ["deny", "--offline", "--format", "json", "check"].map(str::to_owned);
    let command = Command::new("cargo", words.into_iter().chain(checks.iter().cloned()));
    let captured = world.doors.shell.capture(&command)?;
    Ok(Policy { ended: captured.ended, said: captured.stderr, database: database(world.doors)? })
}

/// When the last advisory came into the database; of the oldest one where there are several.
fn database(doors: &Doors) -> Result<Option<Timestamp>> {
    let mut declared = None;
    for name in DENY {
        let text = files::read_text(&doors.workspace.file(name))?.unwrap_or_default();
        // A file that cannot be read is for `cargo deny` to refuse.
        let table: toml::Table = text.parse().unwrap_or_default();
        let path = table.get("advisories").and_then(|advisories| advisories.get("db-path")?.as_str());
        declared = declared.or(path.map(|path| expanded(doors, path)));
    }
    let usual = || Some(doors.environment.cargo_home()?.join("advisory-dbs"));
    let Some(folder) = declared.or_else(usual) else { return Ok(None) };
    let mut oldest = None;
    for database in files::list(&folder)? {
        if !database.join(".git").exists() {
            continue;
        }
        let words = ["-c", "safe.directory=*", "log", "-1", "--format=%ct"];
        let time = doors.shell.read(&Command::new("git", words).within(&database))?;
        let time = time.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        oldest = oldest.into_iter().chain(time).min();
    }
    Ok(oldest)
}

/// A path of deny.toml, where `~` and `$CARGO_HOME` stand for folders of the user.
fn expanded(doors: &Doors, path: &str) -> PathBuf {
    let home = path.strip_prefix("~/").and_then(|rest| Some(doors.environment.home()?.join(rest)));
    let cargo = path.strip_prefix("$CARGO_HOME/");
    let cargo = cargo.and_then(|rest| Some(doors.environment.cargo_home()?.join(rest)));
    home.or(cargo).unwrap_or_else(|| doors.workspace.root().join(Path::new(path)))
}

/// Runs a command under a guardian, so that nothing of it outlives its time.
pub(super) fn command(doors: &Doors, words: &[String], timeout: &str) -> Result<Ran> {
    let shown = Command::new(words[0].clone(), words[1..].to_vec()).to_string();
    let mut words = words.to_vec();
    if words.len() > 1 && words[0] == "cargo" && words[1] == "xtask" {
        words.splice(..2, [doors.environment.binary().display().to_string()]);
    }
    let limit =
        config::duration(timeout).and_then(|limit| Duration::try_from(limit).ok()).unwrap_or_default();
    doors.terminal.talk(&format!("running `{shown}`"));
    let program = words.remove(0);
    let mut guarded = doors.shell.guard(&Command::new(program, words), &[])?;
    let output = BufReader::new(guarded.take_output());
    let stopper = guarded.stopper().map_err(anyhow::Error::from)?;
    let (over, ends) = channel::<()>();
    let (ended, late, said) = std::thread::scope(|scope| {
        let watching = scope.spawn(move || {
            let late = ends.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if late {
                stopper.kill();
            }
            late
        });
        let reading = scope.spawn(|| {
            let lines = output.split(b'\n').map_while(std::result::Result::ok);
            lines.filter(|line| !line.trim_ascii().is_empty()).last().unwrap_or_default()
        });
        let ended = guarded.wait();
        drop(over);
        let late = watching.join().expect("waiting does not panic");
        (ended, late, reading.join().expect("reading does not panic"))
    });
    let ended = ended.map_err(anyhow::Error::from)?;
    let said = printable(&doors.environment.mask(&String::from_utf8_lossy(&said)));
    Ok(Ran { command: shown, ended: (!late).then_some(ended), said })
}
