//! Pull requests.

use serde::Deserialize;
use serde_json::json;

use nexus_xtask::failure::Failure;
use nexus_xtask_deliver::release::protocol::{PullRequest, PullRequested};

use super::Forge;
use super::answer::Said;
use super::api::Ask;
use super::releases::refused;
use crate::trouble::Trouble;

const RIGHT: &str = "pull_requests: write";

#[derive(Deserialize)]
struct Open {
    number: u64,
    html_url: String,
    title: String,
    body: Option<String>,
}

impl Forge {
    /// Opens a pull request, or brings the open one of the same two branches up to date.
    pub(crate) async fn pull_request(&self, wanted: &PullRequest) -> Result<PullRequested, Trouble> {
        let owner = wanted.repository.split('/').next().unwrap_or_default();
        let head = format!("{owner}:{}", wanted.head);
        let query = [("state", "open"), ("head", head.as_str()), ("base", wanted.base.as_str())];
        let open: Vec<Open> = self.api.list(Ask::get(&["pulls"], RIGHT).with(&query), "").await?;
        let Some(open) = open.into_iter().next() else { return self.open(wanted).await };
        if open.title != wanted.title || open.body.as_deref().unwrap_or_default() != wanted.body {
            let body = json!({ "title": wanted.title, "body": wanted.body });
            let number = open.number.to_string();
            match self.api.ask(Ask::patch(&["pulls", &number], &body, RIGHT)).await? {
                Said::Value(_) => {}
                said => return Err(refused(&format!("the pull request {number} cannot be changed"), said)),
            }
        }
        Ok(PullRequested { number: open.number, url: open.html_url })
    }

    async fn open(&self, wanted: &PullRequest) -> Result<PullRequested, Trouble> {
        let body = json!({
            "title": wanted.title, "body": wanted.body, "head": wanted.head, "base": wanted.base,
        });
        match self.api.ask(Ask::post(&["pulls"], &body, RIGHT)).await? {
            Said::Value(value) => {
                let opened: Open = serde_json::from_value(value).map_err(anyhow::Error::from)?;
                Ok(PullRequested { number: opened.number, url: opened.html_url })
            }
            Said::Invalid(why) if why.contains("No commits between") || why.contains("head invalid") => Err(
                Failure::refused(format!("`{}` has nothing to merge into `{}`", wanted.head, wanted.base))
                    .why(why)
                    .next(format!("push the branch first: git push origin {}", wanted.head))
                    .into(),
            ),
            said => Err(refused("the pull request cannot be opened", said)),
        }
    }
}
