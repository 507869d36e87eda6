//! What the binaries are made of: the packages that cargo resolves, with the digests of the lock file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::Context as _;
use serde::Deserialize;

use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Shell};
use nexus_xtask::workspace::Workspace;

/// The resolved packages, by cargo's id.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) packages: BTreeMap<String, Package>,
}

/// A resolved package.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: Option<String>,
    pub(super) repository: Option<String>,
    /// Where it comes from; `None` for the workspace.
    pub(super) source: Option<String>,
    /// The sha256 of its packed form, where the lock file has it.
    pub(super) checksum: Option<String>,
    /// The packages it is linked with, and those that only build it.
    pub(super) normal: BTreeSet<String>,
    pub(super) build: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct MetadataPackage {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

/// Asks cargo, for these targets together; for every target where none is named.
pub(super) fn read(shell: &Shell, workspace: &Workspace, targets: &[String]) -> Result<Graph> {
    let filters = targets.iter().flat_map(|target| ["--filter-platform".to_owned(), target.clone()]);
    let words = ["metadata", "--format-version", "1", "--locked"].map(str::to_owned);
    let command = Command::new("cargo", words.into_iter().chain(filters));
    let said = shell.capture(&command)?;
    if !said.is_success() {
        return Err(Failure::refused("cargo cannot say what the binaries are made of")
            .why(said.stderr.trim())
            .next(command.to_string()));
    }
    let metadata: Metadata =
        serde_json::from_slice(&said.stdout).context("cannot read what `cargo metadata` printed")?;
    let lock = files::read_text(&workspace.file("Cargo.lock"))?.context("there is no Cargo.lock")?;
    let lock: Lock = toml::from_str(&lock).context("cannot read Cargo.lock")?;
    Ok(graph(metadata, lock))
}

fn graph(metadata: Metadata, lock: Lock) -> Graph {
    let checksums: BTreeMap<_, _> = lock
        .package
        .into_iter()
        .map(|locked| ((locked.name, locked.version, locked.source), locked.checksum))
        .collect();
    let mut edges: BTreeMap<_, _> =
        metadata.resolve.nodes.into_iter().map(|node| (node.id, node.deps)).collect();
    let packages = metadata.packages.into_iter().map(|package| {
        let (mut normal, mut build) = (BTreeSet::new(), BTreeSet::new());
        for edge in edges.remove(&package.id).unwrap_or_default() {
            for kind in edge.dep_kinds {
                match kind.kind.as_deref() {
                    None => drop(normal.insert(edge.pkg.clone())),
                    Some("build") => drop(build.insert(edge.pkg.clone())),
                    // Whatever is only for tests is in no binary.
                    Some(_) => {}
                }
            }
        }
        let key = (package.name.clone(), package.version.clone(), package.source.clone());
        let known = Package {
            checksum: checksums.get(&key).cloned().flatten(),
            name: package.name,
            version: package.version,
            license: package.license,
            repository: package.repository,
            source: package.source,
            normal,
            build,
        };
        (package.id, known)
    });
    Graph { packages: packages.collect() }
}

impl Graph {
    /// The ids of these packages of the workspace.
    pub(super) fn roots(&self, names: &[String]) -> Vec<&str> {
        let of_workspace = self.packages.iter().filter(|(_, package)| package.source.is_none());
        of_workspace.filter(|(_, package)| names.contains(&package.name)).map(|(id, _)| id.as_str()).collect()
    }

    /// All that these packages are made of, themselves included, and whether each is linked or only builds something.
    pub(super) fn closure<'a>(&'a self, roots: &[&'a str]) -> BTreeMap<&'a str, bool> {
        let mut linked: BTreeMap<&str, bool> = BTreeMap::new();
        let mut open: VecDeque<(&str, bool)> = roots.iter().map(|root| (*root, true)).collect();
        while let Some((id, is_linked)) = open.pop_front() {
            if linked.get(id).is_some_and(|known| *known || !is_linked) {
                continue;
            }
            linked.insert(id, is_linked);
            let Some(package) = self.packages.get(id) else { continue };
            open.extend(package.normal.iter().map(|needed| (needed.as_str(), is_linked)));
            open.extend(package.build.iter().map(|needed| (needed.as_str(), false)));
        }
        linked
    }
}
