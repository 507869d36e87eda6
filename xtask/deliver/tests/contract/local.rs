//! The suite over the `local` driver.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use nexus_xtask::environment::Environment;
use nexus_xtask_deliver::deploy::contract::{Driver, HostName};
use nexus_xtask_deliver::deploy::drivers::local::{Local, LocalHost};

use crate::bed::Bed;
use crate::cases;
use crate::world::{Scratch, example};

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
        let driver = Local::new(&environment, "echo", &example("host"), hosts);
        driver.setup(&HostName("h1".into())).unwrap();
        LocalBed { driver, local, _scratch: scratch }
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

    fn reboot(&self) {
        let process = self.process().to_string();
        Command::new("kill").args(["-KILL", &process]).status().unwrap();
        // The lock on the host's folder is free when the process is really gone.
        while Path::new("/proc").join(&process).join("exe").exists() {
            std::thread::park_timeout(std::time::Duration::from_millis(2));
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
        self.driver.halt(&self.host()).ok();
    }
}

#[test]
fn good_path() {
    cases::good_path(&LocalBed::new());
}

#[test]
fn undo_fires() {
    cases::undo_fires(&LocalBed::new());
}
