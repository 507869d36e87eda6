//! Writes the staging folder: every artifact of the plan, then plan and manifest, and the seal over them.
//!
//! - The same plan and the same builds give the same bytes, but for the signature, which has randomness in it.
//! - Files are written beside the staging folder, and renamed into its place as a whole, at the very end.
//! - Each kind of artifact has a file of its own below this one; here is only their order: what goes to a registry and
//!   what is built, what says how it was built, the list of all, and the signature of the list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use nexus_xtask::digest::Digest;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::Shell;
use nexus_xtask::workspace::Workspace;
use nexus_xtask_deliver::release::manifest::{self, Manifest};
use nexus_xtask_deliver::release::plan::{Artifact, Kind, Plan, Release};
use nexus_xtask_deliver::release::protocol::stage::{Build, Stage, Staged, Unpack, Unpacked};
use nexus_xtask_deliver::release::staging;

pub(crate) mod archive;
mod bom;
mod graph;
mod installer;
mod packed;
pub(crate) mod provenance;
pub(crate) mod signature;
pub(crate) mod sums;

/// The folder of a package's build that holds its debug symbols.
const SYMBOLS: &str = "symbols";

/// Stages.
pub(crate) fn run(workspace: &Workspace, environment: &Environment, wanted: &Stage) -> Result<Staged> {
    let mut name = wanted.output.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = wanted.output.with_file_name(name);
    files::remove_folder(&partial)?;
    let mut stage = Staging {
        workspace,
        environment,
        wanted,
        folder: partial,
        manifest: Manifest { version: manifest::VERSION, plan: wanted.plan.digest(), files: BTreeMap::new() },
    };
    stage.crates()?;
    stage.deployed()?;
    for release in &wanted.plan.releases {
        stage.release(release)?;
    }
    stage.finish()
}

/// Unpacks archives.
pub(crate) fn unpack(wanted: &Unpack) -> Result<Vec<Unpacked>> {
    let mut all = Vec::new();
    for (from, to) in &wanted.archives {
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        let bytes = files::read(from)?.with_context(|| format!("there is no `{}`", from.display()))?;
        all.push(Unpacked { programs: archive::unpack(&name, &bytes, to)? });
    }
    Ok(all)
}

/// A staging folder that is being written.
struct Staging<'a> {
    workspace: &'a Workspace,
    environment: &'a Environment,
    wanted: &'a Stage,
    folder: PathBuf,
    manifest: Manifest,
}

