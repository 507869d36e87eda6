//! Hosts that are reached by the system's `ssh`, with Debian's systemd on the other side.
//!
//! - One connection for each host is shared by all calls to it (`ControlMaster`). It is opened by a call of its own
//!   whose outputs are files: the process that stays behind keeps what it inherits, and a pipe would stay open with it.
//! - A host that vanishes is noticed by keep-alive packets within ten seconds, in a call that runs and in the shared
//!   connection; whatever else hangs ends at the limit of the call.
//! - A host that is not known by its key is not talked to, and nothing is ever asked of a terminal.
//! - A key that is given as a text is in a file of a private folder while this value lives, because `ssh` takes no other.
//! - Where the shared connection is gone, `ssh` connects by itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nexus_xtask::digest::Digest;
use nexus_xtask::environment::Environment;
use nexus_xtask::files;
use nexus_xtask::shell::{Captured, Command, Ended, Shell, quoted};

use crate::deploy::contract::{
    Answer, Call, Door, Driver, Fence, HostName, Lease, Line, Reached, ReleaseId, Trouble,
};

use super::setup::{self, Prepared, Step};
use super::{answer, lease, script, words};

/// How long a connection may take to be opened, in seconds.
const CONNECT_SECONDS: u32 = 5;

/// How often a connection that says nothing is asked whether it lives, in seconds, and how often in vain.
const ALIVE_SECONDS: u32 = 2;
const ALIVE_COUNT: u32 = 3;

/// How long a connection that nobody uses stays, in seconds: longer than the pause between two calls of a deploy.
const PERSIST_SECONDS: u32 = 120;

/// Opening a connection and asking for a way through it.
const CONNECT_LIMIT: Duration = Duration::from_secs(14);

/// Taking a lock: longer than it takes to end a call of the holder before.
const LOCK_LIMIT: Duration = Duration::from_secs(30);

/// Preparing a host.
const SETUP_LIMIT: Duration = Duration::from_secs(120);

/// What `ssh` says when the connection is at fault, not the program at the other end.
const NO_CONNECTION: i32 = 255;

/// What a shell says when a program cannot be run.
const NOT_RUN: [i32; 2] = [126, 127];

static NEXT: AtomicU32 = AtomicU32::new(0);

/// How the hosts of a stage are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshOptions {
    /// The host's part of every call: service, folder, address, login.
    pub prepared: Prepared,
    /// How long a service may take until it says that it is ready.
    pub ready_seconds: u32,
    /// The file of known hosts; the user's own where there is none.
    pub known_hosts: Option<PathBuf>,
    /// The key to log in with; what `ssh` would take where there is none.
    pub identity: Option<PathBuf>,
    /// The configuration of `ssh`; the user's own where there is none.
    pub configuration: Option<PathBuf>,
}

/// What `ssh` must be given in files, as texts. Those of [`SshOptions`] go before them.
#[derive(Clone, Default)]
pub struct Texts {
    /// The private key.
    pub identity: Option<String>,
    /// Lines as of `known_hosts`.
    pub known_hosts: Option<String>,
}

/// The hosts of one service, reached by ssh.
pub struct Ssh {
    shell: Shell,
    options: SshOptions,
    /// Sockets of shared connections and of ways through them: a short path, for the name of a socket may not be long.
    sockets: PathBuf,
    /// What goes into files there, with the names of the files. Written once, by whoever needs the folder first.
    texts: Mutex<Vec<(&'static str, String)>>,
    hosts: BTreeMap<HostName, String>,
}

impl Ssh {
    /// Hosts by name, each with the address that `ssh` takes (`name`, or `name:port`).
    pub fn new(environment: &Environment, options: SshOptions, hosts: BTreeMap<HostName, String>) -> Ssh {
        // A connection that was opened under other rules is never shared.
        let own = Digest::of(format!("{options:?} {} {}", std::process::id(), own_number())).to_string();
        Ssh {
            shell: Shell::new(Path::new("/"), environment),
            sockets: environment.temporary().join(format!("xd-{}", &own[..8])),
            options,
            texts: Mutex::default(),
            hosts,
        }
    }

