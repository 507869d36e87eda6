//! The target's script, by its digest: a host runs exactly the one that this program brought.

use nexus_xtask::digest::Digest;

/// Its text.
pub const TEXT: &str = include_str!("target.sh");

/// Its name in `bin/` of a service's folder on a host.
pub fn name() -> String {
    format!("target-{}", &Digest::of(TEXT).to_string()[..12])
}
