//! The guardian: a small process between this one and a step's program. Unix.
//!
//! - Parent and guardian share a socket, the guardian's standard input. The parent writes `t` (end politely) or `k`
//!   (kill); the end of the file means that the parent is gone, however it went, and kills too.
//! - The step's program leads a process group of its own, so a Ctrl-C in the terminal reaches the parent alone, which
//!   decides. The guardian leads another.
//! - On Linux the guardian is the subreaper of what the step starts: a process that leaves the group (test runners
//!   give each test its own) or turns into a daemon stays a descendant, is found in `/proc`, and is killed as well.
//!   Elsewhere only the group is.
//! - A guardian that is killed itself takes the group of its step along; what had left the group survives it, and so
//!   does a step that kills its guardian before that has said `started`.
//! - The guardian answers in lines: `started PID`, then one of `exit N`, `signal N`, `missing`, `failed WHY`.
//!   It answers only when nothing of the step runs any more.

#![expect(clippy::disallowed_methods, reason = "part of the door `shell`")]

use std::io::{self, BufRead as _, BufReader, PipeReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::Ended;

/// The first argument that makes this binary a guardian.
pub const VERB: &str = "__guardian";

/// How often the guardian looks for descendants that are still there: ten seconds in all. Each round kills what it
/// finds, and a process can only escape a round by forking in it.
const SWEEPS_MAX: usize = 2_000;

/// The time a killed process gets to disappear before the next look.
const SWEEP_PAUSE: Duration = Duration::from_millis(5);

/// A step's program that runs.
#[derive(Debug)]
pub struct Guarded {
    guardian: Child,
    control: UnixStream,
    output: Option<PipeReader>,
}

/// Ends a guarded program from another thread.
#[derive(Debug)]
pub struct Stopper(UnixStream);

impl Stopper {
    /// Asks the program to end (SIGTERM to its group).
    pub fn terminate(&self) {
        self.send(b"t");
    }

    /// Kills the program and everything it started.
    pub fn kill(&self) {
        self.send(b"k");
    }

    fn send(&self, command: &[u8]) {
        // The guardian may have ended a moment ago: then there is nothing left to stop.
        (&self.0).write_all(command).ok();
    }
}

pub(super) fn start(mut call: std::process::Command) -> io::Result<Guarded> {
    let (control, theirs) = UnixStream::pair()?;
    let (output, writer) = io::pipe()?;
    call.stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0);
    let guardian = call.spawn()?;
    Ok(Guarded { guardian, control, output: Some(output) })
}

impl Guarded {
    /// Both outputs of the program, as one stream. Can be taken once.
    pub fn take_output(&mut self) -> PipeReader {
        self.output.take().expect("the output is taken once")
    }

    /// A handle that ends the program.
    pub fn stopper(&self) -> io::Result<Stopper> {
        Ok(Stopper(self.control.try_clone()?))
    }

    /// Waits until nothing of the program runs any more.
    pub fn wait(mut self) -> io::Result<Ended> {
        let mut group = None;
        let mut ended = None;
        for line in BufReader::new(&self.control).lines() {
            let Ok(line) = line else { break };
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "started" => group = rest.parse().ok().and_then(Pid::from_raw),
                "exit" => ended = rest.parse().ok().map(Ended::Exit),
                "signal" => ended = rest.parse().ok().map(Ended::Signal),
                "missing" => ended = Some(Ended::Missing),
                _ => ended = Some(Ended::NotStarted(rest.to_owned())),
            }
        }
        let status = self.guardian.wait()?;
        if let (None, Some(group)) = (&ended, group) {
            // The guardian itself was killed: what it guarded must not outlive it.
            kill_process_group(group, Signal::KILL).ok();
        }
        Ok(ended.unwrap_or_else(|| Ended::from(status)))
    }
}

/// Runs as the guardian of the program that the arguments name. Never returns before the program has ended.
pub fn run(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let Some(program) = arguments.next() else { return ExitCode::FAILURE };
    let Ok(control) = control_socket() else { return ExitCode::FAILURE };
    let say = |text: String| {
        // With the parent gone nobody reads; the program is being killed by then.
        (&control).write_all(text.as_bytes()).ok();
    };
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).ok();

    let spawned =
        std::process::Command::new(&program).args(arguments).stdin(Stdio::null()).process_group(0).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            say("missing\n".into());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            say(format!("failed {error}\n"));
            return ExitCode::SUCCESS;
        }
    };
    let group = Pid::from_child(&child);
    say(format!("started {}\n", group.as_raw_nonzero()));
    let Ok(commands) = control.try_clone() else { return ExitCode::FAILURE };
    let obeying = std::thread::spawn(move || obey(commands, group));
    let ended = child.wait().map(Ended::from);
    kill_tree(group);
    match ended {
        Ok(Ended::Signal(signal)) => say(format!("signal {signal}\n")),
        Ok(Ended::Exit(code)) => say(format!("exit {code}\n")),
        Ok(Ended::Missing | Ended::NotStarted(_)) => unreachable!("a process that ran has a status"),
        Err(error) => say(format!("failed {error}\n")),
    }
    // Ends the reading half too, so that the thread below returns.
    control.shutdown(Shutdown::Both).ok();
    obeying.join().ok();
    ExitCode::SUCCESS
}

fn obey(mut commands: UnixStream, group: Pid) {
    let mut command = [0];
    while let Ok(1) = commands.read(&mut command) {
        if command == *b"t" {
            // It may have ended a moment ago: then there is nothing left to ask.
            kill_process_group(group, Signal::TERM).ok();
        } else {
            kill_tree(group);
        }
    }
    kill_tree(group);
}

/// Kills the group and, on Linux, every other descendant of this process. A process that is gone already is what is
/// wanted, so errors of `kill` do not matter: the next look at `/proc` decides.
fn kill_tree(group: Pid) {
    kill_process_group(group, Signal::KILL).ok();
    for _ in 0..SWEEPS_MAX {
        let others = descendants();
        if others.is_empty() {
            return;
        }
        for process in others {
            kill_process(process, Signal::KILL).ok();
        }
        std::thread::park_timeout(SWEEP_PAUSE);
    }
}

/// Every descendant of this process but zombies, from `/proc`.
#[cfg(target_os = "linux")]
fn descendants() -> Vec<Pid> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // `pid (name) state parent ...`: the name may hold anything, also spaces and brackets.
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let mut fields = rest.split_whitespace();
        let (Some(state), Some(parent)) =
            (fields.next(), fields.next().and_then(|text| text.parse::<i32>().ok()))
        else {
            continue;
        };
        if state != "Z" && state != "X" {
            parents.push((process, parent));
        }
    }
    let mut family = vec![rustix::process::getpid().as_raw_nonzero().get()];
    let mut index = 0;
    while let Some(parent) = family.get(index).copied() {
        family.extend(
            parents.iter().filter(|(_, its_parent)| *its_parent == parent).map(|(process, _)| *process),
        );
        index += 1;
    }
    family.drain(1..).filter_map(Pid::from_raw).collect()
}

#[cfg(not(target_os = "linux"))]
fn descendants() -> Vec<Pid> {
    Vec::new()
}

/// The socket behind standard input, as an owned value of its own.
fn control_socket() -> io::Result<UnixStream> {
    use std::os::fd::AsFd as _;
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}
