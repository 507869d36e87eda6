//! Taking effects back, as far as the forge lets them be.

use serde_json::json;

use nexus_xtask_deliver::release::plan::{Action, Plan};

use super::answer::Said;
use super::api::Ask;
use super::assets::conflict;
use super::releases::{Found, Standing, refused};
use super::{CONTENTS, Forge, elsewhere, release};
use crate::trouble::Trouble;

impl Forge {
    /// Takes an effect back, and says what was done. What was not there is left alone, and so is what is not ours.
    pub(crate) async fn take_back(&self, plan: &Plan, action: &Action) -> Result<String, Trouble> {
        match action {
            Action::Draft { tag } => self.remove_draft(&release(plan, tag)?.tag).await,
            Action::Upload { file, .. } => Ok(format!("`{file}` goes with its draft")),
            Action::Tag { tag } => self.remove_tag(plan, tag).await,
            Action::Announce { tag } => self.withdraw(tag).await,
            Action::Gate { .. }
            | Action::Build { .. }
            | Action::Pack
            | Action::Stage
            | Action::Check { .. }
            | Action::Publish { .. } => Err(elsewhere(action)),
        }
    }

    async fn remove_draft(&self, tag: &str) -> Result<String, Trouble> {
        let Some(found) = self.only(tag).await? else { return Ok(format!("there is no draft of `{tag}`")) };
        if !found.draft {
            return Ok(format!("the release of `{tag}` is published and stays"));
        }
        let number = found.id.to_string();
        self.done(Ask::delete(&["releases", &number], CONTENTS), "the draft cannot be removed").await?;
        Ok(format!("the draft of `{tag}` is removed"))
    }

    async fn remove_tag(&self, plan: &Plan, tag: &str) -> Result<String, Trouble> {
        if self.only(tag).await?.is_some_and(|found| !found.draft) {
            return Ok(format!("the tag `{tag}` stays: its release is published"));
        }
        match self.commit_of(tag).await? {
            None => return Ok(format!("there is no tag `{tag}`")),
            Some(commit) if commit != plan.commit => {
                let lines = [format!("- {tag}: {}", plan.commit), format!("+ {tag}: {commit}")];
                return Err(conflict(&format!("the tag `{tag}` is not ours to remove"), &lines));
            }
            Some(_) => {}
        }
        let mut path = vec!["git", "refs", "tags"];
        path.extend(tag.split('/'));
        self.done(Ask::delete(&path, CONTENTS), "the tag cannot be removed").await?;
        Ok(format!("the tag `{tag}` is removed"))
    }

    /// A release that can be changed becomes a draft again; one that cannot is at least not the latest any more.
    async fn withdraw(&self, tag: &str) -> Result<String, Trouble> {
        let found = self.only(tag).await?.filter(|found| !found.draft);
        let Some(found) = found else { return Ok(format!("no release of `{tag}` is published")) };
        let number = found.id.to_string();
        let (body, done) = if found.immutable {
            (json!({ "make_latest": "false" }), "stays, and is not the latest")
        } else {
            (json!({ "draft": true }), "is a draft again")
        };
        let path = ["releases", number.as_str()];
        self.done(Ask::patch(&path, &body, CONTENTS), "the release cannot be withdrawn").await?;
        Ok(format!("the release of `{tag}` {done}"))
    }

    async fn only(&self, tag: &str) -> Result<Option<Found>, Trouble> {
        match self.find(tag).await? {
            Standing::None => Ok(None),
            Standing::One(found) => Ok(Some(found)),
            Standing::Several(lines) => {
                Err(conflict(&format!("there are several releases of `{tag}`"), &lines))
            }
        }
    }

    async fn done(&self, ask: Ask<'_>, problem: &str) -> Result<(), Trouble> {
        match self.api.ask(ask).await? {
            Said::Value(_) => Ok(()),
            said => Err(refused(problem, said)),
        }
    }
}
