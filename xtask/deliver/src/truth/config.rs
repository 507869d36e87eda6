//! `release/truth.toml`: claims, and the evidence that shows them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use nexus_xtask::digest::Digest;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

use crate::declared;
pub(crate) use crate::declared::seconds;

/// The file's name from the root.
pub const FILE: &str = "release/truth.toml";

/// The limit of a look where nothing is said, in seconds.
const SECONDS_MAX: u64 = 600;

/// What is claimed, and how it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where documents speak of claims
    pub documents: Documents,
    /// Looks: tests and commands
    pub looks: Looks,
    /// Claims by id
    pub claims: BTreeMap<String, Claim>,
}

/// Where documents speak of claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// Patterns of Markdown files whose blocks and words are checked
    pub files: Vec<String>,
    /// Patterns of files among them in which a term needs no link: histories, decisions
    pub exempt: Vec<String>,
    /// The document that lists every claim; it is made whole
    pub state: String,
}

impl Default for Documents {
    fn default() -> Documents {
        Documents {
            files: vec!["README.md".into(), "docs/**/*.md".into()],
            exempt: Vec::new(),
            state: "docs/current-state.md".into(),
        }
    }
}

/// Looks: tests and commands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Looks {
    /// Patterns of files that no look depends on; every other file that git sees counts, and a change of it ends what was seen
    pub ignore: Vec<String>,
    /// Variables of every test and command
    pub environment: BTreeMap<String, String>,
}

impl Default for Looks {
    fn default() -> Looks {
        Looks { ignore: vec!["**/*.md".into()], environment: BTreeMap::new() }
    }
}

/// A sentence about what this workspace can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The sentence
    pub text: String,
    /// Who answers for it; one of `release/owners.toml` where that is there
    pub owner: String,
    /// The phase of the roadmap that it belongs to; one of `release/roadmap.toml` where that is there
    pub phase: String,
    /// Words whose mention in a document speaks of this claim
    #[serde(default)]
    pub terms: Vec<String>,
    /// True where people come to harm if it is wrong: then it must have negative evidence
    #[serde(default)]
    pub safety: bool,
    /// What shows it; nothing for what is only planned
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// Changes of the code that must make the evidence red, each by itself
    #[serde(default)]
    pub mutants: Vec<Mutant>,
}

/// What shows a claim: exactly one of `step`, `test`, `command`, `probe`, `event`, `drill` and `setting`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    /// The level that it shows; default: `built` of a step and a command, `tested` of a test and a drill, `deployed` of an
    /// event, `operated` of a probe and a setting
    pub shows: Option<Level>,
    /// A step of `cargo xtask ci` that passed on the inputs of now
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// A test that nextest knows: `BINARY TEST`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// A program and its arguments
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// What the command must end with; default: 0
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    /// A text that the command must print
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prints: Option<String>,
    /// How long a command may take, in seconds; default: 600
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_max: Option<u64>,
    /// A service that is asked over HTTP
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// An event of the journal: the newest of its kind and subject decides
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// A drill of `release/resilience.toml`, by name: the newest decides
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<String>,
    /// A check of `cargo xtask doctor --github`, by what it looks at
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// How long it counts: `90s`, `12h`, `7d`; needed where it is not bound to the files of now
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
    /// True where it shows that the check turns red when the ability is broken
    pub negative: bool,
    /// Systems on which it can be had: `linux`, `macos`, `windows`; default: all
    pub platforms: Vec<String>,
}

/// A service that is asked over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Probe {
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
}

/// An event of the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Event {
    /// The kind: `deploy.ended`
    pub kind: String,
    /// What it is about; default: anything
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Labels that the newest one must have
    pub labels: BTreeMap<String, String>,
}

/// A change of the code that must make evidence red.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// The file, from the root
    pub file: String,
    /// A text that is there exactly once
    pub find: String,
    /// What stands there instead
    pub replace: String,
}

/// How much of a claim is shown.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing is shown
    #[default]
    Planned,
    /// It is there and starts
    Built,
    /// Tests show it
    Tested,
    /// It was brought to where it is used
    Deployed,
    /// It is used, and seen to work
    Operated,
}

