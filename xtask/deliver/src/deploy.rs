//! From sealed bytes to running stages, and back.
//!
//! ```text
//! stages.toml + what the hosts say -> plan, or every reason against it -> engine <-> drivers -> journal on the hosts
//! ```
//!
//! - The **plan** ([`plan`]) is a pure value: which host gets what in which order, and what each goes back to.
//! - The **engine** ([`engine`]) says what is done next; it waits for nobody and reaches nobody.
//! - The **drivers** ([`drivers`]) carry out calls ([`contract`]) on hosts. The truth is there: journal, releases, what
//!   runs. A deployer that dies leaves nothing behind but a host that undoes its own change.

pub mod contract;
pub mod config;
pub mod plan;
pub mod twin;
pub mod engine;
pub mod judge;
pub mod facts;
pub mod execute;
pub mod report;
pub mod drivers;
pub mod protocol;
pub mod reading;
