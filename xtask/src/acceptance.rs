//! What takes too long for every run: proofs that a maintainer runs before a release, by name.
//!
//! To add a suite: a module here, its line in [`SUITES`], its command in `cli/acceptance.rs`.

pub(crate) mod strangers;

/// The suites: name, and what it shows.
pub(crate) const SUITES: &[(&str, &str)] =
    &[("strangers", "public projects adopt the toolkit, and `cargo xtask ci` is green on them")];
