//! What the world says of an effect, and what follows from it.

use serde::{Deserialize, Serialize};

/// What the world says before an effect is applied, and again after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// It is not there.
    Absent,
    /// It is there, as planned.
    Same,
    /// Something else is there: each line of the difference, `- planned` and `+ found`.
    Different(Vec<String>),
}

/// What to do about an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Write the intent down, apply it, look again.
    Apply,
    /// Nothing: it is so already.
    Leave,
    /// Stop. Whatever is there is never overwritten.
    Stop(Vec<String>),
}

/// What follows from what the world says.
pub fn decide(observed: Observed) -> Decision {
    match observed {
        Observed::Absent => Decision::Apply,
        Observed::Same => Decision::Leave,
        Observed::Different(difference) => Decision::Stop(difference),
    }
}
