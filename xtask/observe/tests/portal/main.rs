//! The portal by its real binary: over HTTP on loopback, as files, and killed.

#![cfg(unix)]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests stand outside the doors"
)]

mod world;

mod serve;
mod export;
mod guard;
mod metrics;
mod killed;
mod browser;
