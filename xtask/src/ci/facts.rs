//! What is so: the tree, the packages, the toolchain, the tools, the environment.
//!
//! On the warm path this starts two processes, both git, at the same time. Everything else is answered from files:
//! what cargo says about the packages is kept by the digest of all manifests, what a tool says about its version by
//! the stamp of its program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::ci::outside;
use crate::ci::step::{STATE, TARGET};
use crate::ci::tree::Tree;
use crate::digest::{Digest, Parts};
use crate::doors::Doors;
use crate::failure::{Failure, Result};
use crate::files;
use crate::git::{self, NoGit};
use crate::shell::Command;
use crate::toolchain::ToolIdentity;

/// Everything that plan and fingerprint may know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The work tree; `None` without git.
    pub(crate) tree: Option<Tree>,
    /// The commit that is checked out.
    pub(crate) commit: Option<String>,
    /// True when the tree is the commit that is checked out.
    pub(crate) clean: bool,
    /// What steps declare to make: no input of any step.
    pub(crate) outputs: Vec<String>,
    /// Why there is no answer from receipts at all.
    pub(crate) uncacheable: Option<String>,
    /// The state folder.
    pub(crate) state: PathBuf,
    /// The packages of the workspace.
    pub(crate) cargo: Cargo,
    /// True when git tracks `Cargo.lock`.
    pub(crate) has_lock: bool,
    /// Files whose presence decides which steps there are.
    pub(crate) has_deny: bool,
    pub(crate) has_house_rules: bool,
    pub(crate) has_workflows: bool,
    pub(crate) has_release: bool,
    pub(crate) has_claims: bool,
    /// Kinds of findings that have a counted baseline: `clippy`, `doc`.
    pub(crate) baselines: Vec<String>,
    /// Programs that were asked for, by name; `None` for a missing one.
    pub(crate) tools: BTreeMap<String, Option<ToolIdentity>>,
    /// Programs that `release/tools.toml` pins, so that the toolkit installs them.
    pub(crate) pinned_tools: BTreeSet<String>,
    /// Toolchains that rustup has installed, by folder name.
    pub(crate) toolchains: Vec<String>,
    /// Configuration files of cargo, clippy and rustfmt outside the tree: path and content.
    pub(crate) configurations: BTreeMap<String, Digest>,
    /// Packages outside the workspace that it depends on by path: folder and files.
    pub(crate) outside: BTreeMap<String, Tree>,
    /// Variables that steer a build.
    pub(crate) variables: BTreeMap<String, String>,
    /// Variables of the caller that steps declare, by name.
    pub(crate) passed: BTreeMap<String, String>,
    /// `linux`, `macos`, `windows`, else what Rust calls it; and the processor.
    pub(crate) platform: String,
    pub(crate) architecture: String,
    /// The advisory database that is on this machine, with the date of its newest change.
    pub(crate) advisories: Option<String>,
}

/// What cargo says about the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cargo {
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
    /// Folders outside the root: of members, and of what members depend on by path.
    pub(crate) outside: BTreeSet<PathBuf>,
}

/// One package of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder from the root; empty for the root itself.
    pub(crate) folder: String,
    pub(crate) rust_version: Option<String>,
    /// True when it has a library whose documentation examples are tests.
    pub(crate) has_doctests: bool,
    /// Packages of the workspace that it depends on, for whatever purpose.
    pub(crate) dependencies: Vec<String>,
}

/// What the declared steps make it worth looking at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Programs whose versions count.
    pub(crate) programs: Vec<String>,
    /// Variables of the caller that steps may see.
    pub(crate) variables: Vec<String>,
    /// What steps make.
    pub(crate) outputs: Vec<String>,
}

