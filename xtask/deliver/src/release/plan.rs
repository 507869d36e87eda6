//! The plan of a release: everything that will happen, as a value.
//!
//! It holds the commit, the configuration, the tools, the artifacts and every step in its order, and the way back. It
//! holds no time, no verdict and no answer of a network, so the same commit has the same plan everywhere, and its digest
//! is its name. [`defects`] proves that nothing which cannot be undone comes before a gate or a check.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

use nexus_xtask::digest::Digest;
use nexus_xtask::failure::Finding;

mod make;
mod proof;

pub(crate) use make::{Known, make, repository};
pub use proof::defects;

/// The version of the format.
pub const VERSION: u32 = 1;

/// Everything that will happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of the format
    pub version: u32,
    /// The release commit
    pub commit: String,
    /// The tree of that commit, as git names it
    pub tree: String,
    /// When the commit was made, in seconds since 1970: the time of every file in an archive
    pub commit_time: i64,
    /// Digest over what is declared under `release/`
    #[schemars(with = "String")]
    pub configuration: Digest,
    /// The tools that make the bytes, by name, with their versions
    pub tools: BTreeMap<String, String>,
    /// Where packages are published
    pub registry: String,
    /// `owner/name` of the repository that releases are published in
    pub repository: String,
    /// True where a published release cannot be changed any more
    pub immutable: bool,
    /// The releases, one for each tag
    pub releases: Vec<Release>,
    /// The packages that are published, dependencies first
    pub packages: Vec<Package>,
    /// The targets that binaries are built for
    pub targets: Vec<String>,
    /// What is built
    pub artifacts: Vec<Artifact>,
    /// Every step, in an order that respects their needs
    pub steps: Vec<Step>,
    /// How each effect is taken back, the last effect first
    pub way_back: Vec<WayBack>,
}

/// What one tag names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The tag
    pub tag: String,
    /// The version
    #[schemars(with = "String")]
    pub version: Version,
    /// The packages that have this version
    pub packages: Vec<String>,
    /// True for a version with a pre-release part
    pub prerelease: bool,
    /// The text of the release, in Markdown
    pub notes: String,
}

/// A package that is published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The name
    pub name: String,
    /// The version
    #[schemars(with = "String")]
    pub version: Version,
    /// Its folder from the root; empty for the root itself
    pub folder: String,
    /// Packages of this plan that the registry must know before
    pub requires: Vec<String>,
}

/// Something that is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Its path in the staging folder, with `/` as separator
    pub file: String,
    /// What it is
    pub kind: Kind,
    /// The package that it is made of; none for what covers a whole release
    pub package: Option<String>,
    /// The target that it is built for
    pub target: Option<String>,
    /// The tag of the release that it is uploaded to; none for what goes to a registry, or is deployed and never published
    pub release: Option<String>,
    /// The example of the package that it holds, instead of the package's binaries
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// What an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Binaries and what belongs to them
    Archive,
    /// The debug symbols of the binaries of an archive
    Symbols,
    /// A package as its registry serves it
    Crate,
    /// The bill of materials, CycloneDX in JSON
    Bom,
    /// Who built what from what: an in-toto statement with a SLSA predicate
    Provenance,
    /// A shell script that installs the binaries after checking their digests
    Installer,
    /// `sha256sum`'s list of all the others
    Checksums,
    /// A minisign signature of the list
    Signature,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name, the same in every plan that has it
    pub id: String,
    /// What happens
    pub action: Action,
    /// The steps that come before, by name
    pub needs: Vec<String>,
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// A question is asked, and anything but a pass stops the release
    Gate {
        /// The gate's name
        gate: String,
    },
    /// Binaries are built for a target
    Build {
        /// The target triple
        target: String,
    },
    /// Packages are packed as the registry will serve them
    Pack,
    /// The staging folder is written, with the manifest that the seal covers
    Stage,
    /// A staged file is compared with the manifest, and tried where it can be
    Check {
        /// Its path in the staging folder
        file: String,
    },
    /// A release is drafted
    Draft {
        /// Its tag
        tag: String,
    },
    /// A file is attached to a drafted release
    Upload {
        /// The release's tag
        tag: String,
        /// The file's path in the staging folder
        file: String,
    },
    /// A tag is made
    Tag {
        /// Its name
        tag: String,
    },
    /// A package is published
    Publish {
        /// The package
        package: String,
        /// Its path in the staging folder
        file: String,
    },
    /// A drafted release is published
    Announce {
        /// Its tag
        tag: String,
    },
}

