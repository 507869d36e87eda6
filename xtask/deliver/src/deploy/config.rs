//! `release/stages.toml`: where the service runs, in which order a release gets there, and what must hold on the way.
//!
//! Every problem of the file is found in one go ([`parse`]), each with its line and what to do.

mod check;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

use crate::declared;
use crate::deploy::contract::HostName;
use crate::freeze::Freeze;

/// The file's name from the root.
pub const FILE: &str = "release/stages.toml";

/// Where the service runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is deployed
    pub service: Service,
    /// The stages, by name
    pub stages: BTreeMap<String, Stage>,
    /// What is different while the stages are rehearsed on this machine
    #[serde(default)]
    pub rehearsal: Rehearsal,
    /// How GitHub deploys
    #[serde(default)]
    pub github: Github,
}

/// How GitHub deploys, and what it shows. `workflow` and `minutes_max` are read by `cargo xtask workflows`, which says what is
/// wrong with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Github {
    /// Whether `deploy run` and `deploy rollback` show what they do as deployments there. It needs `GITHUB_TOKEN` with the
    /// right `deployments: write`; what goes wrong with it is a warning, and hosts never wait for it
    pub deployments: bool,
    /// Whether `cargo xtask workflows --write` makes a workflow with a job for each stage. All of them must be reached by `ssh`
    pub workflow: bool,
    /// How many minutes the job of a stage may run (120): its waves are watched meanwhile
    pub minutes_max: Option<u32>,
}

/// What is different while the stages are rehearsed on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rehearsal {
    /// Variables of the service, over those of each stage
    pub configuration: BTreeMap<String, String>,
    /// Variables that make the service bad. A release with them is planted in the last stage, and must be caught
    pub bad: BTreeMap<String, String>,
}

/// What is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name on the hosts: the user, the folder and the units are called so
    pub name: String,
    /// The artifact of the release: an example or a package that `artifacts.deployed` in release/release.toml names
    pub artifact: String,
    /// The program inside of the artifact; its name where nothing is said
    pub program: Option<String>,
    /// The target triple that is deployed; the one of this machine's toolchain where nothing is said
    pub target: Option<String>,
    /// How it is asked whether it is well
    #[serde(default)]
    pub probe: Probe,
    /// How long requests under way may take when an instance is to end, in seconds
    #[serde(default = "ten")]
    pub drain_seconds: u32,
}

/// How a service is asked whether it is well. Each path must answer 200 with JSON; a page of HTML is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Probe {
    /// Says that the process answers
    pub live: Option<String>,
    /// Says that it has started
    pub started: Option<String>,
    /// Says that it may be given requests
    pub ready: String,
    /// Says which release it is
    pub version: String,
    /// The place of the release's name in that answer, as a JSON pointer
    pub version_pointer: String,
    /// The limit of one question, in milliseconds
    pub timeout_milliseconds: u32,
    /// How long it may take to get ready, in seconds
    pub startup_seconds: u32,
    /// How many times in a row it must be ready
    pub successes: u32,
}

impl Default for Probe {
    fn default() -> Probe {
        Probe {
            live: Some("/livez".to_owned()),
            started: Some("/startedz".to_owned()),
            ready: "/readyz".to_owned(),
            version: "/version".to_owned(),
            version_pointer: "/release".to_owned(),
            timeout_milliseconds: 2000,
            startup_seconds: 30,
            successes: 2,
        }
    }
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The stages that must have confirmed the same bytes before
    #[serde(default)]
    pub after: Vec<String>,
    /// How hosts are reached
    pub driver: DriverKind,
    /// The hosts, by name
    pub hosts: BTreeMap<String, Host>,
    /// How many hosts have the release after each wave: `1`, `50%`. The last is all, and `100%` where nothing is said
    #[serde(default)]
    pub waves: Vec<String>,
    /// How many hosts of a wave are changed at once
    #[serde(default = "one")]
    pub parallel: u32,
    /// How long each wave is watched before it is confirmed, in seconds
    #[serde(default)]
    pub soak_seconds: u32,
    /// How long a release must have been confirmed in each stage before this one, in seconds
    #[serde(default)]
    pub rest_seconds: u32,
    /// Times in which nothing is deployed here
    #[serde(default)]
    pub freezes: Vec<Freeze>,
    /// How many people must have approved
    #[serde(default)]
    pub approvals: u32,
    /// Commands that must pass before the first host is touched; each is a list of words
    #[serde(default)]
    pub gates: BTreeMap<String, Vec<String>>,
    /// Commands that must pass after the last wave; a failure rolls back
    #[serde(default)]
    pub checks: BTreeMap<String, Vec<String>>,
    /// What is measured while a wave is watched
    #[serde(default)]
    pub analysis: Analysis,
    /// Backups of release/resilience.toml that are made and read back before anything changes
    #[serde(default)]
    pub backups: Vec<String>,
    /// Drills of release/resilience.toml that must have been passed, and not longer ago than it says there
    #[serde(default)]
    pub drills: Vec<String>,
    /// How the data changes with releases
    #[serde(default)]
    pub migrations: Migrations,
    /// How many releases are kept on each host, besides those in use
    #[serde(default = "five")]
    pub keep: u32,
    /// Variables of the service here. They are part of the release: going back brings the old ones back
    #[serde(default)]
    pub configuration: BTreeMap<String, String>,
    /// Names of secrets that the hosts have in their folder for them; their values never pass through here
    #[serde(default)]
    pub secrets: Vec<String>,
}

/// How hosts are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriverKind {
    /// The system's `ssh`, to hosts with systemd
    Ssh,
    /// Folders of this machine, each with a host process
    Local,
}

