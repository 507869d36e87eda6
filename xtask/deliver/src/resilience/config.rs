//! `release/resilience.toml`: what is backed up, by whom it is restored, and how that is proven.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

use super::stage_drills::StageDrill;
use crate::declared;

/// The file's name from the root.
pub const FILE: &str = "release/resilience.toml";

/// What is kept safe, and how that is proven.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Backups by name
    pub backups: BTreeMap<String, Backup>,
    /// Restore drills by name
    pub restore_drills: BTreeMap<String, RestoreDrill>,
    /// Drills on a stage that runs, by name
    pub stage_drills: BTreeMap<String, StageDrill>,
}

/// One backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// What is backed up
    pub source: Source,
    /// The restic repository: a folder, or an address that restic understands
    pub repository: String,
    /// The variable that holds the repository's password; its name ends with `PASSWORD`, so that it is masked
    pub password_variable: String,
    /// How often it runs, in words: stated here, carried out elsewhere
    pub schedule: String,
    /// Who answers for it
    pub owner: String,
    /// Who restores it
    pub restored_by: String,
    /// By how many percent it may be smaller than the last one without a reason
    pub shrink_percent_max: u64,
    /// What `backup prune` keeps; nothing is removed where nothing is said
    #[serde(default)]
    pub keep: Option<Keep>,
    /// Variables of this process that the repository or the source needs beside the password: `AWS_ACCESS_KEY_ID`
    #[serde(default)]
    pub variables: Vec<String>,
}

/// What stays when old snapshots are removed. The newest one that was read back always does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// The newest so many
    pub last: u32,
    /// The newest of each of so many days
    pub daily: u32,
    /// The newest of each of so many weeks
    pub weekly: u32,
    /// The newest of each of so many months
    pub monthly: u32,
}

/// What is backed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A database of SQLite, copied by its own online backup
    Sqlite {
        /// The database file, from the root
        file: String,
    },
    /// A database of PostgreSQL, by `pg_dump` in its custom format
    Postgres {
        /// The variables of libpq by which it is reached: `PGHOST`, `PGPORT`, `PGDATABASE`, `PGUSER`
        variables: BTreeMap<String, String>,
    },
    /// Whatever a command writes into `{folder}`
    Command {
        /// The program and its arguments
        command: Vec<String>,
    },
}

/// One restore drill. In its commands `{folder}` is the empty place, `{port}` a free port, `{release}` the folder of the
/// previous release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreDrill {
    /// The backup that is restored
    pub backup: String,
    /// The stage on this machine whose confirmed release is the previous one; where nothing is said, `boot` knows where it is
    #[serde(default)]
    pub release_of: Option<String>,
    /// Commands between restore and boot, each must end with 0
    #[serde(default)]
    pub prepare: Vec<Vec<String>>,
    /// Boots the previous release on what was restored, in the foreground
    pub boot: Vec<String>,
    /// Ends with 0 once the release is ready
    pub probe: Vec<String>,
    /// What must hold then
    pub checks: Vec<Check>,
    /// Prints the time of the newest record: seconds since 1970, or RFC 3339
    pub newest: Vec<String>,
    /// Commands at the end, whatever came of the drill; each must end with 0: they end what `prepare` started
    #[serde(default)]
    pub cleanup: Vec<Vec<String>>,
    /// How long it may take until ready, in seconds; no declared command may take longer
    pub recovery_seconds_max: u64,
    /// How old the newest recovered record may be, in seconds
    pub newest_age_seconds_max: u64,
    /// After how many days the drill has to be repeated
    pub age_days_max: u64,
}

/// A command with what it must print.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The program and its arguments
    pub command: Vec<String>,
    /// Its standard output, without the last line end
    pub expect: String,
}

