//! The only place that starts a process.
//!
//! There are two ways. [`Shell::capture`] asks a program something and waits: facts come in this way.
//! [`Shell::guard`] runs a step's program under a guardian: this binary again, in a process group of its own, that
//! ends the whole tree of the step when it is told to, when the step ends, or when this process dies, however it
//! dies. Either way the child sees the scrubbed environment, and exit status and signal are told apart.

#![expect(clippy::disallowed_methods, reason = "this is the door")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::environment::Environment;
use crate::terminal::printable;

#[cfg(unix)]
pub mod guardian;
#[cfg(not(unix))]
#[path = "shell/portable.rs"]
pub mod guardian;

pub mod beside;
#[cfg(unix)]
mod handed;
pub mod interrupt;
mod limited;
pub mod session;

pub use guardian::Guarded;

/// What is read at once of a program's records: as much as a pipe holds.
const RECORDS_BUFFER: usize = 64 * 1024;

/// A program and how to call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program, found on `PATH` unless it has a separator.
    pub program: String,
    /// Its arguments; no shell reads them.
    pub arguments: Vec<String>,
    /// The folder it runs in; the workspace root where nothing is said.
    pub folder: Option<PathBuf>,
    /// Variables set for it, on top of the scrubbed environment.
    pub variables: BTreeMap<String, String>,
    /// Text for its standard input; empty where nothing is said.
    pub input: Option<String>,
}

impl Command {
    /// A program with arguments.
    pub fn new<S: Into<String>>(
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        Command {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            folder: None,
            variables: BTreeMap::new(),
            input: None,
        }
    }

    /// Runs it in this folder.
    pub fn within(mut self, folder: &Path) -> Command {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Sets a variable for it.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Command {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Gives it text to read.
    pub fn reading(mut self, input: impl Into<String>) -> Command {
        self.input = Some(input.into());
        self
    }
}

/// The command as a line that a person can paste into a shell.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&quoted(&self.program))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

/// A word as a POSIX shell reads it back.
pub fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@%+,".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this status.
    Exit(i32),
    /// A signal ended it.
    Signal(i32),
    /// There is no such program.
    Missing,
    /// The program is there and could not be started.
    NotStarted(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Exit(code) => write!(f, "exit {code}"),
            Ended::Signal(signal) => write!(f, "signal {signal}"),
            Ended::Missing => f.write_str("no such program"),
            Ended::NotStarted(why) => write!(f, "could not be started: {why}"),
        }
    }
}

impl From<std::process::ExitStatus> for Ended {
    fn from(status: std::process::ExitStatus) -> Ended {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return Ended::Signal(signal);
        }
        Ended::Exit(status.code().unwrap_or(-1))
    }
}

/// What a program said.
#[derive(Clone, Debug)]
pub struct Captured {
    /// How it ended.
    pub ended: Ended,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error, lossily as text.
    pub stderr: String,
}

impl Captured {
    /// True when it exited with 0.
    pub fn is_success(&self) -> bool {
        self.ended == Ended::Exit(0)
    }

    /// Its standard output as text without the last line end.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches(['\n', '\r']).to_owned()
    }
}

/// The door to processes.
#[derive(Clone, Debug)]
pub struct Shell {
    root: PathBuf,
    environment: Environment,
}

impl Shell {
    /// A shell whose commands run in `root` unless they say otherwise.
    pub fn new(root: &Path, environment: &Environment) -> Shell {
        Shell { root: root.to_owned(), environment: environment.clone() }
    }

