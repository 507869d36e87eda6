//! A program that is handed a socket as its standard input. Unix.
//!
//! Handing a socket over needs no unsafe code that way: the standard library puts a file it owns at descriptor 0, and
//! whoever wants it elsewhere moves it (a shell does with `3<&0`).

#![expect(clippy::disallowed_methods, reason = "part of the door `shell`")]

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Pid;

/// Starts it in a process group of its own; what it says goes to the end of a log. Whoever starts it waits for it, by
/// its id.
pub(super) fn start(mut call: std::process::Command, socket: OwnedFd, log: &Path) -> io::Result<Pid> {
    let log = OpenOptions::new().append(true).create(true).open(log)?;
    let child =
        call.stdin(Stdio::from(socket)).stdout(log.try_clone()?).stderr(log).process_group(0).spawn()?;
    Ok(Pid::from_child(&child))
}

/// Becomes the program: the process keeps its id and its children. Returns only when that fails.
pub(super) fn replace(mut call: std::process::Command, socket: Option<OwnedFd>) -> io::Error {
    if let Some(socket) = socket {
        call.stdin(Stdio::from(socket));
    }
    call.exec()
}