impl Level {
    /// All, from below.
    pub const ALL: [Level; 5] =
        [Level::Planned, Level::Built, Level::Tested, Level::Deployed, Level::Operated];

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Level::Planned => "planned",
            Level::Built => "built",
            Level::Tested => "tested",
            Level::Deployed => "deployed",
            Level::Operated => "operated",
        }
    }

    /// What a word says; none where it is no level.
    pub fn of(word: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.word() == word)
    }
}

/// What kind of evidence it is, with what it names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind<'a> {
    /// A step.
    Step(&'a str),
    /// A test.
    Test(&'a str),
    /// A command.
    Command(&'a [String]),
    /// A probe.
    Probe(&'a Probe),
    /// An event.
    Event(&'a Event),
    /// A drill.
    Drill(&'a str),
    /// A setting.
    Setting(&'a str),
}

impl Evidence {
    /// Every kind that is named.
    fn kinds(&self) -> Vec<Kind<'_>> {
        let mut kinds = Vec::new();
        kinds.extend(self.step.as_deref().map(Kind::Step));
        kinds.extend(self.test.as_deref().map(Kind::Test));
        kinds.extend(self.command.as_deref().map(Kind::Command));
        kinds.extend(self.probe.as_ref().map(Kind::Probe));
        kinds.extend(self.event.as_ref().map(Kind::Event));
        kinds.extend(self.drill.as_deref().map(Kind::Drill));
        kinds.extend(self.setting.as_deref().map(Kind::Setting));
        kinds
    }

    /// The one kind.
    ///
    /// # Panics
    /// Where the configuration was not checked.
    pub fn kind(&self) -> Kind<'_> {
        *self.kinds().first().expect("checked evidence names something")
    }

    /// The level that it shows.
    pub fn level(&self) -> Level {
        self.shows.unwrap_or(match self.kind() {
            Kind::Step(_) | Kind::Command(_) => Level::Built,
            Kind::Test(_) | Kind::Drill(_) => Level::Tested,
            Kind::Event(_) => Level::Deployed,
            Kind::Probe(_) | Kind::Setting(_) => Level::Operated,
        })
    }

    /// True where it counts only for the files that it was seen with.
    pub fn is_bound(&self) -> bool {
        matches!(self.kind(), Kind::Step(_) | Kind::Test(_) | Kind::Command(_))
    }

    /// How long it counts, in seconds; none where only a change ends it.
    pub fn ttl(&self) -> Option<u64> {
        self.ttl.as_deref().and_then(seconds)
    }

    /// The limit of a look.
    pub fn limit(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.seconds_max.unwrap_or(SECONDS_MAX))
    }

    /// Its name: what was expected counts, so evidence that is declared otherwise has not been looked at.
    pub fn digest(&self) -> Digest {
        Digest::of(serde_json::to_string(self).expect("evidence has a form"))
    }

    /// In one line, as a person would say it.
    pub fn shown(&self) -> String {
        let what = match self.kind() {
            Kind::Step(step) => format!("step {step}"),
            Kind::Test(test) => format!("test {}", test.split_once(' ').map_or(test, |(_, test)| test)),
            Kind::Command(words) => format!("`{}`", words.join(" ")),
            Kind::Probe(probe) => format!("probe {}{}", probe.address, probe.path),
            Kind::Event(event) => {
                let subject =
                    event.subject.as_ref().map_or(String::new(), |subject| format!(" of {subject}"));
                format!("event {}{subject}", event.kind)
            }
            Kind::Drill(name) => format!("drill {name}"),
            Kind::Setting(what) => format!("setting {what}"),
        };
        if self.negative { format!("{what} (red when broken)") } else { what }
    }
}

/// What the file says.
///
/// # Errors
/// Exit 2 with every problem, its line and its remedy; a file that is not there is one of them.
pub fn load(workspace: &Workspace) -> Result<Config> {
    let text = files::read_text(&workspace.file(FILE))?.ok_or_else(|| {
        Failure::usage(format!("there is no `{FILE}`"))
            .why("no claim is declared, so none can be shown")
            .next("cargo xtask truth audit")
    })?;
    parse(&text).map_err(|findings| Failure::found(Exit::Usage, format!("`{FILE}` cannot be used"), findings))
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
    let config: Config = declared::parse(FILE, "truth", text).map_err(|finding| vec![finding])?;
    let mut findings = Vec::new();
    let mut owners_of_terms: BTreeMap<String, &str> = BTreeMap::new();
    for (id, claim) in &config.claims {
        let table = format!("[claims.{id}]");
        let line = text.lines().position(|line| line.trim() == table).map_or(0, |at| at + 1);
        let mut say = |problem: String, next: &str| findings.push(Finding::at(FILE, line, problem, next));
        for term in &claim.terms {
            if term.trim().is_empty() {
                say(format!("claim `{id}` has an empty term"), "remove it");
            } else if let Some(other) = owners_of_terms.insert(term.to_lowercase(), id) {
                say(format!("`{term}` is a term of `{other}` and of `{id}`"), "leave it to one of them");
            }
        }
        check(id, claim, &mut say);
    }
    if findings.is_empty() { Ok(config) } else { Err(findings) }
}

fn check(id: &str, claim: &Claim, say: &mut impl FnMut(String, &str)) {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if id.is_empty() || !id.chars().all(plain) {
        say(format!("`{id}` cannot be the id of a claim"), "use small letters, digits and `-`");
    }
    for (key, value) in [("text", &claim.text), ("owner", &claim.owner), ("phase", &claim.phase)] {
        if value.trim().is_empty() {
            say(format!("claim `{id}`: `{key}` is empty"), "fill it in");
        }
    }
    for evidence in &claim.evidence {
        check_evidence(id, evidence, say);
    }
    if claim.safety && !claim.evidence.is_empty() && !claim.evidence.iter().any(|evidence| evidence.negative)
    {
        say(
            format!("claim `{id}` is about safety and has no negative evidence"),
            "add evidence with `negative = true` that breaks the ability and sees the check turn red",
        );
    }
    if claim.mutants.iter().any(|mutant| mutant.find.is_empty() || mutant.find == mutant.replace) {
        say(format!("claim `{id}`: a mutant changes nothing"), "say by `find` and `replace` what it changes");
    }
}

fn check_evidence(id: &str, evidence: &Evidence, say: &mut impl FnMut(String, &str)) {
    let kinds = evidence.kinds();
    let [kind] = kinds[..] else {
        let problem = format!("claim `{id}`: evidence names {} things", kinds.len());
        say(problem, "name one of `step`, `test`, `command`, `probe`, `event`, `drill`, `setting`");
        return;
    };
    let mut wrong = |problem: &str, next: &str| say(format!("claim `{id}`: {problem}"), next);
    if evidence.ttl.is_some() && evidence.ttl().is_none() {
        wrong("`ttl` is no time", "write `90s`, `12h` or `7d`");
    }
    if evidence.ttl.is_none() && !evidence.is_bound() {
        wrong("this evidence would count for ever", "say by `ttl` for how long it counts");
    }
    let highest = match kind {
        Kind::Step(_) | Kind::Test(_) | Kind::Command(_) => Level::Tested,
        Kind::Drill(_) | Kind::Event(_) | Kind::Probe(_) | Kind::Setting(_) => Level::Operated,
    };
    if evidence.level() > highest {
        wrong(
            "what ran on the sources cannot show that something is deployed",
            "use an event, a drill or a probe",
        );
    }
    if evidence.level() == Level::Planned {
        wrong("evidence cannot show `planned`", "remove `shows`");
    }
    match kind {
        Kind::Test(test) if test.split_whitespace().count() != 2 => {
            wrong(
                &format!("`{test}` is no test"),
                "write `BINARY TEST`, as `cargo nextest list` prints them",
            );
        }
        Kind::Command([]) => wrong("a command names no program", "give the program and its arguments"),
        Kind::Probe(probe) if !probe.path.starts_with('/') || probe.address.is_empty() => {
            wrong("a probe has no address, or no path", "give `address`, and a `path` that begins with `/`");
        }
        Kind::Event(event) if event.kind.is_empty() => wrong("an event has no kind", "give `kind`"),
        Kind::Step(_)
        | Kind::Test(_)
        | Kind::Command(_)
        | Kind::Probe(_)
        | Kind::Event(_)
        | Kind::Drill(_)
        | Kind::Setting(_) => {}
    }
    let is_command = matches!(kind, Kind::Command(_));
    if !is_command && (evidence.exit.is_some() || evidence.prints.is_some() || evidence.seconds_max.is_some())
    {
        wrong("`exit`, `prints` and `seconds_max` belong to a command", "remove them");
    }
}

#[cfg(test)]
mod tests;
