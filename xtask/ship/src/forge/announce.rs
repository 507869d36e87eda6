//! Publishing a draft: the last effect of a release.

use serde_json::json;

use nexus_xtask_deliver::release::effect::Observed;
use nexus_xtask_deliver::release::manifest::Manifest;
use nexus_xtask_deliver::release::plan::{Plan, Release};

use super::answer::Said;
use super::api::Ask;
use super::assets::{Asset, conflict, planned, staged};
use super::releases::{Found, Standing, difference, observed, refused};
use super::{CONTENTS, Forge};
use crate::trouble::Trouble;

impl Forge {
    pub(super) async fn observe_announced(
        &self,
        plan: &Plan,
        manifest: &Manifest,
        wanted: &Release,
    ) -> Result<Observed, Trouble> {
        let found = match self.find(&wanted.tag).await? {
            Standing::None => return Ok(Observed::Absent),
            Standing::Several(lines) => return Ok(Observed::Different(lines)),
            Standing::One(found) => found,
        };
        let (mut lines, missing) = self.contents(plan, manifest, wanted, &found).await?;
        if found.draft {
            // What is missing is still to come.
            return Ok(if lines.is_empty() { Observed::Absent } else { Observed::Different(lines) });
        }
        lines.extend(missing);
        if plan.immutable && !found.immutable {
            lines.push("- immutable".to_owned());
            lines.push(
                "+ can still be changed: immutable releases are off in the repository's settings".to_owned(),
            );
        }
        Ok(observed(lines))
    }

    /// What is otherwise than planned, and what is missing.
    async fn contents(
        &self,
        plan: &Plan,
        manifest: &Manifest,
        wanted: &Release,
        found: &Found,
    ) -> Result<(Vec<String>, Vec<String>), Trouble> {
        let mut lines = difference(plan, wanted, found);
        let mut missing = Vec::new();
        let mut there: Vec<Asset> = self.files(found).await?;
        for artifact in plan.assets(&wanted.tag) {
            let staged = staged(manifest, &artifact.file)?;
            let index = there.iter().position(|asset| asset.name == artifact.name());
            match index.map(|index| there.swap_remove(index)) {
                Some(asset) if !(found.draft && asset.is_cut_off()) => {
                    lines.extend(self.compare(&asset, staged).await?);
                }
                _ => missing
                    .extend([planned(artifact.name(), staged), format!("+ {}: not there", artifact.name())]),
            }
        }
        there.sort_by(|one, other| one.name.cmp(&other.name));
        lines.extend(there.iter().map(|asset| format!("+ {}: not planned", asset.name)));
        Ok((lines, missing))
    }

    pub(super) async fn announce(
        &self,
        plan: &Plan,
        manifest: &Manifest,
        wanted: &Release,
    ) -> Result<(), Trouble> {
        let found = self.draft_of(wanted).await?;
        // Looked at once more, because nothing after this can be taken back.
        let (mut lines, missing) = self.contents(plan, manifest, wanted, &found).await?;
        lines.extend(missing);
        if !lines.is_empty() {
            return Err(conflict(&format!("the draft of `{}` is not what was planned", wanted.tag), &lines));
        }
        // `legacy` lets the forge choose by version, so that a fix of an old line does not become the latest release.
        let latest = if wanted.prerelease { "false" } else { "legacy" };
        let body = json!({ "draft": false, "prerelease": wanted.prerelease, "make_latest": latest });
        let number = found.id.to_string();
        match self.api.ask(Ask::patch(&["releases", &number], &body, CONTENTS)).await? {
            Said::Value(_) => Ok(()),
            said => Err(refused(&format!("the release of `{}` cannot be published", wanted.tag), said)),
        }
    }
}
