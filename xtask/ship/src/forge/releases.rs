//! Drafting a release, and finding it again.

use serde::Deserialize;
use serde_json::json;

use nexus_xtask::failure::{Exit, Failure};
use nexus_xtask_deliver::release::effect::Observed;
use nexus_xtask_deliver::release::plan::{Plan, Release};

use super::answer::Said;
use super::api::Ask;
use super::assets::Asset;
use super::{CONTENTS, Forge};
use crate::trouble::Trouble;

/// A release as the forge has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Found {
    pub(super) id: u64,
    tag_name: String,
    target_commitish: String,
    name: Option<String>,
    body: Option<String>,
    pub(super) draft: bool,
    prerelease: bool,
    /// Missing on a forge that does not know immutable releases.
    #[serde(default)]
    pub(super) immutable: bool,
    pub(super) upload_url: String,
    pub(super) html_url: String,
}

/// The releases of one tag.
pub(super) enum Standing {
    None,
    One(Found),
    /// What no plan can choose from: a line for each.
    Several(Vec<String>),
}

impl Forge {
    /// The release of a tag, drafted or published. A draft is not found by its tag, so the whole list is read, unless the
    /// release's number is known.
    pub(super) async fn find(&self, tag: &str) -> Result<Standing, Trouble> {
        let known = self.seen().get(tag).copied();
        if let Some(id) = known {
            let number = id.to_string();
            let found: Option<Found> = self.api.read(Ask::get(&["releases", &number], CONTENTS)).await?;
            match found.filter(|found| found.tag_name == tag) {
                Some(found) => return Ok(Standing::One(found)),
                None => self.seen().remove(tag),
            };
        }
        self.search(tag).await
    }

    async fn search(&self, tag: &str) -> Result<Standing, Trouble> {
        let all: Vec<Found> = self.api.list(Ask::get(&["releases"], CONTENTS), "").await?;
        let mut of_tag: Vec<_> = all.into_iter().filter(|found| found.tag_name == tag).collect();
        match (of_tag.pop(), of_tag.is_empty()) {
            (None, _) => Ok(Standing::None),
            (Some(found), true) => {
                self.seen().insert(tag.to_owned(), found.id);
                Ok(Standing::One(found))
            }
            (Some(last), false) => {
                of_tag.push(last);
                let mut lines = vec![format!("- one release of `{tag}`")];
                lines.extend(
                    of_tag
                        .iter()
                        .map(|found| format!("+ {} `{}`: {}", state(found), found.tag_name, found.html_url)),
                );
                Ok(Standing::Several(lines))
            }
        }
    }

    pub(super) async fn observe_draft(&self, plan: &Plan, wanted: &Release) -> Result<Observed, Trouble> {
        // Always by the list: only there is a second draft seen.
        Ok(match self.search(&wanted.tag).await? {
            Standing::None => Observed::Absent,
            Standing::Several(lines) => Observed::Different(lines),
            Standing::One(found) => observed(difference(plan, wanted, &found)),
        })
    }

    pub(super) async fn draft(&self, plan: &Plan, wanted: &Release) -> Result<(), Trouble> {
        let body = json!({
            "tag_name": wanted.tag, "target_commitish": plan.commit, "name": wanted.tag, "body": wanted.notes,
            "draft": true, "prerelease": wanted.prerelease,
        });
        match self.api.ask(Ask::post(&["releases"], &body, CONTENTS)).await? {
            Said::Value(value) => {
                if let Some(id) = value["id"].as_u64() {
                    self.seen().insert(wanted.tag.clone(), id);
                }
                Ok(())
            }
            said => Err(refused(&format!("the release of `{}` cannot be drafted", wanted.tag), said)),
        }
    }

    pub(super) fn seen(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<String, u64>> {
        // It is only a hint: one that was left half-changed costs a request.
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The files of a release.
    pub(super) async fn files(&self, found: &Found) -> Result<Vec<Asset>, Trouble> {
        let number = found.id.to_string();
        self.api.list(Ask::get(&["releases", &number, "assets"], CONTENTS), "").await
    }
}

/// How a release is not the planned one. GitHub leaves the target of a release alone once its tag exists, and the tag is an
/// effect of its own: so the target counts for a draft only.
pub(super) fn difference(plan: &Plan, wanted: &Release, found: &Found) -> Vec<String> {
    let mut lines = Vec::new();
    let mut compare = |what: &str, planned: &str, is: &str| {
        if planned != is {
            lines.extend([format!("- {what}: {planned}"), format!("+ {what}: {is}")]);
        }
    };
    compare("name", &wanted.tag, found.name.as_deref().unwrap_or_default());
    compare("pre-release", yes(wanted.prerelease), yes(found.prerelease));
    if found.draft {
        compare("target", &plan.commit, &found.target_commitish);
    }
    let (planned, is) = (plain(&wanted.notes), plain(found.body.as_deref().unwrap_or_default()));
    if planned != is {
        let (planned, is) = first_difference(&planned, &is);
        lines.extend([format!("- notes: {planned}"), format!("+ notes: {is}")]);
    }
    lines
}

/// What a difference means.
pub(super) fn observed(difference: Vec<String>) -> Observed {
    if difference.is_empty() { Observed::Same } else { Observed::Different(difference) }
}

/// A failure for an answer that is neither done nor something to look at again.
pub(super) fn refused(problem: &str, said: Said) -> Trouble {
    let why = match said {
        Said::Invalid(why) => why,
        Said::Value(_) | Said::Absent => "the forge answers as if nothing was asked".to_owned(),
    };
    if why.contains("already_exists") || why.contains("already exists") {
        // It is there by now: whoever looks again sees whether it is the planned one.
        return Trouble::Later { wait: std::time::Duration::from_secs(1), why: format!("{problem}: {why}") };
    }
    let failure = Failure::new(Exit::Conflict, problem);
    if why.contains("immutable release") || why.contains("rule violations") {
        return failure
            .why(why)
            .why("the name of a tag that an immutable release had can never be used again")
            .next("release the next version: cargo xtask release propose")
            .into();
    }
    failure.why(why).next("look at the release in a browser, then run the same command again").into()
}

fn state(found: &Found) -> &'static str {
    match (found.draft, found.immutable) {
        (true, _) => "draft",
        (false, true) => "immutable release",
        (false, false) => "release",
    }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// A text as both sides keep it: a forge may store other line ends, and none at the end.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned()
}

/// The first line in which two texts differ, safe to print; `(nothing)` where one has ended.
fn first_difference(one: &str, other: &str) -> (String, String) {
    let mut others = other.lines();
    let shown = |line: Option<&str>| match line {
        Some(line) => nexus_xtask::terminal::printable(line),
        None => "(nothing)".to_owned(),
    };
    for line in one.lines() {
        let other = others.next();
        if other != Some(line) {
            return (shown(Some(line)), shown(other));
        }
    }
    (shown(None), shown(others.next()))
}
