//! Servers on loopback: what a rehearsal publishes to, and what the tests talk with.
//!
//! Each is a double of something real, with the rules that matter to a release. What a double cannot show is in
//! `docs/release.md`.

pub(crate) mod forge;
pub(crate) mod registry;
pub(crate) mod server;
