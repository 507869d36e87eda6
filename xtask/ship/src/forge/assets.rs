//! The files of a release.

use std::path::Path;

use serde::Deserialize;

use nexus_xtask::digest::Digest;
use nexus_xtask::failure::{Exit, Failure};
use nexus_xtask::files;
use nexus_xtask_deliver::release::effect::Observed;
use nexus_xtask_deliver::release::manifest::{Manifest, Staged};
use nexus_xtask_deliver::release::plan::{Plan, Release};

use super::answer::Said;
use super::api::Ask;
use super::releases::{Found, Standing, refused};
use super::{CONTENTS, Forge};
use crate::trouble::Trouble;

/// A file as the forge has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Asset {
    pub(super) id: u64,
    pub(super) name: String,
    size: u64,
    /// `sha256:...`; nothing for a file from the time before GitHub computed it (June 2025).
    digest: Option<String>,
    /// `uploaded` for a whole file.
    state: String,
}

impl Asset {
    /// True for what an upload that was cut off leaves.
    pub(super) fn is_cut_off(&self) -> bool {
        self.state != "uploaded"
    }

    /// Its name, and the sha256 that the forge reports.
    pub(super) fn into_digest(self) -> (String, Option<String>) {
        let sha256 =
            self.digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:")).map(str::to_owned);
        (self.name, sha256)
    }
}

impl Forge {
    pub(super) async fn observe_upload(
        &self,
        plan: &Plan,
        manifest: &Manifest,
        wanted: &Release,
        file: &str,
    ) -> Result<Observed, Trouble> {
        let found = match self.find(&wanted.tag).await? {
            Standing::None => return Ok(Observed::Absent),
            Standing::Several(lines) => return Ok(Observed::Different(lines)),
            Standing::One(found) => found,
        };
        let staged = staged(manifest, file)?;
        let name = name(plan, file);
        let assets = self.files(&found).await?;
        let asset = assets.into_iter().find(|asset| asset.name == name);
        let Some(asset) = asset else {
            let line = |rest: &str| format!("{rest} (the release is published and takes no file)");
            return Ok(if found.draft {
                Observed::Absent
            } else {
                Observed::Different(vec![planned(&name, staged), line(&format!("+ {name}: not there"))])
            });
        };
        if asset.is_cut_off() && found.draft {
            return Ok(Observed::Absent);
        }
        Ok(super::releases::observed(self.compare(&asset, staged).await?))
    }

    /// How a file is not the staged one.
    pub(super) async fn compare(&self, asset: &Asset, staged: &Staged) -> Result<Vec<String>, Trouble> {
        let digest = match asset.digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:")) {
            _ if asset.is_cut_off() => "cut off".to_owned(),
            Some(digest) => digest.to_owned(),
            None => {
                let number = asset.id.to_string();
                let bytes = self.api.download(&["releases", "assets", &number], CONTENTS).await?;
                Digest::of(&bytes).to_string()
            }
        };
        if digest == staged.sha256.to_string() && asset.size == staged.bytes {
            return Ok(Vec::new());
        }
        let is = format!("+ {}: sha256 {digest}, {} bytes", asset.name, asset.size);
        Ok(vec![planned(&asset.name, staged), is])
    }

    pub(super) async fn upload(
        &self,
        manifest: &Manifest,
        staging: &Path,
        wanted: &Release,
        file: &str,
    ) -> Result<(), Trouble> {
        let found = self.draft_of(wanted).await?;
        let staged = staged(manifest, file)?;
        let bytes = files::read(&staging.join(file))?.unwrap_or_default();
        if Digest::of(&bytes) != staged.sha256 {
            return Err(tampered(file));
        }
        let name = file.rsplit('/').next().unwrap_or(file);
        self.remove_cut_off(&found, name).await?;
        match self.api.upload(&found.upload_url, name, bytes.into(), CONTENTS).await? {
            Said::Value(value) if value["name"] == name => Ok(()),
            Said::Value(value) => Err(Failure::new(Exit::Conflict, format!("the forge renamed `{name}`"))
                .why(format!("it calls the file {}", value["name"]))
                .next("choose a name of ASCII letters, digits, `.`, `-` and `_`")
                .into()),
            said => Err(refused(&format!("`{name}` cannot be uploaded"), said)),
        }
    }

    /// Removes what an upload of this file left when it was cut off. The file is the plan's and the release a draft, so
    /// nobody but an earlier run of ours has put it there, and nobody can have fetched it.
    async fn remove_cut_off(&self, found: &Found, name: &str) -> Result<(), Trouble> {
        let assets = self.files(found).await?;
        let Some(asset) = assets.iter().find(|asset| asset.name == name && asset.is_cut_off()) else {
            return Ok(());
        };
        let number = asset.id.to_string();
        match self.api.ask(Ask::delete(&["releases", "assets", &number], CONTENTS)).await? {
            Said::Value(_) => Ok(()),
            said => Err(refused(&format!("what is left of `{name}` cannot be removed"), said)),
        }
    }

    /// The draft that an effect changes.
    pub(super) async fn draft_of(&self, wanted: &Release) -> Result<Found, Trouble> {
        match self.find(&wanted.tag).await? {
            Standing::One(found) if found.draft => Ok(found),
            Standing::One(found) => Err(conflict(
                &format!("the release of `{}` is published already", wanted.tag),
                &[format!("+ {}", found.html_url)],
            )),
            Standing::Several(lines) => {
                Err(conflict(&format!("there are several releases of `{}`", wanted.tag), &lines))
            }
            Standing::None => Err(Trouble::Later {
                wait: std::time::Duration::from_secs(2),
                why: format!("the draft of `{}` is not to be seen yet", wanted.tag),
            }),
        }
    }
}

/// A file of the staging folder, as the manifest has it.
pub(super) fn staged<'a>(manifest: &'a Manifest, file: &str) -> Result<&'a Staged, Trouble> {
    manifest.files.get(file).ok_or_else(|| {
        Failure::refused(format!("`{file}` is not staged"))
            .why("the manifest of the staging folder does not name it")
            .next("cargo xtask release stage")
            .into()
    })
}

/// The name that people download a file by.
pub(super) fn name(plan: &Plan, file: &str) -> String {
    let artifact = plan.artifacts.iter().find(|artifact| artifact.file == file);
    artifact.map_or(file, |artifact| artifact.name()).to_owned()
}

/// The line of a difference that says what is planned.
pub(super) fn planned(name: &str, staged: &Staged) -> String {
    format!("- {name}: sha256 {}, {} bytes", staged.sha256, staged.bytes)
}

/// A conflict with its difference.
pub(super) fn conflict(problem: &str, lines: &[String]) -> Trouble {
    let failure = lines.iter().fold(Failure::new(Exit::Conflict, problem), |failure, line| failure.why(line));
    failure.next("look at the release in a browser; what is right there decides").into()
}

fn tampered(file: &str) -> Trouble {
    Failure::refused(format!("`{file}` is not the file that was sealed"))
        .why("its digest is another one than the manifest's")
        .next("cargo xtask release stage")
        .into()
}
