//! The contract suite: one list of cases, run against every driver on hosts that are really there.
//!
//! `local::` needs nothing. `ssh::` boots hosts, which needs root, Debian's systemd and sshd (`scripts/peers.sh --hosts`), and
//! minutes: it is done with XTASK_HOSTS=1, and says that it is not otherwise.

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
#[macro_use]
mod cases;
mod local;
mod ssh;
