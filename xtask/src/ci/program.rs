//! The program of a step: how it is started, where its output goes, what of it is shown.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;

use crate::ci::plan::PlannedStep;
use crate::ci::step::is_own;
use crate::doors::Doors;
use crate::failure::Result;
use crate::files;
use crate::shell::{Command, Ended, Guarded};
use crate::terminal::printable;

/// The longest line that is masked as one piece, in bytes: a step may print a gigabyte without a line end.
const LINE_MAX: u64 = 64 * 1024;

/// How much of a log is looked at for an excerpt, in bytes, and how many lines it has.
const EXCERPT_BYTES: u64 = 32 * 1024;
const EXCERPT_LINES: usize = 40;

/// What starts a step's program: `cargo xtask` is this very binary.
pub(crate) fn command(doors: &Doors, planned: &PlannedStep) -> Command {
    let mut words = planned.words.clone();
    if is_own(&words) {
        words.splice(..2, [doors.environment.binary().display().to_string()]);
    }
    let program = words.remove(0);
    let folder = doors.workspace.file(&planned.step.folder);
    let variables: BTreeMap<_, _> = planned.step.set_environment.clone();
    Command { variables, ..Command::new(program, words).within(&folder) }
}

/// Reads the output of a program into its log until nothing of it runs any more.
pub(crate) fn follow(doors: &Doors, mut guarded: Guarded, log: &Path) -> anyhow::Result<Ended> {
    let output = guarded.take_output();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| write_down(doors, output, log));
        // Beside the reading: whoever lost its guardian is ended here, and only then does the output end.
        let ended = guarded.wait();
        writing.join().expect("the writing does not panic")?;
        Ok(ended?)
    })
}

fn write_down(doors: &Doors, output: impl Read, log: &Path) -> anyhow::Result<()> {
    let mut output = BufReader::new(output);
    let masks = doors.environment.has_secrets();
    // A failed write (a full disk) must not stop the reading: the program would wait for us for ever.
    let mut log_file = files::open_append(log);
    let mut lost = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut output).take(LINE_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        let Ok(log_file) = &mut log_file else { continue };
        let written = if masks {
            log_file.write_all(doors.environment.mask(&String::from_utf8_lossy(&line)).as_bytes())
        } else {
            log_file.write_all(&line)
        };
        lost = lost.or(written.err());
    }
    log_file?;
    match lost {
        Some(error) => {
            Err(anyhow::Error::from(error).context(format!("cannot write the log `{}`", log.display())))
        }
        None => Ok(()),
    }
}

/// The last lines of a log, safe to print.
pub(crate) fn excerpt(log: &Path) -> Result<Vec<String>> {
    let text = files::tail(log, EXCERPT_BYTES)?;
    let lines: Vec<_> = text.lines().map(printable).filter(|line| !line.trim().is_empty()).collect();
    Ok(lines[lines.len().saturating_sub(EXCERPT_LINES)..].to_vec())
}
