//! Tags.

use serde::Deserialize;
use serde_json::json;

use nexus_xtask::failure::Failure;
use nexus_xtask_deliver::release::effect::Observed;
use nexus_xtask_deliver::release::plan::Plan;

use super::answer::Said;
use super::api::Ask;
use super::releases::refused;
use super::{CONTENTS, Forge};
use crate::trouble::Trouble;

/// How many annotated tags may name each other in a row.
const DEPTH_MAX: usize = 8;

/// A tag, or an annotated one: both name an object.
#[derive(Debug, Deserialize)]
struct Named {
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Object {
    sha: String,
    /// `commit` or `tag`.
    #[serde(rename = "type")]
    kind: String,
}

impl Forge {
    pub(super) async fn observe_tag(&self, plan: &Plan, tag: &str) -> Result<Observed, Trouble> {
        let Some(object) = self.commit_of(tag).await? else { return Ok(Observed::Absent) };
        Ok(if object == plan.commit {
            Observed::Same
        } else {
            Observed::Different(vec![format!("- {tag}: {}", plan.commit), format!("+ {tag}: {object}")])
        })
    }

    /// The commit that a tag leads to.
    pub(crate) async fn commit_of(&self, tag: &str) -> Result<Option<String>, Trouble> {
        let mut path = vec!["git", "ref", "tags"];
        path.extend(tag.split('/'));
        let named: Option<Named> = self.api.read(Ask::get(&path, CONTENTS)).await?;
        let Some(Named { mut object }) = named else { return Ok(None) };
        for _ in 0..DEPTH_MAX {
            if object.kind != "tag" {
                return Ok(Some(object.sha));
            }
            let named: Option<Named> =
                self.api.read(Ask::get(&["git", "tags", &object.sha], CONTENTS)).await?;
            let gone = || broken(tag, "an object that it names is not there");
            object = named.ok_or_else(gone)?.object;
        }
        Err(broken(tag, "it leads through too many others").into())
    }

    pub(super) async fn tag(&self, plan: &Plan, tag: &str) -> Result<(), Trouble> {
        let body = json!({ "ref": format!("refs/tags/{tag}"), "sha": plan.commit });
        match self.api.ask(Ask::post(&["git", "refs"], &body, CONTENTS)).await? {
            Said::Value(_) => Ok(()),
            Said::Invalid(why) if why.contains("Object does not exist") => {
                Err(Failure::refused(format!("the forge does not know the commit {}", plan.commit))
                    .why(why)
                    .next("push the branch of the release first: git push origin HEAD")
                    .into())
            }
            said => Err(refused(&format!("the tag `{tag}` cannot be made"), said)),
        }
    }
}

fn broken(tag: &str, why: &str) -> Failure {
    Failure::refused(format!("the tag `{tag}` leads to no commit"))
        .why(why)
        .next(format!("git ls-remote --tags origin 'refs/tags/{tag}*'"))
}
