//! `release/signals.toml`: what is looked at, how often, and what its looks mean.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

use super::evaluate::Rule;
use crate::declared;

/// The file's name from the root.
pub const FILE: &str = "release/signals.toml";

/// The most looks in a row that may be asked for: as many are kept for sure.
const ROW_MAX: u32 = 20;

/// The limit of a look where nothing is said, in seconds; that of a command is longer.
const TIMEOUT: u64 = 5;
const TIMEOUT_OF_COMMAND: u64 = 60;

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Signals by name
    pub signals: BTreeMap<String, Signal>,
}

/// One thing that is looked at: exactly one of `http`, `tcp`, `command`, `file_age`, `disk` and `journal`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// How often: `30s`, `5m`, `1d`. What was not looked at for three times as long is stale
    pub every: String,
    /// Looks in a row that must be bad until it is down; default: 2
    pub failures: Option<u32>,
    /// Looks in a row that must be good until it is up; default: 1
    pub successes: Option<u32>,
    /// How long it may take to start: so long it is `starting`, and not down
    pub startup: Option<String>,
    /// Who is asked when it is down
    pub owner: Option<String>,
    /// A service that answers over HTTP
    pub http: Option<Http>,
    /// A port that takes connections
    pub tcp: Option<Tcp>,
    /// A program that ends well
    pub command: Option<Program>,
    /// A file that is written again and again
    pub file_age: Option<FileAge>,
    /// Space on a disk
    pub disk: Option<Disk>,
    /// The journal of this machine
    pub journal: Option<Journal>,
}

/// A service that answers over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// `http://HOST:PORT`, `https://HOST`, `unix:PATH`
    pub address: String,
    /// The path
    pub path: String,
    /// The status; default: 200
    pub status: Option<u16>,
    /// The beginning of the content type; default: `application/json`
    pub content_type: Option<String>,
    /// A text that the body must have
    pub contains: Option<String>,
    /// Places of a JSON body (RFC 6901), and the text that must be there
    pub pointers: BTreeMap<String, String>,
    /// The version that must be served
    pub version: Option<Version>,
    /// The limit of each question; default: `5s`
    pub timeout: Option<String>,
}

/// The version that must be served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The path of a JSON answer
    pub path: String,
    /// The place of the version in it (RFC 6901)
    pub pointer: String,
    /// The version; any where nothing is said
    pub wanted: Option<String>,
}

/// A port that takes connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tcp {
    /// `HOST:PORT`
    pub address: String,
    /// The limit; default: `5s`
    pub timeout: Option<String>,
}

/// A program that ends well. One that crashes, or cannot be run, says nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The program and its arguments; no shell reads them
    pub run: Vec<String>,
    /// What it must end with; default: 0
    pub exit: Option<u8>,
    /// A text that it must print
    pub prints: Option<String>,
    /// The limit; default: `60s`
    pub timeout: Option<String>,
}

/// A file that is written again and again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileAge {
    /// The file, from the root
    pub path: String,
    /// How old it may be: `90s`, `12h`, `7d`
    pub age_max: String,
}

/// Space on a disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// A folder on it, from the root
    pub path: String,
    /// What must be free, in MiB
    pub free_mib_min: u64,
}

/// The journal of this machine: `whole`, or an event that may not be too old.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    /// True where every chain must be whole
    pub whole: bool,
    /// The kind of an event: `ci.run`
    pub kind: Option<String>,
    /// What it must be about; default: anything
    pub subject: Option<String>,
    /// Labels that it must have
    pub labels: BTreeMap<String, String>,
    /// How old the newest such event may be
    pub age_max: Option<String>,
}

