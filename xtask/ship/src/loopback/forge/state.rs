//! What the double holds: a repository and its settings, set up by a test or a seed, and changed by requests.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use nexus_xtask::digest::Digest;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::fault::Fault;

/// A repository on the forge, with everything that a release asks of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct State {
    /// `owner/name`.
    pub(crate) repository: String,
    /// The token that is taken; any, and none, where nothing is said.
    pub(crate) token: Option<String>,
    /// True when that token may not write.
    pub(crate) read_only: bool,
    /// True when releases that are published cannot be changed any more.
    pub(crate) immutable: bool,
    /// The commits that there are; any, where none is named.
    pub(crate) commits: BTreeSet<String>,
    /// Each tag, and the object that it names.
    pub(crate) tags: BTreeMap<String, String>,
    /// Annotated tags: the object, and what it names, which may be another of them.
    pub(crate) annotated: BTreeMap<String, String>,
    pub(crate) releases: Vec<Release>,
    /// Tags of immutable releases: each can be used once.
    pub(crate) burned: BTreeSet<String>,
    pub(crate) checks: Vec<Check>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) pulls: Vec<Pull>,
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) environments: BTreeMap<String, Environment>,
    /// The rules of each branch, by their types.
    pub(crate) branches: BTreeMap<String, Vec<String>>,
    /// What each branch is protected from in the older way, by the types of the rules that do the same.
    pub(crate) protected: BTreeMap<String, Vec<String>>,
    pub(crate) rulesets: Vec<Ruleset>,
    /// True when a workflow's token may write where the workflow says nothing.
    pub(crate) token_writes: bool,
    /// How many lists are read without something new in them.
    pub(crate) reads_until_visible: u32,
    /// The longest page, whatever was asked for.
    pub(crate) page_max: usize,
    /// Where files are to be sent; to this server, where nothing is said.
    pub(crate) uploads: Option<String>,
    pub(crate) faults: Vec<Fault>,
    /// How often each kind of request came.
    pub(crate) counts: BTreeMap<String, u32>,
    pub(crate) next: u64,
}

/// A release, drafted or published.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) tag: String,
    pub(crate) name: String,
    pub(crate) body: String,
    pub(crate) target: String,
    pub(crate) draft: bool,
    pub(crate) prerelease: bool,
    pub(crate) immutable: bool,
    /// What was wanted when it was published: `true`, `false` or `legacy`.
    pub(crate) make_latest: String,
    pub(crate) assets: Vec<Asset>,
    /// Lists that are still read without it.
    pub(crate) hidden: u32,
}

/// A file of a release.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asset {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// What is in it; text where it comes from a seed.
    #[serde(deserialize_with = "text")]
    pub(crate) bytes: Bytes,
    /// False where the upload was cut off.
    pub(crate) complete: bool,
    /// False for a file from the time before the forge computed digests.
    pub(crate) digested: bool,
    pub(crate) hidden: u32,
}

/// A check run, and the workflow run that it belongs to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Check {
    pub(crate) commit: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) branch: String,
    pub(crate) event: String,
}

/// An issue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) labels: Vec<String>,
    pub(crate) open: bool,
    /// The forge lists pull requests among the issues.
    pub(crate) is_pull: bool,
}

/// A pull request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) head: String,
    pub(crate) base: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) open: bool,
}

/// A deployment, with its statuses, oldest first.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Deployment {
    pub(crate) id: u64,
    pub(crate) sha: String,
    pub(crate) task: String,
    pub(crate) environment: String,
    pub(crate) description: String,
    pub(crate) payload: Value,
    pub(crate) production: bool,
    pub(crate) transient: bool,
    pub(crate) statuses: Vec<Status>,
}

/// How far a deployment was at a moment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Status {
    pub(crate) id: u64,
    pub(crate) state: String,
    pub(crate) description: String,
    pub(crate) log_url: String,
    pub(crate) environment_url: String,
}

/// An environment of workflows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Environment {
    pub(crate) reviewers: Vec<String>,
    pub(crate) prevent_self_review: bool,
    /// True when only protected branches may deploy to it.
    pub(crate) protected_branches: bool,
}

