//! What other programs said: API compatibility, dependency policy, any command. Pure.
//!
//! A program that crashed has said nothing. Where its exit code cannot tell a finding from a crash, what it printed
//! must.

use std::collections::BTreeMap;

use jiff::Timestamp;
use semver::Version;
use serde::Deserialize;

use super::{Answer, Verdict};
use nexus_xtask::clock::ago;
use nexus_xtask::shell::Ended;

/// `cargo semver-checks` has found something (its `main.rs` since July 2026). A crash of it is 101.
const FOUND: i32 = 100;

/// What `cargo semver-checks` does not see. The first was measured with 0.51: a parameter that went from `u32` to `u64`.
const BLIND: &str = "not seen by it: changed types of parameters and results, and what the code does";

/// A package, compared with its last release.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Compared {
    pub(crate) package: String,
    pub(crate) version: Version,
    /// The last release, and how the program ended and what it said; `None` where there is none to compare with.
    pub(crate) with: Option<(Version, Ended, String)>,
}

pub(crate) fn api(found: &[Compared]) -> Answer {
    if found.is_empty() {
        return Answer::pass("no library is released");
    }
    let mut answer = Answer::all(found.iter().map(compatible).collect());
    if answer.verdict == Verdict::Pass && found.iter().any(|compared| compared.with.is_some()) {
        answer.evidence.push(BLIND.to_owned());
    }
    answer
}

fn compatible(compared: &Compared) -> Answer {
    let Compared { package, version, with } = compared;
    let Some((before, ended, said)) = with else {
        return Answer::pass(format!(
            "`{package}` {version} is the first release: there is nothing to break"
        ));
    };
    match ended {
        Ended::Exit(0) => Answer::pass(format!(
            "`{package}`: nothing in {version} breaks users of {before} more than it says"
        )),
        Ended::Exit(FOUND) if may_break(before, version) => {
            Answer::pass(format!("`{package}`: {version} breaks users of {before}, and says so"))
        }
        Ended::Exit(FOUND) => Answer::new(
            Verdict::Fail,
            format!("`{package}`: {version} breaks users of {before}: {}", summary(said)),
            "raise the version (cargo xtask release prepare), or take the change back",
        ),
        Ended::Exit(_) | Ended::Signal(_) | Ended::Missing | Ended::NotStarted(_) => {
            let missing = *ended == Ended::Missing || said.contains("no such command");
            Answer::new(
                Verdict::Error,
                format!("`{package}`: `cargo semver-checks` could not tell, {ended}: {}", last(said)),
                match missing {
                    true => "cargo install --locked cargo-semver-checks",
                    false => "correct what it names; it must be new enough for this compiler",
                },
            )
        }
    }
}

/// True where the new version says that users of the old one may be broken, as cargo reads versions.
fn may_break(before: &Version, after: &Version) -> bool {
    let leading = |version: &Version| match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    };
    // What follows a pre-release promises nothing about it.
    !before.pre.is_empty() || leading(before) < leading(after)
}

/// The failed lints, by name.
fn summary(said: &str) -> String {
    let lints: Vec<_> = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--- failure "))
        .map(|rest| rest.split(':').next().unwrap_or(rest).to_owned())
        .collect();
    if lints.is_empty() { last(said) } else { super::history::some(&lints) }
}

/// The line that names the error, else the last one that says something.
fn last(said: &str) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().find(|line| line.starts_with("error"));
    error.or_else(|| lines().next_back()).unwrap_or("it said nothing").to_owned()
}

/// What `cargo deny` said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    pub(crate) ended: Ended,
    /// Its standard error, in lines of JSON.
    pub(crate) said: String,
    /// When the newest advisory came into the database, of the oldest one where there are several; `None` where no
    /// database was found.
    pub(crate) database: Option<Timestamp>,
}

/// One line of `cargo deny --format json`.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    fields: serde_json::Value,
}

#[derive(Deserialize)]
struct Counts {
    errors: u64,
}

/// Its exit code has a bit for each check that found something, and is 1 or 2 as well when it could not work at all (seen
/// with 0.20.2): so only a summary with a count for everything that was asked is an answer.
pub(crate) fn policy(found: &Policy, checks: &[String], days_max: u32, now: Timestamp) -> Answer {
    let lines: Vec<Said> = found.said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let summary = lines.iter().rfind(|line| line.kind == "summary");
    let counts: Option<BTreeMap<String, Counts>> =
        summary.and_then(|summary| serde_json::from_value(summary.fields.clone()).ok());
    let Some(counts) = counts.filter(|counts| checks.iter().all(|check| counts.contains_key(check))) else {
        let errors = lines.iter().filter_map(|line| line.fields["message"].as_str()).next_back();
        let why =
            errors.map_or_else(|| last(&found.said), |text| text.lines().next().unwrap_or(text).to_owned());
        let missing = found.ended == Ended::Missing || found.said.contains("no such command");
        return Answer::new(
            Verdict::Error,
            format!("`cargo deny` could not tell, {}: {why}", found.ended),
            match missing {
                true => "cargo install --locked cargo-deny",
                false => "cargo deny --offline check",
            },
        );
    };
    let bad: Vec<_> = checks
        .iter()
        .filter(|check| counts.get(*check).is_some_and(|counts| counts.errors > 0))
        .map(|check| format!("{check}: {}", counts[check].errors))
        .collect();
    if !bad.is_empty() || found.ended != Ended::Exit(0) {
        let bad = if bad.is_empty() { found.ended.to_string() } else { bad.join(", ") };
        return Answer::new(Verdict::Fail, format!("not allowed: {bad}"), "cargo deny --offline check");
    }
    let all = checks.join(", ");
    if !checks.iter().any(|check| check == "advisories") {
        return Answer::pass(format!("nothing is against {all}"));
    }
    let Some(database) = found.database else {
        return Answer::new(Verdict::Error, "there is no database of advisories", "cargo deny fetch");
    };
    let age = format!(
        "the newest advisory in the database is of {}, {}",
        database.strftime("%F"),
        ago(database, now)
    );
    if now.duration_since(database).as_hours() > i64::from(days_max) * 24 {
        return Answer::new(
            Verdict::Expired,
            format!("{age}; allowed are {days_max} days"),
            "cargo deny fetch",
        );
    }
    Answer::pass(format!("nothing is against {all}; {age}"))
}

/// How a command came out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ran {
    pub(crate) command: String,
    /// `None` where it ran longer than it may.
    pub(crate) ended: Option<Ended>,
    pub(crate) said: String,
}

pub(crate) fn command(found: &Ran) -> Answer {
    let Ran { command, ended, said } = found;
    let (verdict, fact) = match ended {
        Some(Ended::Exit(0)) => return Answer::pass(format!("`{command}` exited with 0")),
        Some(Ended::Exit(1)) => (Verdict::Fail, format!("`{command}` says no: {}", last(said))),
        Some(Ended::Exit(75)) => (Verdict::Pending, format!("`{command}` says not yet: {}", last(said))),
        Some(ended) => (Verdict::Error, format!("`{command}` could not tell, {ended}: {}", last(said))),
        None => (Verdict::Error, format!("`{command}` ran longer than it may: {}", last(said))),
    };
    Answer::new(verdict, fact, command.clone())
}

#[cfg(test)]
mod tests;
