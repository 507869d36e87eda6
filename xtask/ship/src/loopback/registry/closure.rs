//! The third-party packages of a lock file, out of cargo's own cache: what a registry on loopback must serve beside the
//! workspace's packages, so that cargo asks nobody else.
//!
//! Cargo keeps each package that it downloaded. The line of the index is made of the manifest in it; the checksum is the one
//! of the lock file, and a package is served when its bytes have it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;

use nexus_xtask::digest::Digest;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;

use crate::registry::index;
use crate::registry::metadata::{self, Goes};
use crate::registry::packed::Packed;

/// The third-party packages of a lock file.
#[derive(Debug, Default)]
pub(crate) struct Closure {
    /// By name, then by version.
    packages: BTreeMap<String, BTreeMap<String, Cached>>,
}

#[derive(Debug)]
struct Cached {
    file: PathBuf,
    checksum: Digest,
}

impl Closure {
    /// The packages of a lock file, each found in one of these folders as `NAME-VERSION.crate`.
    pub(crate) fn of(lock: &str, folders: &[PathBuf]) -> Result<Closure> {
        let mut packages: BTreeMap<String, BTreeMap<String, Cached>> = BTreeMap::new();
        let mut missing = Vec::new();
        for locked in metadata::locked(lock)? {
            // What has no checksum is of the workspace, or from git.
            let Some(checksum) = locked.checksum else { continue };
            let checksum = checksum.parse::<Digest>()?;
            let name = format!("{}-{}.crate", locked.name, locked.version);
            let file = folders.iter().map(|folder| folder.join(&name)).find(|file| file.is_file());
            match file {
                Some(file) => {
                    let versions = packages.entry(locked.name).or_default();
                    versions.insert(locked.version, Cached { file, checksum });
                }
                None => missing.push(Finding::at(
                    "Cargo.lock",
                    0,
                    format!("`{name}` is not in cargo's cache"),
                    "",
                )),
            }
        }
        if missing.is_empty() {
            return Ok(Closure { packages });
        }
        let count = missing.len();
        missing.truncate(10);
        Err(Failure::found(
            Exit::Refused,
            format!("{count} locked packages are not on this machine"),
            missing,
        )
        .next("cargo fetch --locked"))
    }

    /// The packages of a lock file, each found where cargo keeps what it downloaded.
    pub(crate) fn in_cache(environment: &Environment, lock: &str) -> Result<Closure> {
        let folders = environment.cargo_home().map(|home| Closure::folders(&home)).transpose()?;
        Closure::of(lock, &folders.unwrap_or_default())
    }

    /// The folders in which cargo keeps what it downloaded, one for each registry.
    pub(crate) fn folders(cargo_home: &Path) -> Result<Vec<PathBuf>> {
        Ok(files::list(&cargo_home.join("registry").join("cache"))?)
    }

    /// True where a version of the package is locked.
    pub(super) fn has(&self, name: &str) -> bool {
        self.packages.contains_key(name)
    }

    pub(super) fn has_version(&self, name: &str, version: &str) -> bool {
        self.packages.get(name).is_some_and(|versions| versions.contains_key(version))
    }

    /// The lines of a package's file in the index; none where no version is locked. Asked in lower case.
    pub(super) fn lines(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let packages = self.packages.iter().filter(|(known, _)| known.to_lowercase() == name);
        packages.flat_map(|(_, versions)| versions.values()).map(line).collect()
    }

    /// The package as it was downloaded.
    pub(super) fn bytes(&self, name: &str, version: &str) -> anyhow::Result<Option<Bytes>> {
        let cached = self.packages.get(name).and_then(|versions| versions.get(version));
        cached.map(read).transpose()
    }
}

fn line(cached: &Cached) -> anyhow::Result<String> {
    let told = || -> Result<String> {
        let packed = Packed::read(read(cached)?)?;
        let metadata = metadata::metadata(&packed, Goes::Default)?;
        let entry = index::entry(&metadata, &cached.checksum.to_string());
        Ok(serde_json::to_string(&entry).context("a line is plain data")?)
    };
    told().map_err(|failure| anyhow::anyhow!("{}: {failure}", cached.file.display()))
}

fn read(cached: &Cached) -> anyhow::Result<Bytes> {
    let bytes = files::read(&cached.file)?.with_context(|| format!("`{}` is gone", cached.file.display()))?;
    anyhow::ensure!(
        Digest::of(&bytes) == cached.checksum,
        "`{}` is not what the lock file says; remove it, then run `cargo fetch --locked`",
        cached.file.display()
    );
    Ok(bytes.into())
}
