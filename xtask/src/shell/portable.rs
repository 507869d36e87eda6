//! The guardian where there are no process groups (Windows). NOT TESTED: it is written to compile and to run a
//! step, and promises less. The program is started directly; stopping it ends that one process, not what it started,
//! and nothing ends it when this process is killed. The README says so.

#![expect(clippy::disallowed_methods, reason = "part of the door `shell`")]

use std::io::{self, PipeReader};
use std::process::{Child, ExitCode, Stdio};
use std::sync::{Arc, Mutex};

use super::Ended;

/// The first argument that makes this binary a guardian.
pub const VERB: &str = "__guardian";

/// A step's program that runs.
#[derive(Debug)]
pub struct Guarded {
    child: Arc<Mutex<Child>>,
    output: Option<PipeReader>,
}

/// Ends a guarded program from another thread.
#[derive(Debug)]
pub struct Stopper(Arc<Mutex<Child>>);

impl Stopper {
    /// Ends the program.
    pub fn terminate(&self) {
        self.kill();
    }

    /// Ends the program.
    pub fn kill(&self) {
        if let Ok(mut child) = self.0.lock() {
            // It may have ended a moment ago: then there is nothing left to stop.
            child.kill().ok();
        }
    }
}

pub(super) fn start(mut call: std::process::Command) -> io::Result<Guarded> {
    let (output, writer) = io::pipe()?;
    call.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    Ok(Guarded { child: Arc::new(Mutex::new(call.spawn()?)), output: Some(output) })
}

impl Guarded {
    /// Both outputs of the program, as one stream. Can be taken once.
    pub fn take_output(&mut self) -> PipeReader {
        self.output.take().expect("the output is taken once")
    }

    /// A handle that ends the program.
    pub fn stopper(&self) -> io::Result<Stopper> {
        Ok(Stopper(Arc::clone(&self.child)))
    }

    /// Waits until the program has ended.
    pub fn wait(self) -> io::Result<Ended> {
        loop {
            if let Ok(mut child) = self.child.lock()
                && let Some(status) = child.try_wait()?
            {
                return Ok(Ended::from(status));
            }
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    }
}

/// Runs the program that the arguments name, and passes its status on.
pub fn run(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let Some(program) = arguments.next() else { return ExitCode::FAILURE };
    match std::process::Command::new(program).args(arguments).status() {
        Ok(status) => ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)),
        Err(_) => ExitCode::from(127),
    }
}
