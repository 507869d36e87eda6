//! What is so: the packages, the commit, the tags. Three questions to git and one to cargo.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use semver::Version;
use serde::Deserialize;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::shell::Command;

/// Everything that proposing and planning may know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// The commit that is checked out, and the digest of its tree, as git names them; empty without a commit.
    pub(crate) commit: String,
    pub(crate) tree: String,
    /// When it was made, in seconds since 1970.
    pub(crate) commit_time: i64,
    /// The branch that is checked out; `None` on a detached head.
    pub(crate) branch: Option<String>,
    /// Paths that differ from the commit.
    pub(crate) dirty: Vec<String>,
    /// True when the history was cut off by a shallow clone.
    pub(crate) shallow: bool,
    /// Every tag and the commit that it leads to.
    pub(crate) tags: BTreeMap<String, String>,
    /// The packages of the workspace, by name.
    pub(crate) packages: Vec<Package>,
    /// The folder that cargo builds into.
    pub(crate) target: PathBuf,
}

/// A package of the workspace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: Version,
    /// Its folder from the root; empty for the root itself.
    pub(crate) folder: String,
    /// The registries that it may be published to; `None` for any, an empty list for none.
    pub(crate) registries: Option<Vec<String>>,
    pub(crate) repository: Option<String>,
    pub(crate) binaries: Vec<String>,
    pub(crate) library: bool,
    /// Packages of the workspace that it needs, and whether only for tests.
    pub(crate) dependencies: Vec<Dependency>,
}

/// That a package needs another one of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The versions that will do; `*` where the manifest names none.
    pub(crate) requirement: String,
    /// True for a dependency of tests and examples alone.
    pub(crate) development: bool,
}

impl Package {
    /// True when it may be published to this registry.
    pub(crate) fn is_published_to(&self, registry: &str) -> bool {
        self.registries.as_ref().is_none_or(|registries| registries.iter().any(|name| name == registry))
    }
}

/// Looks at the workspace and its repository.
pub(crate) fn gather(doors: &Doors) -> Result<Facts> {
    // Cargo is asked while git is.
    let (facts, packages) = std::thread::scope(|scope| {
        let packages = scope.spawn(|| packages(doors));
        (repository(doors), packages.join())
    });
    let facts = facts?;
    let (target, packages) = packages.map_err(|_| anyhow::anyhow!("asking cargo panicked"))??;
    Ok(Facts { packages, target, ..facts })
}

/// What git knows.
fn repository(doors: &Doors) -> Result<Facts> {
    let git = |arguments: &[&str]| doors.shell.capture(&Command::new("git", arguments.iter().copied()));
    let head = git(&["log", "-1", "--format=%H %T %ct"])?.text();
    let mut words = head.split(' ');
    let (commit, tree) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let commit_time = words.next().unwrap_or_default().parse().unwrap_or_default();
    if commit.is_empty() {
        return Err(Failure::refused("there is no commit to release")
            .why("`git log -1` names none")
            .next("run this in a git repository with at least one commit"));
    }
    let branch = git(&["symbolic-ref", "--quiet", "--short", "HEAD"])?;
    let status = doors.shell.read(&Command::new("git", ["status", "--porcelain", "-z"]))?;
    let shallow = doors.shell.read(&Command::new("git", ["rev-parse", "--is-shallow-repository"]))?;
    let listed = doors.shell.read(&Command::new(
        "git",
        ["for-each-ref", "--format=%(refname:strip=2) %(objectname) %(*objectname)", "refs/tags"],
    ))?;
    Ok(Facts {
        commit: commit.to_owned(),
        tree: tree.to_owned(),
        commit_time,
        branch: Some(branch.text()).filter(|name| branch.is_success() && !name.is_empty()),
        dirty: status.split('\0').filter(|entry| !entry.is_empty()).map(str::to_owned).collect(),
        shallow: shallow.trim() == "true",
        tags: listed.lines().filter_map(tag).collect(),
        ..Facts::default()
    })
}

/// A tag and its commit: an annotated tag has an object of its own, and leads to the commit as the third word.
fn tag(line: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    let (name, own) = (words.next()?, words.next()?);
    let commit = words.next().filter(|peeled| !peeled.is_empty()).unwrap_or(own);
    Some((name.to_owned(), commit.to_owned()))
}

/// The part of `cargo metadata` that counts here.
#[derive(Deserialize)]
struct Metadata {
    target_directory: PathBuf,
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    version: Version,
    manifest_path: PathBuf,
    publish: Option<Vec<String>>,
    repository: Option<String>,
    targets: Vec<MetadataTarget>,
    dependencies: Vec<MetadataDependency>,
}

#[derive(Deserialize)]
struct MetadataTarget {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct MetadataDependency {
    path: Option<PathBuf>,
    req: String,
    kind: Option<String>,
}

fn packages(doors: &Doors) -> Result<(PathBuf, Vec<Package>)> {
    let captured = doors
        .shell
        .capture(&Command::new("cargo", ["metadata", "--no-deps", "--offline", "--format-version", "1"]))?;
    if !captured.is_success() {
        return Err(Failure::usage("cargo cannot read this workspace")
            .why(captured.stderr.trim())
            .next("correct the manifest, then run `cargo metadata --no-deps` to see that cargo reads it"));
    }
    let metadata: Metadata =
        serde_json::from_slice(&captured.stdout).context("cannot read what `cargo metadata` printed")?;
    let names: BTreeMap<PathBuf, String> = metadata
        .packages
        .iter()
        .filter_map(|package| Some((package.manifest_path.parent()?.to_owned(), package.name.clone())))
        .collect();
    let mut packages: Vec<_> =
        metadata.packages.into_iter().map(|package| understand(doors, &names, package)).collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((metadata.target_directory, packages))
}

fn understand(doors: &Doors, names: &BTreeMap<PathBuf, String>, package: MetadataPackage) -> Package {
    let mut dependencies: Vec<_> = package
        .dependencies
        .into_iter()
        .filter_map(|dependency| {
            let name = names.get(&dependency.path?)?.clone();
            let development = dependency.kind.as_deref() == Some("dev");
            Some(Dependency { name, requirement: dependency.req, development })
        })
        .filter(|dependency| dependency.name != package.name)
        .collect();
    dependencies.sort();
    dependencies.dedup();
    let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path);
    let is = |target: &MetadataTarget, wanted: &str| target.kind.iter().any(|kind| kind == wanted);
    let library = |kind: &String| kind.ends_with("lib") || kind == "proc-macro";
    Package {
        folder: if folder == doors.workspace.root() {
            String::new()
        } else {
            doors.workspace.name_of(folder)
        },
        binaries: package
            .targets
            .iter()
            .filter(|target| is(target, "bin"))
            .map(|target| target.name.clone())
            .collect(),
        library: package.targets.iter().any(|target| target.kind.iter().any(library)),
        name: package.name,
        version: package.version,
        registries: package.publish,
        repository: package.repository,
        dependencies,
    }
}
