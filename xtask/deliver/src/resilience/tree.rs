//! How much is in a folder, and the digest of it.

use std::path::Path;

use nexus_xtask::digest::Parts;
use nexus_xtask::files;

use super::evidence::Size;

/// Measures every file below a folder. A folder that is not there counts as an empty one.
pub(super) fn measure(folder: &Path) -> anyhow::Result<Size> {
    let mut paths = if folder.is_dir() { files::walk(folder)? } else { Vec::new() };
    paths.sort();
    let mut parts = Parts::default();
    let (mut bytes, mut count) = (0, 0);
    for path in paths {
        let Some(digest) = files::digest(&path)? else { continue };
        let name = path.strip_prefix(folder).unwrap_or(&path);
        parts.add(name.as_os_str().as_encoded_bytes()).add(digest.to_string());
        bytes += files::stamp(&path).map_or(0, |stamp| stamp.length);
        count += 1;
    }
    Ok(Size { bytes, files: count, digest: parts.digest() })
}
