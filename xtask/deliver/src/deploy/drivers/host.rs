//! The host process of the `local` driver: what systemd is on a real host, for one local host, without root. Unix.
//!
//! - It owns the service's listening socket and hands it to every instance that serves, so the socket outlives each of
//!   them; an instance that is started on its private address gets a socket of its own.
//! - It starts what died again, and takes `READY=1` as the word that an instance is ready.
//! - It looks at the file `armed` that the script writes, by the clock that the script goes by, and runs the undo.
//! - A fresh one empties the folder `run` and starts what is confirmed: that is what a reboot is here. With it every
//!   instance ends (on Linux; elsewhere one may survive the SIGKILL of its host).
//! - `upgrade` makes it another binary: the process, its sockets and its children stay (`host/upgrade.rs`).
//!
//! It is one thread on purpose: the system ends the children of a thread, not of a process, and an upgrade must not end
//! them. It answers on the socket `control`, one line in, one line or more out.
//!
//! Three hidden verbs make a binary this process, its client, or the short life between fork and service.

mod instance;
mod upgrade;

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, waitpid};

use nexus_xtask::clock::{Clock, Started};
use nexus_xtask::environment::Environment;
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Shell};

use instance::{Instance, State};

/// The first argument of the host process: `__host BASE RUN ADDRESS`.
pub const VERB: &str = "__host";

/// The first argument of its client: `__host-call RUN WORD ARGUMENT...`.
pub const VERB_CALL: &str = "__host-call";

/// The first argument of what becomes an instance: `__host-exec PROGRAM ARGUMENT...`.
pub const VERB_EXEC: &str = "__host-exec";

/// The word after which an upgraded process looks for its sockets, in place of an address.
const RESUMED: &str = "resumed";

/// How long it sleeps when nothing is under way; a request or a readiness wakes it.
const IDLE: Duration = Duration::from_millis(50);

/// How long it sleeps while somebody waits for an end, which wakes nobody.
const BUSY: Duration = Duration::from_millis(3);

/// Runs one of the hidden verbs; `None` when the first argument is none of them.
pub fn verb(environment: &Environment, arguments: &[OsString]) -> Option<ExitCode> {
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (first, rest) = words.split_first()?;
    let done = match (first.as_str(), rest) {
        (VERB, [base, run, address]) => serve(environment, Path::new(base), Path::new(run), address),
        (VERB_CALL, [run, request @ ..]) => return Some(call(Path::new(run), request)),
        (VERB_EXEC, [program, arguments @ ..]) => Err(become_instance(environment, program, arguments)),
        _ => return None,
    };
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Its standard error is its log, where whoever looks for the reason looks.
            writeln!(io::stderr(), "{error:#}").ok();
            ExitCode::FAILURE
        }
    })
}

/// The address at which a probe reaches a private instance.
pub fn private_path(run: &Path, key: &str) -> PathBuf {
    run.join(format!("{key}.sock"))
}

/// Asks the host process something. `Err` is its no, or that it is not there.
pub fn ask(run: &Path, request: &[&str]) -> Result<String, String> {
    let gone = |error: io::Error| format!("the host process does not answer at {}: {error}", run.display());
    let mut stream = UnixStream::connect(run.join("control")).map_err(gone)?;
    stream.write_all(format!("{}\n", request.join("\t")).as_bytes()).map_err(gone)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(gone)?;
    match answer.split_once('\n') {
        Some(("ok", text)) => Ok(text.trim_end().to_owned()),
        Some(("no", text)) => Err(text.trim_end().to_owned()),
        _ => Err(format!("the host process at {} ended while it was asked", run.display())),
    }
}

fn call(run: &Path, request: &[String]) -> ExitCode {
    let request: Vec<_> = request.iter().map(String::as_str).collect();
    let (text, code) = match ask(run, &request) {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(text) => (text, ExitCode::FAILURE),
    };
    let line_end = if text.is_empty() { "" } else { "\n" };
    // The script that asked is gone when this fails, and nobody is left to be told.
    write!(io::stdout(), "{text}{line_end}").ok();
    code
}

