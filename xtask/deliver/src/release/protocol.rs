//! What the front asks of the satellite `ship`.
//!
//! One request, as one line of JSON on the satellite's standard input; then messages ([`nexus_xtask::satellite::Message`]), one
//! a line, on its standard output. To add a request: a variant here, the type of its answer beside it, and an arm in
//! `xtask/ship/src/main.rs`.

pub mod forge;
pub mod inspect;
pub mod rehearse;
pub mod stage;
pub mod verify;

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::release::effect::Observed;
use crate::release::plan::Plan;

use rehearse::Rehearse;

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Request {
    /// Carries the effects of a plan out, from a staging folder. The answer is [`Published`].
    Publish(Publish),
    /// Asks the forge which checks ran on a commit. The answer is a list of [`Check`], every page of it.
    Checks(Checks),
    /// Asks the forge which issues with a label are open. The answer is a list of [`Issue`], every page of it.
    Issues(Issues),
    /// Opens a pull request, or brings the one that is open up to date. The answer is [`PullRequested`].
    PullRequest(PullRequest),
    /// Asks the forge how a repository is set up. The answer is [`forge::Settings`].
    Settings(forge::AskSettings),
    /// Asks the forge for the published release of a tag. The answer is a [`forge::Published`], or null.
    Published(forge::AskPublished),
    /// Looks at every effect of a plan, and changes nothing. The answer is a list of [`Seen`].
    Observe(Publish),
    /// Carries the effects out against servers on loopback, and builds a consumer from there. The answer is
    /// [`rehearse::Rehearsed`].
    Rehearse(Rehearse),
    /// Kills the executor at every place where it can be killed. The answer is [`rehearse::Matrix`].
    Matrix(Rehearse),
    /// Looks at releases of the past. The answer is a list of [`inspect::Inspected`].
    Inspect(inspect::Inspect),
    /// Looks at a published release as a stranger would. The answer is [`verify::Verified`].
    Verify(verify::Verify),
    /// Takes the effects of a plan back, as far as each can be. The answer is a list of [`Withdrawn`].
    Withdraw(Withdraw),
    /// Serves a double of the forge on loopback until its input ends. A note says its address; there is no answer.
    ServeForge(forge::ServeForge),
    /// Serves a double of the registry on loopback until its input ends. A note says the address of its index; there is
    /// no answer.
    ServeRegistry(rehearse::ServeRegistry),
    /// Writes the staging folder. The answer is [`stage::Staged`].
    Stage(stage::Stage),
    /// Unpacks archives. The answer is a list of [`stage::Unpacked`].
    Unpack(stage::Unpack),
}

/// Where the world is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// The forge's API: `https://api.github.com`, or a server on loopback. Its token is in `GITHUB_TOKEN`.
    pub forge: String,
    /// The address of the registry's sparse index, without `sparse+`. Its token is in `CARGO_REGISTRY_TOKEN`, or is
    /// exchanged for GitHub's identity where `trusted` is set.
    pub registry: String,
    /// True where the registry's token is got for GitHub's identity.
    pub trusted: bool,
}

impl Endpoints {
    /// True where both are servers on loopback, as a rehearsal has them.
    pub fn is_local(&self) -> bool {
        let is_local = |address: &String| {
            let host = address.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            ["127.0.0.1", "localhost", "[::1]"].contains(&name)
        };
        [&self.forge, &self.registry].into_iter().all(is_local)
    }
}

/// The effects of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publish {
    /// The plan.
    pub plan: Plan,
    /// The staging folder; its manifest and the plan give the seal.
    pub staging: PathBuf,
    /// Where the effects go.
    pub endpoints: Endpoints,
    /// How many seconds may be waited for a limit of the registry or the forge, in one go.
    pub wait_seconds_max: u64,
    /// How many milliseconds lie between two looks for a draft that may be there and not visible yet; each pause is twice
    /// as long as the one before. A rehearsal has less time than a forge needs.
    pub pause_milliseconds: u64,
    /// What is to go wrong, in a rehearsal.
    pub faults: Vec<Fault>,
}

/// Something that is to go wrong at an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The effect, counted from 1 in the plan's order.
    pub effect: usize,
    /// What goes wrong there.
    pub kind: FaultKind,
}

/// What can be made to go wrong. What the servers do wrong is asked of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The process is killed when the intent is written down and nothing has been done.
    CrashBefore,
    /// The process is killed when the effect is applied and not recorded.
    CrashAfter,
    /// The process is killed while it writes the record: half a line is on the disk.
    TornRecord,
    /// The effect is applied, and the connection is lost before the answer arrives; then the process is killed.
    LostResponse,
}

/// What the world says of an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The effect's step.
    pub step: String,
    /// What was seen.
    pub observed: Observed,
}

/// The way back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Withdraw {
    /// The plan whose effects are taken back.
    pub plan: Plan,
    /// Where they went.
    pub endpoints: Endpoints,
    /// True to yank its packages.
    pub packages: bool,
    /// True to take its releases, tags and drafts back.
    pub releases: bool,
    /// How many seconds may be waited for limits in all.
    pub wait_seconds_max: u64,
}

/// What became of an effect that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// The effect's step.
    pub step: String,
    /// What was done, or why nothing was.
    pub how: String,
}

/// What publishing did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Effects that were applied now.
    pub applied: Vec<String>,
    /// Effects that were there already.
    pub left: Vec<String>,
}

/// Which checks ran on a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Where the forge is.
    pub endpoints: Endpoints,
    /// `owner/name`.
    pub repository: String,
    /// The commit.
    pub commit: String,
}

/// A check run, and the workflow run that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name: `ci / verdict`.
    pub name: String,
    /// `queued`, `in_progress`, `completed`, ...
    pub status: String,
    /// `success`, `failure`, `skipped`, ...; none while it has not ended.
    pub conclusion: Option<String>,
    /// The application that reports it: `github-actions`. Any application may use any name.
    pub app: Option<String>,
    /// The event that started the workflow run with the same check suite: `push`, `pull_request`, ...; none where no
    /// workflow run is known.
    pub event: Option<String>,
    /// The branch of the check suite.
    pub branch: Option<String>,
    /// When it started. The newest of one name counts.
    pub started: Option<Timestamp>,
    /// Where a person looks at it.
    pub address: String,
}

/// Which issues with a label are open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issues {
    /// Where the forge is.
    pub endpoints: Endpoints,
    /// `owner/name`.
    pub repository: String,
    /// The label.
    pub label: String,
}

/// An open issue. A pull request is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// Its title, as a stranger wrote it.
    pub title: String,
    /// Where a person looks at it.
    pub address: String,
}

/// A pull request from a branch of the same repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Where the forge is.
    pub endpoints: Endpoints,
    /// `owner/name`.
    pub repository: String,
    /// The branch that is to be merged. It is there already.
    pub head: String,
    /// The branch that it is merged into.
    pub base: String,
    /// The title, one line.
    pub title: String,
    /// The text, in Markdown.
    pub body: String,
}

/// The pull request that is open now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequested {
    /// Its number.
    pub number: u64,
    /// Where people find it.
    pub url: String,
}