/// How far an effect can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It can be undone, and nobody has seen it
    Reversible,
    /// It can be countered by another effect
    Compensable,
    /// It stays
    Irreversible,
}

/// How an effect is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WayBack {
    /// The effect's step
    pub step: String,
    /// What is done
    pub how: String,
}

impl Plan {
    /// The plan's name: the digest over all that it says.
    pub fn digest(&self) -> Digest {
        // A plan is plain data with sorted maps: it always has this one text.
        Digest::of(serde_json::to_vec(self).unwrap_or_default())
    }

    /// The class of a step's effect; `None` for a step that changes nothing outside.
    pub fn class(&self, action: &Action) -> Option<Class> {
        match action {
            Action::Gate { .. }
            | Action::Build { .. }
            | Action::Pack
            | Action::Stage
            | Action::Check { .. } => None,
            Action::Draft { .. } | Action::Upload { .. } => Some(Class::Reversible),
            Action::Tag { .. } => Some(Class::Compensable),
            Action::Announce { .. } if !self.immutable => Some(Class::Compensable),
            Action::Publish { .. } | Action::Announce { .. } => Some(Class::Irreversible),
        }
    }

    /// The steps that change the world outside, in their order.
    pub fn effects(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| self.class(&step.action).is_some())
    }

    /// The release of a tag.
    pub fn release(&self, tag: &str) -> Option<&Release> {
        self.releases.iter().find(|release| release.tag == tag)
    }

    /// The package of a name.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// The artifacts that are attached to a release, in the plan's order.
    pub fn assets<'a>(&'a self, tag: &'a str) -> impl Iterator<Item = &'a Artifact> {
        self.artifacts.iter().filter(move |artifact| artifact.release.as_deref() == Some(tag))
    }

    /// The packages in waves: each wave needs only those before it.
    pub fn waves(&self) -> Vec<Vec<&Package>> {
        let mut waves: Vec<Vec<&Package>> = Vec::new();
        let mut done: BTreeSet<&str> = BTreeSet::new();
        let mut left: Vec<&Package> = self.packages.iter().collect();
        while !left.is_empty() {
            let ready = |package: &&Package| package.requires.iter().all(|name| done.contains(name.as_str()));
            let (wave, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(ready);
            if wave.is_empty() {
                // A cycle is refused when the plan is made; a plan from elsewhere ends here instead of never.
                break;
            }
            done.extend(wave.iter().map(|package| package.name.as_str()));
            waves.push(wave);
            left = rest;
        }
        waves
    }
}

impl Artifact {
    /// The name that people download it by.
    pub fn name(&self) -> &str {
        self.file.rsplit_once('/').map_or(self.file.as_str(), |(_, name)| name)
    }

    /// The folder, in what is built for its target, that has its programs.
    pub fn built(&self) -> String {
        let package = self.package.as_deref().unwrap_or_default();
        self.example.as_ref().map_or_else(|| package.to_owned(), |example| format!("{package}+{example}"))
    }
}

/// Reads a plan that was written before.
pub fn parse(text: &str) -> Result<Plan, Vec<Finding>> {
    let again = "make it again: cargo xtask release plan --output FILE";
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| vec![Finding::at("", error.line(), error.to_string(), again)])?;
    if value["version"] != VERSION {
        let found = &value["version"];
        return Err(vec![Finding::at(
            "",
            0,
            format!("the plan has version {found}, and this toolkit reads version {VERSION}"),
            again,
        )]);
    }
    let plan: Plan =
        serde_json::from_value(value).map_err(|error| vec![Finding::at("", 0, error.to_string(), again)])?;
    let defects = defects(&plan);
    if defects.is_empty() { Ok(plan) } else { Err(defects) }
}

/// The schema of a plan.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Plan)
}
