//! What the hosts say, and what is there to be deployed.

use std::collections::BTreeMap;

use nexus_xtask::digest::{Digest, Parts};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
#[cfg(unix)]
use nexus_xtask::files;

use crate::deploy::config::{Config, DriverKind, Stage};
use crate::deploy::contract::{Answer, Bundle, Call, Driver, Fence, HostName, ReleaseId, Trouble};
use crate::deploy::drivers;
use crate::deploy::plan::HostFacts;

/// How many hosts are talked with at once: sshd's stock `MaxStartups` begins to refuse at 10 connections that are being
/// opened (sshd_config(5)).
pub const FAN_OUT: usize = 8;

/// An archive that was sealed.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The archive's file.
    pub archive: std::path::PathBuf,
    /// Its sha256.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// The version of the release.
    pub version: String,
    /// The seal.
    pub seal: String,
    /// The release commit.
    pub commit: String,
}

/// The bundle of a stage: the same bytes with another configuration are another release.
pub fn bundle(config: &Config, stage: &Stage, sealed: &Sealed) -> Bundle {
    let program = config.service.program.clone().unwrap_or_else(|| config.service.artifact.clone());
    let name = sealed.archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.strip_suffix(".tar.gz").unwrap_or(&name);
    let program = format!("{stem}/{program}");
    let mut parts = Parts::default();
    parts.add(sealed.digest.to_string());
    parts.add(&program);
    for (name, value) in &stage.configuration {
        parts.add(name);
        parts.add(value);
    }
    parts.add("");
    for secret in &stage.secrets {
        parts.add(secret);
    }
    let digest = parts.digest().to_string();
    Bundle {
        id: ReleaseId(format!("{}-{}", sealed.version, &digest[..12])),
        version: sealed.version.clone(),
        archive: sealed.archive.clone(),
        digest: sealed.digest,
        seal: sealed.seal.clone(),
        commit: sealed.commit.clone(),
        program,
        configuration: stage.configuration.clone(),
        secrets: stage.secrets.clone(),
    }
}

/// The way to the hosts of a stage.
///
/// # Errors
/// Where a local host cannot be started.
#[cfg(unix)]
pub fn driver(doors: &Doors, config: &Config, name: &str, stage: &Stage) -> Result<Box<dyn Driver>> {
    match stage.driver {
        DriverKind::Local => {
            let local = local(doors, config, name, stage);
            for host in stage.hosts.keys() {
                local.setup(&HostName(host.clone())).map_err(|trouble| {
                    Failure::refused(format!("the local host `{host}` does not start"))
                        .why(trouble.to_string())
                        .next("cargo xtask deploy status")
                })?;
            }
            Ok(Box::new(local))
        }
        DriverKind::Ssh => Ok(Box::new(ssh(doors, config, stage))),
    }
}

/// The way to the hosts of a stage.
///
/// # Errors
/// For local hosts, which need a Unix.
#[cfg(not(unix))]
pub fn driver(doors: &Doors, config: &Config, name: &str, stage: &Stage) -> Result<Box<dyn Driver>> {
    match stage.driver {
        DriverKind::Local => {
            Err(Failure::refused(format!("the stage `{name}` is local, and that needs a Unix"))
                .next("use the driver `ssh`"))
        }
        DriverKind::Ssh => Ok(Box::new(ssh(doors, config, stage))),
    }
}

/// Hosts of this machine, in folders of the workspace's state.
#[cfg(unix)]
pub fn local(doors: &Doors, config: &Config, name: &str, stage: &Stage) -> drivers::local::Local {
    let base = doors.workspace.state().join("hosts").join(name);
    let hosts = stage.hosts.iter().map(|(host, place)| {
        let local = drivers::local::LocalHost { base: base.join(host), address: place.listen.clone() };
        (HostName(host.clone()), local)
    });
    drivers::local::Local::new(
        &doors.environment,
        &config.service.name,
        doors.environment.binary(),
        config.service.probe.startup_seconds,
        hosts.collect(),
    )
}

