//! Why an effect was not applied: something to wait for, or something to stop at.

use std::time::Duration;

use nexus_xtask::failure::{Exit, Failure};

/// Why an effect was not applied, or the world not observed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The other side asks for patience, or cannot be reached now. Nothing is lost by asking again.
    Later {
        /// How long it asked for.
        wait: Duration,
        /// What it said, for a person.
        why: String,
    },
    /// It will not be otherwise by waiting.
    Failed(Failure),
}

impl Trouble {
    /// As a failure, for those who do not wait.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Trouble::Failed(failure) => failure,
            Trouble::Later { wait, why } => {
                Failure::new(Exit::Temporary, "the other side asks for patience").why(why).next(format!(
                    "run the same command again in {} s; it goes on where it stopped",
                    wait.as_secs().max(1)
                ))
            }
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble::Failed(failure)
    }
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Trouble {
        Trouble::Failed(error.into())
    }
}
