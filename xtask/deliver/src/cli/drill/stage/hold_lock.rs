//! `cargo xtask drill hold-lock`, which nobody types: a deployer that takes the lock of one host and does nothing.
//!
//! `drill stale-lock` freezes it, takes the lock from it, and lets it go on. Then it acts as one that does not look: it
//! confirms what is confirmed already, under the fence that it once had. It says one line for each thing that happened.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};

use crate::cli::deploy::gates;
use crate::deploy::config;
use crate::deploy::contract::{Answer, Call, Driver, Fence, HostName, ReleaseId, Trouble};
use crate::deploy::facts;

/// The name under which it stands in the journal.
const DEPLOYMENT: &str = "drill-hold-lock";

/// How long it holds the lock at most: whoever started it may be gone.
const LIFE: Duration = Duration::from_secs(300);

/// How often it looks whether it still has the lock.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Which lock.
#[derive(Debug, clap::Args)]
pub(in crate::cli::drill) struct Arguments {
    /// The stage
    #[arg(long, value_name = "STAGE")]
    stage: String,
    /// The host
    #[arg(long, value_name = "HOST")]
    host: String,
}

/// What it says, a line each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "snake_case")]
pub(super) enum Said {
    /// It has the lock.
    Holds {
        /// Its fence.
        fence: Fence,
    },
    /// It could not take the lock, or not act when it had lost it.
    Refused {
        /// What the host said.
        trouble: Trouble,
    },
    /// It acted after it had lost the lock, which must not happen.
    Acted,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    end_with_parent()?;
    let config = config::load(&doors.workspace)?;
    let stage = config.stage(&arguments.stage)?;
    let driver = facts::driver(doors, &config, &arguments.stage, stage)?;
    let host = HostName(arguments.host.clone());
    let say = |said: &Said| {
        // It is a value of our own: it always has this one text.
        doors.terminal.data(&serde_json::to_string(said).unwrap_or_default());
    };
    let refused = |trouble: Trouble| {
        say(&Said::Refused { trouble });
        Ok(Exit::No)
    };
    let confirmed = match confirmed(driver.as_ref(), &host) {
        Ok(confirmed) => confirmed,
        Err(trouble) => return refused(trouble),
    };
    let mut lease = match driver.lock(&host, &gates::who(doors), DEPLOYMENT) {
        Ok(lease) => lease,
        Err(trouble) => return refused(trouble),
    };
    let fence = lease.fence();
    say(&Said::Holds { fence });
    let begun = doors.clock.start();
    while lease.lives() {
        if begun.elapsed() > LIFE {
            return Err(Failure::refused("nobody took the lock away").next("cargo xtask drill stale-lock"));
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
    match driver.perform(&host, &Call::Confirm { release: confirmed }, DEPLOYMENT, fence) {
        Err(trouble) => refused(trouble),
        Ok(_) => {
            say(&Said::Acted);
            Ok(Exit::Done)
        }
    }
}

fn confirmed(driver: &dyn Driver, host: &HostName) -> std::result::Result<ReleaseId, Trouble> {
    let nothing = || Trouble::Refused { why: "nothing is confirmed there".to_owned() };
    match driver.perform(host, &Call::Observe, "", Fence(0))? {
        Answer::Observed(observed) => observed.confirmed.clone().ok_or_else(nothing),
        Answer::Done | Answer::Drained { .. } => Err(nothing()),
    }
}

/// Ends this process with the one that started it, also while it is frozen.
#[cfg(target_os = "linux")]
fn end_with_parent() -> anyhow::Result<()> {
    let kill = Some(rustix::process::Signal::KILL);
    Ok(rustix::process::set_parent_process_death_signal(kill)?)
}

/// Elsewhere the system has no such thing, and the limit of its life ends it.
#[cfg(not(target_os = "linux"))]
fn end_with_parent() -> anyhow::Result<()> {
    Ok(())
}
