//! What a registry is told about a package, made of the normalised manifest inside its `.crate`.
//!
//! Cargo sends the same, made of the manifest in the workspace (its reference, "Registry Web API"). Two fields may differ
//! in spelling alone: a readme outside of the package's folder is named as it is packed, and a `cfg(...)` is sent as it is
//! written.

use std::collections::BTreeMap;

use anyhow::Context as _;
use semver::VersionReq;
use serde::{Deserialize, Serialize};

use nexus_xtask::failure::{Exit, Failure, Result};

use crate::registry::packed::Packed;

/// The part of a normalised manifest that a registry is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Manifest {
    pub(crate) package: Package,
    #[serde(default)]
    features: BTreeMap<String, Vec<String>>,
    #[serde(flatten)]
    tables: Tables,
    #[serde(default)]
    target: BTreeMap<String, Tables>,
    #[serde(default)]
    badges: BTreeMap<String, BTreeMap<String, String>>,
    lib: Option<toml::Table>,
    #[serde(default)]
    bin: Vec<toml::Table>,
}

/// The part of `[package]` that a registry is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    #[serde(default)]
    authors: Vec<String>,
    description: Option<String>,
    documentation: Option<String>,
    homepage: Option<String>,
    readme: Option<Readme>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    license: Option<String>,
    license_file: Option<String>,
    repository: Option<String>,
    links: Option<String>,
    rust_version: Option<String>,
}

/// `readme`: a file, or whether there is one at all.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Readme {
    File(String),
    Is(bool),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Tables {
    #[serde(default)]
    dependencies: BTreeMap<String, Dependency>,
    #[serde(default, alias = "dev_dependencies")]
    dev_dependencies: BTreeMap<String, Dependency>,
    #[serde(default, alias = "build_dependencies")]
    build_dependencies: BTreeMap<String, Dependency>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Dependency {
    Version(String),
    Full(Box<Full>),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Full {
    version: Option<String>,
    package: Option<String>,
    #[serde(default)]
    optional: bool,
    #[serde(alias = "default_features")]
    default_features: Option<bool>,
    #[serde(default)]
    features: Vec<String>,
    /// The address of another registry than the default one.
    registry_index: Option<String>,
}

/// What goes in front of the `.crate`, field by field as the registry's interface names them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) vers: String,
    pub(crate) deps: Vec<MetadataDependency>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    authors: Vec<String>,
    pub(crate) description: Option<String>,
    documentation: Option<String>,
    homepage: Option<String>,
    readme: Option<String>,
    readme_file: Option<String>,
    keywords: Vec<String>,
    categories: Vec<String>,
    pub(crate) license: Option<String>,
    pub(crate) license_file: Option<String>,
    repository: Option<String>,
    badges: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) links: Option<String>,
    pub(crate) rust_version: Option<String>,
}

/// A dependency, as a registry is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetadataDependency {
    pub(crate) optional: bool,
    pub(crate) default_features: bool,
    pub(crate) name: String,
    pub(crate) features: Vec<String>,
    pub(crate) version_req: String,
    pub(crate) target: Option<String>,
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) registry: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) explicit_name_in_toml: Option<String>,
}

impl Dependency {
    fn has_version(&self) -> bool {
        match self {
            Dependency::Version(_) => true,
            Dependency::Full(full) => full.version.is_some(),
        }
    }
}

impl Manifest {
    pub(crate) fn has_library(&self) -> bool {
        self.lib.is_some()
    }

    pub(crate) fn has_binary(&self) -> bool {
        !self.bin.is_empty()
    }

    /// The addresses of the registries that dependencies name.
    pub(crate) fn registries(&self) -> impl Iterator<Item = &String> {
        let tables = std::iter::once(&self.tables).chain(self.target.values());
        let dependencies = tables.flat_map(|tables| {
            let kinds = [&tables.dependencies, &tables.dev_dependencies, &tables.build_dependencies];
            kinds.into_iter().flat_map(BTreeMap::values)
        });
        dependencies.filter_map(|dependency| match dependency {
            Dependency::Version(_) => None,
            Dependency::Full(full) => full.registry_index.as_ref(),
        })
    }
}