    /// The folder that commands run in unless they say otherwise.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Runs a program to its end and returns what it said. Only a program that cannot be started is an error.
    pub fn capture(&self, command: &Command) -> anyhow::Result<Captured> {
        let folder = command.folder.as_ref().unwrap_or(&self.root);
        let shell = xshell::Shell::new().context("the current folder does not exist any more")?;
        shell.change_dir(folder);
        let mut call = shell
            // With the whole path the system starts it without copying this process first.
            .cmd(self.find(&command.program).unwrap_or_else(|| PathBuf::from(&command.program)))
            .args(&command.arguments)
            .env_clear()
            .envs(self.environment.for_children())
            .envs(&command.variables)
            .ignore_status()
            .quiet();
        call.set_secret(true);
        if let Some(input) = &command.input {
            call = call.stdin(input);
        }
        let output = call
            .output()
            .with_context(|| format!("cannot run `{}`", self.environment.mask(&command.to_string())))?;
        Ok(Captured {
            ended: output.status.into(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a program that must succeed and returns its standard output as text.
    pub fn read(&self, command: &Command) -> anyhow::Result<String> {
        let captured = self.capture(command)?;
        anyhow::ensure!(
            captured.is_success(),
            "`{}` failed with {}: {}",
            self.environment.mask(&command.to_string()),
            captured.ended,
            self.environment.mask(captured.stderr.trim())
        );
        Ok(captured.text())
    }

    /// Runs a program that must succeed and hands over each NUL-ended record of its standard output as it comes. Bytes
    /// after the last NUL are a record too.
    pub fn records(&self, command: &Command, mut each: impl FnMut(&[u8])) -> anyhow::Result<()> {
        let mut child = std::process::Command::new(&command.program)
            .args(&command.arguments)
            .current_dir(command.folder.as_ref().unwrap_or(&self.root))
            .env_clear()
            .envs(self.environment.for_children())
            .envs(&command.variables)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{command}`"))?;
        let mut talk = child.stderr.take().context("its standard error is a pipe")?;
        // Read beside the records: a program that waits until its talk is read would never end.
        let said = std::thread::spawn(move || {
            let mut said = Vec::new();
            talk.read_to_end(&mut said).map(|_| said)
        });
        let output = child.stdout.take().context("its output is a pipe")?;
        let mut output = BufReader::with_capacity(RECORDS_BUFFER, output);
        let mut record = Vec::new();
        while output.read_until(0, &mut record)? > 0 {
            each(record.strip_suffix(&[0]).unwrap_or(&record));
            record.clear();
        }
        let ended = Ended::from(child.wait()?);
        let said = said.join().map_err(|_| anyhow::anyhow!("reading what it says panicked"))??;
        anyhow::ensure!(
            ended == Ended::Exit(0),
            "`{command}` failed with {ended}: {}",
            self.environment.mask(String::from_utf8_lossy(&said).trim())
        );
        Ok(())
    }

    /// Runs a program to its end, with this process's own outputs.
    pub fn run(&self, command: &Command) -> anyhow::Result<Ended> {
        let status = std::process::Command::new(&command.program)
            .args(&command.arguments)
            .current_dir(command.folder.as_ref().unwrap_or(&self.root))
            .env_clear()
            .envs(self.environment.for_children())
            .envs(&command.variables)
            .stdin(std::process::Stdio::null())
            .status();
        match status {
            Ok(status) => Ok(status.into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Ended::Missing),
            Err(error) => Err(error).with_context(|| format!("cannot run `{command}`")),
        }
    }

    /// Starts a program without a guardian and without outputs. Whoever starts it ends it.
    pub fn start(&self, command: &Command) -> anyhow::Result<beside::Beside> {
        let mut call = std::process::Command::new(&command.program);
        call.args(&command.arguments)
            .current_dir(command.folder.as_ref().unwrap_or(&self.root))
            .env_clear()
            .envs(self.environment.for_children())
            .envs(&command.variables);
        beside::start(call).with_context(|| format!("cannot start `{command}`"))
    }

    /// Runs a program to its end with a file as its input, for no longer than the limit; `None` when it had to be
    /// killed then. Only the program itself is killed and waited for, not what it started.
    pub fn within(
        &self,
        command: &Command,
        input: Option<&Path>,
        limit: Duration,
    ) -> anyhow::Result<Option<Captured>> {
        limited::run(self.call(command), &self.environment.temporary(), input, limit)
            .with_context(|| format!("cannot run `{}`", self.environment.mask(&command.to_string())))
    }

    /// Starts a program that goes on when this one ends; what it says goes to the end of a log.
    pub fn detach(&self, command: &Command, log: &Path) -> anyhow::Result<beside::Beside> {
        beside::detach(self.call(command), log).with_context(|| format!("cannot start `{command}`"))
    }

    /// Starts a program to talk with in lines. What it says on its standard error is lost.
    pub fn session(&self, command: &Command) -> anyhow::Result<session::Session> {
        session::start(self.call(command)).with_context(|| format!("cannot start `{command}`"))
    }

    /// Starts a program with a socket as its standard input; what it says goes to the end of a log. The caller waits
    /// for it.
    #[cfg(unix)]
    pub fn hand(
        &self,
        command: &Command,
        socket: std::os::fd::OwnedFd,
        log: &Path,
    ) -> anyhow::Result<rustix::process::Pid> {
        handed::start(self.call(command), socket, log).with_context(|| format!("cannot start `{command}`"))
    }

    /// Becomes another program, which keeps the process and its children. Returns only when that fails.
    #[cfg(unix)]
    pub fn replace(&self, command: &Command, socket: Option<std::os::fd::OwnedFd>) -> anyhow::Error {
        anyhow::Error::new(handed::replace(self.call(command), socket))
            .context(format!("cannot become `{command}`"))
    }

    fn call(&self, command: &Command) -> std::process::Command {
        let mut call = std::process::Command::new(&command.program);
        call.args(&command.arguments)
            .current_dir(command.folder.as_ref().unwrap_or(&self.root))
            .env_clear()
            .envs(self.environment.for_children())
            .envs(&command.variables);
        call
    }

    /// Starts a program under a guardian. Both its outputs go to one pipe, in the order they were written.
    pub fn guard(&self, command: &Command, passed: &[String]) -> anyhow::Result<Guarded> {
        let folder = command.folder.as_ref().unwrap_or(&self.root);
        anyhow::ensure!(folder.is_dir(), "there is no folder `{}` to run it in", folder.display());
        let mut call = std::process::Command::new(self.environment.binary());
        call.arg(guardian::VERB)
            .arg(&command.program)
            .args(&command.arguments)
            .current_dir(folder)
            .env_clear()
            .envs(self.environment.for_children())
            .envs(self.passed(passed))
            .envs(&command.variables);
        guardian::start(call).with_context(|| format!("cannot start a guardian for `{command}`"))
    }

    /// Runs a program under a guardian to its end and hands over each line of both its outputs, safe to print.
    pub fn follow(
        &self,
        command: &Command,
        passed: &[&str],
        mut each: impl FnMut(String),
    ) -> anyhow::Result<Ended> {
        let passed: Vec<_> = passed.iter().map(|name| (*name).to_owned()).collect();
        let mut guarded = self.guard(command, &passed)?;
        let mut output = BufReader::new(guarded.take_output());
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line)? > 0 {
            each(printable(self.environment.mask(&String::from_utf8_lossy(&line)).trim_end()));
            line.clear();
        }
        Ok(guarded.wait()?)
    }

    /// Gives a program its input, keeps that open until the program ends, and hands over each line of its standard output.
    /// Its standard error is this process's own. The program takes the end of its input as the end of this process.
    pub fn converse(
        &self,
        command: &Command,
        passed: &[String],
        mut each: impl FnMut(String),
    ) -> anyhow::Result<Ended> {
        let mut child = std::process::Command::new(&command.program)
            .args(&command.arguments)
            .current_dir(command.folder.as_ref().unwrap_or(&self.root))
            .env_clear()
            .envs(self.environment.for_children())
            .envs(self.passed(passed))
            .envs(&command.variables)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{command}`"))?;
        let mut input = child.stdin.take().context("its input is a pipe")?;
        // A program that ends without reading says why by how it ends.
        input.write_all(command.input.as_deref().unwrap_or_default().as_bytes()).ok();
        for line in BufReader::new(child.stdout.take().context("its output is a pipe")?).lines() {
            each(self.environment.mask(&line.context("it says what is no text")?));
        }
        let ended = child.wait()?;
        drop(input);
        Ok(ended.into())
    }

    /// Becomes another program of the toolkit, with this process's own environment and outputs. Returns where the system
    /// cannot do that, or when the program ended.
    pub fn hand_over(
        &self,
        program: &Path,
        arguments: Vec<OsString>,
    ) -> anyhow::Result<std::process::ExitCode> {
        let mut call = std::process::Command::new(program);
        call.args(arguments);
        #[cfg(unix)]
        let status = Err(std::os::unix::process::CommandExt::exec(&mut call));
        #[cfg(not(unix))]
        let status = call.status();
        let status: std::process::ExitStatus =
            status.with_context(|| format!("cannot run `{}`", program.display()))?;
        Ok(std::process::ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
    }

    /// The program on `PATH`.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        self.environment.find(program)
    }

    fn passed(&self, names: &[String]) -> BTreeMap<OsString, OsString> {
        names
            .iter()
            .filter_map(|name| Some((OsString::from(name), OsString::from(self.environment.get(name)?))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_prints_as_it_can_be_pasted() {
        let command =
            Command::new("cargo", ["test", "a b", "it's", "", "x=1"]).with("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(command.to_string(), r"RUSTDOCFLAGS='-D warnings' cargo test 'a b' 'it'\''s' '' x=1");
    }

    #[test]
    fn a_captured_program_sees_only_what_was_chosen_for_it() {
        let environment = Environment::of(
            &[
                ("PATH", "/usr/bin:/bin"),
                ("CARGO_PKG_NAME", "leak"),
                ("DATABASE_URL", "leak"),
                ("RUSTFLAGS", "-g"),
            ],
            Path::new("/"),
        );
        let shell = Shell::new(Path::new("/"), &environment);
        let text = shell.read(&Command::new("env", [""; 0]).with("WANTED", "1")).unwrap();
        let mut names: Vec<_> =
            text.lines().filter_map(|line| line.split_once('=').map(|(name, _)| name)).collect();
        names.sort_unstable();
        assert_eq!(names, ["PATH", "RUSTFLAGS", "WANTED"]);
    }

    #[test]
    fn exit_status_and_signal_are_told_apart() {
        let environment = Environment::of(&[("PATH", "/usr/bin:/bin")], Path::new("/"));
        let shell = Shell::new(Path::new("/"), &environment);
        let ended = |script: &str| shell.capture(&Command::new("sh", ["-c", script])).unwrap().ended;
        assert_eq!(ended("exit 7"), Ended::Exit(7));
        assert_eq!(ended("kill -9 $$"), Ended::Signal(9));
    }
}
