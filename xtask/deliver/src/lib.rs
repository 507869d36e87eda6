//! What a release manager needs beyond the front: from a commit that is released to a service that runs.

pub mod deploy;
