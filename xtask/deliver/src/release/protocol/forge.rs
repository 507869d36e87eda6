//! Questions about a repository of the forge: how it is set up, and what is published in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a repository is set up. Reading it takes the rights `administration: read` and `environments: read`, which the token
/// of a workflow can never have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskSettings {
    /// The forge's API.
    pub forge: String,
    /// `owner/name`.
    pub repository: String,
    /// The environments that releases pass through.
    pub environments: Vec<String>,
    /// The branches that releases are made from.
    pub branches: Vec<String>,
}

/// How a repository is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Each environment that was asked for; none where there is no such environment.
    pub environments: BTreeMap<String, Option<Environment>>,
    /// The types of the rules that hold for each branch that was asked for: `deletion`, `pull_request`, ...
    pub branches: BTreeMap<String, Vec<String>>,
    /// The sets of rules for tags.
    pub tags: Vec<Rules>,
    /// True where published releases cannot be changed any more.
    pub immutable: bool,
    /// True where the token of a workflow that says nothing may write.
    pub token_writes: bool,
}

/// An environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Users and teams, one of whom must agree before a job goes on.
    pub reviewers: Vec<String>,
    /// True where whoever started the job cannot agree to it.
    pub prevents_self_review: bool,
    /// True where only some branches or tags may deploy to it.
    pub limits_branches: bool,
}

/// A set of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Its name.
    pub name: String,
    /// False where it is only evaluated, or switched off.
    pub is_active: bool,
    /// Patterns of the references that it holds for: `refs/tags/v*`, `~ALL`.
    pub include: Vec<String>,
    /// Patterns of those that it does not hold for.
    pub exclude: Vec<String>,
    /// The types of its rules: `deletion`, `update`, ...
    pub rules: Vec<String>,
}

/// A double of the forge, for tests of whatever talks with one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServeForge {
    /// The repository and what is in it, as the double's state has it; what is left out is empty.
    pub seed: serde_json::Value,
}

/// The published release of a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskPublished {
    /// The forge's API.
    pub forge: String,
    /// `owner/name`.
    pub repository: String,
    /// The tag.
    pub tag: String,
}

/// A published release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The commit that its tag leads to.
    pub commit: Option<String>,
    /// True where it cannot be changed any more.
    pub immutable: bool,
    /// Its files by name, with the sha256 that the forge reports, if it does.
    pub files: BTreeMap<String, Option<String>>,
    /// Where people find it.
    pub url: String,
}