/// Looks at the workspace.
pub(crate) fn gather(doors: &Doors, wanted: &Asked) -> Result<Facts> {
    let Seen { tree, uncacheable, commit, clean } = tree(doors)?;
    let root = doors.workspace.root();
    let configurations = configurations(doors)?;
    let mut names: Vec<&str> = vec!["cargo", "rustc", "cargo-nextest", "cargo-deny", "xtask"];
    names.extend(wanted.programs.iter().map(String::as_str));
    let tools = crate::toolchain::identities(doors, &names)?;
    if tools.get("cargo").is_none_or(Option::is_none) {
        return Err(Failure::refused("there is no `cargo` on PATH").next("install Rust: https://rustup.rs"));
    }
    let cargo = cargo(doors, tree.as_ref(), &configurations, &tools)?;
    let outside = outside::trees(root, &cargo.outside)?;
    let has = |name: &str| root.join(name).is_file();
    let has_lock = match &tree {
        Some(tree) => tree.has("Cargo.lock"),
        None => has("Cargo.lock"),
    };
    let has_deny = has("deny.toml") || has(".deny.toml");
    Ok(Facts {
        has_lock,
        has_deny,
        has_house_rules: has("release/tidy.toml"),
        has_workflows: has("release/actions.toml"),
        has_claims: has("release/truth.toml"),
        has_release: has("release/release.toml"),
        baselines: baselines(doors)?,
        pinned_tools: pinned_tools(doors)?,
        toolchains: toolchains(doors)?,
        variables: doors.environment.for_fingerprint(),
        passed: wanted
            .variables
            .iter()
            .filter_map(|name| Some((name.clone(), doors.environment.get(name)?.to_owned())))
            .collect(),
        platform: std::env::consts::OS.to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        advisories: if has_deny { advisories(doors)? } else { None },
        state: doors.workspace.state(),
        tree,
        commit,
        clean,
        uncacheable,
        outputs: wanted.outputs.clone(),
        cargo,
        tools,
        configurations,
        outside,
    })
}

/// What git shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) tree: Option<Tree>,
    /// Why no receipt can answer, where the content of the tree is not known.
    pub(crate) uncacheable: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) clean: bool,
}

/// The tree as it is now.
pub(crate) fn tree(doors: &Doors) -> Result<Seen> {
    let listing = match git::listing(&doors.shell)? {
        Ok(listing) => listing,
        Err(NoGit::Broken(why)) => {
            return Err(Failure::refused("git cannot read this repository").why(why).next(
                "`git status` shows it; an index that is damaged is made anew by `rm .git/index && git reset`",
            ));
        }
        Err(no_git @ (NoGit::NoProgram | NoGit::NoRepository(_))) => {
            let why = format!("{no_git}: every step runs, and no pass is recorded");
            return Ok(Seen { uncacheable: Some(why), ..Seen::default() });
        }
    };
    let uncacheable = listing.unknown.first().map(|path| {
        format!("`{path}` is a repository of its own with changes that git does not show: every step runs, and no pass is recorded")
    });
    let (commit, clean) = (listing.head.clone(), listing.clean);
    Ok(Seen { tree: Some(Tree::of(doors, listing)?), uncacheable, commit, clean })
}

/// What cargo steps depend on around the workspace.
pub(crate) type Surroundings = (BTreeMap<String, Digest>, BTreeMap<String, Tree>);

/// The surroundings as they are now.
pub(crate) fn surroundings(doors: &Doors, cargo: &Cargo) -> anyhow::Result<Surroundings> {
    Ok((configurations(doors)?, outside::trees(doors.workspace.root(), &cargo.outside)?))
}

