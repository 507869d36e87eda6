//! What happened, as others read it: views of the journal, which is the only thing that they are made from.
//!
//! facts (the journal) -> a fold -> text. The same lines give the same bytes.

pub mod dora;
pub mod metrics;
pub mod status;
pub mod trace;
