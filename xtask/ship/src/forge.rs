//! The forge: drafts, files, tags, releases.
//!
//! [`Forge::observe`] says what the world says of an effect, [`Forge::apply`] applies it; the executor calls both, and looks
//! again after each apply. A crash between any two requests is repaired by looking:
//!
//! - A **draft** has no tag, so it is looked for in the list of all releases. Two releases with the plan's tag are a conflict.
//! - An **upload** is identified by the digest that the forge reports, else by the downloaded bytes. A file that was cut off
//!   is ours to remove while the release is a draft, and nothing else is ever removed.
//! - A **tag** is followed to its commit, through annotated tags.
//! - **Announcing** publishes a draft whose files are exactly the planned ones.
//!
//! What is published is never changed: whatever differs is a conflict, told line by line.

mod announce;
mod answer;
mod api;
mod assets;
mod back;
mod deployments;
mod pull;
mod questions;
mod releases;
mod settings;
mod tag;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use nexus_xtask::clock::Clock;
use nexus_xtask::failure::{Exit, Failure};
use nexus_xtask_deliver::release::effect::Observed;
use nexus_xtask_deliver::release::manifest::Manifest;
use nexus_xtask_deliver::release::plan::{Action, Plan, Release};

use crate::trouble::Trouble;
use api::Api;

pub(crate) use questions::Fetched;

/// What releasing takes.
const CONTENTS: &str = "contents: write";

/// A repository of a forge.
pub(crate) struct Forge {
    api: Api,
    /// The number of each release that was seen, by tag. The list may lag behind; a number does not.
    seen: Mutex<BTreeMap<String, u64>>,
}

impl Forge {
    /// A repository `owner/name` of the forge whose API is at this address. To be called inside of an async runtime.
    pub(crate) fn new(
        api: &str,
        repository: &str,
        token: Option<&str>,
        clock: &Clock,
    ) -> Result<Forge, Failure> {
        Ok(Forge { api: Api::new(api, repository, token, clock)?, seen: Mutex::default() })
    }

    /// What the world says of an effect.
    pub(crate) async fn observe(
        &self,
        plan: &Plan,
        manifest: &Manifest,
        action: &Action,
    ) -> Result<Observed, Trouble> {
        match action {
            Action::Draft { tag } => self.observe_draft(plan, release(plan, tag)?).await,
            Action::Upload { tag, file } => {
                self.observe_upload(plan, manifest, release(plan, tag)?, file).await
            }
            Action::Tag { tag } => self.observe_tag(plan, tag).await,
            Action::Announce { tag } => self.observe_announced(plan, manifest, release(plan, tag)?).await,
            Action::Gate { .. }
            | Action::Build { .. }
            | Action::Pack
            | Action::Stage
            | Action::Check { .. }
            | Action::Publish { .. } => Err(elsewhere(action)),
        }
    }

    /// Applies an effect that was observed to be absent. `staging` is the folder that holds the files.
    ///
    /// An answer that something is there by now is [`Trouble::Later`] with a short wait: whoever looks again sees it.
    pub(crate) async fn apply(
        &self,
        plan: &Plan,
        manifest: &Manifest,
        staging: &Path,
        action: &Action,
    ) -> Result<(), Trouble> {
        match action {
            Action::Draft { tag } => self.draft(plan, release(plan, tag)?).await,
            Action::Upload { tag, file } => self.upload(manifest, staging, release(plan, tag)?, file).await,
            Action::Tag { tag } => self.tag(plan, tag).await,
            Action::Announce { tag } => self.announce(plan, manifest, release(plan, tag)?).await,
            Action::Gate { .. }
            | Action::Build { .. }
            | Action::Pack
            | Action::Stage
            | Action::Check { .. }
            | Action::Publish { .. } => Err(elsewhere(action)),
        }
    }
}

fn release<'a>(plan: &'a Plan, tag: &str) -> Result<&'a Release, Trouble> {
    plan.release(tag).ok_or_else(|| {
        Failure::usage(format!("the plan has no release of `{tag}`"))
            .next("make the plan again: cargo xtask release plan")
            .into()
    })
}

fn elsewhere(action: &Action) -> Trouble {
    Failure::new(Exit::Usage, format!("the forge has no part in {action:?}")).into()
}
