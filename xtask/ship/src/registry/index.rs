//! The sparse index: where a package's file is, and what its lines say (cargo's reference, "Index Format").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use nexus_xtask::digest::Digest;

use crate::registry::metadata::Metadata;

/// `config.json` of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Where packages are downloaded from.
    pub(crate) dl: String,
    /// Where packages are published to; none for an index that is only read.
    #[serde(default)]
    pub(crate) api: Option<String>,
    /// True where reading needs a token too.
    #[serde(default)]
    pub(crate) auth_required: bool,
}

/// A line of the index, as far as publishing asks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Line {
    pub(crate) vers: String,
    pub(crate) cksum: Digest,
    #[serde(default)]
    pub(crate) yanked: bool,
}

/// A line of the index, whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) vers: String,
    pub(crate) deps: Vec<EntryDependency>,
    pub(crate) cksum: String,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    /// Features in the newer syntax, `dep:x` and `x?/y`, and those that lead to them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) features2: BTreeMap<String, Vec<String>>,
    pub(crate) yanked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) links: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rust_version: Option<String>,
    pub(crate) v: u32,
}

/// A dependency in a line of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct EntryDependency {
    pub(crate) name: String,
    pub(crate) req: String,
    pub(crate) features: Vec<String>,
    pub(crate) optional: bool,
    pub(crate) default_features: bool,
    pub(crate) target: Option<String>,
    pub(crate) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) registry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) package: Option<String>,
}

/// The path of a package's file in the index: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcd`, all in lower case.
pub(crate) fn path(name: &str) -> String {
    let name = name.to_lowercase();
    match name.len() {
        0..=2 => format!("{}/{name}", name.len()),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

/// The lines of a package's file. A line that cannot be read is of a format that came later, as cargo sees it too, and
/// counts as not there.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The line that a registry writes for what it was told.
pub(crate) fn entry(metadata: &Metadata, checksum: &str) -> Entry {
    let (features, features2) = split(&metadata.features);
    let mut deps: Vec<_> = metadata
        .deps
        .iter()
        .map(|dependency| EntryDependency {
            // In the index the name is the one of the manifest, and the package's own is beside it.
            name: dependency.explicit_name_in_toml.clone().unwrap_or_else(|| dependency.name.clone()),
            req: dependency.version_req.clone(),
            features: dependency.features.clone(),
            optional: dependency.optional,
            default_features: dependency.default_features,
            target: dependency.target.clone(),
            kind: dependency.kind.clone(),
            registry: dependency.registry.clone(),
            package: dependency.explicit_name_in_toml.as_ref().map(|_| dependency.name.clone()),
        })
        .collect();
    deps.sort();
    Entry {
        name: metadata.name.clone(),
        vers: metadata.vers.clone(),
        deps,
        cksum: checksum.to_owned(),
        v: if features2.is_empty() { 1 } else { 2 },
        features,
        features2,
        yanked: false,
        links: metadata.links.clone(),
        rust_version: metadata.rust_version.clone(),
    }
}

type Features = BTreeMap<String, Vec<String>>;

/// Old versions of cargo cannot read a line whose `features` have the newer syntax, so those go into a field of their own.
fn split(features: &Features) -> (Features, Features) {
    let is_new = |value: &String| value.starts_with("dep:") || value.contains("?/");
    let (mut newer, mut older): (Features, Features) =
        features.clone().into_iter().partition(|(_, values)| values.iter().any(is_new));
    loop {
        let (follow, rest): (Features, Features) =
            older.into_iter().partition(|(_, values)| values.iter().any(|value| newer.contains_key(value)));
        older = rest;
        if follow.is_empty() {
            return (older, newer);
        }
        newer.extend(follow);
    }
}