/// What kind of signal it is, with what is declared of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind<'a> {
    /// A service.
    Http(&'a Http),
    /// A port.
    Tcp(&'a Tcp),
    /// A program.
    Command(&'a Program),
    /// A file.
    FileAge(&'a FileAge),
    /// A disk.
    Disk(&'a Disk),
    /// The journal.
    Journal(&'a Journal),
}

impl Signal {
    fn kinds(&self) -> Vec<Kind<'_>> {
        let mut kinds = Vec::new();
        kinds.extend(self.http.as_ref().map(Kind::Http));
        kinds.extend(self.tcp.as_ref().map(Kind::Tcp));
        kinds.extend(self.command.as_ref().map(Kind::Command));
        kinds.extend(self.file_age.as_ref().map(Kind::FileAge));
        kinds.extend(self.disk.as_ref().map(Kind::Disk));
        kinds.extend(self.journal.as_ref().map(Kind::Journal));
        kinds
    }

    /// The one kind.
    ///
    /// # Panics
    /// Where the configuration was not checked.
    pub fn kind(&self) -> Kind<'_> {
        *self.kinds().first().expect("a checked signal looks at something")
    }

    /// What its looks mean.
    pub fn rule(&self) -> Rule {
        Rule {
            every: seconds(&self.every),
            failures: self.failures.unwrap_or(2),
            successes: self.successes.unwrap_or(1),
            startup: self.startup.as_deref().map_or(0, seconds),
        }
    }
}

impl Http {
    /// The limit of each question.
    pub fn limit(&self) -> Duration {
        limit(self.timeout.as_deref(), TIMEOUT)
    }
}

impl Tcp {
    /// The limit.
    pub fn limit(&self) -> Duration {
        limit(self.timeout.as_deref(), TIMEOUT)
    }
}

impl Program {
    /// The limit.
    pub fn limit(&self) -> Duration {
        limit(self.timeout.as_deref(), TIMEOUT_OF_COMMAND)
    }
}

fn limit(written: Option<&str>, default: u64) -> Duration {
    Duration::from_secs(written.map_or(default, seconds))
}

/// A time that was checked, in seconds.
pub(crate) fn seconds(text: &str) -> u64 {
    declared::seconds(text).unwrap_or_default()
}

/// What the file says.
///
/// # Errors
/// Exit 2 with every problem, its line and its remedy; a file that is not there is one of them.
pub fn load(workspace: &Workspace) -> Result<Config> {
    find(workspace)?.ok_or_else(|| {
        Failure::usage(format!("there is no `{FILE}`"))
            .why("no signal is declared, so none can be looked at")
            .next(format!("declare one in {FILE}: `[signals.NAME]`, docs/observe.md has an example"))
    })
}

/// What the file says; none where there is no file.
///
/// # Errors
/// Exit 2 with every problem, its line and its remedy.
pub fn find(workspace: &Workspace) -> Result<Option<Config>> {
    let Some(text) = files::read_text(&workspace.file(FILE))? else { return Ok(None) };
    let unusable = |findings| Failure::found(Exit::Usage, format!("`{FILE}` cannot be used"), findings);
    parse(&text).map(Some).map_err(unusable)
}

/// The schema of the file.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Config)
}

/// Reads and checks the text of the file.
///
/// # Errors
/// Every problem; where the text is no such configuration at all, the first.
pub fn parse(text: &str) -> std::result::Result<Config, Vec<Finding>> {
    let config: Config = declared::parse(FILE, "signals", text).map_err(|finding| vec![finding])?;
    let mut findings = Vec::new();
    for (name, signal) in &config.signals {
        let table = format!("[signals.{name}");
        let is_table =
            |line: &str| line.strip_prefix(&table).is_some_and(|rest| rest.starts_with([']', '.']));
        let line = text.lines().position(|line| is_table(line.trim())).map_or(0, |at| at + 1);
        check(name, signal, &mut |problem, next| {
            findings.push(Finding::at(FILE, line, format!("signal `{name}`: {problem}"), next));
        });
    }
    if findings.is_empty() { Ok(config) } else { Err(findings) }
}

fn check(name: &str, signal: &Signal, say: &mut dyn FnMut(String, &str)) {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if name.is_empty() || !name.chars().all(plain) {
        say("this cannot be the name of a signal".into(), "use small letters, digits and `-`");
    }
    time("every", Some(&signal.every), say);
    time("startup", signal.startup.as_ref(), say);
    for (key, count) in [("failures", signal.failures), ("successes", signal.successes)] {
        if count.is_some_and(|count| count == 0 || count > ROW_MAX) {
            say(format!("`{key}` is not from 1 to {ROW_MAX}"), "write how many looks in a row decide");
        }
    }
    if signal.owner.as_ref().is_some_and(|owner| owner.trim().is_empty()) {
        say("`owner` is empty".into(), "fill it in, or remove it");
    }
    let kinds = signal.kinds();
    match kinds[..] {
        [kind] => check_kind(kind, say),
        _ => say(
            format!("it looks at {} things", kinds.len()),
            "name one of `http`, `tcp`, `command`, `file_age`, `disk`, `journal`",
        ),
    }
}

fn check_kind(kind: Kind<'_>, say: &mut dyn FnMut(String, &str)) {
    match kind {
        Kind::Http(http) => {
            let is_known = ["http://", "https://", "unix:"].iter().any(|way| http.address.starts_with(way));
            if !is_known {
                say(
                    "`http.address` is no address".into(),
                    "write `http://HOST:PORT`, `https://HOST` or `unix:PATH`",
                );
            }
            let paths = [Some(&http.path), http.version.as_ref().map(|version| &version.path)];
            if paths.into_iter().flatten().any(|path| !path.starts_with('/')) {
                say("a path of `http` does not begin with `/`".into(), "write `/readyz`, say");
            }
            let pointers = http.pointers.keys().chain(http.version.as_ref().map(|version| &version.pointer));
            for pointer in pointers.filter(|pointer| !pointer.starts_with('/')) {
                say(format!("`{pointer}` is no place of a JSON body"), "write `/status`, say (RFC 6901)");
            }
            time("http.timeout", http.timeout.as_ref(), say);
        }
        Kind::Tcp(tcp) => {
            let port = tcp.address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none() {
                say("`tcp.address` has no port".into(), "write `HOST:PORT`");
            }
            time("tcp.timeout", tcp.timeout.as_ref(), say);
        }
        Kind::Command(program) => {
            if program.run.first().is_none_or(String::is_empty) {
                say("`command.run` names no program".into(), "give the program and its arguments");
            }
            time("command.timeout", program.timeout.as_ref(), say);
        }
        Kind::FileAge(file) => time("file_age.age_max", Some(&file.age_max), say),
        Kind::Disk(disk) if disk.free_mib_min == 0 => {
            say("`disk.free_mib_min` is 0, which is always free".into(), "write how many MiB must be free");
        }
        Kind::Disk(_) => {}
        Kind::Journal(journal) => {
            let of_event = journal.kind.is_some() && journal.age_max.is_some();
            let nothing_else = journal.kind.is_none()
                && journal.subject.is_none()
                && journal.labels.is_empty()
                && journal.age_max.is_none();
            if !(if journal.whole { nothing_else } else { of_event }) {
                let next = "write `whole = true`, or `kind` and `age_max`";
                say("`journal` asks nothing, or two things".into(), next);
            }
            time("journal.age_max", journal.age_max.as_ref(), say);
        }
    }
}

fn time(key: &str, written: Option<&String>, say: &mut dyn FnMut(String, &str)) {
    if written.is_some_and(|text| declared::seconds(text).is_none()) {
        say(format!("`{key}` is no time"), "write `90s`, `12h` or `7d`");
    }
}

#[cfg(test)]
mod tests;
