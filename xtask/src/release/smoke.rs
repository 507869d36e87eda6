//! Tries what was staged: each archive for this machine is unpacked, and each program in it must answer.
//!
//! What cannot run here is named, and is no pass. The answer is kept as evidence, for the seal that it was given for.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::doors::Doors;
use crate::failure::Result;
use crate::files;
use crate::release::manifest::{Manifest, Seal};
use crate::release::plan::{Artifact, Kind, Plan};
use crate::release::protocol::Request;
use crate::release::protocol::stage::{Unpack, Unpacked};
use crate::release::staging;
use crate::satellite::{self, SHIP};
use crate::shell::{Command, Ended};

/// The version of the format.
pub(crate) const VERSION: u32 = 1;

/// How long a program may take to say its version.
const LIMIT: Duration = Duration::from_secs(60);

/// What came of trying the archives of a seal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Smoke {
    /// The version of the format.
    pub(crate) v: u32,
    pub(crate) plan: Digest,
    pub(crate) seal: Seal,
    pub(crate) at: Timestamp,
    /// True when every program that was tried answered, and one was tried, unless there is no archive at all.
    pub(crate) passed: bool,
    pub(crate) tried: Vec<Tried>,
    /// Archives for other machines.
    pub(crate) untried: Vec<String>,
}

/// A program that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tried {
    /// The archive, by its path in the staging folder, and its digest.
    pub(crate) file: String,
    pub(crate) sha256: Digest,
    /// The program with its arguments.
    pub(crate) command: String,
    pub(crate) passed: bool,
    /// How it ended, and the first line it said.
    pub(crate) said: String,
}

/// Where evidence about a seal is kept.
pub(crate) fn evidence(doors: &Doors, seal: &Seal, name: &str) -> PathBuf {
    doors.workspace.state().join("release").join(seal.to_string()).join(name)
}

/// Tries the archives of a staging folder, and keeps what came of it.
pub(crate) fn run(
    doors: &Doors,
    (plan, manifest, seal): &(Plan, Manifest, Seal),
    folder: &Path,
    words: &[String],
    host: &str,
) -> Result<Smoke> {
    let archives = plan.artifacts.iter().filter(|artifact| artifact.kind == Kind::Archive);
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        archives.partition(|artifact| artifact.target.as_deref() == Some(host));
    let room = evidence(doors, seal, "smoke");
    files::remove_folder(&room)?;
    let digest = |artifact: &Artifact| manifest.files[&artifact.file].sha256;
    let mut tried = Vec::new();
    let places: Vec<_> = here
        .iter()
        .enumerate()
        .map(|(number, artifact)| (folder.join(&artifact.file), room.join(number.to_string())))
        .collect();
    let unpacked: Vec<Unpacked> = if places.is_empty() {
        Vec::new()
    } else {
        let request = Request::Unpack(Unpack { archives: places.clone() });
        satellite::call(doors, SHIP, &request, &[], |_| {})?
    };
    for ((artifact, (_, place)), unpacked) in here.iter().zip(&places).zip(unpacked) {
        for program in unpacked.programs {
            let (passed, said) = attempt(doors, &place.join(&program), words, place)?;
            let command = Command::new(program, words).to_string();
            tried.push(Tried {
                file: artifact.file.clone(),
                sha256: digest(artifact),
                command,
                passed,
                said,
            });
        }
    }
    files::remove_folder(&room)?;
    let all = here.iter().all(|artifact| tried.iter().any(|tried| tried.file == artifact.file));
    let any = !tried.is_empty() || elsewhere.is_empty();
    let smoke = Smoke {
        v: VERSION,
        plan: plan.digest(),
        seal: *seal,
        at: doors.clock.now(),
        passed: all && any && tried.iter().all(|tried| tried.passed),
        tried,
        untried: elsewhere.iter().map(|artifact| artifact.file.clone()).collect(),
    };
    files::write(&evidence(doors, seal, "smoke.json"), staging::text(&smoke)?)?;
    Ok(smoke)
}

/// Runs a program with these words, in its folder; says whether it ended well, and how.
fn attempt(doors: &Doors, program: &Path, words: &[String], folder: &Path) -> Result<(bool, String)> {
    let command = Command::new(program.display().to_string(), words).within(folder);
    let mut guarded = doors.shell.guard(&command, &[])?;
    let stopper = guarded.stopper().map_err(anyhow::Error::from)?;
    let mut output = BufReader::new(guarded.take_output());
    let (over, waiting) = mpsc::channel::<()>();
    let (first, late) = std::thread::scope(|scope| {
        let watch = scope.spawn(move || {
            let late = waiting.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                stopper.kill();
            }
            late
        });
        let (mut first, mut line) = (None, Vec::new());
        // Output that breaks off has ended; how the program ended is asked below.
        while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            first.get_or_insert_with(|| String::from_utf8_lossy(&line).trim().to_owned());
            line.clear();
        }
        drop(over);
        (first.unwrap_or_default(), watch.join().expect("waiting does not panic"))
    });
    let ended = guarded.wait().map_err(anyhow::Error::from)?;
    let how = match late {
        true => format!("no end within {} s", LIMIT.as_secs()),
        false => ended.to_string(),
    };
    let first: String = crate::terminal::printable(&first).chars().take(200).collect();
    Ok((!late && ended == Ended::Exit(0), format!("{how}: {first}")))
}
