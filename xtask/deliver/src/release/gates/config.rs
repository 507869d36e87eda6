//! `release/gates.toml`: the questions that must be answered with a pass before anything is released. Pure.
//!
//! A table `[gates.NAME]` is a gate; its `kind` decides what else it may say. The gates of [`built_in`] are asked where
//! nothing is said; a table of the same name changes one, `remove` takes it away. Every problem of the file is reported
//! at once, with its line.
//!
//! To add a kind: a variant of [`Gate`] with its parameters, a line in [`KINDS`] and in [`Gate::kind`], its evidence and
//! its arm in `gates.rs`, and the gathering in `evidence.rs`.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::freeze::{self, Freeze};
use nexus_xtask::failure::Finding;

/// The file's name from the root.
pub(crate) const FILE: &str = "release/gates.toml";

/// The gates of a release.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Built-in gates that are not asked here, by name
    pub(crate) remove: Vec<String>,
    /// Gates by name
    pub(crate) gates: BTreeMap<String, Gate>,
}

/// A question, and its parameters.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Gate {
    /// The work tree is the commit, with nothing changed, new or hidden from git
    CleanTree,
    /// The commit is on one of `branches` of release/release.toml
    Branch,
    /// The tag of every release is free or on this commit, and its version is higher than those before it
    Version,
    /// The changelog has an entry with text for every release
    Changelog,
    /// All checks passed on this very commit
    Ci {
        /// Who is asked: `journal` (this machine's own runs), `github` (check runs of a branch that releases are made
        /// from), or `either`, the journal first
        #[serde(default)]
        source: Source,
        /// The check runs that must have passed, where GitHub is asked
        #[serde(default = "checks")]
        checks: Vec<String>,
    },
    /// The API is as compatible as the new version says, by `cargo semver-checks`
    Api {
        /// Packages that are not looked at
        #[serde(default)]
        skip: Vec<String>,
    },
    /// Dependencies are as deny.toml allows, by `cargo deny`
    Policy {
        /// What is looked at
        #[serde(default = "policies")]
        checks: Vec<String>,
        /// The days since the last advisory in the database after which it says too little
        #[serde(default = "advisory_days")]
        days_max: u32,
    },
    /// Two builds gave the same bytes, and these are staged
    Reproducible {
        /// The targets whose archives must have been built twice; all where nothing is said
        targets: Option<Vec<String>>,
    },
    /// Every archive was unpacked and its binaries ran
    Smoke {
        /// The targets whose archives must have been tried; all where nothing is said
        targets: Option<Vec<String>>,
    },
    /// People who did not make the release have signed its seal
    Approvals {
        /// How many
        needed: u32,
        /// The age after which an approval does not count, whatever expiry it says: `72h`, `7d`
        #[serde(default = "approval_age")]
        age_max: String,
    },
    /// It is not a time in which nothing is released
    Window {
        /// The times in which nothing is released
        freezes: Vec<Freeze>,
    },
    /// No open issue has this label
    Issues {
        /// The label
        label: String,
    },
    /// A time has passed since an event of the journal
    Soak {
        /// The kind of the event
        event: String,
        /// What the event is about; `*` stands for anything, `{version}` for the version that is released
        #[serde(default = "anything")]
        subject: String,
        /// The time that must have passed since the newest such event: `48h`
        hours_min: u32,
    },
    /// A drill was passed, and that is not longer ago than release/resilience.toml says
    Drill {
        /// The drill
        name: String,
    },
    /// A maintainer has looked at GitHub's settings, and they are as they must be
    GithubSettings {
        /// The days after which one must look again
        #[serde(default = "settings_days")]
        days_max: u32,
    },
    /// A command exits with 0. With 1 it says no, with 75 not yet; anything else is an error
    Command {
        /// The program and its arguments; no shell reads them. `cargo xtask` is this toolkit
        command: Vec<String>,
        /// The longest it may run: `90s`, `10m`
        #[serde(default = "command_time")]
        timeout: String,
    },
}

/// Who knows whether all checks passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// The runs of `cargo xtask ci` on this machine
    Journal,
    /// The check runs of the forge
    Github,
    /// The journal, and the forge where the journal knows nothing and there is a token
    #[default]
    Either,
}

fn checks() -> Vec<String> {
    vec!["ci / verdict".to_owned()]
}

fn policies() -> Vec<String> {
    ["advisories", "bans", "licenses", "sources"].map(str::to_owned).into()
}

