//! A program that runs beside this one without a guardian: proofs kill it, and then look for what it left behind.

#![expect(clippy::disallowed_methods, reason = "part of the door `shell`")]

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::Ended;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// A program that runs. Dropping it neither ends it nor waits for it.
#[derive(Debug)]
pub struct Beside(Child);

pub(super) fn start(mut call: std::process::Command) -> std::io::Result<Beside> {
    call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Beside)
}

/// Starts a program that is to outlive this one: apart from its group, so that nothing typed here reaches it.
pub(super) fn detach(mut call: std::process::Command, log: &Path) -> std::io::Result<Beside> {
    let log = OpenOptions::new().append(true).create(true).open(log)?;
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut call, 0);
    call.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn().map(Beside)
}

impl Beside {
    /// Its process id, for a signal; of no use once its end was waited for.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits for its end, at most this long; `None` when it runs on.
    pub fn wait_for(&mut self, limit: Duration) -> anyhow::Result<Option<Ended>> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status.into()));
            }
            let left = limit.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::park_timeout(left.min(LOOK));
        }
    }

    /// Kills it, and nothing that it started (SIGKILL), and waits for its end.
    pub fn kill(mut self) -> anyhow::Result<Ended> {
        self.0.kill()?;
        Ok(self.0.wait()?.into())
    }
}
