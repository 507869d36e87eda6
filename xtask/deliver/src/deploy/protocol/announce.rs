//! A deployment as the forge shows it: a record that people see, and nothing that a deployment depends on.

use serde::{Deserialize, Serialize};

/// A deployment, or the next step of one. A rollback is a deployment of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// The forge's API.
    pub forge: String,
    /// `owner/name`.
    pub repository: String,
    /// How long all of it may take. What is not done by then is a problem that is told, and nothing else.
    pub limit_ms: u64,
    /// The deployment's own name. A record with it is found again, so that asking twice makes one.
    pub id: String,
    /// The forge's number of it, where that is known already.
    pub deployment: Option<u64>,
    /// The commit.
    pub commit: String,
    /// The stage.
    pub environment: String,
    /// True for the environment that end users see. The forge sets earlier deployments of others to inactive by itself.
    pub production: bool,
    /// `deploy` or `rollback`.
    pub task: String,
    /// The seal of the release.
    pub seal: String,
    /// The release, as the targets know it.
    pub release: String,
    /// How far it is.
    pub progress: Progress,
    /// One sentence; cut at 140 characters, which is all that the forge takes.
    pub description: String,
    /// Where the log is.
    pub log_url: Option<String>,
    /// Where the service is.
    pub environment_url: Option<String>,
}

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It waits: for an approval, a lock.
    Queued,
    /// It is under way.
    InProgress,
    /// It serves.
    Success,
    /// It was caught, and is not served.
    Failure,
    /// It is not known how it ended.
    Error,
    /// Another one took its place.
    Inactive,
}

impl Progress {
    /// The forge's word.
    pub fn word(self) -> &'static str {
        match self {
            Progress::Queued => "queued",
            Progress::InProgress => "in_progress",
            Progress::Success => "success",
            Progress::Failure => "failure",
            Progress::Error => "error",
            Progress::Inactive => "inactive",
        }
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The number of the deployment, where one is known.
    pub deployment: Option<u64>,
    /// Why the forge does not show it, or not all of it.
    pub problem: Option<String>,
}