/// What the file says.
///
/// # Errors
/// Exit 2 with every problem, its line and its remedy; a file that is not there is one of them.
pub fn load(workspace: &Workspace) -> Result<Config> {
    let text = files::read_text(&workspace.file(FILE))?.ok_or_else(|| {
        Failure::usage(format!("there is no `{FILE}`"))
            .next(format!("declare in `{FILE}` what is backed up; `docs/resilience.md` shows how"))
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
    let config: Config = declared::parse(FILE, "resilience", text).map_err(|finding| vec![finding])?;
    let mut findings = Vec::new();
    for (name, backup) in &config.backups {
        check_backup(text, name, backup, &mut findings);
    }
    for (name, drill) in &config.restore_drills {
        check_drill(text, &config, name, drill, &mut findings);
    }
    for (name, drill) in &config.stage_drills {
        let table = format!("[stage_drills.{name}]");
        let mut say = |key: &str, problem: String, next: &str| {
            findings.push(Finding::at(FILE, line_of(text, &table, key), problem, next));
        };
        check_name(name, &mut say);
        if config.restore_drills.contains_key(name) {
            // A gate names a drill by its name alone.
            say("", format!("`{name}` is a restore drill too"), "give one of them another name");
        }
        drill.check(&mut say);
    }
    if findings.is_empty() { Ok(config) } else { Err(findings) }
}

fn check_backup(text: &str, name: &str, backup: &Backup, findings: &mut Vec<Finding>) {
    let table = format!("[backups.{name}]");
    let mut say = |key: &str, problem: String, next: &str| {
        findings.push(Finding::at(FILE, line_of(text, &table, key), problem, next));
    };
    check_name(name, &mut say);
    if !backup.password_variable.ends_with("PASSWORD") {
        let problem = format!("`{}` would not be masked in output", backup.password_variable);
        say("password_variable", problem, "give the variable a name that ends with `PASSWORD`");
    }
    if backup.shrink_percent_max >= 100 {
        say("shrink_percent_max", "an empty backup would pass".into(), "give a number below 100");
    }
    if backup.keep.as_ref().is_some_and(|keep| *keep == Keep::default()) {
        say("keep", "nothing would be kept".into(), "give `last`, `daily`, `weekly` or `monthly` a number");
    }
    if let Source::Command { command } = &backup.source
        && !command.iter().any(|word| word.contains("{folder}"))
    {
        say("source", "the command does not say where it writes".into(), "use `{folder}` in it");
    }
    for (key, value) in [
        ("repository", &backup.repository),
        ("owner", &backup.owner),
        ("restored_by", &backup.restored_by),
        ("schedule", &backup.schedule),
    ] {
        if value.trim().is_empty() {
            say(key, format!("`{key}` is empty"), "fill it in");
        }
    }
}

fn check_drill(text: &str, config: &Config, name: &str, drill: &RestoreDrill, findings: &mut Vec<Finding>) {
    let table = format!("[restore_drills.{name}]");
    let mut say = |key: &str, problem: String, next: &str| {
        findings.push(Finding::at(FILE, line_of(text, &table, key), problem, next));
    };
    check_name(name, &mut say);
    if !config.backups.contains_key(&drill.backup) {
        let known: Vec<_> = config.backups.keys().map(String::as_str).collect();
        let next = format!("name one of: {}", known.join(", "));
        say("backup", format!("there is no backup `{}`", drill.backup), &next);
    }
    for (key, command) in [("boot", &drill.boot), ("probe", &drill.probe), ("newest", &drill.newest)] {
        if command.is_empty() {
            say(key, format!("`{key}` names no program"), "give the program and its arguments");
        }
    }
    if drill
        .prepare
        .iter()
        .chain(&drill.cleanup)
        .chain(drill.checks.iter().map(|check| &check.command))
        .any(Vec::is_empty)
    {
        say("checks", "a command names no program".into(), "give the program and its arguments");
    }
    let mut all =
        [&drill.boot, &drill.probe, &drill.newest].into_iter().chain(&drill.prepare).chain(&drill.cleanup);
    let uses_release = |command: &Vec<String>| command.iter().any(|word| word.contains("{release}"));
    if drill.release_of.is_none()
        && (all.any(uses_release) || drill.checks.iter().any(|check| uses_release(&check.command)))
    {
        say("boot", "`{release}` has no meaning".into(), "say by `release_of` which stage runs it");
    }
    if drill.checks.is_empty() {
        say("checks", "nothing would be checked".into(), "give at least one command with what it must print");
    }
    for (key, limit) in [
        ("recovery_seconds_max", drill.recovery_seconds_max),
        ("newest_age_seconds_max", drill.newest_age_seconds_max),
        ("age_days_max", drill.age_days_max),
    ] {
        if limit == 0 {
            say(key, format!("`{key}` is 0, which nothing can meet"), "give the limit that people rely on");
        }
    }
}

/// Names become names of files, and tags of snapshots.
fn check_name(name: &str, say: &mut impl FnMut(&str, String, &str)) {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if name.is_empty() || !name.chars().all(plain) {
        say("", format!("`{name}` cannot be a name"), "use letters, digits, `-` and `_`");
    }
}

/// The line of a key in its table, of the table where the key is not to be found, or none where the table is not either.
fn line_of(text: &str, table: &str, key: &str) -> usize {
    let Some(head) = text.lines().position(|line| line.trim() == table) else { return 0 };
    let of_key = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let within = text.lines().skip(head + 1).take_while(|line| !line.starts_with('['));
    head + 1
        + within.enumerate().find(|(_, line)| !key.is_empty() && of_key(line)).map_or(0, |(at, _)| at + 1)
}

#[cfg(test)]
mod tests;