/// The configuration files that the tree does not hold: those above the root, and the user's.
/// Sources: <https://doc.rust-lang.org/cargo/reference/config.html>,
/// <https://doc.rust-lang.org/clippy/configuration.html>, <https://rust-lang.github.io/rustfmt/>.
fn configurations(doors: &Doors) -> anyhow::Result<BTreeMap<String, Digest>> {
    const CARGO: &[&str] = &["config.toml", "config"];
    const CLIPPY: &[&str] = &["clippy.toml", ".clippy.toml"];
    const RUSTFMT: &[&str] = &["rustfmt.toml", ".rustfmt.toml"];
    let (environment, root) = (&doors.environment, doors.workspace.root());
    let mut places: Vec<(PathBuf, &[&str])> = Vec::new();
    for folder in root.ancestors().skip(1) {
        places.extend([
            (folder.join(".cargo"), CARGO),
            (folder.to_owned(), CLIPPY),
            (folder.to_owned(), RUSTFMT),
        ]);
    }
    places.extend(environment.cargo_home().map(|folder| (folder, CARGO)));
    places.extend(environment.home().map(|folder| (folder, RUSTFMT)));
    let user = environment.get("XDG_CONFIG_HOME").map(PathBuf::from);
    let user = user.or_else(|| Some(environment.home()?.join(".config")));
    places.extend(user.map(|folder| (folder.join("rustfmt"), RUSTFMT)));
    let mut found = BTreeMap::new();
    for (folder, names) in places {
        for path in names.iter().map(|name| folder.join(name)) {
            if let Some(digest) = files::digest(&path)? {
                found.insert(path.display().to_string(), digest);
            }
        }
    }
    Ok(found)
}

fn baselines(doors: &Doors) -> anyhow::Result<Vec<String>> {
    let text = files::read_text(&doors.workspace.declared("baseline"))?.unwrap_or_default();
    // Only which kinds there are: the file belongs to `baseline`, which also reports what is wrong with it.
    Ok(["clippy", "doc"]
        .into_iter()
        .filter(|kind| text.lines().any(|line| line.trim_start().starts_with(&format!("[{kind}"))))
        .map(str::to_owned)
        .collect())
}

/// The names of pinned tools. The file belongs to `tools`, which also reports what is wrong with it.
fn pinned_tools(doors: &Doors) -> anyhow::Result<BTreeSet<String>> {
    let text = files::read_text(&doors.workspace.declared("tools"))?.unwrap_or_default();
    let file: toml::Table = text.parse().unwrap_or_default();
    let tools = file.get("tools").and_then(toml::Value::as_table).into_iter().flatten();
    Ok(tools
        .flat_map(|(name, tool)| {
            let program = tool.get("program").and_then(toml::Value::as_str).map(str::to_owned);
            [Some(name.clone()), program].into_iter().flatten()
        })
        .collect())
}

fn toolchains(doors: &Doors) -> anyhow::Result<Vec<String>> {
    let Some(home) = doors.environment.rustup_home() else { return Ok(Vec::new()) };
    let folders = files::list(&home.join("toolchains"))?;
    Ok(folders.iter().filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned())).collect())
}

/// The date of the newest change of the advisory database that `cargo deny` keeps, where there is one.
fn advisories(doors: &Doors) -> anyhow::Result<Option<String>> {
    let Some(home) = doors.environment.cargo_home() else { return Ok(None) };
    let Some(folder) = files::list(&home.join("advisory-dbs"))?.into_iter().find(|path| path.is_dir()) else {
        return Ok(None);
    };
    let date = Command::new("git", ["log", "-1", "--format=%cs"]).within(&folder);
    let captured = doors.shell.capture(&date)?;
    Ok(Some(captured.text()).filter(|date| captured.is_success() && !date.is_empty()))
}

/// Asks cargo about the packages, or remembers what it said about the same manifests.
fn cargo(
    doors: &Doors,
    tree: Option<&Tree>,
    configs: &BTreeMap<String, Digest>,
    tools: &BTreeMap<String, Option<ToolIdentity>>,
) -> Result<Cargo> {
    let key = tree.map(|tree| {
        let manifests = ["**/Cargo.toml".to_owned(), ".cargo".to_owned()];
        let mut parts = Parts::default();
        parts.add(doors.workspace.root().as_os_str().as_encoded_bytes());
        parts.add(tree.selected(&manifests, &[]).text());
        for (path, digest) in configs {
            parts.add(path).add(digest.to_string());
        }
        for (name, value) in doors.environment.for_fingerprint() {
            parts.add(name).add(value);
        }
        parts.add(tools.get("cargo").and_then(Option::as_ref).map_or("", |tool| tool.version.as_str()));
        parts.digest()
    });
    let kept = key.map(|key| doors.workspace.cache().join(format!("cargo-{key}.json")));
    if let Some(kept) = &kept
        && let Some(bytes) = files::read(kept)?
        && let Ok(cargo) = serde_json::from_slice(&bytes)
    {
        return Ok(cargo);
    }
    let cargo = ask_cargo(doors)?;
    if let Some(kept) = &kept {
        // In a tree that cannot be written to, the next call asks again: slower, not wrong.
        keep(doors, kept, &cargo).ok();
    }
    Ok(cargo)
}