/// The short life between fork and service: ties this process to its parent, then becomes the program.
fn become_instance(environment: &Environment, program: &str, arguments: &[String]) -> anyhow::Error {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        return anyhow::Error::new(error).context("cannot tie an instance to its host");
    }
    let shell = Shell::new(environment.folder(), environment);
    let mut command = Command::new(program, arguments.iter().cloned());
    if let Some(socket) = environment.get("NOTIFY_SOCKET") {
        command = command.with("NOTIFY_SOCKET", socket);
    }
    shell.replace(&command, None)
}

fn serve(environment: &Environment, base: &Path, run: &Path, address: &str) -> anyhow::Result<()> {
    let lock = base.join("state/host.lock");
    let Some(_alone) = files::try_lock(&lock)? else {
        anyhow::bail!("another host process holds `{}`", lock.display());
    };
    let shell = Shell::new(base, environment);
    let mut host = if address == RESUMED {
        upgrade::resume(shell, environment, base, run)?
    } else {
        let mut host = Host::fresh(shell, environment, base, run, address)?;
        host.script(&["boot", "0", "-"])?;
        host
    };
    files::write_cache(&run.join("pid"), std::process::id().to_string())?;
    while !host.is_over {
        host.wait();
        host.turn()?;
    }
    Ok(())
}

/// One local host.
struct Host {
    shell: Shell,
    clock: Clock,
    started: Started,
    binary: PathBuf,
    base: PathBuf,
    run: PathBuf,
    public: TcpListener,
    control: UnixListener,
    instances: Vec<Instance>,
    asked: Vec<Asked>,
    scripts: Vec<Pid>,
    undoing: Option<(String, Pid)>,
    is_halting: bool,
    is_over: bool,
}

/// Somebody who waits for an answer.
struct Asked {
    stream: UnixStream,
    key: String,
    is_serving: bool,
    want: Want,
    until: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Ready,
    Gone,
}

