//! Hosts that are folders of this machine, without systemd and without root. Unix.
//!
//! Each has a small host process (`host.rs`) that stands in for systemd, and the same script that a real host has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nexus_xtask::digest::Digest;
use nexus_xtask::environment::Environment;
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Shell, quoted};

use crate::deploy::contract::{
    Answer, Call, Door, Driver, Fence, HostName, Lease, Line, Reached, ReleaseId, Trouble,
};

use super::{answer, host, lease, script, words};

/// How long a host process gets until it answers.
const BOOT_LIMIT: Duration = Duration::from_secs(20);

/// How long a lock may take: longer than it takes to end a call of the holder before.
const LOCK_LIMIT: Duration = Duration::from_secs(30);

/// The local hosts of one service.
pub struct Local {
    shell: Shell,
    service: String,
    binary: PathBuf,
    runs: PathBuf,
    ready_seconds: u32,
    hosts: BTreeMap<HostName, LocalHost>,
}

/// A local host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalHost {
    /// Its folder, which stands for its disk.
    pub base: PathBuf,
    /// The service's address there, as `127.0.0.1:8080`.
    pub address: String,
}

impl Local {
    /// Hosts of a service. `binary` answers to the hidden verbs of [`host::verb`]; a service may take `ready_seconds`
    /// until it says that it is ready.
    pub fn new(
        environment: &Environment,
        service: &str,
        binary: &Path,
        ready_seconds: u32,
        hosts: BTreeMap<HostName, LocalHost>,
    ) -> Local {
        Local {
            shell: Shell::new(Path::new("/"), environment),
            service: service.to_owned(),
            binary: binary.to_owned(),
            runs: environment.temporary(),
            ready_seconds,
            hosts,
        }
    }

    /// Prepares a host and starts its host process; does nothing where that is so already.
    pub fn setup(&self, name: &HostName) -> Result<(), Trouble> {
        let local = self.host(name)?;
        self.install(local).map_err(|error| Trouble::Refused { why: format!("{error:#}") })?;
        self.boot(name)
    }

    /// Starts a host's process, as turning a machine on does, and waits until it answers.
    pub fn boot(&self, name: &HostName) -> Result<(), Trouble> {
        let local = self.host(name)?;
        let run = self.run(local);
        if host::ask(&run, &["list"]).is_ok() {
            return Ok(());
        }
        let words = [local.base.display().to_string(), run.display().to_string(), local.address.clone()];
        let command =
            Command::new(self.binary.display().to_string(), [host::VERB.to_owned()].into_iter().chain(words));
        let refused = |error: anyhow::Error| Trouble::Refused { why: format!("{error:#}") };
        let log = local.base.join("log/host.log");
        let mut process = self.shell.detach(&command, &log).map_err(refused)?;
        let mut pause = Duration::from_millis(1);
        let mut waited = Duration::ZERO;
        loop {
            let why = match host::ask(&run, &["list"]) {
                Ok(_) => return Ok(()),
                Err(why) => why,
            };
            let ended = process.wait_for(pause).map_err(refused)?;
            waited += pause;
            pause = (pause * 2).min(Duration::from_millis(50));
            if ended.is_some() || waited > BOOT_LIMIT {
                let said = files::tail(&log, 1000).unwrap_or_default();
                return Err(Trouble::Refused { why: format!("{why}; its log ends: {}", said.trim()) });
            }
        }
    }

    /// Ends a host's process and every instance, politely. What is confirmed serves again after [`Local::boot`].
    pub fn halt(&self, name: &HostName) -> Result<(), Trouble> {
        let run = self.run(self.host(name)?);
        host::ask(&run, &["halt"]).map(|_| ()).map_err(|why| Trouble::Unreachable { why })
    }

    /// Makes a host's process another binary; its socket and the instances stay.
    pub fn upgrade(&self, name: &HostName, binary: &Path) -> Result<(), Trouble> {
        let run = self.run(self.host(name)?);
        host::ask(&run, &["upgrade", &binary.display().to_string()])
            .map(|_| ())
            .map_err(|why| Trouble::Refused { why })
    }

    /// The folder that stands for `/run`: a short path, because the name of a socket may not be long.
    pub fn run(&self, local: &LocalHost) -> PathBuf {
        let digest = Digest::of(local.base.as_os_str().as_encoded_bytes()).to_string();
        self.runs.join(format!("xtask-{}", &digest[..12]))
    }

    /// The release that every host has confirmed, and its folder on one of them; also while no host runs.
    ///
    /// # Errors
    /// Where a host's disk does not give it.
    pub fn confirmed(&self) -> anyhow::Result<Option<(ReleaseId, PathBuf)>> {
        let mut found = None;
        for local in self.hosts.values() {
            let said = files::read_text(&local.base.join("state/confirmed"))?.unwrap_or_default();
            let Some(key) = said.split_whitespace().next() else { return Ok(None) };
            let release = words::id(key);
            match &found {
                None => found = Some((release, local.base.join("releases").join(key))),
                Some((first, _)) if *first == release => {}
                Some(_) => return Ok(None),
            }
        }
        Ok(found)
    }

