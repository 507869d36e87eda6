//! What drills on a stage measure. A figure that is not there was not reached.

use serde::{Deserialize, Serialize};

/// The figures of a drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "drill", rename_all = "kebab-case")]
pub enum Figures {
    /// Of killing the service.
    Restart {
        /// Each host, in the order of its turn; a host that did not come back is the last.
        hosts: Vec<Restarted>,
    },
    /// Of going back, and forward again.
    Rollback(RolledBack),
    /// Of killing a deployer.
    DeployerKilled(Killed),
    /// Of cutting a host off.
    Partition(Parted),
    /// Of locks whose holder is frozen or dead.
    StaleLock {
        /// Each host, in the order of its turn.
        hosts: Vec<Stale>,
    },
}

/// A host whose service was killed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Restarted {
    /// The host.
    pub host: String,
    /// The release that serves there.
    pub release: String,
    /// Milliseconds from the kill until the service was ready again.
    pub ready_ms: Option<u64>,
    /// True when the host says that it has started the service again.
    pub is_started_again: bool,
    /// Records that were acknowledged before the kill.
    pub acknowledged_before: u64,
    /// Records that were acknowledged after it.
    pub acknowledged_after: u64,
    /// Writes that were not acknowledged; nothing is known of those.
    pub not_acknowledged: u64,
    /// The longest time between two acknowledgements, in milliseconds.
    pub gap_ms: u64,
    /// Acknowledged records that were not there afterwards.
    pub lost: u64,
    /// The first of those.
    pub lost_first: Option<String>,
}

/// A stage that went back, and forward again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RolledBack {
    /// What it went back to.
    pub back: String,
    /// What was confirmed before, and is again.
    pub forward: String,
    /// Milliseconds from the command until every host was ready with the old one, and with nothing else.
    pub back_ms: Option<u64>,
    /// Milliseconds until the command had ended well.
    pub back_command_ms: Option<u64>,
    /// The same for the way forward.
    pub forward_ms: Option<u64>,
    /// The same for the way forward.
    pub forward_command_ms: Option<u64>,
}

/// A deployer that was killed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Killed {
    /// What it was about to make the stage go back to.
    pub back: String,
    /// What was confirmed before, and is again.
    pub forward: String,
    /// Milliseconds from its begin until it was killed.
    pub killed_after_ms: Option<u64>,
    /// Hosts on which its release was on trial then.
    pub on_trial: Vec<String>,
    /// Milliseconds from the kill until no host was locked.
    pub lock_free_ms: Option<u64>,
    /// Milliseconds from the kill until every host served what is confirmed, and nothing else, without anybody's help.
    pub confirmed_ms: Option<u64>,
    /// Milliseconds that the same command took afterwards, where it ended well.
    pub again_ms: Option<u64>,
    /// Milliseconds until the stage was as it was before the drill.
    pub forward_ms: Option<u64>,
}

/// A host that was cut off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parted {
    /// What the stage was about to go back to.
    pub back: String,
    /// What was confirmed before, and must be again.
    pub forward: String,
    /// The host.
    pub host: String,
    /// True when this machine did not reach it while it was cut off.
    pub is_cut: bool,
    /// How the deployer ended: its exit code.
    pub deployer_exit: Option<i32>,
    /// Milliseconds from the cut until the host had undone its trial by itself, by the clock of the host, which counts seconds.
    pub undone_ms: Option<u64>,
    /// Milliseconds from the healing until every host answered and served what is confirmed.
    pub healed_ms: Option<u64>,
}

/// A host whose lock had a holder that did not give it back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stale {
    /// The host.
    pub host: String,
    /// Milliseconds from the SIGKILL of a holder until another one had the lock.
    pub killed_free_ms: Option<u64>,
    /// Milliseconds from the SIGSTOP of a holder until another one had the lock.
    pub frozen_free_ms: Option<u64>,
    /// What the host said to the frozen one when it went on and confirmed a release.
    pub zombie: String,
    /// True when that was a refusal because of its old fence.
    pub is_zombie_refused: bool,
}

impl Figures {
    /// The longest time that the limit is about, in milliseconds.
    pub fn longest_ms(&self) -> Option<u64> {
        match self {
            Figures::Restart { hosts } => hosts.iter().filter_map(|host| host.ready_ms).max(),
            Figures::Rollback(figures) => figures.back_ms,
            Figures::DeployerKilled(figures) => figures.confirmed_ms,
            Figures::Partition(figures) => figures.undone_ms,
            Figures::StaleLock { hosts } => {
                hosts.iter().flat_map(|host| [host.killed_free_ms, host.frozen_free_ms]).flatten().max()
            }
        }
    }
}
