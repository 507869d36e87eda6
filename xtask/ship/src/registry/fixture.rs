//! What the tests of registries share: a temporary folder, packages made of text, and a staging folder with a plan.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;

use nexus_xtask::digest::Digest;
use nexus_xtask::files;
use nexus_xtask_deliver::release::manifest::{self, Manifest, Staged};
use nexus_xtask_deliver::release::plan::{Action, Package, Plan};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A temporary folder, removed with its owner.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        let name = format!("ship-unit-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        files::remove_folder(&path).unwrap();
        files::create_folder(&path).unwrap();
        Scratch(files::real(&path).unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        files::write_cache(&self.0.join(name), text).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        files::remove_folder(&self.0).ok();
    }
}

/// A manifest as cargo packs it, with more lines at its end.
pub(crate) fn manifest(name: &str, version: &str, more: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\ndescription = \"A test.\"\nlicense = \"MIT\"\n{more}"
    )
}

/// A `.crate` with these files.
pub(crate) fn packed(stem: &str, files: &[(&str, &str)]) -> Bytes {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    let mut archive = tar::Builder::new(gzip);
    for (name, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        // Set byte by byte: the builder refuses the paths that a reader must refuse too.
        let path = format!("{stem}/{name}");
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        archive.append(&header, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap().into()
}

/// A library as a `.crate`: what it needs, and its code.
pub(crate) fn library(name: &str, version: &str, more: &str, code: &str) -> Bytes {
    let manifest = manifest(name, version, more);
    packed(&format!("{name}-{version}"), &[("Cargo.toml", &manifest), ("src/lib.rs", code)])
}

/// A staging folder with packages, and the plan to publish them.
pub(crate) struct Staging {
    pub(crate) folder: Scratch,
    pub(crate) plan: Plan,
    pub(crate) manifest: Manifest,
}

impl Staging {
    /// Stages packages, which are published in this order.
    pub(crate) fn of(packages: &[(&str, &str, Bytes)]) -> Staging {
        let plan = Plan {
            version: 1,
            commit: "0".repeat(40),
            tree: "0".repeat(40),
            commit_time: 0,
            configuration: Digest::of(""),
            tools: [].into(),
            registry: "crates-io".to_owned(),
            repository: "ann/one".to_owned(),
            immutable: true,
            releases: Vec::new(),
            packages: packages
                .iter()
                .map(|(name, version, _)| Package {
                    name: (*name).to_owned(),
                    version: version.parse().unwrap(),
                    folder: String::new(),
                    requires: Vec::new(),
                })
                .collect(),
            targets: Vec::new(),
            artifacts: Vec::new(),
            steps: Vec::new(),
            way_back: Vec::new(),
        };
        let folder = Scratch::new();
        let mut manifest = Manifest { version: manifest::VERSION, plan: plan.digest(), files: [].into() };
        for (name, version, bytes) in packages {
            let file = format!("crates/{name}-{version}.crate");
            files::write_cache(&folder.path().join(&file), bytes).unwrap();
            let staged = Staged { sha256: Digest::of(bytes), bytes: bytes.len() as u64 };
            manifest.files.insert(file, staged);
        }
        Staging { folder, plan, manifest }
    }

    /// The action that publishes the package of this index.
    pub(crate) fn action(&self, index: usize) -> Action {
        let package = &self.plan.packages[index];
        Action::Publish {
            package: package.name.clone(),
            file: format!("crates/{}-{}.crate", package.name, package.version),
        }
    }
}
