//! Reads a `.crate`: a gzipped tar with one folder, `NAME-VERSION/`, and the package's normalised manifest in it.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use flate2::read::GzDecoder;

use nexus_xtask::files;

use crate::registry::metadata::Manifest;

/// The most that a package may take when it is unpacked, in bytes: what the default registry accepts.
const UNPACKED_BYTES_MAX: u64 = 512 << 20;

/// A package as its registry serves it.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    bytes: Bytes,
    pub(crate) manifest: Manifest,
}

impl Packed {
    /// Reads the manifest of a package.
    pub(crate) fn read(bytes: Bytes) -> anyhow::Result<Packed> {
        let text = text_of(&bytes, "Cargo.toml")?.context("there is no Cargo.toml in it")?;
        let manifest = toml::from_str(&text).context("its Cargo.toml is not one that cargo packs")?;
        Ok(Packed { bytes, manifest })
    }

    /// The text of a file of the package, by its path from the package's own folder; `None` where there is none.
    pub(crate) fn text(&self, path: &str) -> anyhow::Result<Option<String>> {
        text_of(&self.bytes, path)
    }

    /// True for a package that others can depend on.
    pub(crate) fn is_library(&self) -> anyhow::Result<bool> {
        // Packages of older versions of cargo leave it to the folder what they are made of.
        Ok(self.manifest.has_library() || self.text("src/lib.rs")?.is_some())
    }

    /// True for a package that has a program.
    pub(crate) fn is_program(&self) -> anyhow::Result<bool> {
        Ok(self.manifest.has_binary() || self.text("src/main.rs")?.is_some())
    }

    /// Writes every file of the package below a folder, without the package's own folder. Refuses a path that leads out.
    pub(crate) fn unpack(&self, folder: &Path) -> anyhow::Result<()> {
        each(&self.bytes, |path, content| {
            let mut text = Vec::new();
            content.read_to_end(&mut text)?;
            files::write_cache(&folder.join(path), text)?;
            Ok(true)
        })
    }
}

fn text_of(bytes: &[u8], wanted: &str) -> anyhow::Result<Option<String>> {
    let mut found = None;
    each(bytes, |path, content| {
        if path == Path::new(wanted) {
            let mut text = Vec::new();
            content.read_to_end(&mut text)?;
            // A readme may be in any encoding; the registry gets it as text.
            found = Some(String::from_utf8_lossy(&text).into_owned());
        }
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// Hands over each file with its path from the package's own folder, until it is told to stop.
fn each(
    bytes: &[u8],
    mut visit: impl FnMut(&Path, &mut dyn Read) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(UNPACKED_BYTES_MAX));
    for entry in archive.entries().context("it is no gzipped tar")? {
        let mut entry = entry.context("it is no gzipped tar")?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = inner(&entry.path().context("a path in it is no path")?)?;
        if !visit(&path, &mut entry)? {
            break;
        }
    }
    Ok(())
}

/// The path without the package's own folder.
fn inner(path: &Path) -> anyhow::Result<PathBuf> {
    let mut parts = path.components();
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    parts.next();
    let inner = parts.as_path().to_owned();
    anyhow::ensure!(
        is_plain && inner.components().next().is_some(),
        "`{}` leads out of the package",
        path.display()
    );
    Ok(inner)
}
