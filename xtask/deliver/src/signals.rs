//! How what runs is now: declared looks at services, files, disks and the journal, each with one state.
//!
//! config (signals) -> execute (looks) -> samples (local) -> evaluate (pure) -> transitions in the journal
//!
//! - Up, down, unknown, stale and starting are five things. Only what was seen to be good is up.
//! - A sample is a look; a state is what several looks in a row mean. Samples stay on this machine and are few; the journal
//!   has a line for each change of a state, and no other.
//!
//! To add a kind of signal: a key of [`config::Signal`], its arm in `execute.rs`.

pub mod config;
pub mod evaluate;
pub(crate) mod execute;
pub mod report;
pub(crate) mod samples;
