//! One instance of the service, as a process that the host started. Unix.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, waitpid};

use nexus_xtask::files;
use nexus_xtask::shell::{Command, Ended, Shell};

use super::{VERB_EXEC, private_path};

/// How long a dead instance stays dead: so short that nobody waits, so long that one that dies at once is no load.
const AGAIN: Duration = Duration::from_millis(200);

/// How an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It runs, and has not said that it is ready.
    Starting,
    /// It is ready.
    Active,
    /// It was told to end; `cut` when it had to be killed.
    Stopping { cut: bool },
    /// It died, and is started again at this time of its host.
    Dead { again: Duration },
}

/// An instance.
pub(super) struct Instance {
    pub(super) key: String,
    pub(super) state: State,
    pub(super) restarts: u32,
    pub(super) process: Option<Pid>,
    pub(super) notify: UnixDatagram,
    pub(super) notify_path: PathBuf,
    /// The socket of its private address; the service's own where there is none.
    pub(super) private: Option<UnixListener>,
}

impl Instance {
    /// Starts an instance: with the public socket, or on a private address.
    pub(super) fn spawn(
        shell: &Shell,
        binary: &Path,
        base: &Path,
        run: &Path,
        key: &str,
        public: Option<&TcpListener>,
    ) -> anyhow::Result<Instance> {
        let door = if public.is_some() { "serving" } else { "private" };
        let notify_path = run.join(format!("{key}.{door}"));
        files::remove(&notify_path)?;
        let notify = UnixDatagram::bind(&notify_path)
            .with_context(|| format!("cannot listen at `{}`", notify_path.display()))?;
        notify.set_nonblocking(true)?;
        let private = match public {
            Some(_) => None,
            None => Some(private_socket(run, key)?),
        };
        let mut instance = Instance {
            key: key.to_owned(),
            state: State::Starting,
            restarts: 0,
            process: None,
            notify,
            notify_path,
            private,
        };
        let socket = instance.socket(public)?;
        instance.launch(shell, binary, base, socket)?;
        Ok(instance)
    }

    /// Starts it again, with the socket it had.
    pub(super) fn start(
        &mut self,
        shell: &Shell,
        binary: &Path,
        base: &Path,
        public: &TcpListener,
    ) -> anyhow::Result<()> {
        let socket = self.socket(Some(public))?;
        self.launch(shell, binary, base, socket)
    }

    fn socket(&self, public: Option<&TcpListener>) -> anyhow::Result<OwnedFd> {
        match (&self.private, public) {
            (Some(private), _) => Ok(private.try_clone()?.into()),
            (None, Some(public)) => Ok(public.try_clone()?.into()),
            (None, None) => anyhow::bail!("an instance without a private address needs the public one"),
        }
    }

    fn launch(&mut self, shell: &Shell, binary: &Path, base: &Path, socket: OwnedFd) -> anyhow::Result<()> {
        let script = base.join("bin/target").display().to_string();
        let words = [VERB_EXEC, "sh", script.as_str(), "exec", "0", "-", self.key.as_str()];
        let command = Command::new(binary.display().to_string(), words)
            .with("NOTIFY_SOCKET", self.notify_path.display().to_string());
        self.process = Some(shell.hand(&command, socket, &base.join(format!("log/{}.log", self.key)))?);
        self.state = State::Starting;
        Ok(())
    }

    pub(super) fn is(&self, key: &str, is_serving: bool) -> bool {
        self.key == key && self.is_serving() == is_serving
    }

    pub(super) fn is_serving(&self) -> bool {
        self.private.is_none()
    }

    pub(super) fn is_cut(&self) -> bool {
        self.state == State::Stopping { cut: true }
    }

    /// Hears what it said about itself.
    pub(super) fn listen(&mut self) {
        let mut text = [0; 4096];
        while let Ok(length) = self.notify.recv(&mut text) {
            let is_ready = text[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1");
            if is_ready && self.state == State::Starting {
                self.state = State::Active;
            }
        }
    }

    /// How it ended, once.
    pub(super) fn ended(&mut self) -> Option<Ended> {
        let process = self.process?;
        let ended = match waitpid(Some(process), WaitOptions::NOHANG) {
            Ok(None) => return None,
            Ok(Some((_, status))) => ended(status),
            Err(error) => Ended::NotStarted(error.to_string()),
        };
        self.process = None;
        Some(ended)
    }

    pub(super) fn died(&mut self, now: Duration) {
        self.restarts += 1;
        self.state = State::Dead { again: now + AGAIN };
    }

    /// Tells it to end. One that is dead already is gone at the next look.
    pub(super) fn stop(&mut self) {
        match self.state {
            State::Stopping { .. } => {}
            State::Starting | State::Active | State::Dead { .. } => {
                self.state = State::Stopping { cut: false };
                self.signal(Signal::TERM);
            }
        }
    }

    pub(super) fn kill(&mut self) {
        self.state = State::Stopping { cut: true };
        self.signal(Signal::KILL);
    }

    /// Kills it as whatever else may: it is started again like any that died. False where it does not run.
    pub(super) fn crash(&self) -> bool {
        let runs = matches!(self.state, State::Starting | State::Active) && self.process.is_some();
        if runs {
            self.signal(Signal::KILL);
        }
        runs
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = self.process {
            // It may have ended a moment ago, which the next look tells.
            kill_process_group(process, signal).ok();
        }
    }

    /// As a line of the list that the script reads.
    pub(super) fn line(&self) -> String {
        let door = if self.is_serving() { "serving" } else { "private" };
        let state = match self.state {
            State::Starting | State::Dead { .. } => "starting",
            State::Active => "active",
            State::Stopping { .. } => "stopping",
        };
        format!("{} {door} {state} {}\n", self.key, self.restarts)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // A fresh start of the host empties the folder anyhow.
        files::remove(&self.notify_path).ok();
    }
}

fn private_socket(run: &Path, key: &str) -> anyhow::Result<UnixListener> {
    let path = private_path(run, key);
    files::remove(&path)?;
    UnixListener::bind(&path).with_context(|| format!("cannot listen at `{}`", path.display()))
}

fn ended(status: WaitStatus) -> Ended {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, Some(signal)) => Ended::Signal(signal),
        (None, None) => Ended::NotStarted("it neither ended nor runs".into()),
    }
}
