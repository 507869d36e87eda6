//! The only place that reads and writes files.
//!
//! A file appears whole or not at all: it is written beside its place, flushed to the disk, then renamed. Every
//! error names the file. Generated files have three [`Mode`]s, so that a check prints what a write would change.

#![expect(clippy::disallowed_methods, reason = "this is the door")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::digest::Digest;
use crate::failure::Finding;

/// How much of a file is read at once that is read piece by piece.
const READ_BYTES: usize = 1 << 16;

/// What to do with a generated file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Make the file what its generator says.
    Write,
    /// Say how it differs.
    Check,
}

/// The age at which a half-written file has no writer any more: writing one takes milliseconds.
const LEFTOVER_AGE: Duration = Duration::from_secs(60 * 60);

/// Reads a file as bytes; `None` where there is none.
pub fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// Reads a text file; `None` where there is none. Bytes that are not UTF-8 are an error that names the place.
pub fn read_text(path: &Path) -> anyhow::Result<Option<String>> {
    read(path)?
        .map(|bytes| String::from_utf8(bytes).with_context(|| format!("`{}` is not UTF-8", path.display())))
        .transpose()
}

/// The digest of a file's content; for a symbolic link the digest of where it points; `None` where there is none.
pub fn digest(path: &Path) -> anyhow::Result<Option<Digest>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            let target =
                fs::read_link(path).with_context(|| format!("cannot read link `{}`", path.display()))?;
            Ok(Some(Digest::of(target.as_os_str().as_encoded_bytes())))
        }
        Ok(metadata) if metadata.is_dir() => Ok(None),
        Ok(_) => Ok(read(path)?.map(Digest::of)),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot look at `{}`", path.display())),
    }
}

/// What the file system says about a file without opening it: enough to notice that it was replaced.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stamp {
    /// The path with links resolved.
    pub path: PathBuf,
    /// Length in bytes.
    pub length: u64,
    /// Nanoseconds since 1970.
    pub modified: u128,
}

/// The stamp of a file, links followed; `None` where there is none.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let path = fs::canonicalize(path).ok()?;
    let metadata = fs::metadata(&path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?.as_nanos();
    Some(Stamp { path, length: metadata.len(), modified })
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// True when its owner may run it; false where the system does not know.
        executable: bool,
    },
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// Nothing.
    Absent,
}

/// What stands at a path, links not followed.
pub fn kind(path: &Path) -> anyhow::Result<Kind> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Ok(Kind::Link),
        Ok(metadata) if metadata.is_dir() => Ok(Kind::Folder),
        Ok(metadata) => Ok(Kind::File { executable: is_executable(&metadata) }),
        Err(error) if absent(&error) => Ok(Kind::Absent),
        Err(error) => Err(error).with_context(|| format!("cannot look at `{}`", path.display())),
    }
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &fs::Metadata) -> bool {
    false
}

/// Replaces a file's content, atomically and durably.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    replace(path, content.as_ref(), true).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Makes a file that nobody else can read, in a folder that is there, and waits for no disk. It must not be there yet.
pub fn create_private(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(content.as_ref()));
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

/// Replaces a file's content atomically, without waiting for the disk: for what can be computed again.
pub fn write_cache(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    replace(path, content.as_ref(), false).with_context(|| format!("cannot write `{}`", path.display()))
}

fn replace(path: &Path, content: &[u8], durable: bool) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}-{:?}", std::process::id(), std::thread::current().id()));
    let beside = folder.join(beside);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(content)?;
        if let Ok(before) = fs::metadata(path) {
            file.set_permissions(before.permissions())?;
        }
        if durable { file.sync_all() } else { Ok(()) }
    });
    if let Err(error) = written.and_then(|()| fs::rename(&beside, path)) {
        // The error that counts is the first one; the leftover carries a dot and our process id.
        fs::remove_file(&beside).ok();
        return Err(error);
    }
    // A rename is durable once its folder is. Folders cannot be opened for that on Windows.
    if durable && cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Removes what writers that were killed left beside the files of a folder, once nobody can be writing it any more.
