//! From sealed bytes to running stages, and back.

pub mod contract;
pub mod drivers;
