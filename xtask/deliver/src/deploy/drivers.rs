//! The ways to hosts. Each carries out the calls of [`super::contract`] and decides nothing.
//!
//! One script (`drivers/target.sh`) is the target's side of both drivers: over ssh it works with systemd, on this
//! machine with a small host process. So what is tested without root is what runs on a host, but for the handful of
//! functions in which the two differ.
//!
//! To add a driver for plain hosts: a flavour of these functions in the script, a way to run it there, and the contract
//! suite (`tests/contract`) over it.

pub mod words;
pub mod answer;
pub mod chain;
pub mod variables;
pub mod script;
pub mod lease;
pub mod setup;
pub mod ssh;
#[cfg(unix)]
pub mod host;
#[cfg(unix)]
pub mod local;
