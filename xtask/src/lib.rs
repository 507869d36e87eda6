//! A CI/CD toolkit for Rust teams: the same commands on a laptop and in GitHub Actions.
//!
//! The modules in reading order. First the spine: shared nouns, and the only doors to the outside. Then one module
//! for each domain, whose files carry the names of the flow: config -> facts -> plan -> execute -> record.

pub mod failure;
pub mod digest;
pub mod clock;
pub mod environment;
pub mod terminal;
pub mod files;
pub mod shell;
pub mod workspace;
pub mod git;
pub mod event;
pub mod report;
pub mod reporter;
pub mod recording;
pub mod receipt;
pub mod journal;
pub mod doors;
pub mod toolchain;
pub mod satellite;

pub mod ci;
pub mod doctor;
mod tools;
mod baseline;
mod adopt;
mod workflows;

pub mod cli;

pub mod scratch;

pub use cli::main;
