//! Backups and restore drills with the real `restic`, `sqlite3` and PostgreSQL, and a small service that answers from the
//! database.
//!
//! They need `restic`, `sqlite3` and `python3` (`scripts/peers.sh`), and say why they skip where one is missing; with
//! XTASK_PEERS_REQUIRED=1 they fail there instead. Those with PostgreSQL need Debian's build of it
//! (`scripts/peers.sh --databases`); with XTASK_DATABASES=1 they fail where it is missing.
//! RESILIENCE_MEGABYTES says how much data the figures are measured with (`cargo xtask acceptance resilience`).

#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests stand outside the doors"
)]

mod artifacts;
mod bed;
mod figures;
mod postgres;
mod repository;
