//! The suite over the `ssh` driver: a real host for each case, booted by `scripts/hosts.sh`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use nexus_xtask::environment::Environment;
use nexus_xtask_deliver::deploy::contract::{Answer, Call, Driver, Fence, HostName, Trouble};
use nexus_xtask_deliver::deploy::drivers::setup::Prepared;
use nexus_xtask_deliver::deploy::drivers::ssh::{Ssh, SshOptions};

use crate::bed::Bed;
use crate::cases;
use crate::world::{Scratch, World, holder, picture};

const BASE: &str = "/opt/echo";

pub(crate) struct SshBed {
    driver: Ssh,
    pub(crate) address: String,
    pub(crate) scratch: Scratch,
}

fn hosts(words: &[&str]) -> Output {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/hosts.sh");
    Command::new(script).args(words).output().unwrap()
}

impl SshBed {
    /// A host that is prepared, or `None` where none can be booted.
    fn new() -> Option<SshBed> {
        let bed = SshBed::bare()?;
        bed.driver.setup(&bed.host(), "root").unwrap();
        Some(bed)
    }

    /// A host as Debian leaves it.
    fn bare() -> Option<SshBed> {
        if std::env::var_os("XTASK_HOSTS").is_none() {
            println!("skipped: booting hosts takes minutes and root; XTASK_HOSTS=1 does it");
            return None;
        }
        let missing = hosts(&["check"]);
        let missing = String::from_utf8_lossy(&missing.stdout).trim().to_owned();
        assert!(missing.is_empty(), "{missing}");
        let scratch = Scratch::new("bed");
        let folder = scratch.0.display().to_string();
        let booted = hosts(&["up", &folder, "1"]);
        assert!(booted.status.success(), "{}", String::from_utf8_lossy(&booted.stderr));
        let address = std::fs::read_to_string(scratch.0.join("h1/address")).unwrap().trim().to_owned();
        let driver = driver(&scratch, &address, &scratch.0.join("known_hosts"));
        Some(SshBed { driver, address, scratch })
    }

    fn fault(&self, word: &str) {
        let done = hosts(&[word, &self.scratch.0.display().to_string(), "1"]);
        assert!(done.status.success(), "{word}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn observe(&self) -> Result<Answer, Trouble> {
        self.driver.perform(&self.host(), &Call::Observe, "", Fence(0))
    }
}

fn driver(scratch: &Scratch, address: &str, known_hosts: &std::path::Path) -> Ssh {
    let options = SshOptions {
        prepared: Prepared {
            service: "echo".into(),
            base: BASE.into(),
            listen: "8080".into(),
            login: "deploy".into(),
            keys: vec![std::fs::read_to_string(scratch.0.join("key.pub")).unwrap().trim().to_owned()],
            stop_seconds: 60,
        },
        ready_seconds: 4,
        known_hosts: Some(known_hosts.to_owned()),
        identity: Some(scratch.0.join("key")),
        configuration: Some(PathBuf::from("/dev/null")),
    };
    let hosts = BTreeMap::from([(HostName("h1".into()), address.to_owned())]);
    Ssh::new(&Environment::of_process().unwrap(), options, hosts)
}

impl Bed for SshBed {
    fn driver(&self) -> &dyn Driver {
        &self.driver
    }

    fn host(&self) -> HostName {
        HostName("h1".into())
    }

    fn address(&self) -> String {
        format!("{}:8080", self.address)
    }

    fn base(&self) -> String {
        BASE.into()
    }

