//! How long the registry's limits make a release last, at the least. Pure.
//!
//! A registry counts new packages apart from new versions of known ones, each with a token bucket: so many at once, and
//! one more in so many seconds. Both are full at the start of a release, as far as anybody can know beforehand.

use serde::Serialize;

use crate::release::config::{Rate, Registry};

/// What is published, and when it can be done at the earliest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Schedule {
    /// Packages whose name the registry does not know yet, as far as the tags tell.
    pub(crate) new_packages: Vec<String>,
    /// How many known packages get a new version.
    pub(crate) new_versions: usize,
    /// Seconds from the first upload to the last, at the least.
    pub(crate) earliest_seconds: u64,
    /// True where publishing is by GitHub's identity: new versions then have no limit for each user, but a package that
    /// is new must be created with the token of a user.
    pub(crate) trusted: bool,
}

/// The schedule of these packages.
pub(crate) fn schedule(registry: &Registry, new_packages: Vec<String>, new_versions: usize) -> Schedule {
    let versions = if registry.trusted { 0 } else { wait(registry.new_versions, new_versions) };
    Schedule {
        earliest_seconds: wait(registry.new_packages, new_packages.len()).max(versions),
        new_packages,
        new_versions,
        trusted: registry.trusted,
    }
}

/// Seconds until the last of these may go.
fn wait(rate: Rate, count: usize) -> u64 {
    // Nothing ever goes through a bucket that holds nothing, so one is the least.
    let later = count.saturating_sub(usize::try_from(rate.burst.max(1)).unwrap_or(usize::MAX));
    u64::try_from(later).unwrap_or(u64::MAX).saturating_mul(u64::from(rate.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_bucket_decides() {
        for (new, versions, trusted, seconds) in [
            (0, 0, false, 0),
            (5, 30, false, 0),
            (6, 0, false, 600),
            (0, 31, false, 60),
            (12, 25, false, 4200),
            (6, 60, false, 1800),
            (6, 60, true, 600),
        ] {
            let registry = Registry { trusted, ..Registry::default() };
            let names = (0..new).map(|number| format!("p{number}")).collect();
            let schedule = schedule(&registry, names, versions);
            assert_eq!(schedule.earliest_seconds, seconds, "{new} new, {versions} versions, {trusted}");
        }
    }
}
