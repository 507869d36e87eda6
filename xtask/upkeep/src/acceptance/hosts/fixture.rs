//! The workspace that deploys: a release that is staged, with one build of the service in it, and a stage of ssh hosts.
//!
//! The service is built once, and packed in the place of the package's own binaries; releases differ by their configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::Result;
use nexus_xtask::files;
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::shell::Command;

use crate::acceptance::world::World;

/// The service's name on the hosts.
pub(super) const SERVICE: &str = "guestbook";

/// The one stage.
pub(super) const STAGE: &str = "bed";

const FILES: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[package]\nname = \"one\"\nversion = \"0.2.0\"\nedition = \"2024\"\nlicense = \"MIT\"\n\
         description = \"One\"\nrepository = \"https://forge.example/o/one\"\n",
    ),
    ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"one\"\nversion = \"0.2.0\"\n"),
    ("src/lib.rs", "//! One.\n"),
    ("src/main.rs", "fn main() {}\n"),
    (".gitignore", "/target/\n/.xtask/\n"),
    ("CHANGELOG.md", "# Changelog\n\n## [0.2.0]\n\n- Better.\n\n## [0.1.0]\n\n- Begun.\n"),
    ("release/release.toml", "[artifacts]\ndeployed = [{ package = \"one\" }]\n"),
];

/// The programs of this repository that a part needs.
pub(super) struct Programs {
    /// The load client.
    pub(super) load: PathBuf,
    /// The service, without what only a debugger reads.
    pub(super) guestbook: PathBuf,
}

/// Builds the programs, and puts the satellite that probes beside the world's binary.
pub(super) fn programs(doors: &Doors, world: &World) -> Result<Programs> {
    let ship = satellite::binary(doors, SHIP)?.display().to_string();
    let beside = world.base.join("bin").join(SHIP.package).display().to_string();
    doors.shell.read(&Command::new("cp", ["-p", "--", &ship, &beside]))?;
    let target = doors.workspace.file("target");
    let target_text = target.display().to_string();
    doors.terminal.talk("building the service and the load client");
    let build = ["build", "--quiet", "--package", SHIP.package, "--examples", "--target-dir", &target_text];
    doors.shell.read(&Command::new("cargo", build))?;
    let examples = target.join("debug/examples");
    let guestbook = world.base.join("bin/guestbook");
    let (from, to) = (examples.join("guestbook").display().to_string(), guestbook.display().to_string());
    doors.shell.read(&Command::new("strip", ["-o", &to, &from]))?;
    Ok(Programs { load: examples.join("load"), guestbook })
}

/// A workspace whose release 0.2.0 is staged.
pub(super) fn workspace(world: &World, programs: &Programs) -> Result<()> {
    world.write(FILES)?;
    world.commit("release: 0.1.0")?;
    world.git(&["tag", "v0.1.0"])?;
    world.commit("release: 0.2.0")?;
    stage(world, programs)
}

/// What `release stage` says of the files of its folder, in its own words: nothing here is taken from it.
#[derive(serde::Serialize)]
struct Manifest {
    version: u32,
    plan: String,
    files: BTreeMap<String, Staged>,
}

#[derive(serde::Serialize)]
struct Staged {
    sha256: String,
    bytes: usize,
}

/// The folder as `release stage` writes it.
fn stage(world: &World, programs: &Programs) -> Result<()> {
    let folder = world.root.join(".xtask/release/staging");
    files::create_folder(&folder)?;
    let file = folder.join("plan.json");
    let path = file.display().to_string();
    let planned = world.run(&["release", "plan", "--github", "--output", &path])?;
    let digest = planned.stderr.lines().find_map(|line| line.strip_prefix("plan="));
    let digest = digest.with_context(|| format!("`release plan` said {}", planned.stderr.trim()))?;
    let plan: serde_json::Value = serde_json::from_str(&files::read_text(&file)?.unwrap_or_default())
        .context("`release plan` wrote no plan")?;
    let mut manifest = Manifest { version: 1, plan: digest.to_owned(), files: BTreeMap::new() };
    for artifact in plan["artifacts"].as_array().into_iter().flatten() {
        let name = artifact["file"].as_str().unwrap_or_default();
        let path = folder.join(name);
        files::create_folder(path.parent().unwrap_or(&folder))?;
        match name.starts_with("deployed/") {
            true => pack(world, programs, &path)?,
            // Nothing reads these here.
            false => files::write(&path, name)?,
        }
        let bytes = files::read(&path)?.unwrap_or_default();
        let staged = Staged { sha256: Digest::of(&bytes).to_string(), bytes: bytes.len() };
        manifest.files.insert(name.to_owned(), staged);
    }
    let text = serde_json::to_string_pretty(&manifest).context("a manifest is plain data")?;
    files::write(&folder.join("manifest.json"), text + "\n")?;
    Ok(())
}

fn pack(world: &World, programs: &Programs, archive: &Path) -> Result<()> {
    let name = archive.file_name().unwrap_or_default().to_string_lossy().replace(".tar.gz", "");
    let folder = world.base.join("packed").join(&name);
    files::create_folder(&folder)?;
    files::copy(&programs.guestbook, &folder.join("guestbook"))?;
    let (archive, packed) = (archive.display().to_string(), world.base.join("packed").display().to_string());
    world.shell.read(&Command::new("tar", ["-czf", &archive, "-C", &packed, &name]))?;
    Ok(())
}

/// What is declared of the stage beside its hosts.
pub(super) struct Declared<'a> {
    /// The service's variables, as a table: with other variables it is another release.
    pub(super) configuration: &'a str,
    /// More lines of the service's table.
    pub(super) service: &'a str,
    /// More lines of the stage's table.
    pub(super) stage: &'a str,
}

/// Writes the stage, with these addresses by name of host.
pub(super) fn declare(world: &World, hosts: &[(String, String)], declared: &Declared<'_>) -> Result<()> {
    let hosts: String = hosts
        .iter()
        .map(|(name, address)| {
            format!("hosts.{name} = {{ at = \"deploy@{address}\", listen = \"0.0.0.0:8080\" }}\n")
        })
        .collect();
    let Declared { configuration, service, stage } = declared;
    let text = format!(
        "[service]\nname = \"{SERVICE}\"\nartifact = \"one\"\nprogram = \"guestbook\"\n{service}\n\
         [service.probe]\nstartup_seconds = 10\n\n\
         [stages.{STAGE}]\ndriver = \"ssh\"\nconfiguration = {{ {configuration} }}\n{stage}\n{hosts}\n\
         [stages.{STAGE}.analysis]\nfailures_permille_max = 300\nsamples_min = 5\ninterval_milliseconds = 50\n\
         paths = [\"/entries\"]\n"
    );
    world.write(&[("release/stages.toml", &text)])?;
    Ok(())
}