pub fn remove_leftovers(folder: &Path) -> anyhow::Result<()> {
    for path in list(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let written = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified()).ok();
        let age = written.and_then(|time| time.elapsed().ok()).unwrap_or_default();
        if name.starts_with('.') && name.contains("-ThreadId(") && age > LEFTOVER_AGE {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Makes a generated file what its generator says, or says how it differs. `name` is the path that people see,
/// `command` what brings the file up to date.
pub fn generate(
    mode: Mode,
    path: &Path,
    name: &str,
    wanted: &str,
    command: &str,
) -> anyhow::Result<Option<Finding>> {
    let actual = read_text(path)?;
    if actual.as_deref() == Some(wanted) {
        return Ok(None);
    }
    if mode == Mode::Write {
        write(path, wanted)?;
        return Ok(None);
    }
    let line =
        actual.iter().flat_map(|text| text.lines()).zip(wanted.lines()).take_while(|(a, b)| a == b).count()
            + 1;
    let problem = match actual {
        None => "a generated file is missing".to_owned(),
        Some(actual) => format!("differs from what its generator prints\n{}", diff(name, &actual, wanted)),
    };
    Ok(Some(Finding::at(name, line, problem, command)))
}

/// A unified diff from what is there to what is wanted.
pub fn diff(name: &str, actual: &str, wanted: &str) -> String {
    diffy::DiffOptions::new()
        .set_original_filename(format!("{name} (there)"))
        .set_modified_filename(format!("{name} (wanted)"))
        .create_patch(actual, wanted)
        .to_string()
}

/// The path without links and `..`. Fails where there is nothing at that path.
pub fn real(path: &Path) -> anyhow::Result<PathBuf> {
    fs::canonicalize(path).with_context(|| format!("there is no `{}`", path.display()))
}

/// Where a symbolic link points.
pub fn link_target(path: &Path) -> anyhow::Result<String> {
    let target = fs::read_link(path).with_context(|| format!("cannot read link `{}`", path.display()))?;
    Ok(target.to_string_lossy().into_owned())
}

/// Makes a symbolic link, and replaces one that is there. What is no link is never replaced.
pub fn link(target: &Path, at: &Path) -> anyhow::Result<()> {
    let make = || -> io::Result<()> {
        if let Some(folder) = at.parent() {
            fs::create_dir_all(folder)?;
        }
        if at.is_symlink() {
            fs::remove_file(at)?;
        }
        #[cfg(unix)]
        return std::os::unix::fs::symlink(target, at);
        #[cfg(windows)]
        return std::os::windows::fs::symlink_file(target, at);
    };
    make().with_context(|| format!("cannot link `{}` to `{}`", at.display(), target.display()))
}

/// Copies a file with its permissions, and creates the folder it goes to.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(folder) = to.parent() {
        create_folder(folder)?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))?;
    Ok(())
}

/// Lets everybody run a file; nothing where files have no such mark.
pub fn make_executable(path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make `{}` executable", path.display()))?;
    }
    #[cfg(not(unix))]
    fs::metadata(path).with_context(|| format!("there is no `{}`", path.display()))?;
    Ok(())
}

/// Puts a folder in the place of another, or where there is none yet. Whoever dies in between leaves the whole new
/// folder, the whole old one, or none there; never a part.
pub fn replace_folder(new: &Path, at: &Path) -> anyhow::Result<()> {
    let mut name = at.file_name().unwrap_or_default().to_owned();
    name.push(".old");
    let old = at.with_file_name(name);
    remove_folder(&old)?;
    let renamed = |from: &Path, to: &Path| match fs::rename(from, to) {
        Err(error) if !absent(&error) => {
            Err(error).with_context(|| format!("cannot rename `{}` to `{}`", from.display(), to.display()))
        }
        _ => Ok(()),
    };
    renamed(at, &old)?;
    fs::rename(new, at)
        .with_context(|| format!("cannot rename `{}` to `{}`", new.display(), at.display()))?;
    remove_folder(&old)
}

/// Creates a folder and those above it.
pub fn create_folder(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot create `{}`", path.display()))
}