    /// The same, with what is given as texts.
    pub fn with(mut self, texts: Texts) -> Ssh {
        let Texts { identity, known_hosts } = texts;
        let mut given = Vec::new();
        let sockets = &self.sockets;
        let mut place = |file: &mut Option<PathBuf>, name: &'static str, text: Option<String>| {
            if let (None, Some(text)) = (&*file, text) {
                *file = Some(sockets.join(name));
                // Whoever pastes a text loses its last line end, or brings those of another system; `ssh` minds both.
                given.push((name, text.replace("\r\n", "\n").trim_end().to_owned() + "\n"));
            }
        };
        place(&mut self.options.identity, "identity", identity);
        place(&mut self.options.known_hosts, "known-hosts", known_hosts);
        self.texts = Mutex::new(given);
        self
    }

    /// What preparing a host does, to be shown.
    pub fn setup_steps(&self) -> Vec<Step> {
        setup::steps(&self.options.prepared)
    }

    /// Prepares a host, logged in as `admin`, who is root or may become it by `sudo` without a password.
    pub fn setup(&self, name: &HostName, admin: &str) -> Result<(), Trouble> {
        let script = self.socket_folder()?.join(format!("setup-{}.sh", own_number()));
        files::write(&script, setup::shell_script(&self.setup_steps())).map_err(refused)?;
        let shell = if admin == "root" { "sh -s" } else { "sudo -n sh -s" };
        let command = self.command(name, admin, false, shell.to_owned())?;
        let captured = self.shell.within(&command, Some(&script), SETUP_LIMIT).map_err(refused);
        files::remove(&script).map_err(refused)?;
        let captured = self.in_time(captured?, SETUP_LIMIT)?;
        if captured.is_success() {
            return Ok(());
        }
        Err(Trouble::Refused { why: captured.stderr.trim().to_owned() })
    }

    /// Ends the shared connection to a host.
    pub fn close(&self, name: &HostName) {
        if let Ok(command) = self.control(name, &["-O", "exit"]) {
            // One that is gone already is what is wanted.
            self.shell.within(&command, None, CONNECT_LIMIT).ok();
        }
    }

    fn socket_folder(&self) -> Result<&Path, Trouble> {
        files::create_private_folder(&self.sockets).map_err(refused)?;
        let mut texts = self.texts.lock().map_err(|_| refused(anyhow::anyhow!("another thread panicked")))?;
        for (name, text) in texts.drain(..) {
            files::create_private(&self.sockets.join(name), text).map_err(refused)?;
        }
        Ok(&self.sockets)
    }

    fn control_path(&self, name: &HostName) -> PathBuf {
        self.sockets.join(&Digest::of(&name.0).to_string()[..8])
    }

    /// The arguments that every call has.
    fn arguments(&self, name: &HostName, login: &str) -> Result<Vec<String>, Trouble> {
        let address = self
            .hosts
            .get(name)
            .ok_or_else(|| Trouble::Refused { why: format!("`{}` is no host of this stage", name.0) })?;
        let mut arguments: Vec<String> = Vec::new();
        let mut option = |text: String| arguments.extend(["-o".to_owned(), text]);
        option("BatchMode=yes".into());
        option("StrictHostKeyChecking=yes".into());
        option(format!("ConnectTimeout={CONNECT_SECONDS}"));
        option(format!("ServerAliveInterval={ALIVE_SECONDS}"));
        option(format!("ServerAliveCountMax={ALIVE_COUNT}"));
        option(format!("ControlPath={}", self.control_path(name).display()));
        if let Some(known) = &self.options.known_hosts {
            option(format!("UserKnownHostsFile={}", known.display()));
        }
        if let Some(identity) = &self.options.identity {
            option("IdentitiesOnly=yes".into());
            arguments.extend(["-i".to_owned(), identity.display().to_string()]);
        }
        if let Some(configuration) = &self.options.configuration {
            arguments.extend(["-F".to_owned(), configuration.display().to_string()]);
        }
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        if !port.is_empty() {
            arguments.extend(["-p".to_owned(), port.to_owned()]);
        }
        arguments.extend(["-l".to_owned(), login.to_owned(), host.to_owned()]);
        Ok(arguments)
    }

    fn command(
        &self,
        name: &HostName,
        login: &str,
        is_shared: bool,
        line: String,
    ) -> Result<Command, Trouble> {
        let control: &[&str] =
            if is_shared { &["-T", "-o", "ControlMaster=no"] } else { &["-T", "-o", "ControlPath=none"] };
        let arguments = self.arguments(name, login)?;
        // The first mention of an option counts.
        let words = control.iter().map(|word| (*word).to_owned()).chain(arguments).chain([line]);
        Ok(Command::new("ssh", words))
    }