/// A set of rules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ruleset {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// `branch` or `tag`.
    pub(crate) target: String,
    /// `active`, `evaluate` or `disabled`.
    pub(crate) enforcement: String,
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) rules: Vec<String>,
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    String::deserialize(deserializer).map(Bytes::from)
}

impl Default for State {
    fn default() -> State {
        State::of("owner/name")
    }
}

impl State {
    /// An empty repository, in which everything is allowed and releases are immutable.
    pub(crate) fn of(repository: &str) -> State {
        State {
            repository: repository.to_owned(),
            token: None,
            read_only: false,
            immutable: true,
            commits: BTreeSet::new(),
            tags: BTreeMap::new(),
            annotated: BTreeMap::new(),
            releases: Vec::new(),
            burned: BTreeSet::new(),
            checks: Vec::new(),
            issues: Vec::new(),
            pulls: Vec::new(),
            deployments: Vec::new(),
            environments: BTreeMap::new(),
            branches: BTreeMap::new(),
            protected: BTreeMap::new(),
            rulesets: Vec::new(),
            token_writes: false,
            reads_until_visible: 0,
            page_max: 100,
            uploads: None,
            faults: Vec::new(),
            counts: BTreeMap::new(),
            next: 1,
        }
    }

    /// A number that nothing has yet.
    pub(crate) fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The commit that a tag leads to.
    pub(crate) fn commit_of(&self, tag: &str) -> Option<&String> {
        let mut object = self.tags.get(tag)?;
        while let Some(next) = self.annotated.get(object) {
            object = next;
        }
        Some(object)
    }

    /// The published release with the highest version that may be the latest.
    pub(crate) fn latest(&self) -> Option<&Release> {
        let published =
            self.releases.iter().filter(|release| !release.draft && !release.prerelease).collect::<Vec<_>>();
        let wanted = published.iter().rev().find(|release| release.make_latest == "true");
        let version = |release: &Release| {
            let number = release.tag.find(|character: char| character.is_ascii_digit())?;
            semver::Version::parse(&release.tag[number..]).ok()
        };
        let by_version = published
            .iter()
            .filter(|release| release.make_latest == "legacy")
            .max_by_key(|release| version(release));
        wanted.or(by_version).copied()
    }

    /// The world as a value: without numbers and times that differ from run to run, in one order.
    pub(crate) fn world(&self) -> Value {
        let latest = self.latest().map(|release| release.id);
        let mut releases: Vec<Value> = self
            .releases
            .iter()
            .map(|release| {
                let assets: BTreeMap<_, _> =
                    release.assets.iter().map(|asset| (&asset.name, asset.as_world())).collect();
                json!({
                    "tag": release.tag, "name": release.name, "body": release.body, "target": release.target,
                    "draft": release.draft, "prerelease": release.prerelease, "immutable": release.immutable,
                    "latest": latest == Some(release.id), "assets": assets,
                })
            })
            .collect();
        releases.sort_by_key(Value::to_string);
        let mut pulls: Vec<Value> = self
            .pulls
            .iter()
            .map(|pull| {
                json!({ "head": pull.head, "base": pull.base, "title": pull.title, "body": pull.body, "open": pull.open })
            })
            .collect();
        pulls.sort_by_key(Value::to_string);
        let deployments: Vec<Value> = self.deployments.iter().map(Deployment::as_world).collect();
        let tags: BTreeMap<_, _> = self.tags.keys().map(|tag| (tag, self.commit_of(tag))).collect();
        json!({
            "tags": tags, "releases": releases, "burned": self.burned, "pulls": pulls, "deployments": deployments,
        })
    }
}

impl Deployment {
    fn as_world(&self) -> Value {
        let statuses: Vec<Value> = self
            .statuses
            .iter()
            .map(|status| {
                json!({
                    "state": status.state, "description": status.description, "log_url": status.log_url,
                    "environment_url": status.environment_url,
                })
            })
            .collect();
        json!({
            "sha": self.sha, "task": self.task, "environment": self.environment, "description": self.description,
            "payload": self.payload, "production": self.production, "statuses": statuses,
        })
    }
}

impl Asset {
    fn as_world(&self) -> Value {
        json!({ "sha256": Digest::of(&self.bytes), "bytes": self.bytes.len(), "complete": self.complete })
    }
}
