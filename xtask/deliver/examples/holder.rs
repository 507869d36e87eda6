//! A deployer that takes a lock and then does nothing: the contract suite kills it, and freezes it.
//!
//!     holder local SERVICE BASE ADDRESS BINARY
//!     holder ssh SERVICE BASE ADDRESS IDENTITY KNOWN_HOSTS
//!
//! It prints the fence when it has the lock.

#![expect(clippy::print_stdout, reason = "a program of its own, outside of the doors")]

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use nexus_xtask::environment::Environment;
    use nexus_xtask_deliver::deploy::contract::{Driver, HostName};
    use nexus_xtask_deliver::deploy::drivers::local::{Local, LocalHost};
    use nexus_xtask_deliver::deploy::drivers::setup::Prepared;
    use nexus_xtask_deliver::deploy::drivers::ssh::{Ssh, SshOptions};

    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let environment = Environment::of_process()?;
    let host = HostName("h1".into());
    let driver: Box<dyn Driver> = match words.as_slice() {
        ["local", service, base, address, binary] => {
            let local = LocalHost { base: base.into(), address: (*address).into() };
            let hosts = BTreeMap::from([(host.clone(), local)]);
            Box::new(Local::new(&environment, service, Path::new(binary), 4, hosts))
        }
        ["ssh", service, base, address, identity, known_hosts] => {
            let prepared = Prepared {
                service: (*service).into(),
                base: (*base).into(),
                listen: "8080".into(),
                login: "deploy".into(),
                keys: Vec::new(),
                stop_seconds: 60,
            };
            let options = SshOptions {
                prepared,
                ready_seconds: 4,
                known_hosts: Some(known_hosts.into()),
                identity: Some(identity.into()),
                configuration: Some(PathBuf::from("/dev/null")),
            };
            Box::new(Ssh::new(&environment, options, BTreeMap::from([(host.clone(), (*address).into())])))
        }
        _ => return Err("local or ssh, and its arguments".into()),
    };
    let lease = driver.lock(&host, "holder", "d-0").map_err(|trouble| trouble.to_string())?;
    println!("{}", lease.fence().0);
    loop {
        std::thread::park();
    }
}

#[cfg(not(unix))]
fn main() {}
