//! The suite over the `local` driver.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nexus_xtask::environment::Environment;
use nexus_xtask_deliver::deploy::contract::{Answer, Call, Driver, HostName, Trouble};
use nexus_xtask_deliver::deploy::drivers::chain;
use nexus_xtask_deliver::deploy::drivers::local::{Local, LocalHost};

use crate::bed::Bed;
use crate::cases;
use crate::client::Load;
use crate::world::{Scratch, World, example, holder, picture};

pub(crate) struct LocalBed {
    driver: Local,
    local: LocalHost,
    _scratch: Scratch,
}

impl LocalBed {
    pub(crate) fn new() -> LocalBed {
        let scratch = Scratch::new("local");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let local = LocalHost { base: scratch.0.join("h1"), address: format!("127.0.0.1:{port}") };
        let hosts = BTreeMap::from([(HostName("h1".into()), local.clone())]);
        let environment = Environment::of_process().unwrap();
        let driver = Local::new(&environment, "echo", &example("host"), 4, hosts);
        driver.setup(&HostName("h1".into())).unwrap();
        LocalBed { driver, local, _scratch: scratch }
    }

    /// Another deployer's driver for the same host, with a folder of programs in front of its own.
    fn driver_with(&self, programs: &Path) -> Local {
        let environment = Environment::of_process().unwrap().with_path_in_front(&[programs.to_owned()]);
        let hosts = BTreeMap::from([(self.host(), self.local.clone())]);
        Local::new(&environment, "echo", &example("host"), 4, hosts)
    }

    fn run(&self) -> PathBuf {
        self.driver.run(&self.local)
    }

    /// The id of the host process.
    pub(crate) fn process(&self) -> u32 {
        std::fs::read_to_string(self.run().join("pid")).unwrap().parse().unwrap()
    }
}

impl Bed for LocalBed {
    fn driver(&self) -> &dyn Driver {
        &self.driver
    }

    fn host(&self) -> HostName {
        HostName("h1".into())
    }

    fn address(&self) -> String {
        self.local.address.clone()
    }

    fn base(&self) -> String {
        self.local.base.display().to_string()
    }

