//! What gates ask: the checks of a commit, open issues, a published release.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use nexus_xtask_deliver::release::protocol::forge::Published;
use nexus_xtask_deliver::release::protocol::{Check, Issue};

use super::api::Ask;
use super::assets::Asset;
use super::{CONTENTS, Forge};
use crate::trouble::Trouble;

#[derive(Deserialize)]
struct CheckRun {
    name: String,
    status: String,
    conclusion: Option<String>,
    started_at: Option<jiff::Timestamp>,
    html_url: Option<String>,
    app: Option<App>,
    check_suite: Option<Suite>,
}

#[derive(Deserialize)]
struct App {
    slug: Option<String>,
}

#[derive(Deserialize)]
struct Suite {
    id: u64,
}

#[derive(Deserialize)]
struct WorkflowRun {
    check_suite_id: Option<u64>,
    event: String,
    head_branch: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    number: u64,
    title: String,
    html_url: String,
    /// The forge lists pull requests as issues too.
    pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Release {
    id: u64,
    #[serde(default)]
    immutable: bool,
    html_url: String,
}

/// What was downloaded of a release.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    /// The commit that its tag leads to; none where there is no such tag.
    pub(crate) commit: Option<String>,
    /// Every file, by name.
    pub(crate) files: BTreeMap<String, Bytes>,
}

impl Forge {
    /// Every check of a commit. Which event and branch it was for is known of the workflow run with the same check suite; a
    /// check of a pull request is told apart by it.
    pub(crate) async fn checks(&self, commit: &str) -> Result<Vec<Check>, Trouble> {
        let path = ["commits", commit, "check-runs"];
        let checks: Vec<CheckRun> = self.api.list(Ask::get(&path, "checks: read"), "check_runs").await?;
        let query = [("head_sha", commit)];
        let ask = Ask::get(&["actions", "runs"], "actions: read").with(&query);
        let runs: Vec<WorkflowRun> = self.api.list(ask, "workflow_runs").await?;
        let of_suite = |suite: &Option<Suite>| {
            let id = suite.as_ref()?.id;
            runs.iter().find(|run| run.check_suite_id == Some(id))
        };
        Ok(checks
            .into_iter()
            .map(|check| {
                let run = of_suite(&check.check_suite);
                Check {
                    name: check.name,
                    status: check.status,
                    conclusion: check.conclusion,
                    app: check.app.and_then(|app| app.slug),
                    event: run.map(|run| run.event.clone()),
                    branch: run.and_then(|run| run.head_branch.clone()),
                    started: check.started_at,
                    address: check.html_url.unwrap_or_default(),
                }
            })
            .collect())
    }

    /// Open issues with a label, without pull requests.
    pub(crate) async fn issues(&self, label: &str) -> Result<Vec<Issue>, Trouble> {
        let query = [("state", "open"), ("labels", label)];
        let ask = Ask::get(&["issues"], "issues: read").with(&query);
        let listed: Vec<Listed> = self.api.list(ask, "").await?;
        let issues = listed.into_iter().filter(|issue| issue.pull_request.is_none());
        Ok(issues
            .map(|issue| Issue { number: issue.number, title: issue.title, address: issue.html_url })
            .collect())
    }

    /// The files of a published release, and the commit that its tag leads to; nothing while it is a draft.
    pub(crate) async fn fetched(&self, tag: &str) -> Result<Option<Fetched>, Trouble> {
        let mut path = vec!["releases", "tags"];
        path.extend(tag.split('/'));
        let release: Option<Release> = self.api.read(Ask::get(&path, "contents: read")).await?;
        let Some(release) = release else { return Ok(None) };
        let number = release.id.to_string();
        let assets: Vec<Asset> =
            self.api.list(Ask::get(&["releases", &number, "assets"], CONTENTS), "").await?;
        let mut files = BTreeMap::new();
        for asset in assets {
            let number = asset.id.to_string();
            let bytes = self.api.download(&["releases", "assets", &number], CONTENTS).await?;
            files.insert(asset.name, bytes);
        }
        Ok(Some(Fetched { commit: self.commit_of(tag).await?, files }))
    }

    /// The published release of a tag; nothing while it is a draft.
    pub(crate) async fn published(&self, tag: &str) -> Result<Option<Published>, Trouble> {
        let mut path = vec!["releases", "tags"];
        path.extend(tag.split('/'));
        let release: Option<Release> = self.api.read(Ask::get(&path, "contents: read")).await?;
        let Some(release) = release else { return Ok(None) };
        let number = release.id.to_string();
        let files: Vec<Asset> =
            self.api.list(Ask::get(&["releases", &number, "assets"], CONTENTS), "").await?;
        let files: BTreeMap<_, _> = files.into_iter().map(Asset::into_digest).collect();
        let commit = self.commit_of(tag).await?;
        Ok(Some(Published { commit, immutable: release.immutable, files, url: release.html_url }))
    }
}
