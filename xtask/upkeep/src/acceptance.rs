//! What takes too long for every run: proofs that a maintainer runs before a release, by name.
//!
//! To add a suite: a module here, its line in [`SUITES`], its command in `cli/acceptance.rs`.

mod world;
pub(crate) mod crash;
pub(crate) mod hosts;
pub(crate) mod mutations;
pub(crate) mod registry;
pub(crate) mod release;
pub(crate) mod resilience;
pub(crate) mod strangers;
pub(crate) mod truth;

/// The suites: name, and what it shows.
pub(crate) const SUITES: &[(&str, &str)] = &[
    ("crash", "`cargo xtask ci`, killed at random moments, loses nothing and leaves nothing behind"),
    ("hosts", "the real `deploy` on booted hosts: under load, killed, cut off, and beside Ansible"),
    ("mutations", "every change that counts makes exactly the right steps run again, and no other does"),
    (
        "registry",
        "a registry that other people wrote takes what we publish, and a stock cargo builds it from there",
    ),
    ("release", "the executor of a release, killed at every place of every effect, ends in the same world"),
    (
        "resilience",
        "a gigabyte in SQLite and in PostgreSQL is backed up, restored and served; harmed backups turn red",
    ),
    ("strangers", "public projects adopt the toolkit, and `cargo xtask ci` is green on them"),
    ("truth", "changes of the code behind claims about safety turn the checks of those claims red"),
];