    fn on_host(&self, script: &str) -> String {
        let output = Command::new("sh").args(["-c", script]).output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn holder(&self) -> Child {
        let host = example("host").display().to_string();
        holder(&["local", "echo", &self.base(), &self.local.address, &host])
    }

    fn reboot(&self) {
        let process = self.process().to_string();
        Command::new("kill").args(["-KILL", &process]).status().unwrap();
        // The lock on the host's folder is free when the process is really gone.
        while Path::new("/proc").join(&process).join("exe").exists() {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        self.driver.boot(&self.host()).unwrap();
    }

    fn pass(&self, seconds: u32) {
        let clock = self.local.base.join("clock");
        let before: i64 = std::fs::read_to_string(&clock).map_or(0, |text| text.trim().parse().unwrap());
        std::fs::write(&clock, (before + i64::from(seconds)).to_string()).unwrap();
    }
}

impl Drop for LocalBed {
    fn drop(&mut self) {
        let process = PathBuf::from("/proc").join(self.process().to_string()).join("exe");
        self.driver.halt(&self.host()).ok();
        let started = Instant::now();
        while process.exists() && started.elapsed() < Duration::from_secs(15) {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        std::fs::remove_dir_all(self.run()).ok();
    }
}

macro_rules! cases {
    ($($case:ident)*) => {
        $(#[test]
        fn $case() {
            cases::$case(&LocalBed::new());
        })*
    };
}

every_case!(cases);

/// The host process becomes another binary, ten times, while clients ask: its id, its instances and its socket stay.
#[test]
fn upgrade() {
    let bed = LocalBed::new();
    let world = World::begin(&bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0"));
    world.deploy(&old);
    world.switch(&new, 600);
    let before = picture(&world.observe(), &[(&old, "old"), (&new, "new")]);
    let process = bed.process();
    let other = world.scratch.0.join("other-host");
    std::fs::copy(example("host"), &other).unwrap();
    let load = Load::start(&bed.address(), 4);
    for time in 0..10 {
        let wanted = if time % 2 == 0 { other.clone() } else { example("host") };
        bed.driver.upgrade(&bed.host(), &wanted).unwrap();
        let program = format!("/proc/{process}/exe");
        world.until("it is the other binary", Duration::from_secs(10), |_| {
            std::fs::read_link(&program).is_ok_and(|now| now == wanted)
        });
        assert_eq!(picture(&world.observe(), &[(&old, "old"), (&new, "new")]), before);
    }
    let counted = load.end();
    println!("10 upgrades: {} requests, {} failed", counted.requests, counted.failures.len());
    assert_eq!(counted.failures, Vec::<String>::new());
    assert_eq!(bed.process(), process);
    // What it took over it still controls.
    world.done(Call::Drain { keep: new.clone(), seconds: 10 });
    world.done(Call::Confirm { release: new.clone() });
    let names = [(&old, "old"), (&new, "new")];
    expect_test::expect!["confirmed new, trial none, armed nothing, running [new serving active]"]
        .assert_eq(&picture(&world.observe(), &names));
}

/// A `sync` that kills the call after the record that it has just put on the disk, when its count says so.
fn killer(bed: &LocalBed, programs: &Path) -> PathBuf {
    let count = programs.join("count");
    let script = format!(
        "#!/bin/sh\n/usr/bin/sync \"$@\" || exit 1\nleft=$(($(cat {count}) - 1))\necho $left > {count}\n\
         if [ $left = 0 ]; then kill -KILL $(cat {base}/state/call.pid); fi\n",
        count = count.display(),
        base = bed.base()
    );
    std::fs::create_dir_all(programs).unwrap();
    let sync = programs.join("sync");
    std::fs::write(&sync, script).unwrap();
    Command::new("chmod").args(["755", &sync.display().to_string()]).status().unwrap();
    count
}

/// A deploy, killed after its first record, its second, and so on until it is not killed any more. Each time another
/// deployer goes on, or goes back; each time the host ends where it must, and the journal is whole.
#[test]
fn killed_after_each_record() {
    let bed = LocalBed::new();
    let mut world = World::begin(&bed);
    let (old, new) = (world.stage("1.0.0"), world.bundle("1.1.0", &[]));
    let names = [(&old, "old"), (&new.id, "new")];
    world.deploy(&old);
    let programs = world.scratch.0.join("programs");
    let count = killer(&bed, &programs);
    let dying = bed.driver_with(&programs);
    let release = new.id.clone();
    let calls = [
        Call::Stage { bundle: new.clone() },
        Call::Arm { to: Some(old.clone()), seconds: 600 },
        Call::Start { release: release.clone() },
        Call::Switch { release: release.clone() },
        Call::Drain { keep: release.clone(), seconds: 10 },
        Call::Confirm { release: release.clone() },
    ];
    let mut killed = BTreeMap::<&str, u32>::new();
    for record in 1.. {
        let mut deaths = 0;
        for goes_on in [true, false] {
            std::fs::write(&count, record.to_string()).unwrap();
            let died =
                calls.iter().position(|call| match dying.perform(&bed.host(), call, "d-1", world.fence) {
                    Ok(_) => false,
                    Err(Trouble::Unreachable { .. }) => true,
                    Err(other) => panic!("{}: {other}", call.word()),
                });
            if let Some(died) = died {
                deaths += 1;
                *killed.entry(calls[died].word()).or_default() += 1;
            }
            world.lease = None;
            let lease = bed.driver.lock(&bed.host(), "eve", "d-2").unwrap();
            world.fence = lease.fence();
            world.lease = Some(lease);
            let expected = if goes_on {
                for call in &calls[died.unwrap_or(0)..] {
                    let answer = world.call(call.clone());
                    assert!(matches!(answer, Ok(Answer::Done | Answer::Drained { .. })), "{answer:?}");
                }
                "confirmed new, trial none, armed nothing, running [new serving active]"
            } else {
                world.done(Call::Revert { to: Some(old.clone()) });
                "confirmed old, trial none, armed nothing, running [old serving active]"
            };
            assert_eq!(picture(&world.observe(), &names), expected, "record {record}");
            assert_eq!(chain::broken(&bed.driver.journal(&bed.host()).unwrap()), None);
            let history = world.observe().history;
            assert_eq!(history.last().map(|one| &one.release), world.observe().confirmed.as_ref());
            world.done(Call::Revert { to: Some(old.clone()) });
            world.done(Call::Prune { keep: Vec::new() });
        }
        if deaths == 0 {
            break;
        }
    }
    println!("killed after each record: {killed:?}");
    let mut words: Vec<_> = calls.iter().map(Call::word).collect();
    words.sort_unstable();
    assert_eq!(killed.into_keys().collect::<Vec<_>>(), words);
}