    /// A command to the process that holds the shared connection.
    fn control(&self, name: &HostName, words: &[&str]) -> Result<Command, Trouble> {
        let words = words.iter().map(|word| (*word).to_owned());
        Ok(Command::new("ssh", words.chain(self.arguments(name, &self.options.prepared.login)?)))
    }

    /// Opens the shared connection where there is none.
    fn connect(&self, name: &HostName) -> Result<(), Trouble> {
        self.socket_folder()?;
        if files::kind(&self.control_path(name)).map_err(refused)? != files::Kind::Absent {
            return Ok(());
        }
        let persist = format!("ControlPersist={PERSIST_SECONDS}");
        let mut command = self.control(name, &["-T", "-o", "ControlMaster=auto", "-o", &persist])?;
        command.arguments.push("true".into());
        let captured = self.shell.within(&command, None, CONNECT_LIMIT).map_err(refused)?;
        let captured = self.in_time(captured, CONNECT_LIMIT)?;
        if captured.is_success() {
            return Ok(());
        }
        Err(Trouble::Unreachable { why: format!("{}: {}", captured.ended, captured.stderr.trim()) })
    }

    fn in_time(&self, captured: Option<Captured>, limit: Duration) -> Result<Captured, Trouble> {
        captured
            .ok_or_else(|| Trouble::Unreachable { why: format!("no answer within {} s", limit.as_secs()) })
    }

    /// The line that the host's shell reads.
    fn line(&self, words: Vec<String>) -> String {
        let Prepared { base, login, .. } = &self.options.prepared;
        let target = format!("{base}/bin/{}", script::name());
        let sudo: &[&str] = if login == "root" { &[] } else { &["sudo", "-n"] };
        let words = sudo.iter().map(|word| (*word).to_owned()).chain([target]).chain(words);
        words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
    }

    fn said(
        &self,
        name: &HostName,
        words: Vec<String>,
        input: Option<&Path>,
        limit: Duration,
    ) -> Result<Captured, Trouble> {
        self.connect(name)?;
        let command = self.command(name, &self.options.prepared.login, true, self.line(words))?;
        let captured = self.in_time(self.shell.within(&command, input, limit).map_err(refused)?, limit)?;
        let why = captured.stderr.trim();
        match captured.ended {
            Ended::Exit(NO_CONNECTION) if captured.stdout.is_empty() => {
                Err(Trouble::Unreachable { why: why.to_owned() })
            }
            Ended::Exit(code)
                if NOT_RUN.contains(&code) || (why.starts_with("sudo:") && captured.stdout.is_empty()) =>
            {
                let next = format!("`deploy setup {}` prepares it", name.0);
                Err(Trouble::Refused {
                    why: format!("the host does not have this program's script ({why}); {next}"),
                })
            }
            Ended::Exit(_) | Ended::Signal(_) | Ended::Missing | Ended::NotStarted(_) => Ok(captured),
        }
    }
}

impl Driver for Ssh {
    fn lock(&self, name: &HostName, who: &str, deployment: &str) -> Result<Box<dyn Lease>, Trouble> {
        self.connect(name)?;
        let line = self.line(words::lock_words(who, deployment));
        let command = self.command(name, &self.options.prepared.login, true, line)?;
        lease::hold(self.shell.session(&command).map_err(refused)?, LOCK_LIMIT)
    }

    fn perform(
        &self,
        name: &HostName,
        call: &Call,
        deployment: &str,
        fence: Fence,
    ) -> Result<Answer, Trouble> {
        let words = words::words(call, deployment, fence, self.options.ready_seconds);
        let said =
            self.said(name, words, words::input(call), words::limit(call, self.options.ready_seconds))?;
        answer::answer(&said.stdout, || format!("{}: {}", said.ended, said.stderr.trim()))
    }

