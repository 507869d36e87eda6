//! What a case needs of a place to run in, whichever driver leads there.

use std::process::Child;

use nexus_xtask_deliver::deploy::contract::{Driver, HostName};

pub(crate) trait Bed: Sync {
    fn driver(&self) -> &dyn Driver;

    fn host(&self) -> HostName;

    /// The service's address, for a client of this machine.
    fn address(&self) -> String;

    /// The service's folder on the host.
    fn base(&self) -> String;

    /// Runs a script on the host, as whoever owns everything there, and returns what it says.
    fn on_host(&self, script: &str) -> String;

    /// Starts another deployer, which takes the lock, prints its fence, and does nothing from then on.
    fn holder(&self) -> Child;

    /// The host loses its power and comes up again.
    fn reboot(&self);

    /// So many seconds pass on the host.
    fn pass(&self, seconds: u32);
}
