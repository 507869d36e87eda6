//! What a release manager needs beyond the front: from a commit that is released to a service that runs.
//!
//! The spine is the front's library. Here are domains, as in the front: each with a file that tells its story, and a folder
//! whose files carry the names of the flow.

mod address;
mod declared;
mod freeze;
pub mod kept;

pub mod release;
pub mod deploy;
pub mod resilience;
pub mod observe;
pub mod signals;
pub mod truth;

pub mod cli;

pub use cli::main;
