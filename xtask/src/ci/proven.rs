//! Whether the merge queue proved this very commit already, asked of GitHub.
//!
//! Caches that a merge-queue run wrote cannot be read on the default branch, so the question goes to the API: is there
//! a successful `merge_group` run of the same workflow at the same commit? The answer can only make the plan smaller
//! when it is clear; any doubt plans everything, and says so.
//! (`GET /repos/{owner}/{repo}/actions/workflows/{file}/runs`, GitHub's REST API, version 2022-11-28.)

use serde::Deserialize;

use crate::doors::Doors;
use crate::shell::Command;

/// How long the question may take, in seconds: it is worth less than the work it could save.
const QUESTION_SECONDS_MAX: u32 = 20;

/// What the API said about this commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was not asked: this run is no push to the default branch.
    NotAsked,
    /// A run of the merge queue passed; its address.
    Proven(String),
    /// There is no such run.
    NotProven,
    /// It could not be asked, or the answer is not understood.
    Unknown(String),
}

impl Answer {
    /// The sentence for people; `None` where there was no question.
    pub(crate) fn sentence(&self) -> Option<String> {
        match self {
            Answer::NotAsked => None,
            Answer::Proven(run) => Some(format!("the merge queue proved this commit: {run}")),
            Answer::NotProven => {
                Some("the merge queue did not prove this commit: everything is planned".to_owned())
            }
            Answer::Unknown(why) => Some(format!(
                "whether the merge queue proved this commit is unknown ({why}): everything is planned"
            )),
        }
    }
}

/// What is asked, from the variables of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Question {
    api: String,
    repository: String,
    /// The path of the workflow that was started, as the API names it.
    workflow: String,
    commit: String,
    token: String,
}

#[derive(Debug, Deserialize)]
struct Runs {
    workflow_runs: Vec<Run>,
}

#[derive(Debug, Deserialize)]
struct Run {
    head_sha: String,
    path: String,
    event: String,
    status: String,
    conclusion: Option<String>,
    html_url: String,
}

/// Asks, where this run is a push to the default branch. `default_branch` is the branch that is declared.
pub(crate) fn ask(doors: &Doors, default_branch: &str) -> Answer {
    let variable = |name: &str| doors.environment.get(name);
    let is_push = variable("GITHUB_EVENT_NAME") == Some("push");
    if !is_push || variable("GITHUB_REF_NAME") != Some(default_branch) {
        return Answer::NotAsked;
    }
    let question = match question(&|name| variable(name).map(str::to_owned)) {
        Ok(question) => question,
        Err(missing) => return Answer::Unknown(format!("`{missing}` is not set")),
    };
    match fetch(doors, &question) {
        Ok(text) => decide(&text, &question.commit, &question.workflow),
        Err(why) => Answer::Unknown(doors.environment.mask(&why)),
    }
}

fn question(variable: &dyn Fn(&str) -> Option<String>) -> Result<Question, &'static str> {
    let needed = |name: &'static str| variable(name).ok_or(name);
    let repository = needed("GITHUB_REPOSITORY")?;
    // `owner/name/.github/workflows/file.yml@refs/heads/main`; of a called workflow, GitHub names the caller here.
    let reference = needed("GITHUB_WORKFLOW_REF")?;
    let workflow = reference.split('@').next().unwrap_or_default();
    let workflow = workflow.strip_prefix(&format!("{repository}/")).ok_or("GITHUB_WORKFLOW_REF")?;
    Ok(Question {
        api: needed("GITHUB_API_URL")?,
        workflow: workflow.to_owned(),
        commit: needed("GITHUB_SHA")?,
        token: needed("GITHUB_TOKEN")?,
        repository,
    })
}

/// The text of the answer. The token goes through standard input: an argument could be read by every process.
fn fetch(doors: &Doors, question: &Question) -> Result<String, String> {
    let file = question.workflow.rsplit('/').next().unwrap_or_default();
    let address = format!(
        "{}/repos/{}/actions/workflows/{file}/runs?event=merge_group&status=success&head_sha={}",
        question.api, question.repository, question.commit
    );
    let settings = format!(
        "url = {}\nheader = {}\nheader = {}\nheader = {}\n",
        configured(&address),
        configured("Accept: application/vnd.github+json"),
        configured("X-GitHub-Api-Version: 2022-11-28"),
        configured(&format!("Authorization: Bearer {}", question.token)),
    );
    let limit = QUESTION_SECONDS_MAX.to_string();
    let command = Command::new(
        "curl",
        [
            "--config",
            "-",
            "--silent",
            "--show-error",
            "--fail",
            "--max-time",
            &limit,
            "--user-agent",
            "nexus-xtask",
        ],
    );
    let captured = doors.shell.capture(&command.reading(settings)).map_err(|error| format!("{error:#}"))?;
    if !captured.is_success() {
        let said = captured.stderr.lines().next().unwrap_or_default().trim().to_owned();
        return Err(format!("curl ended with {}: {said}", captured.ended));
    }
    Ok(captured.text())
}

/// A value as curl's configuration reads it back.
fn configured(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What an answer of the API says about a commit. The filters of the question are checked again: what decides that
/// nothing is tested may not hang on a parameter that a server ignored.
pub(crate) fn decide(answer: &str, head_sha: &str, workflow: &str) -> Answer {
    let runs: Runs = match serde_json::from_str(answer) {
        Ok(runs) => runs,
        Err(error) => return Answer::Unknown(format!("the answer is not understood: {error}")),
    };
    let proof = runs.workflow_runs.into_iter().find(|run| {
        // The API appends `@ref` to the path of some runs.
        run.path.split('@').next() == Some(workflow)
            && run.head_sha == head_sha
            && run.event == "merge_group"
            && run.status == "completed"
            && run.conclusion.as_deref() == Some("success")
    });
    proof.map_or(Answer::NotProven, |run| Answer::Proven(run.html_url))
}

#[cfg(test)]
mod tests;