impl Host {
    fn fresh(
        shell: Shell,
        environment: &Environment,
        base: &Path,
        run: &Path,
        address: &str,
    ) -> anyhow::Result<Host> {
        files::remove_folder(run)?;
        files::create_private_folder(run)?;
        let public = TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))?;
        let control = UnixListener::bind(run.join("control"))
            .with_context(|| format!("cannot listen in `{}`", run.display()))?;
        control.set_nonblocking(true)?;
        Ok(Host::of(shell, environment, base, run, public, control))
    }

    fn of(
        shell: Shell,
        environment: &Environment,
        base: &Path,
        run: &Path,
        public: TcpListener,
        control: UnixListener,
    ) -> Host {
        let clock = Clock::system();
        Host {
            started: clock.start(),
            clock,
            shell,
            binary: environment.binary().to_owned(),
            base: base.to_owned(),
            run: run.to_owned(),
            public,
            control,
            instances: Vec::new(),
            asked: Vec::new(),
            scripts: Vec::new(),
            undoing: None,
            is_halting: false,
            is_over: false,
        }
    }

    fn wait(&self) {
        let pause = if self.asked.is_empty() && !self.is_halting { IDLE } else { BUSY };
        let sockets = std::iter::once(self.control.as_fd())
            .chain(self.instances.iter().map(|instance| instance.notify.as_fd()));
        let mut sockets: Vec<_> =
            sockets.map(|socket| PollFd::from_borrowed_fd(socket, PollFlags::IN)).collect();
        let pause = Timespec { tv_sec: 0, tv_nsec: pause.subsec_nanos().into() };
        // Whatever interrupts the wait, the turn looks at everything anyhow.
        poll(&mut sockets, Some(&pause)).ok();
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        while let Ok((stream, _)) = self.control.accept() {
            self.hear(stream)?;
        }
        for index in (0..self.instances.len()).rev() {
            self.look_at(index)?;
        }
        self.answer();
        self.scripts.retain(|script| matches!(waitpid(Some(*script), WaitOptions::NOHANG), Ok(None)));
        self.undo_when_due()?;
        self.is_over = self.is_halting && self.instances.is_empty();
        Ok(())
    }

    /// Takes a request. What cannot be answered at once is answered when it is so.
    fn hear(&mut self, stream: UnixStream) -> anyhow::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut line = String::new();
        if BufReader::new(&stream).read_line(&mut line).is_err() {
            return Ok(());
        }
        let words: Vec<_> = line.trim_end().split('\t').collect();
        match words.as_slice() {
            ["list"] => {
                let lines = self.instances.iter().map(Instance::line).collect::<String>();
                say(&stream, "ok", &lines);
            }
            ["start", key, door, seconds] if !self.is_halting => {
                let is_serving = *door == "serving";
                if self.find(key, is_serving).is_none() {
                    let instance = self.spawn(key, is_serving)?;
                    self.instances.push(instance);
                }
                self.ask_for(stream, key, is_serving, Want::Ready, seconds);
            }
            ["stop", key, door, seconds] => {
                let is_serving = *door == "serving";
                if let Some(index) = self.find(key, is_serving) {
                    self.instances[index].stop();
                }
                self.ask_for(stream, key, is_serving, Want::Gone, seconds);
            }
            ["crash", key] => {
                let index = self.find(key, true);
                let is_hit = index.is_some_and(|index| self.instances[index].crash());
                say(&stream, if is_hit { "ok" } else { "no" }, if is_hit { "" } else { "it does not run" });
            }
            ["upgrade", _] if !self.asked.is_empty() => say(&stream, "no", "somebody waits for an answer"),
            ["upgrade", binary] => {
                say(&stream, "ok", "");
                drop(stream);
                return Err(upgrade::become_other(self, Path::new(binary)));
            }
            ["halt"] => {
                self.is_halting = true;
                self.instances.iter_mut().for_each(Instance::stop);
                say(&stream, "ok", "");
            }
            other => say(&stream, "no", &format!("there is no request `{}`", other.join(" "))),
        }
        Ok(())
    }

    fn ask_for(&mut self, stream: UnixStream, key: &str, is_serving: bool, want: Want, seconds: &str) {
        let seconds = Duration::from_secs(seconds.parse().unwrap_or(0));
        let until = self.started.elapsed() + seconds;
        self.asked.push(Asked { stream, key: key.to_owned(), is_serving, want, until });
    }

    fn find(&self, key: &str, is_serving: bool) -> Option<usize> {
        self.instances.iter().position(|instance| instance.is(key, is_serving))
    }

    fn spawn(&self, key: &str, is_serving: bool) -> anyhow::Result<Instance> {
        let public = if is_serving { Some(&self.public) } else { None };
        Instance::spawn(&self.shell, &self.binary, &self.base, &self.run, key, public)
    }

    /// Notices that an instance is ready, has ended, or is to be started again.
    fn look_at(&mut self, index: usize) -> anyhow::Result<()> {
        let now = self.started.elapsed();
        let instance = &mut self.instances[index];
        instance.listen();
        let Some(ended) = instance.ended() else {
            if matches!(instance.state, State::Dead { again } if again <= now) {
                instance.start(&self.shell, &self.binary, &self.base, &self.public)?;
            }
            return Ok(());
        };
        let (key, is_serving) = (instance.key.clone(), instance.is_serving());
        let waits = |want: Want| move |asked: &Asked| asked.is_for(&key, is_serving, want);
        let was_stopping = matches!(instance.state, State::Stopping { .. });
        let is_wanted = self.asked.iter().any(waits(Want::Ready));
        if was_stopping && is_wanted {
            instance.start(&self.shell, &self.binary, &self.base, &self.public)?;
        } else if was_stopping {
            let instance = self.instances.swap_remove(index);
            self.answer_gone(&instance);
        } else if is_wanted && instance.state == State::Starting {
            let instance = self.instances.swap_remove(index);
            let why = format!("it ended with {ended} before it was ready");
            self.answer_those(&instance, Want::Ready, "no", &why);
        } else {
            instance.died(now);
        }
        Ok(())
    }

    fn answer_gone(&mut self, instance: &Instance) {
        let how = if instance.is_cut() { "cut" } else { "" };
        self.answer_those(instance, Want::Gone, "ok", how);
    }

    fn answer_those(&mut self, instance: &Instance, want: Want, word: &str, text: &str) {
        let (answered, waiting) = std::mem::take(&mut self.asked)
            .into_iter()
            .partition(|asked: &Asked| asked.is_for(&instance.key, instance.is_serving(), want));
        self.asked = waiting;
        answered.into_iter().for_each(|asked: Asked| say(&asked.stream, word, text));
    }

    /// Answers whoever waits for what is so by now, and acts on those whose time is over.
    fn answer(&mut self) {
        let now = self.started.elapsed();
        for asked in std::mem::take(&mut self.asked) {
            let instance = self.instances.iter_mut().find(|one| one.is(&asked.key, asked.is_serving));
            match (instance, asked.want) {
                (None, Want::Gone) => say(&asked.stream, "ok", ""),
                (None, Want::Ready) => say(&asked.stream, "no", "it was stopped"),
                (Some(instance), Want::Ready) if instance.state == State::Active => {
                    say(&asked.stream, "ok", "");
                }
                (Some(instance), Want::Ready) if asked.until <= now => {
                    instance.kill();
                    say(&asked.stream, "no", "it did not say that it is ready");
                }
                (Some(instance), Want::Gone) if asked.until <= now => {
                    instance.kill();
                    self.asked.push(asked);
                }
                (Some(_), Want::Ready | Want::Gone) => self.asked.push(asked),
            }
        }
    }

    /// Runs the undo that is armed and due. The script looks again under its lock: what is due here may be disarmed
    /// there.
    fn undo_when_due(&mut self) -> anyhow::Result<()> {
        if let Some((_, script)) = self.undoing
            && self.scripts.contains(&script)
        {
            return Ok(());
        }
        self.undoing = None;
        let Some(armed) = files::read_text(&self.run.join("armed"))? else { return Ok(()) };
        let mut words = armed.split_whitespace();
        let (Some(token), Some(_), Some(at)) = (words.next(), words.next(), words.next()) else {
            return Ok(());
        };
        let offset = files::read_text(&self.base.join("clock"))?;
        let offset: i64 = offset.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        if at.parse::<i64>().is_ok_and(|at| at <= self.clock.now().as_second() + offset) {
            let script = self.script(&["undo", "0", "-", token])?;
            self.undoing = Some((token.to_owned(), script));
        }
        Ok(())
    }

    /// Starts the script beside this process, which goes on to answer it.
    fn script(&mut self, words: &[&str]) -> anyhow::Result<Pid> {
        let target = self.base.join("bin/target").display().to_string();
        let command = Command::new("sh", [&[target.as_str()], words].concat());
        let nothing = std::fs::File::from(rustix::fs::open(
            "/dev/null",
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?);
        let script = self.shell.hand(&command, nothing.into(), &self.base.join("log/host.log"))?;
        self.scripts.push(script);
        Ok(script)
    }
}

impl Asked {
    fn is_for(&self, key: &str, is_serving: bool, want: Want) -> bool {
        self.key == key && self.is_serving == is_serving && self.want == want
    }
}

fn say(mut stream: &UnixStream, word: &str, text: &str) {
    // Whoever asked may be gone; what was asked is done nevertheless.
    stream.write_all(format!("{word}\n{text}").as_bytes()).ok();
}