    fn on_host(&self, script: &str) -> String {
        let output = hosts(&["ssh", &self.scratch.0.display().to_string(), "1", script]);
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn holder(&self) -> Child {
        let file = |name: &str| self.scratch.0.join(name).display().to_string();
        holder(&["ssh", "echo", BASE, &self.address, &file("key"), &file("known_hosts")])
    }

    fn reboot(&self) {
        self.fault("reboot");
    }

    // Time passes by itself on a real host; whoever waits for its effect polls.
    fn pass(&self, _seconds: u32) {}
}

impl Drop for SshBed {
    fn drop(&mut self) {
        hosts(&["down", &self.scratch.0.display().to_string()]);
    }
}

macro_rules! cases {
    ($($case:ident)*) => {
        $(#[test]
        fn $case() {
            if let Some(bed) = SshBed::new() {
                cases::$case(&bed);
            }
        })*
    };
}

every_case!(cases);

cases! {
    disk_full
}

/// A host that drops every packet is noticed in a call that runs and in the next one, with the connection shared; once
/// it is back, so is the driver.
#[test]
fn vanished_behind_a_shared_connection() {
    let Some(bed) = SshBed::new() else { return };
    assert!(bed.observe().is_ok());
    bed.fault("silence");
    for call in ["first", "second"] {
        let started = Instant::now();
        let answer = bed.observe();
        assert!(matches!(answer, Err(Trouble::Unreachable { .. })), "{call}: {answer:?}");
        assert!(started.elapsed() < Duration::from_secs(15), "{call}: {:?}", started.elapsed());
        println!("{call} call to a host that is silent: {:.1} s", started.elapsed().as_secs_f32());
    }
    bed.fault("heal");
    assert!(bed.observe().is_ok());
}

/// A partition while the lock is held and a release is on trial: the host undoes the change by itself, the lock is free
/// within 35 s, and another deployer finds a host in order.
#[test]
fn partition() {
    let Some(bed) = SshBed::new() else { return };
    let mut world = World::begin(&bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0"));
    world.deploy(&old);
    world.switch(&new, 4);
    bed.fault("cut");
    let cut = Instant::now();
    let mut lease = world.lease.take().unwrap();
    while lease.lives() {
        assert!(cut.elapsed() < Duration::from_secs(20), "the lease is believed to live");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    drop(lease);
    assert!(matches!(bed.observe(), Err(Trouble::Unreachable { .. })));
    bed.fault("heal");
    loop {
        match bed.driver.lock(&bed.host(), "eve", "d-2") {
            Ok(_) => break,
            Err(trouble) => assert!(cut.elapsed() < Duration::from_secs(35), "{trouble}"),
        }
        std::thread::park_timeout(Duration::from_millis(200));
    }
    println!("the lock was free {:.1} s after the cut", cut.elapsed().as_secs_f32());
    let observed = world.observe();
    assert_eq!((observed.confirmed, observed.trial, observed.armed), (Some(old.clone()), None, None));
    assert_eq!(observed.running.iter().map(|one| &one.release).collect::<Vec<_>>(), [&old]);
}

/// No sshd: no answer, at once, and a way back once it is there.
#[test]
fn refusing() {
    let Some(bed) = SshBed::new() else { return };
    assert!(bed.observe().is_ok());
    bed.fault("refuse");
    let started = Instant::now();
    let answer = bed.observe();
    assert!(matches!(&answer, Err(Trouble::Unreachable { .. })), "{answer:?}");
    let again = bed.observe();
    assert!(matches!(&again, Err(Trouble::Unreachable { why }) if why.contains("refused")), "{again:?}");
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
    bed.fault("accept");
    assert!(bed.observe().is_ok());
}

/// Somebody makes systemd load its units while an undo is armed: it neither comes early nor is it lost.
#[test]
fn units_are_loaded_while_armed() {
    let Some(bed) = SshBed::new() else { return };
    let world = World::begin(&bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0"));
    let names = [(&old, "old"), (&new, "new")];
    world.deploy(&old);
    world.switch(&new, 8);
    for _ in 0..3 {
        bed.on_host("systemctl daemon-reload");
    }
    let armed =
        "confirmed old, trial new, armed back to old, running [new serving active, old serving active]";
    let due = world.observe().armed.unwrap().at_seconds;
    while world.observe().clock_seconds < due - 2 {
        assert_eq!(picture(&world.observe(), &names), armed);
        std::thread::park_timeout(Duration::from_millis(100));
    }
    world.until("the undo", Duration::from_secs(15), |host| host.armed.is_none() && host.running.len() == 1);
    assert_eq!(
        picture(&world.observe(), &names),
        "confirmed old, trial none, armed nothing, running [old serving active]"
    );
}

/// A host that nobody prepared, one that is not known by its key, and the login that may do one thing only.
#[test]
fn strangers() {
    let Some(bed) = SshBed::bare() else { return };
    bed.on_host("useradd --create-home --shell /bin/sh --password '*' deploy");
    bed.on_host("cp -r /root/.ssh ~deploy && chown -R deploy ~deploy");
    let Err(Trouble::Refused { why }) = bed.observe() else { panic!("{:?}", bed.observe()) };
    assert!(why.contains("`deploy setup h1` prepares it"), "{why}");

    let nobody = bed.scratch.0.join("nobody");
    std::fs::write(&nobody, "").unwrap();
    let stranger = driver(&bed.scratch, &bed.address, &nobody);
    let Err(Trouble::Unreachable { why }) = stranger.perform(&bed.host(), &Call::Observe, "", Fence(0))
    else {
        panic!("a host without a known key was talked to");
    };
    assert!(why.contains("Host key verification failed"), "{why}");

    for _ in 0..2 {
        bed.driver.setup(&bed.host(), "root").unwrap();
    }
    assert!(bed.observe().is_ok());
    let refused = bed.on_host("su deploy -c 'sudo -n id' 2>&1 || true");
    assert!(refused.contains("a password is required") || refused.contains("not allowed"), "{refused}");
}