fn advisory_days() -> u32 {
    14
}

fn approval_age() -> String {
    "7d".to_owned()
}

fn anything() -> String {
    "*".to_owned()
}

fn settings_days() -> u32 {
    7
}

fn command_time() -> String {
    "10m".to_owned()
}

/// The word of every kind.
const KINDS: &[&str] = &[
    "api",
    "approvals",
    "branch",
    "changelog",
    "ci",
    "clean_tree",
    "command",
    "drill",
    "github_settings",
    "issues",
    "policy",
    "reproducible",
    "smoke",
    "soak",
    "version",
    "window",
];

impl Gate {
    /// The word in the file.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Gate::CleanTree => "clean_tree",
            Gate::Branch => "branch",
            Gate::Version => "version",
            Gate::Changelog => "changelog",
            Gate::Ci { .. } => "ci",
            Gate::Api { .. } => "api",
            Gate::Policy { .. } => "policy",
            Gate::Reproducible { .. } => "reproducible",
            Gate::Smoke { .. } => "smoke",
            Gate::Approvals { .. } => "approvals",
            Gate::Window { .. } => "window",
            Gate::Issues { .. } => "issues",
            Gate::Soak { .. } => "soak",
            Gate::Drill { .. } => "drill",
            Gate::GithubSettings { .. } => "github_settings",
            Gate::Command { .. } => "command",
        }
    }

    /// True for a question about bytes, which nobody can answer before there are any.
    pub(crate) fn needs_seal(&self) -> bool {
        matches!(self, Gate::Reproducible { .. } | Gate::Smoke { .. } | Gate::Approvals { .. })
    }
}

/// What is asked where nothing is said.
pub(crate) fn built_in() -> BTreeMap<String, Gate> {
    let ci = Gate::Ci { source: Source::default(), checks: checks() };
    [
        ("branch", Gate::Branch),
        ("changelog", Gate::Changelog),
        ("ci", ci),
        ("clean-tree", Gate::CleanTree),
        ("version", Gate::Version),
    ]
    .map(|(name, gate)| (name.to_owned(), gate))
    .into()
}

/// The gates that a text declares, with the built-in ones; or all that is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Config, Vec<Finding>> {
    let mut read = Reader { text, findings: Vec::new() };
    let config = read.config();
    if read.findings.is_empty() { Ok(config) } else { Err(read.findings) }
}

struct Reader<'a> {
    text: &'a str,
    findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    fn config(&mut self) -> Config {
        let mut config = Config { gates: built_in(), remove: Vec::new() };
        let table = match DeTable::parse(self.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                self.add(error.span(), error.message(), "correct the line; https://toml.io has the syntax");
                return config;
            }
        };
        let mut declared = BTreeMap::new();
        let mut removed = Vec::new();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.span(), value) {
                ("gates", span, value) => match value.into_inner() {
                    DeValue::Table(table) => declared = self.declared(table),
                    _ => self.add(Some(span), "`gates` is no table", "write `[gates.NAME]`"),
                },
                ("remove", span, value) => {
                    match Vec::<Spanned<String>>::deserialize(ValueDeserializer::from(value)) {
                        Ok(names) => removed = names,
                        Err(error) => {
                            self.add(Some(span), error.message(), "write `remove = [\"NAME\"]`");
                        }
                    }
                }
                (other, ..) => {
                    let problem = format!("unknown key `{other}`");
                    self.add(Some(key.span()), &problem, "remove it, or name one of: `gates`, `remove`");
                }
            }
        }
        for name in removed {
            if config.gates.remove(name.get_ref()).is_none() {
                let problem = format!("`remove` names `{}`, which is no built-in gate", name.get_ref());
                let known: Vec<_> = built_in().into_keys().collect();
                self.add(Some(name.span()), &problem, &format!("name one of: {}", known.join(", ")));
            }
            config.remove.push(name.into_inner());
        }
        config.gates.extend(declared);
        config
    }

    fn declared(&mut self, table: DeTable<'a>) -> BTreeMap<String, Gate> {
        let mut gates = BTreeMap::new();
        for (key, value) in table {
            let (name, place) = (key.get_ref().to_string(), key.span());
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || !name.chars().all(plain) {
                let problem = format!("`{name}` is no name of a gate");
                self.add(Some(place.clone()), &problem, "use lowercase letters, digits and `-`");
            }
            let Some(gate) = self.gate(&name, place.clone(), value) else { continue };
            for (problem, next) in problems(&gate) {
                self.add(Some(place.clone()), &format!("`gates.{name}`: {problem}"), next);
            }
            gates.insert(name, gate);
        }
        gates
    }

    fn gate(&mut self, name: &str, place: Range<usize>, value: Spanned<DeValue<'a>>) -> Option<Gate> {
        let keys: Vec<(String, Range<usize>)> = match value.get_ref() {
            DeValue::Table(table) => {
                table.keys().map(|key| (format!("`{}`", key.get_ref()), key.span())).collect()
            }
            _ => Vec::new(),
        };
        let error = match Gate::deserialize(ValueDeserializer::from(value)) {
            Ok(gate) => return Some(gate),
            Err(error) => error,
        };
        // A value that is tagged by its kind is read twice, and the second time without places: the message names the key.
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        let named = keys.iter().find(|(key, _)| message.contains(key)).map(|(_, span)| span.clone());
        let kind = keys.iter().find(|(key, _)| key == "`kind`").map(|(_, span)| span.clone());
        let kind = kind.filter(|_| message.contains("unknown variant"));
        let next = format!("see {FILE} in docs/release.md; a kind is one of: {}", KINDS.join(", "));
        self.add(kind.or(named).or(Some(place)), &format!("`gates.{name}`: {message}"), &next);
        None
    }

    fn add(&mut self, span: Option<Range<usize>>, problem: &str, next: &str) {
        let line =
            span.map_or(0, |span| self.text[..span.start.min(self.text.len())].matches('\n').count() + 1);
        self.findings.push(Finding::at(FILE, line, problem, next));
    }
}