impl Staging<'_> {
    fn plan(&self) -> &Plan {
        &self.wanted.plan
    }

    fn put(&mut self, artifact: &Artifact, bytes: &[u8]) -> Result<()> {
        files::write(&self.folder.join(&artifact.file), bytes)?;
        let staged = manifest::Staged { sha256: Digest::of(bytes), bytes: bytes.len() as u64 };
        self.manifest.files.insert(artifact.file.clone(), staged);
        Ok(())
    }

    fn crates(&mut self) -> Result<()> {
        let wanted = self.wanted;
        for artifact in wanted.plan.artifacts.iter().filter(|artifact| artifact.kind == Kind::Crate) {
            let path = wanted.crates.join(artifact.name());
            let bytes =
                files::read(&path)?.with_context(|| format!("cargo did not pack `{}`", artifact.name()))?;
            if !wanted.rehearsal {
                packed::check(artifact.name(), &bytes, &wanted.plan.commit)?;
            }
            self.put(artifact, &bytes)?;
        }
        Ok(())
    }

    /// What is deployed and never published.
    fn deployed(&mut self) -> Result<()> {
        let archives = self.wanted.plan.artifacts.iter();
        for artifact in archives.filter(|one| one.kind == Kind::Archive && one.release.is_none()) {
            let bytes = self.archive(artifact)?;
            self.put(artifact, &bytes)?;
        }
        Ok(())
    }

    /// The assets of a release, each after those that it speaks of.
    fn release(&mut self, release: &Release) -> Result<()> {
        let wanted = self.wanted;
        let plan = &wanted.plan;
        let of_kind = |kind: Kind| plan.assets(&release.tag).filter(move |artifact| artifact.kind == kind);
        for artifact in of_kind(Kind::Archive).chain(of_kind(Kind::Symbols)) {
            let bytes = self.archive(artifact)?;
            self.put(artifact, &bytes)?;
        }
        for artifact in of_kind(Kind::Installer) {
            let text = installer::script(&self.installer(release, artifact)?);
            self.put(artifact, text.as_bytes())?;
        }
        for artifact in of_kind(Kind::Bom) {
            let shell = Shell::new(self.workspace.root(), self.environment);
            let graph = graph::read(&shell, self.workspace, &plan.targets)?;
            let text = bom::text(plan, release, &graph)?;
            self.put(artifact, text.as_bytes())?;
        }
        for artifact in of_kind(Kind::Provenance) {
            let origin = provenance::Origin::of(self.environment, &wanted.repository);
            let lock = files::digest(&self.workspace.file("Cargo.lock"))?;
            let text = provenance::text(plan, release, &self.manifest, &origin, lock)?;
            self.put(artifact, text.as_bytes())?;
        }
        for artifact in of_kind(Kind::Checksums) {
            let text = sums::text(plan.assets(&release.tag).filter_map(|other| {
                let staged = self.manifest.files.get(&other.file)?;
                Some((other.name(), staged.sha256))
            }));
            self.put(artifact, text.as_bytes())?;
            for signed in of_kind(Kind::Signature) {
                let signing =
                    wanted.signing.as_ref().context("the plan has a signature, and nobody signs")?;
                let signature = signature::sign(self.environment, signing, plan, release, &text)?;
                self.put(signed, signature.as_bytes())?;
            }
        }
        Ok(())
    }

    fn build(&self, artifact: &Artifact) -> Result<(&Build, String)> {
        let target = artifact.target.as_deref().unwrap_or_default();
        let build = self.wanted.builds.iter().find(|build| build.target == target);
        let build = build.with_context(|| format!("nothing was built for `{target}`"))?;
        Ok((build, artifact.built()))
    }

    fn archive(&self, artifact: &Artifact) -> Result<Vec<u8>> {
        let (build, package) = self.build(artifact)?;
        let folder = build.folder.join(package);
        let mut entries = match artifact.kind {
            Kind::Symbols => {
                let mut entries = entries(&folder.join(SYMBOLS), false)?;
                entries.iter_mut().for_each(|entry| entry.program = false);
                entries
            }
            _ => entries(&folder, true)?
                .into_iter()
                .filter(|entry| !entry.path.starts_with("symbols/"))
                .collect(),
        };
        if entries.is_empty() {
            return Err(Failure::refused(format!("there is nothing to put into `{}`", artifact.name()))
                .why(format!("`{}` is empty", folder.display()))
                .next(format!("cargo xtask release build --target {}", build.target)));
        }
        if artifact.kind == Kind::Archive {
            for name in &self.wanted.include {
                entries.push(entry(&self.workspace.file(name), name.clone(), false)?);
            }
        }
        let stem = archive::stem(artifact.name());
        for entry in &mut entries {
            entry.path = format!("{stem}/{}", entry.path);
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(archive::pack(artifact.name(), &entries, self.plan().commit_time)?)
    }

    fn installer<'a>(&self, release: &'a Release, artifact: &'a Artifact) -> Result<installer::Facts<'a>> {
        let package = artifact.package.as_deref().unwrap_or_default();
        let built = self.plan().assets(&release.tag).filter(|other| {
            other.kind == Kind::Archive
                && other.package == artifact.package
                && other.name().ends_with(".tar.gz")
        });
        let archives: Vec<_> = built.cloned().collect();
        let mut programs = Vec::new();
        for archive in &archives {
            let (build, _) = self.build(archive)?;
            let entries = entries(&build.folder.join(package), true)?;
            programs.extend(entries.into_iter().map(|entry| entry.path).filter(|path| !path.contains('/')));
        }
        programs.sort();
        programs.dedup();
        Ok(installer::Facts {
            package,
            version: release.version.to_string(),
            download: format!("{}/releases/download/{}", self.wanted.repository, release.tag),
            targets: archives.into_iter().filter_map(|archive| archive.target).collect(),
            programs,
            public_key: match &self.wanted.signing {
                Some(signing) => Some(signature::key_line(&signing.public_key)?),
                None => None,
            },
        })
    }

    fn finish(self) -> Result<Staged> {
        let plan = self.plan();
        files::write(&self.folder.join(manifest::PLAN), staging::text(plan)?)?;
        files::write(&self.folder.join(manifest::FILE), staging::text(&self.manifest)?)?;
        // Read back from the disk: what is sealed is what everybody else will read.
        let (_, manifest, seal) = staging::check(&self.folder)?;
        files::replace_folder(&self.folder, &self.wanted.output)?;
        Ok(Staged {
            seal,
            files: manifest.files.len(),
            bytes: manifest.files.values().map(|staged| staged.bytes).sum(),
        })
    }
}

/// The files below a folder.
fn entries(folder: &Path, program: bool) -> Result<Vec<archive::Entry>> {
    let here = Workspace::at(folder);
    files::walk(folder)?.iter().map(|path| entry(path, here.name_of(path), program)).collect()
}

fn entry(path: &Path, name: String, program: bool) -> Result<archive::Entry> {
    let executable = match files::kind(path)? {
        files::Kind::File { executable } => executable,
        files::Kind::Link | files::Kind::Folder | files::Kind::Absent => {
            return Err(Failure::refused(format!("`{}` is no file", path.display()))
                .next("put a plain file there, and stage again"));
        }
    };
    let bytes = files::read(path)?.with_context(|| format!("`{}` is gone", path.display()))?;
    Ok(archive::Entry { path: name, bytes, program: program || executable })
}
