//! A program that gets so much time and no more.
//!
//! Its outputs go into files, not into pipes: a process that it leaves behind (the master of a shared ssh connection
//! does) keeps a pipe open, and whoever waits for the end of that pipe waits for the other one.

#![expect(clippy::disallowed_methods, reason = "part of the door `shell`")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{Captured, Ended};

/// The first pause between two looks; each is twice as long, up to the longest.
const LOOK_MIN: Duration = Duration::from_millis(1);
const LOOK_MAX: Duration = Duration::from_millis(16);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Runs a program to its end; kills it at the limit, and says so by `None`.
pub(super) fn run(
    mut call: std::process::Command,
    temporary: &Path,
    input: Option<&Path>,
    limit: Duration,
) -> io::Result<Option<Captured>> {
    let mut stdout = nameless(temporary)?;
    let mut stderr = nameless(temporary)?;
    let stdin = match input {
        Some(path) => Stdio::from(File::open(path)?),
        None => Stdio::null(),
    };
    let mut child = call.stdin(stdin).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?).spawn()?;
    let Some(ended) = wait(&mut child, limit)? else {
        child.kill()?;
        child.wait()?;
        return Ok(None);
    };
    let read = |file: &mut File| -> io::Result<Vec<u8>> {
        file.rewind()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let said = read(&mut stdout)?;
    let talk = String::from_utf8_lossy(&read(&mut stderr)?).into_owned();
    Ok(Some(Captured { ended, stdout: said, stderr: talk }))
}

/// Waits for a child's end, at most this long.
pub(super) fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<Ended>> {
    let started = Instant::now();
    let mut look = LOOK_MIN;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.into()));
        }
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        std::thread::park_timeout(look.min(left));
        look = (look * 2).min(LOOK_MAX);
    }
}

/// A file that has lost its name already, so that nothing is left whoever dies.
fn nameless(folder: &Path) -> io::Result<File> {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!("xtask-said-{}-{number}", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
