//! Tries what was staged: each archive for this machine is unpacked, and each program in it must answer.
//!
//! What cannot run here is not in the answer, and what is not in the answer is no pass. It is kept for the gate.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::release::gates::bytes::{Trial, Tried};
use crate::release::kept;
use crate::release::manifest::{Manifest, Seal};
use crate::release::plan::Kind;
use crate::release::plan::Plan;
use crate::release::protocol::Request;
use crate::release::protocol::stage::{Unpack, Unpacked};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::Result;
use nexus_xtask::files;
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::shell::{Command, Ended};
use nexus_xtask::terminal::printable;

/// How long a program may take to say its version.
const LIMIT: Duration = Duration::from_secs(60);

/// The longest line of a program that is shown, in characters.
const LINE_MAX: usize = 200;

/// Tries the archives of a staging folder, and keeps how their programs ended. `each` is told of every program.
pub(crate) fn run(
    doors: &Doors,
    (plan, manifest, seal): &(Plan, Manifest, Seal),
    folder: &Path,
    (words, host): (&[String], &str),
    mut each: impl FnMut(&str),
) -> Result<Tried> {
    let here = plan.artifacts.iter().filter(|artifact| artifact.kind == Kind::Archive);
    let here: Vec<_> = here.filter(|artifact| artifact.target.as_deref() == Some(host)).collect();
    let room = doors.environment.temporary().join(format!("try-{}-{}", seal.short(), std::process::id()));
    files::remove_folder(&room)?;
    let places = here
        .iter()
        .enumerate()
        .map(|(number, artifact)| (folder.join(&artifact.file), room.join(number.to_string())));
    let places: Vec<_> = places.collect();
    let unpacked: Vec<Unpacked> = match places.is_empty() {
        true => Vec::new(),
        false => {
            let request = Request::Unpack(Unpack { archives: places.clone() });
            satellite::call(doors, SHIP, &request, &[], |_| {})?
        }
    };
    let mut archives = BTreeMap::new();
    for ((artifact, (_, place)), unpacked) in here.iter().zip(&places).zip(unpacked) {
        let mut runs = Vec::new();
        for program in unpacked.programs {
            let (exit, said) = attempt(doors, &place.join(&program), words, place)?;
            let command = Command::new(program, words).to_string();
            each(&format!("tried {command}: {said}"));
            runs.push((command, exit));
        }
        let sha256 = manifest.files[&artifact.file].sha256;
        archives.insert(artifact.file.clone(), Trial { sha256, runs });
    }
    files::remove_folder(&room)?;
    let tried = Tried { plan: plan.digest(), at: doors.clock.now(), archives };
    kept::write(&doors.workspace, &tried.plan, kept::SMOKE, &tried)?;
    Ok(tried)
}

/// Runs a program with these words, in its folder; says how it ended: its status, and for a person.
fn attempt(doors: &Doors, program: &Path, words: &[String], folder: &Path) -> Result<(Option<i32>, String)> {
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
    let first: String = printable(&first).chars().take(LINE_MAX).collect();
    Ok(match ended {
        _ if late => (None, format!("no end within {} s", LIMIT.as_secs())),
        Ended::Exit(code) => (Some(code), format!("exit {code}: {first}")),
        Ended::Signal(_) | Ended::Missing | Ended::NotStarted(_) => (None, ended.to_string()),
    })
}
