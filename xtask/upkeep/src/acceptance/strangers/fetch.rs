//! Published source into a folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use nexus_xtask::doors::Doors;
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Ended, Shell};

use super::{Kind, Stranger};

/// Files that a registry adds to a package.
const ADDED: &[&str] = &[".cargo-ok", ".cargo_vcs_info.json", "Cargo.toml.orig"];

/// Variables that say where pip gets packages from.
const PASSED: &[&str] =
    &["PIP_CERT", "PIP_CONFIG_FILE", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_TRUSTED_HOST"];

/// Brings the source of a project to `root`.
pub(super) fn source(doors: &Doors, shell: &Shell, stranger: &Stranger, root: &Path) -> anyhow::Result<()> {
    let beside = root.with_file_name(format!("{}.fetch", stranger.name));
    files::remove_folder(&beside)?;
    let folder = match stranger.kind {
        Kind::Crate => package(shell, stranger, &beside)?,
        Kind::SourceDistribution => distribution(doors, shell, stranger, &beside)?,
    };
    for file in files::walk(&folder)? {
        let relative = file.strip_prefix(&folder).context("a walk stays below its folder")?;
        if ADDED.iter().any(|added| relative == Path::new(added)) || file.is_symlink() {
            continue;
        }
        let content = files::read(&file)?.unwrap_or_default();
        files::write_cache(&root.join(relative), content)?;
    }
    files::remove_folder(&beside)
}

/// A package that depends on exactly this version makes cargo fetch it and say where it is.
fn package(shell: &Shell, stranger: &Stranger, beside: &Path) -> anyhow::Result<PathBuf> {
    let Stranger { name, version, .. } = stranger;
    let manifest = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{name} = \"={version}\"\n"
    );
    files::write(&beside.join("Cargo.toml"), manifest)?;
    files::write(&beside.join("src/lib.rs"), "")?;
    let metadata = shell.read(&Command::new("cargo", ["metadata", "--format-version=1"]).within(beside))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == **name && package["version"] == **version)
        .and_then(|package| Some(Path::new(package["manifest_path"].as_str()?).parent()?.to_owned()))
        .with_context(|| format!("cargo does not say where {name} {version} is"))
}

/// Pip fetches the archive and tar opens it.
fn distribution(doors: &Doors, shell: &Shell, stranger: &Stranger, beside: &Path) -> anyhow::Result<PathBuf> {
    let Stranger { name, version, .. } = stranger;
    files::create_folder(beside)?;
    let requirement = format!("{name}=={version}");
    let words = [
        "-m",
        "pip",
        "download",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-binary",
        name,
        &requirement,
    ];
    let fetch = Command::new("python3", words).within(beside);
    let ended = shell.follow(&fetch, PASSED, |line| doors.terminal.talk(&format!("  {line}")))?;
    anyhow::ensure!(ended == Ended::Exit(0), "`{fetch}` ended with {ended}");
    let archives = files::list(beside)?;
    let archive = archives.first().with_context(|| format!("`{fetch}` left nothing"))?;
    let open = Command::new("tar", ["-xzf", &archive.display().to_string()]).within(beside);
    shell.read(&open)?;
    files::list(beside)?.into_iter().find(|path| path.is_dir()).context("the archive has no folder in it")
}