/// Creates a folder that nobody else can look into. One that is there already must be of this user and kept to itself.
pub fn create_private_folder(path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
        let made = fs::DirBuilder::new().mode(0o700).create(path);
        if !matches!(&made, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
            return made.with_context(|| format!("cannot create `{}`", path.display()));
        }
        let there = fs::symlink_metadata(path)?;
        anyhow::ensure!(
            there.is_dir() && there.uid() == rustix::process::geteuid().as_raw() && there.mode() & 0o077 == 0,
            "`{}` is not a folder of this user alone",
            path.display()
        );
        Ok(())
    }
    #[cfg(not(unix))]
    create_folder(path)
}

/// Removes a file; it is no error when it is gone already.
pub fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if !absent(&error) => {
            Err(error).with_context(|| format!("cannot remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes a folder with all that is in it; it is no error when it is gone already.
pub fn remove_folder(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if !absent(&error) => {
            Err(error).with_context(|| format!("cannot remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

/// The entries of a folder, sorted; empty where there is none.
pub fn list(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let mut entries =
            fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        Ok(entries)
    };
    match read() {
        Err(error) if absent(&error) => Ok(Vec::new()),
        entries => entries.with_context(|| format!("cannot list `{}`", path.display())),
    }
}

/// Every file below a folder, sorted, links not followed; empty where there is no such folder.
pub fn walk(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in list(path)? {
        if entry.is_dir() && !entry.is_symlink() {
            files.extend(walk(&entry)?);
        } else {
            files.push(entry);
        }
    }
    Ok(files)
}

/// What the files below a folder take, in bytes, links not followed. Looks at no more than `entries_max` entries:
/// `false` says that there are more, and the sum is a lower bound.
pub fn size(path: &Path, entries_max: usize) -> anyhow::Result<(u64, bool)> {
    let mut folders = vec![path.to_owned()];
    let mut bytes = 0;
    let mut entries = 0;
    while let Some(folder) = folders.pop() {
        for entry in list(&folder)? {
            // What goes away while it is counted takes nothing.
            let Ok(metadata) = fs::symlink_metadata(&entry) else { continue };
            bytes += metadata.len();
            entries += 1;
            if entries >= entries_max {
                return Ok((bytes, false));
            }
            if metadata.is_dir() {
                folders.push(entry);
            }
        }
    }
    Ok((bytes, true))
}

/// The bytes that are free for this user on the disk of a folder; `None` where the system does not say.
#[cfg(unix)]
pub fn space_free(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// The bytes that are free for this user on the disk of a folder; `None` where the system does not say.
#[cfg(not(unix))]
pub fn space_free(_path: &Path) -> Option<u64> {
    None
}

/// Opens a file to append to it, and creates it where there is none.
pub fn open_append(path: &Path) -> anyhow::Result<File> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("cannot open `{}`", path.display()))
}

/// Waits for the lock on a file, and holds it until the returned value is dropped or the process ends, however
/// it ends. The file itself stays.
pub fn lock(path: &Path) -> anyhow::Result<File> {
    let file = open_append(path)?;
    file.lock().with_context(|| format!("cannot lock `{}`", path.display()))?;
    Ok(file)
}

/// Takes the lock on a file, or says at once that somebody else holds it (`None`).
pub fn try_lock(path: &Path) -> anyhow::Result<Option<File>> {
    let file = open_append(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock `{}`", path.display()))
        }
    }
}

/// A file to be read piece by piece; `None` where there is none. For files that need not fit into memory.
pub fn reader(path: &Path) -> anyhow::Result<Option<io::BufReader<File>>> {
    match File::open(path) {
        Ok(file) => Ok(Some(io::BufReader::with_capacity(READ_BYTES, file))),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// The last `limit` bytes of a file, lossily as text; empty where there is none.
pub fn tail(path: &Path, limit: u64) -> anyhow::Result<String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(io::SeekFrom::Start(length.saturating_sub(limit)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if absent(&error) => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// The bytes of a file from a place on, at most so many; fewer where it ends, none where there is no file.
pub fn read_from(path: &Path, place: u64, limit: u64) -> anyhow::Result<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(io::SeekFrom::Start(place))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Err(error) if absent(&error) => Ok(Vec::new()),
        bytes => bytes.with_context(|| format!("cannot read `{}`", path.display())),
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;