/// Where a package goes, which decides what must be said about where its dependencies come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goes<'a> {
    /// To the registry that a manifest means where it names none.
    Default,
    /// To another one, with this address of its index, without `sparse+`. Packages of these names go there too, whatever
    /// address their manifests have for it: in a rehearsal it is another.
    Other { index: &'a str, along: &'a [&'a str] },
}

/// What the registry is told about a package.
pub(crate) fn metadata(packed: &Packed, goes: Goes<'_>) -> Result<Metadata> {
    let manifest = &packed.manifest;
    let package = &manifest.package;
    let readme_file = match &package.readme {
        Some(Readme::File(name)) => Some(name.clone()),
        Some(Readme::Is(true)) => Some("README.md".to_owned()),
        Some(Readme::Is(false)) | None => None,
    };
    let readme = match &readme_file {
        Some(name) => packed.text(name.trim_start_matches("./"))?,
        None => None,
    };
    let dependencies = Dependencies { packed, goes };
    let mut deps = dependencies.of(&manifest.tables, None)?;
    for (target, tables) in &manifest.target {
        deps.extend(dependencies.of(tables, Some(target))?);
    }
    Ok(Metadata {
        name: package.name.clone(),
        vers: package.version.clone(),
        deps,
        features: manifest.features.clone(),
        authors: package.authors.clone(),
        description: package.description.clone(),
        documentation: package.documentation.clone(),
        homepage: package.homepage.clone(),
        readme,
        readme_file,
        keywords: package.keywords.clone(),
        categories: package.categories.clone(),
        license: package.license.clone(),
        license_file: package.license_file.clone(),
        repository: package.repository.clone(),
        badges: manifest.badges.clone(),
        links: package.links.clone(),
        rust_version: package.rust_version.clone(),
    })
}

struct Dependencies<'a> {
    packed: &'a Packed,
    goes: Goes<'a>,
}

impl Dependencies<'_> {
    /// The dependencies in the order in which cargo reads them.
    fn of(&self, tables: &Tables, target: Option<&str>) -> Result<Vec<MetadataDependency>> {
        let kinds = [
            ("normal", &tables.dependencies),
            ("dev", &tables.dev_dependencies),
            ("build", &tables.build_dependencies),
        ];
        kinds
            .into_iter()
            .flat_map(|(kind, table)| table.iter().map(move |(name, dependency)| (kind, name, dependency)))
            // A dependency of tests alone needs no version: it stays in the workspace.
            .filter(|(kind, _, dependency)| *kind != "dev" || dependency.has_version())
            .map(|(kind, name, dependency)| self.dependency(kind, name, dependency, target))
            .collect()
    }

    fn dependency(
        &self,
        kind: &str,
        key: &str,
        dependency: &Dependency,
        target: Option<&str>,
    ) -> Result<MetadataDependency> {
        let full = match dependency {
            Dependency::Version(version) => Full { version: Some(version.clone()), ..Full::default() },
            Dependency::Full(full) => Full::clone(full),
        };
        let package = &self.packed.manifest.package;
        let refused = |why: String| {
            let problem = format!(
                "`{}` {} needs `{key}` in a way that no registry knows",
                package.name, package.version
            );
            Failure::new(Exit::Usage, problem).why(why).next(format!(
                "give `{key}` a `version` in the manifest of `{}`, then stage again",
                package.name
            ))
        };
        let version = full.version.ok_or_else(|| refused("it has no version".to_owned()))?;
        let requirement = VersionReq::parse(&version)
            .map_err(|error| refused(format!("`{version}` is no requirement: {error}")))?;
        let name = full.package.clone().unwrap_or_else(|| key.to_owned());
        Ok(MetadataDependency {
            optional: full.optional,
            default_features: full.default_features.unwrap_or(true),
            registry: self.registry(&name, full.registry_index.as_deref())?,
            name,
            features: full.features,
            version_req: requirement.to_string(),
            target: target.map(str::to_owned),
            kind: kind.to_owned(),
            explicit_name_in_toml: full.package.map(|_| key.to_owned()),
        })
    }

    /// Where a dependency comes from; `None` for the registry that the package goes to. In a manifest no address means the
    /// default registry, and its address is in the lock file that is packed along.
    fn registry(&self, name: &str, index: Option<&str>) -> Result<Option<String>> {
        match (index, self.goes) {
            (_, Goes::Other { along, .. }) if along.contains(&name) => Ok(None),
            (None, Goes::Default) => Ok(None),
            (Some(index), Goes::Default) => Ok(Some(index.to_owned())),
            (Some(index), Goes::Other { index: own, .. }) => {
                let is_own =
                    index.trim_start_matches("sparse+").trim_end_matches('/') == own.trim_end_matches('/');
                Ok((!is_own).then(|| index.to_owned()))
            }
            (None, Goes::Other { .. }) => {
                let package = &self.packed.manifest.package.name;
                let lock = self.packed.text("Cargo.lock")?.unwrap_or_default();
                let source = locked(&lock)?
                    .into_iter()
                    .find(|locked| locked.name == name)
                    .and_then(|locked| locked.source);
                let address = source.as_deref().and_then(|source| source.strip_prefix("registry+"));
                Ok(Some(address.map(str::to_owned).ok_or_else(|| {
                    Failure::refused(format!("where `{package}` gets `{name}` from is not known"))
                        .why("its packed lock file does not name it")
                        .next("stage again with the toolchain of this workspace: it packs the lock file")
                })?))
            }
        }
    }
}

/// A package of a lock file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Locked {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) source: Option<String>,
    pub(crate) checksum: Option<String>,
}

/// The packages of a lock file.
pub(crate) fn locked(text: &str) -> anyhow::Result<Vec<Locked>> {
    #[derive(Deserialize)]
    struct Lock {
        #[serde(default)]
        package: Vec<Locked>,
    }
    Ok(toml::from_str::<Lock>(text).context("the lock file is not one that cargo wrote")?.package)
}
