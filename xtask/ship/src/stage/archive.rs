//! Archives whose bytes depend on nothing but their content: sorted, one time, no owner, two modes, a fixed header.
//!
//! They are read back here too. A name that leads out of the folder, a link, or anything else that is no plain file is
//! refused: our archives have none.

use std::io::{Cursor, Read as _, Write as _};
use std::path::{Component, Path};

use anyhow::{Context as _, bail};
use flate2::Compression;
use flate2::read::GzDecoder;
use jiff::Timestamp;

use nexus_xtask::files;

/// The mode of a program, and of any other file.
const MODES: (u32, u32) = (0o755, 0o644);

/// The system that a gzip header names when it names none (RFC 1952, `OS`).
const UNKNOWN_SYSTEM: u8 = 255;

/// The largest file that is read out of an archive, in bytes.
const ENTRY_BYTES_MAX: u64 = 4 << 30;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path, with `/`.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
    /// True for what may be run.
    pub(crate) program: bool,
}

/// An archive's name without its ending.
pub(crate) fn stem(name: &str) -> &str {
    [".tar.gz", ".zip", ".crate"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Packs files, sorted by path, into the form that the name says. `time` is in seconds since 1970.
pub(crate) fn pack(name: &str, entries: &[Entry], time: i64) -> anyhow::Result<Vec<u8>> {
    if name.ends_with(".zip") { zip(entries, time) } else { tar_gz(entries, time) }
}

fn tar_gz(entries: &[Entry], time: i64) -> anyhow::Result<Vec<u8>> {
    let gz = flate2::GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM);
    let mut archive = tar::Builder::new(gz.write(Vec::new(), Compression::default()));
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(if entry.program { MODES.0 } else { MODES.1 });
        header.set_mtime(u64::try_from(time).unwrap_or(0));
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, &entry.path, entry.bytes.as_slice())?;
    }
    Ok(archive.into_inner()?.finish()?)
}

fn zip(entries: &[Entry], time: i64) -> anyhow::Result<Vec<u8>> {
    let at = Timestamp::from_second(time)?.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let part = |number: i8| number.unsigned_abs();
    // The format begins in 1980; its own beginning stands for what is older.
    let at = zip::DateTime::from_date_and_time(
        at.year().unsigned_abs(),
        part(at.month()),
        part(at.day()),
        part(at.hour()),
        part(at.minute()),
        part(at.second()),
    )
    .unwrap_or_default();
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .last_modified_time(at)
            .system(zip::System::Unix)
            .unix_permissions(if entry.program { MODES.0 } else { MODES.1 });
        archive.start_file(entry.path.as_str(), options)?;
        archive.write_all(&entry.bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// The files of an archive.
///
/// # Errors
/// It cannot be read, or holds anything but plain files below its own folder.
pub(crate) fn read(name: &str, bytes: &[u8]) -> anyhow::Result<Vec<Entry>> {
    let entries = if name.ends_with(".zip") { read_zip(bytes) } else { read_tar_gz(bytes) };
    entries.with_context(|| format!("`{name}` is no archive as we make them"))
}

fn read_tar_gz(bytes: &[u8]) -> anyhow::Result<Vec<Entry>> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    let mut entries = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8(entry.path_bytes().into_owned())?;
        require_inside(&path)?;
        let kind = entry.header().entry_type();
        if !kind.is_file() {
            bail!("`{path}` is no plain file but {kind:?}");
        }
        let program = entry.header().mode()? & 0o111 != 0;
        let mut bytes = Vec::new();
        entry.by_ref().take(ENTRY_BYTES_MAX).read_to_end(&mut bytes)?;
        entries.push(Entry { path, bytes, program });
    }
    Ok(entries)
}

fn read_zip(bytes: &[u8]) -> anyhow::Result<Vec<Entry>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let path = file.name().to_owned();
        require_inside(&path)?;
        if !file.is_file() || file.is_symlink() {
            bail!("`{path}` is no plain file");
        }
        let program = file.unix_mode().is_none_or(|mode| mode & 0o111 != 0);
        let mut bytes = Vec::new();
        file.by_ref().take(ENTRY_BYTES_MAX).read_to_end(&mut bytes)?;
        entries.push(Entry { path, bytes, program });
    }
    Ok(entries)
}

fn require_inside(path: &str) -> anyhow::Result<()> {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if path.is_empty() || path.contains(['\\', ':', '\0']) || !Path::new(path).components().all(plain) {
        bail!("`{path}` leads out of the archive");
    }
    Ok(())
}

/// Unpacks an archive into a folder, and returns what may be run.
pub(crate) fn unpack(name: &str, bytes: &[u8], folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut programs = Vec::new();
    // All of it is read before anything is written.
    for entry in read(name, bytes)? {
        let path = folder.join(&entry.path);
        files::write_cache(&path, &entry.bytes)?;
        if entry.program {
            files::make_executable(&path)?;
            programs.push(entry.path);
        }
    }
    Ok(programs)
}

#[cfg(test)]
mod tests;