/// Keeps what cargo said. What it said about other manifests is of no use any more.
fn keep(doors: &Doors, place: &Path, cargo: &Cargo) -> anyhow::Result<()> {
    for path in files::list(&doors.workspace.cache())? {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cargo-")) {
            files::remove(&path)?;
        }
    }
    files::write_cache(place, serde_json::to_vec(cargo).context("packages are plain data")?)
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
    manifest_path: PathBuf,
    rust_version: Option<String>,
    targets: Vec<MetadataTarget>,
    dependencies: Vec<MetadataDependency>,
}

#[derive(Deserialize)]
struct MetadataTarget {
    kind: Vec<String>,
    doctest: bool,
}

#[derive(Deserialize)]
struct MetadataDependency {
    path: Option<PathBuf>,
}

fn ask_cargo(doors: &Doors) -> Result<Cargo> {
    let ask = Command::new("cargo", ["metadata", "--no-deps", "--format-version", "1"]);
    let captured = doors.shell.capture(&ask)?;
    if !captured.is_success() {
        return Err(Failure::usage("cargo cannot read this workspace")
            .why(captured.stderr.trim())
            .next("correct the manifest, then run `cargo metadata --no-deps` to see that cargo reads it"));
    }
    let metadata: Metadata =
        serde_json::from_slice(&captured.stdout).context("cannot read what `cargo metadata` printed")?;
    Ok(understand(doors.workspace.root(), metadata))
}

fn understand(root: &Path, metadata: Metadata) -> Cargo {
    let folders: BTreeMap<PathBuf, String> = metadata
        .packages
        .iter()
        .filter_map(|package| Some((package.manifest_path.parent()?.to_owned(), package.name.clone())))
        .collect();
    let paths = metadata.packages.iter().flat_map(|package| &package.dependencies);
    let outside = paths
        .filter_map(|dependency| dependency.path.as_ref())
        .chain(folders.keys())
        .filter(|folder| !folder.starts_with(root))
        .cloned()
        .collect();
    let mut packages: Vec<_> = metadata
        .packages
        .into_iter()
        .map(|package| {
            let folder = package.manifest_path.parent().and_then(|folder| folder.strip_prefix(root).ok());
            let mut dependencies: Vec<_> = package
                .dependencies
                .into_iter()
                .filter_map(|dependency| folders.get(&dependency.path?).cloned())
                .filter(|name| *name != package.name)
                .collect();
            dependencies.sort();
            dependencies.dedup();
            Package {
                folder: folder.map(|folder| folder.to_string_lossy().replace('\\', "/")).unwrap_or_default(),
                has_doctests: package.targets.iter().any(|target| {
                    target.doctest
                        && target.kind.iter().any(|kind| kind.ends_with("lib") || kind == "proc-macro")
                }),
                name: package.name,
                rust_version: package.rust_version,
                dependencies,
            }
        })
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Cargo { target: metadata.target_directory, packages, outside }
}

impl Facts {
    /// A word of a command with the folders of this machine in the places of their names.
    pub(crate) fn filled_in(&self, word: &str) -> String {
        if !word.contains('{') {
            return word.to_owned();
        }
        let (state, target) = (self.state.display().to_string(), self.cargo.target.display().to_string());
        word.replace(STATE, &state).replace(TARGET, &target)
    }

    /// True when a program is there.
    pub(crate) fn has_tool(&self, name: &str) -> bool {
        self.tools.get(name).is_some_and(Option::is_some)
    }
}