    fn reach(&self, name: &HostName, door: Door, release: &ReleaseId) -> Result<Box<dyn Reached>, Trouble> {
        self.connect(name)?;
        let Prepared { service, listen, .. } = &self.options.prepared;
        let there = match door {
            Door::Private => {
                // A colon ends a field of the way unless it is escaped.
                let key = words::key(release).replace(':', r"\:");
                format!("{}/{key}.sock", setup::run_folder(service))
            }
            Door::Public => match listen.rsplit_once(':') {
                Some(("0.0.0.0" | "[::]", port)) => format!("127.0.0.1:{port}"),
                Some(_) => listen.clone(),
                None => format!("127.0.0.1:{listen}"),
            },
        };
        let here = self.socket_folder()?.join(format!("way-{}", own_number()));
        let way = format!("{}:{there}", here.display());
        let forward = self.control(name, &["-O", "forward", "-L", &way])?;
        let captured = self.shell.within(&forward, None, CONNECT_LIMIT).map_err(refused)?;
        let captured = self.in_time(captured, CONNECT_LIMIT)?;
        if !captured.is_success() {
            return Err(Trouble::Unreachable { why: captured.stderr.trim().to_owned() });
        }
        let cancel = self.control(name, &["-O", "cancel", "-L", &way])?;
        Ok(Box::new(Way { shell: self.shell.clone(), cancel, here }))
    }

    fn journal(&self, name: &HostName) -> Result<Vec<Line>, Trouble> {
        let said = self.said(name, words::journal_words(), None, words::limit(&Call::Observe, 0))?;
        answer::journal(&said.stdout)
    }

    fn log(&self, name: &HostName, release: Option<&ReleaseId>, lines: u32) -> Result<Vec<String>, Trouble> {
        let words = words::log_words(release, lines);
        answer::log(&self.said(name, words, None, words::limit(&Call::Observe, 0))?)
    }

    fn commands(&self, name: &HostName, call: &Call) -> Vec<String> {
        let line = self.line(words::shown(call, self.options.ready_seconds));
        let Ok(command) = self.command(name, &self.options.prepared.login, true, line) else {
            return Vec::new();
        };
        vec![match words::input(call) {
            Some(archive) => format!("{command} < {}", quoted(&archive.display().to_string())),
            None => command.to_string(),
        }]
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        for name in self.hosts.keys() {
            if matches!(files::kind(&self.control_path(name)), Ok(kind) if kind != files::Kind::Absent) {
                self.close(name);
            }
        }
        // What is left there is of no use to anybody.
        files::remove_folder(&self.sockets).ok();
    }
}

/// A way through the shared connection, closed with its owner.
struct Way {
    shell: Shell,
    cancel: Command,
    here: PathBuf,
}

impl Reached for Way {
    fn address(&self) -> String {
        format!("unix:{}", self.here.display())
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        // A connection that is gone has taken the way along.
        self.shell.within(&self.cancel, None, CONNECT_LIMIT).ok();
        files::remove(&self.here).ok();
    }
}

fn own_number() -> u32 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn refused(error: anyhow::Error) -> Trouble {
    Trouble::Refused { why: format!("{error:#}") }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use nexus_xtask::scratch::Scratch;

    use super::*;

    #[test]
    fn texts_are_files_for_this_user_alone_while_it_lives() {
        let scratch = Scratch::new();
        let temporary = scratch.path().display().to_string();
        let environment = Environment::of(&[("TMPDIR", &temporary)], scratch.path());
        let options = SshOptions {
            prepared: Prepared {
                service: "one".into(),
                base: "/opt/one".into(),
                listen: "127.0.0.1:80".into(),
                login: "deploy".into(),
                keys: Vec::new(),
                stop_seconds: 1,
            },
            ready_seconds: 1,
            known_hosts: Some("/known/elsewhere".into()),
            identity: None,
            configuration: None,
        };
        let texts =
            Texts { identity: Some("a key\r\nof lines".into()), known_hosts: Some("not taken".into()) };
        let hosts = [(HostName("a".into()), "a".to_owned())].into();
        let ssh = Ssh::new(&environment, options, hosts).with(texts);
        let arguments = ssh.arguments(&HostName("a".into()), "deploy").unwrap().join(" ");
        let folder = ssh.socket_folder().unwrap().to_owned();
        let file = ssh.socket_folder().unwrap().join("identity");
        assert!(arguments.contains(&format!("IdentitiesOnly=yes -i {}", file.display())), "{arguments}");
        assert!(arguments.contains("StrictHostKeyChecking=yes"), "{arguments}");
        assert!(arguments.contains("UserKnownHostsFile=/known/elsewhere"), "{arguments}");
        assert_eq!(files::read_text(&file).unwrap().unwrap(), "a key\nof lines\n");
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert_eq!(files::list(&folder).unwrap(), [file]);
        drop(ssh);
        assert!(!folder.exists());
    }
}