    fn install(&self, local: &LocalHost) -> anyhow::Result<()> {
        for folder in ["bin", "releases", "state", "secrets", "log", "data"] {
            files::create_folder(&local.base.join(folder))?;
        }
        let settings = [
            ("service", self.service.clone()),
            ("flavour", "local".into()),
            ("run", self.run(local).display().to_string()),
            ("control", self.binary.display().to_string()),
        ];
        let settings = settings.map(|(name, value)| format!("{name}={}\n", quoted(&value))).concat();
        files::write(&local.base.join("settings"), settings)?;
        let target = local.base.join("bin").join(script::name());
        files::write(&target, script::TEXT)?;
        files::link(Path::new(&script::name()), &local.base.join("bin/target"))
    }

    fn host(&self, name: &HostName) -> Result<&LocalHost, Trouble> {
        self.hosts.get(name).ok_or_else(|| Trouble::Refused { why: format!("`{}` is no local host", name.0) })
    }

    fn command(&self, local: &LocalHost, words: Vec<String>) -> Command {
        let target = local.base.join("bin").join(script::name()).display().to_string();
        Command::new("sh", [target].into_iter().chain(words))
    }

    fn said(
        &self,
        local: &LocalHost,
        words: Vec<String>,
        input: Option<&Path>,
        limit: Duration,
    ) -> Result<nexus_xtask::shell::Captured, Trouble> {
        let unreachable = |why: String| Trouble::Unreachable { why };
        // A host that is off does not answer, though its folder could.
        host::ask(&self.run(local), &["list"]).map_err(unreachable)?;
        let captured = self.shell.within(&self.command(local, words), input, limit);
        match captured.map_err(|error| Trouble::Refused { why: format!("{error:#}") })? {
            Some(captured) => Ok(captured),
            None => Err(unreachable(format!("no answer within {} s", limit.as_secs()))),
        }
    }
}

impl Driver for Local {
    fn lock(&self, name: &HostName, who: &str, deployment: &str) -> Result<Box<dyn Lease>, Trouble> {
        let local = self.host(name)?;
        host::ask(&self.run(local), &["list"]).map_err(|why| Trouble::Unreachable { why })?;
        let command = self.command(local, words::lock_words(who, deployment));
        let session = self.shell.session(&command);
        lease::hold(session.map_err(|error| Trouble::Refused { why: format!("{error:#}") })?, LOCK_LIMIT)
    }

    fn perform(
        &self,
        name: &HostName,
        call: &Call,
        deployment: &str,
        fence: Fence,
    ) -> Result<Answer, Trouble> {
        let local = self.host(name)?;
        let said = self.said(
            local,
            words::words(call, deployment, fence, self.ready_seconds),
            words::input(call),
            words::limit(call, self.ready_seconds),
        )?;
        answer::answer(&said.stdout, || format!("{}: {}", said.ended, said.stderr.trim()))
    }

    fn reach(&self, name: &HostName, door: Door, release: &ReleaseId) -> Result<Box<dyn Reached>, Trouble> {
        let local = self.host(name)?;
        let address = match door {
            Door::Private => {
                format!("unix:{}", host::private_path(&self.run(local), &words::key(release)).display())
            }
            Door::Public => format!("http://{}", local.address),
        };
        Ok(Box::new(Beside(address)))
    }

    fn journal(&self, name: &HostName) -> Result<Vec<Line>, Trouble> {
        let said =
            self.said(self.host(name)?, words::journal_words(), None, words::limit(&Call::Observe, 0))?;
        answer::journal(&said.stdout)
    }

    fn log(&self, name: &HostName, release: Option<&ReleaseId>, lines: u32) -> Result<Vec<String>, Trouble> {
        let said = self.said(
            self.host(name)?,
            words::log_words(release, lines),
            None,
            words::limit(&Call::Observe, 0),
        )?;
        answer::log(&said)
    }

    fn commands(&self, name: &HostName, call: &Call) -> Vec<String> {
        let Ok(local) = self.host(name) else { return Vec::new() };
        let line = self.command(local, words::shown(call, self.ready_seconds)).to_string();
        vec![match words::input(call) {
            Some(archive) => format!("{line} < {}", quoted(&archive.display().to_string())),
            None => line,
        }]
    }
}

/// An address of this machine, which needs no way to it.
struct Beside(String);

impl Reached for Beside {
    fn address(&self) -> String {
        self.0.clone()
    }
}
