//! The contract suite: one list of cases, run against every driver on hosts that are really there.
//!
//! `local::` needs nothing. `ssh::` needs root, Debian's systemd and sshd (`scripts/hosts.sh`), and says why it skips
//! where they are missing; with XTASK_PEERS_REQUIRED=1 it fails there instead.

#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests stand outside the doors"
)]

mod bed;
mod client;
mod world;
mod cases;
mod local;
mod ssh;
