//! A program with which this process talks in lines, for as long as both live.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};

use super::{Ended, limited};

/// How long a program gets to end after its input ended, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A program that runs. Dropping it ends its input, which it takes as the end; one that does not is killed.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// The program's input, for another thread. Dropping it ends the input.
#[derive(Debug)]
pub struct Speaker(ChildStdin);

impl Speaker {
    /// Sends a line. An error says that nobody reads any more.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        self.0.write_all(format!("{line}\n").as_bytes())?;
        self.0.flush()
    }
}

pub(super) fn start(mut call: std::process::Command) -> io::Result<Session> {
    let mut child = call.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let output = child.stdout.take().expect("its output is a pipe");
    let input = child.stdin.take();
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    Ok(Session { child, input, lines })
}

impl Session {
    /// The input, which can be taken once.
    pub fn speaker(&mut self) -> Option<Speaker> {
        self.input.take().map(Speaker)
    }

    /// The next line that it says; `None` when it says nothing for so long, or will not say anything any more.
    pub fn line(&mut self, limit: Duration) -> Option<String> {
        self.lines.recv_timeout(limit).ok()
    }

    /// How it ended; `None` while it runs.
    pub fn ended(&mut self) -> Option<Ended> {
        self.child.try_wait().ok().flatten().map(Ended::from)
    }

    /// Waits for its end, at most this long; `None` when it runs on.
    pub fn wait_for(&mut self, limit: Duration) -> io::Result<Option<Ended>> {
        limited::wait(&mut self.child, limit)
    }

    /// Kills it, and nothing that it started (SIGKILL), and waits for its end.
    pub fn kill(&mut self) -> io::Result<Ended> {
        self.child.kill()?;
        Ok(self.child.wait()?.into())
    }

    /// Stops it where it stands (SIGSTOP): it keeps what it has, and does nothing.
    #[cfg(unix)]
    pub fn freeze(&self) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::STOP)?)
    }

    /// Lets it go on where it was stopped (SIGCONT).
    #[cfg(unix)]
    pub fn thaw(&self) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::CONT)?)
    }

    /// Elsewhere nothing stops a program where it stands.
    #[cfg(not(unix))]
    pub fn freeze(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Nothing was stopped.
    #[cfg(not(unix))]
    pub fn thaw(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.input = None;
        // Nobody is left to whom an error could be told; the program's side notices the end of its input anyhow.
        if let Ok(None) = limited::wait(&mut self.child, GRACE) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}