/// Ends every local host of a workspace with its instances, and forgets what they had.
///
/// # Errors
/// Where their folders cannot be removed.
#[cfg(unix)]
pub fn end_local(doors: &Doors) -> Result<()> {
    let all = doors.workspace.state().join("hosts");
    for stage in files::list(&all)? {
        for base in files::list(&stage)? {
            let host = HostName(base.display().to_string());
            let place = drivers::local::LocalHost { base, address: String::new() };
            let binary = doors.environment.binary();
            let places = [(host.clone(), place)].into();
            let local = drivers::local::Local::new(&doors.environment, "", binary, 0, places);
            // One that does not answer has ended already.
            local.halt(&host).ok();
        }
    }
    Ok(files::remove_folder(&all)?)
}

/// There are no local hosts here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn end_local(_: &Doors) -> Result<()> {
    Ok(())
}

/// Hosts that are reached by ssh.
pub fn ssh(doors: &Doors, config: &Config, stage: &Stage) -> drivers::ssh::Ssh {
    let listen = stage.hosts.values().next().map(|host| host.listen.clone()).unwrap_or_default();
    let hosts = stage.hosts.iter().map(|(host, place)| {
        let at = place.at.clone().unwrap_or_default();
        let address = at.split_once('@').map_or(at.clone(), |(_, address)| address.to_owned());
        (HostName(host.clone()), address)
    });
    let login = stage.hosts.values().find_map(|host| host.at.as_deref()?.split_once('@'));
    let options = drivers::ssh::SshOptions {
        prepared: drivers::setup::Prepared {
            service: config.service.name.clone(),
            base: format!("/opt/{}", config.service.name),
            listen,
            login: login.map_or("deploy", |(login, _)| login).to_owned(),
            keys: Vec::new(),
            stop_seconds: config.service.drain_seconds,
        },
        ready_seconds: config.service.probe.startup_seconds,
        known_hosts: doors.environment.get("XTASK_SSH_KNOWN_HOSTS").map(Into::into),
        identity: doors.environment.get("XTASK_SSH_IDENTITY").map(Into::into),
        configuration: doors.environment.get("XTASK_SSH_CONFIG").map(Into::into),
    };
    // A secret that nobody set is an empty variable in a job of GitHub's.
    let text = |name| doors.environment.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let texts = drivers::ssh::Texts {
        identity: text("XTASK_SSH_PRIVATE_KEY"),
        known_hosts: text("XTASK_SSH_HOST_KEYS"),
    };
    drivers::ssh::Ssh::new(&doors.environment, options, hosts.collect()).with(texts)
}

/// What each host says of itself; hosts that give no answer with the reason.
pub fn look(
    driver: &dyn Driver,
    stage: &Stage,
) -> BTreeMap<HostName, std::result::Result<HostFacts, Trouble>> {
    each(&stage.names(), |host| of_host(driver, host))
}

/// Asks hosts the same thing, many at a time.
pub fn each<T: Send>(
    hosts: &[HostName],
    ask: impl Fn(&HostName) -> std::result::Result<T, Trouble> + Sync,
) -> BTreeMap<HostName, std::result::Result<T, Trouble>> {
    let ask = &ask;
    let mut found = BTreeMap::new();
    for some in hosts.chunks(FAN_OUT) {
        let answers: Vec<_> = std::thread::scope(|scope| {
            let asked: Vec<_> = some.iter().map(|host| scope.spawn(move || ask(host))).collect();
            asked.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        for (host, answer) in some.iter().zip(answers) {
            let died = || Err(Trouble::Unreachable { why: "asking it panicked".to_owned() });
            found.insert(host.clone(), answer.unwrap_or_else(|_| died()));
        }
    }
    found
}

fn of_host(driver: &dyn Driver, host: &HostName) -> std::result::Result<HostFacts, Trouble> {
    let journal = driver.journal(host)?;
    match driver.perform(host, &Call::Observe, "", Fence(0))? {
        Answer::Observed(observed) => Ok(HostFacts { observed: *observed, journal }),
        Answer::Done | Answer::Drained { .. } => {
            Err(Trouble::Refused { why: "it does not say how it is".to_owned() })
        }
    }
}
