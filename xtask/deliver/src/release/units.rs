//! What is released together: packages that share a version and a tag.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use crate::release::config::{self, Config};
use crate::release::facts::{Facts, Package};
use nexus_xtask::failure::Finding;

/// Packages that share a version and a tag.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unit {
    /// The group's name; that of the package where it stands alone.
    pub(crate) name: String,
    /// The tag, with `{version}` in it.
    pub(crate) template: String,
    /// The packages, by name, sorted.
    pub(crate) packages: Vec<String>,
    /// The version in the manifests.
    pub(crate) version: Version,
}

impl Unit {
    /// The tag of a version.
    pub(crate) fn tag(&self, version: &Version) -> String {
        self.template.replace("{version}", &version.to_string())
    }

    /// The version that a tag of this unit names; `None` for any other tag.
    pub(crate) fn version_of(&self, tag: &str) -> Option<Version> {
        let (before, after) = self.template.split_once("{version}")?;
        Version::parse(tag.strip_prefix(before)?.strip_suffix(after)?).ok()
    }

    /// The tags of this unit with their versions, the highest last.
    pub(crate) fn released<'a>(&self, tags: impl IntoIterator<Item = &'a String>) -> Vec<(Version, String)> {
        let mut found: Vec<_> =
            tags.into_iter().filter_map(|tag| Some((self.version_of(tag)?, tag.clone()))).collect();
        found.sort();
        found
    }
}

/// The units of a workspace, by name. Packages that nobody could get, neither from a registry nor as a binary, are in
/// none.
///
/// Where nothing is declared, packages that all have one version are one unit with the tag `v{version}`; else each is a
/// unit of its own with the tag `{package}-v{version}`.
pub(crate) fn units(config: &Config, facts: &Facts) -> Result<Vec<Unit>, Vec<Finding>> {
    let mut findings = misnamed(config, facts);
    let released: BTreeMap<&str, &Package> = facts
        .packages
        .iter()
        .filter(|package| is_released(config, package))
        .map(|package| (package.name.as_str(), package))
        .collect();
    let mut units = Vec::new();
    let mut grouped = BTreeSet::new();
    for (name, group) in &config.groups {
        let packages: Vec<_> =
            group.packages.iter().filter_map(|name| released.get(name.as_str()).copied()).collect();
        grouped.extend(packages.iter().map(|package| package.name.as_str()));
        let template = group.tag.clone().unwrap_or_else(|| format!("{name}-v{{version}}"));
        match unit(name, template, &packages) {
            Ok(unit) => units.extend(unit),
            Err(finding) => findings.push(finding),
        }
    }
    let alone: Vec<_> =
        released.values().copied().filter(|package| !grouped.contains(package.name.as_str())).collect();
    units.extend(ungrouped(config, &alone));
    findings.extend(shared_tags(&units));
    if findings.is_empty() {
        units.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(units)
    } else {
        Err(findings)
    }
}

fn is_released(config: &Config, package: &Package) -> bool {
    let said = config.packages.get(&package.name).and_then(|package| package.release);
    said.unwrap_or_else(|| package.is_published_to(&config.registry.name) || !package.binaries.is_empty())
}

fn ungrouped(config: &Config, packages: &[&Package]) -> Vec<Unit> {
    let own_tag =
        |package: &Package| config.packages.get(&package.name).and_then(|package| package.tag.clone());
    let one_version = packages.windows(2).all(|pair| pair[0].version == pair[1].version);
    if let [first, ..] = packages
        && one_version
        && config.groups.is_empty()
        && packages.iter().all(|package| own_tag(package).is_none())
    {
        let name = if packages.len() == 1 { first.name.clone() } else { "workspace".to_owned() };
        return vec![Unit {
            name,
            template: "v{version}".to_owned(),
            packages: packages.iter().map(|package| package.name.clone()).collect(),
            version: first.version.clone(),
        }];
    }
    packages
        .iter()
        .map(|package| Unit {
            name: package.name.clone(),
            template: own_tag(package)
                .unwrap_or_else(|| "{package}-v{version}".to_owned())
                .replace("{package}", &package.name),
            packages: vec![package.name.clone()],
            version: package.version.clone(),
        })
        .collect()
}

/// A group as a unit; `None` for one without packages that are released.
fn unit(name: &str, template: String, packages: &[&Package]) -> Result<Option<Unit>, Finding> {
    let Some(first) = packages.first() else { return Ok(None) };
    if let Some(other) = packages.iter().find(|package| package.version != first.version) {
        return Err(Finding::at(
            config::FILE,
            0,
            format!(
                "`groups.{name}` moves in lockstep, but `{}` is {} and `{}` is {}",
                first.name, first.version, other.name, other.version
            ),
            "give them one version, best by `version.workspace = true`",
        ));
    }
    let mut packages: Vec<_> = packages.iter().map(|package| package.name.clone()).collect();
    packages.sort();
    Ok(Some(Unit { name: name.to_owned(), template, packages, version: first.version.clone() }))
}

/// Names that no package has, and packages in two groups.
fn misnamed(config: &Config, facts: &Facts) -> Vec<Finding> {
    let known: BTreeSet<_> = facts.packages.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let grouped = config.groups.iter().flat_map(|(name, group)| {
        group.packages.iter().map(move |package| (name.as_str(), package.as_str()))
    });
    for (group, package) in grouped {
        if !known.contains(package) {
            findings.push(unknown(&format!("groups.{group}"), package));
        }
        if let Some(other) = seen.insert(package, group) {
            findings.push(Finding::at(
                config::FILE,
                0,
                format!("`{package}` is in `groups.{other}` and in `groups.{group}`"),
                "a package has one version: leave it in one of them",
            ));
        }
    }
    let special = config.packages.keys().filter(|package| !known.contains(package.as_str()));
    findings.extend(special.map(|package| unknown("packages", package)));
    findings
}

fn unknown(key: &str, package: &str) -> Finding {
    Finding::at(
        config::FILE,
        0,
        format!("`{key}` names `{package}`, and no package of the workspace has that name"),
        "correct the name; `cargo metadata --no-deps` lists the packages",
    )
}

/// Units whose tags would be the same, and tags without a version.
fn shared_tags(units: &[Unit]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for unit in units {
        if !unit.template.contains("{version}") {
            findings.push(Finding::at(
                config::FILE,
                0,
                format!("the tag of `{}` is `{}`, without `{{version}}`", unit.name, unit.template),
                "put `{version}` into it, so that each release has a tag of its own",
            ));
        }
        if let Some(other) = seen.insert(&unit.template, &unit.name) {
            findings.push(Finding::at(
                config::FILE,
                0,
                format!("`{other}` and `{}` have the same tag, `{}`", unit.name, unit.template),
                "give each a tag of its own (`packages.NAME.tag`), or put them into one group",
            ));
        }
    }
    findings
}