/// What the types cannot say: the problem, and the remedy.
fn problems(gate: &Gate) -> Vec<(String, &'static str)> {
    let mut problems = Vec::new();
    let mut refuse = |is_wrong: bool, problem: &str, next| {
        if is_wrong {
            problems.push((problem.to_owned(), next));
        }
    };
    let is_blank = |words: &[String]| words.iter().all(|word| word.trim().is_empty());
    match gate {
        Gate::Ci { checks, .. } => refuse(is_blank(checks), "`checks` is empty", "name the check to require"),
        Gate::Policy { checks, .. } => {
            let known = policies();
            refuse(
                checks.is_empty(),
                "`checks` is empty",
                "name one of: advisories, bans, licenses, sources",
            );
            let unknown = checks.iter().any(|check| !known.contains(check));
            refuse(
                unknown,
                "`checks` has an unknown word",
                "name some of: advisories, bans, licenses, sources",
            );
        }
        Gate::Approvals { needed, age_max } => {
            refuse(*needed == 0, "`needed` is 0, so it would always be open", "set it to 1 or more");
            refuse(duration(age_max).is_none(), "`age_max` is no duration", "write `72h` or `7d`");
        }
        Gate::Window { freezes } => {
            refuse(freezes.is_empty(), "`freezes` is empty, so it would always be open", "name a freeze");
            for freeze in freezes {
                if let Err(problem) = freeze::parse(freeze) {
                    refuse(true, &problem, "write `Fri 16:00`, or `2026-12-20 00:00`, both in one form");
                }
            }
        }
        Gate::Issues { label } => refuse(label.trim().is_empty(), "`label` is empty", "name a label"),
        Gate::Drill { name } => refuse(name.trim().is_empty(), "`name` is empty", "name a drill"),
        Gate::Soak { event, hours_min, .. } => {
            refuse(event.trim().is_empty(), "`event` is empty", "name the kind of an event in the journal");
            refuse(*hours_min == 0, "`hours_min` is 0, so nothing is waited for", "set it to 1 or more");
        }
        Gate::Command { command, timeout } => {
            refuse(is_blank(command), "`command` is empty", "write the program and its arguments");
            refuse(duration(timeout).is_none(), "`timeout` is no duration", "write `90s` or `10m`");
        }
        Gate::CleanTree
        | Gate::Branch
        | Gate::Version
        | Gate::Changelog
        | Gate::Api { .. }
        | Gate::Reproducible { .. }
        | Gate::Smoke { .. }
        | Gate::GithubSettings { .. } => {}
    }
    problems
}

/// `90s`, `10m`, `48h`, `7d`; `None` for anything else, and for nothing at all.
pub(crate) fn duration(text: &str) -> Option<SignedDuration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    (number > 0).then(|| SignedDuration::from_secs(i64::from(number) * unit))
}

/// The schema of the file.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Config)
}

#[cfg(test)]
mod tests;
