//! What this workspace can do, and how that is known: claims, the evidence that shows them, the documents that speak of them.
//!
//! config (claims) + facts (looks, receipts, journal) -> verdict -> report, documents, journal
//!
//! - The level of a claim is computed and never typed: the highest whose evidence is true and fresh now.
//! - Documents state levels in blocks that are made from verdicts. A block that states more than is shown is a finding.
//! - Evidence that costs nothing (steps, events, drills, settings) is read at every check; tests, commands and probes are
//!   looked at when somebody asks for it (`--run`), and what was seen is kept until it is too old or what it saw is gone.
//!
//! To add a kind of evidence: a key of [`config::Evidence`], its arm in `facts.rs` (read) or `execute.rs` (looked at).

pub mod config;
pub mod roadmap;
pub mod facts;
pub(crate) mod execute;
pub mod verdict;
pub(crate) mod documents;
pub(crate) mod render;
pub(crate) mod report;
pub(crate) mod audit;
pub(crate) mod phase;