/// A host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// For `ssh` where it is, as ssh takes it: `deploy@10.0.0.1`, or a name of its configuration
    pub at: Option<String>,
    /// The service's address there: `0.0.0.0:8080`, `127.0.0.1:8080`
    pub listen: String,
}

/// What is measured while a wave is watched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Analysis {
    /// Failures per thousand that are too many, of readiness and of `paths`, each judged apart
    pub failures_permille_max: u32,
    /// Fewer answers than this say nothing
    pub samples_min: u32,
    /// How often is asked, in milliseconds
    pub interval_milliseconds: u32,
    /// How long may be waited for enough answers, in seconds, beyond the time of watching
    pub wait_seconds_max: u32,
    /// What an end without a verdict does
    pub on_inconclusive: Inconclusive,
    /// How much slower than the untouched hosts is too slow, in percent: in the times of `paths`, without them of readiness.
    /// Not judged where nothing is said
    pub slower_percent_max: Option<u32>,
    /// Paths that are asked beside readiness; each must answer 200 with JSON
    pub paths: Vec<String>,
    /// Numbers of others, by name
    pub metrics: BTreeMap<String, Metric>,
}

impl Default for Analysis {
    fn default() -> Analysis {
        Analysis {
            failures_permille_max: 10,
            samples_min: 20,
            interval_milliseconds: 100,
            wait_seconds_max: 60,
            on_inconclusive: Inconclusive::Pause,
            slower_percent_max: None,
            paths: Vec::new(),
            metrics: BTreeMap::new(),
        }
    }
}

/// What an end without a verdict does. It never promotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Inconclusive {
    /// It stops, and a person decides
    Pause,
    /// It goes back
    Rollback,
}

/// A number that somebody else measures.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Prometheus: the server's address
    pub prometheus: Option<String>,
    /// Its query
    pub query: Option<String>,
    /// An address that answers with JSON
    pub http_json: Option<String>,
    /// The place of the number in that answer, as a JSON pointer
    pub pointer: Option<String>,
    /// A command that prints the number, as a list of words
    pub command: Option<Vec<String>>,
    /// The number must not be above this; a decimal in quotes
    pub at_most: String,
}

/// How the data changes with releases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Migrations {
    /// The shape of the data that this release reads and writes
    pub schema: u32,
    /// The oldest shape that this release can still run on
    pub schema_min: u32,
    /// Adds what the release needs and the one before does not mind, as a list of words; run once, before the first wave and
    /// after the backups
    pub expand: Option<Vec<String>>,
    /// Takes out what only releases of an older `schema` need, as a list of words; run once every host confirmed, when no
    /// release that is kept is of one. Going back to such a release is refused afterwards
    pub contract: Option<Vec<String>>,
}

/// What the file says.
///
/// # Errors
/// Exit 2 where it is not there, or wrong; with every problem.
pub fn load(workspace: &Workspace) -> Result<Config> {
    let Some(text) = files::read_text(&workspace.file(FILE))? else {
        return Err(Failure::usage(format!("there is no `{FILE}`"))
            .why("nothing says where the service runs")
            .next("write it; its schema is release/schema/stages.json, an example is in docs/deploy.md"));
    };
    parse(&text).map_err(|findings| Failure::found(Exit::Usage, format!("`{FILE}` cannot be used"), findings))
}

/// The schema of the file.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Config)
}

/// Reads the text of the file, or says everything that is wrong with it.
pub fn parse(text: &str) -> std::result::Result<Config, Vec<Finding>> {
    let config: Config = declared::parse(FILE, "stages", text).map_err(|finding| vec![finding])?;
    let findings = check::check(&config, text);
    if findings.is_empty() { Ok(config) } else { Err(findings) }
}

impl Stage {
    /// The names of the hosts, in their order.
    pub fn names(&self) -> Vec<HostName> {
        self.hosts.keys().cloned().map(HostName).collect()
    }

    /// The hosts of each wave, in the order of their names. Every host is in exactly one.
    pub fn waves(&self) -> Vec<Vec<String>> {
        let names: Vec<&String> = self.hosts.keys().collect();
        let mut ends: Vec<usize> =
            self.waves.iter().filter_map(|wave| check::hosts_of(wave, names.len())).collect();
        ends.push(names.len());
        let mut waves = Vec::new();
        let mut begin = 0;
        for end in ends {
            if end > begin {
                waves.push(names[begin..end].iter().map(|name| (*name).clone()).collect());
                begin = end;
            }
        }
        waves
    }
}

impl Config {
    /// The stage of a name.
    ///
    /// # Errors
    /// Exit 2, with the names that there are.
    pub fn stage(&self, name: &str) -> Result<&Stage> {
        self.stages.get(name).ok_or_else(|| {
            let known: Vec<_> = self.stages.keys().map(|name| format!("`{name}`")).collect();
            Failure::usage(format!("there is no stage `{name}`"))
                .why(format!("{FILE} has {}", known.join(", ")))
                .next("cargo xtask deploy status")
        })
    }

    /// The stages in the order of promotion.
    pub fn order(&self) -> Vec<&str> {
        let mut order: Vec<&str> = Vec::new();
        while order.len() < self.stages.len() {
            let next = self.stages.iter().find(|(name, stage)| {
                !order.contains(&name.as_str())
                    && stage.after.iter().all(|before| order.contains(&before.as_str()))
            });
            match next {
                Some((name, _)) => order.push(name),
                // A circle is refused when the file is read.
                None => break,
            }
        }
        order
    }
}

fn one() -> u32 {
    1
}

fn five() -> u32 {
    5
}

fn ten() -> u32 {
    10
}

#[cfg(test)]
mod tests;
