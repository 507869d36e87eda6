//! What is there of releases of the past.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Endpoints;
use super::forge::Published;

/// Asks what is there of each of these. The answer is a list of [`Inspected`], in the same order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspect {
    /// Where to look.
    pub endpoints: Endpoints,
    /// `owner/name`.
    pub repository: String,
    /// The releases.
    pub releases: Vec<Past>,
}

/// A release of the past, as this repository knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Its tag.
    pub tag: String,
    /// The commit that the tag leads to here.
    pub commit: String,
    /// Its packages that go to the registry.
    pub packages: Vec<(String, Version)>,
}

/// What is there of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspected {
    /// The commit that the tag leads to at the forge; none where there is no such tag.
    pub commit: Option<String>,
    /// The published release; none where nothing is published, or a draft.
    pub published: Option<Published>,
    /// What the registry has of each package, in the same order.
    pub packages: Vec<Registered>,
}

/// What a registry has of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registered {
    /// Nothing.
    Missing,
    /// It is to be had.
    There,
    /// It was yanked.
    Yanked,
}
