//! What is waited for: the end of a freeze, of an issue, of a soak; and a person's look at GitHub's settings. Pure.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::history::some;
use super::{Answer, Case, Verdict};
use crate::freeze::Freeze;
use crate::freeze::{frozen_until, parse};
use crate::release::protocol::Issue;
use nexus_xtask::clock::ago;
use nexus_xtask::journal::Line;

pub(crate) fn window(freezes: &[Freeze], zones: &[Result<TimeZone, String>], now: Timestamp) -> Answer {
    let answers = freezes.iter().enumerate().map(|(index, freeze)| {
        let name = format!("`{}` to `{}` in {}", freeze.from, freeze.to, freeze.zone);
        let unknown = |why: &str| {
            Answer::new(
                Verdict::Error,
                format!("{name}: {why}"),
                "write `zone` as POSIX does: CET-1CEST,M3.5.0,M10.5.0/3",
            )
        };
        let zone = match zones.get(index) {
            Some(Ok(zone)) => zone,
            Some(Err(why)) => return unknown(why),
            None => return unknown("the zone was not looked up"),
        };
        match parse(freeze).and_then(|span| frozen_until(span, zone, now)) {
            Ok(None) => Answer::pass(format!("it is not {name}")),
            Ok(Some(end)) => Answer::new(
                Verdict::Pending,
                format!("it is {name}: nothing is released until {end}"),
                format!("wait until {end}"),
            ),
            Err(why) => unknown(&why),
        }
    });
    Answer::all(answers.collect())
}

pub(crate) fn issues(label: &str, found: &[Issue]) -> Answer {
    if found.is_empty() {
        return Answer::pass(format!("no open issue is labelled `{label}`"));
    }
    let open: Vec<_> = found.iter().map(|issue| format!("#{} {}", issue.number, issue.title)).collect();
    Answer::new(
        Verdict::Fail,
        format!("open and labelled `{label}`: {}", some(&open)),
        format!("close it, or take the label off: {}", found[0].address),
    )
}

/// What the last run of a drill is worth now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drill {
    pub(crate) verdict: Verdict,
    /// Why, with its figure.
    pub(crate) said: String,
    /// The command that runs it.
    pub(crate) command: String,
}

pub(crate) fn drill(name: &str, found: &Drill) -> Answer {
    let evidence = format!("the drill `{name}` is {}", found.said);
    match found.verdict {
        Verdict::Pass => Answer::pass(evidence),
        Verdict::Pending | Verdict::Expired | Verdict::Error | Verdict::Fail => {
            Answer::new(found.verdict, evidence, found.command.clone())
        }
    }
}

/// Events of the journal that something is waited for since.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Events {
    /// What the event must be about.
    pub(crate) subject: String,
    /// Where a chain of the journal is broken.
    pub(crate) broken: Vec<String>,
    pub(crate) lines: Vec<Line>,
}

/// `found` has an entry for each release that the subject names; none where only pre-releases are made, for which nothing
/// is waited.
pub(crate) fn soak(event: &str, hours_min: u32, found: &[Events], now: Timestamp) -> Answer {
    match found.is_empty() {
        true => Answer::pass("only pre-releases are made: nothing is waited for"),
        false => Answer::all(found.iter().map(|found| soaked(event, hours_min, found, now)).collect()),
    }
}

fn soaked(event: &str, hours_min: u32, found: &Events, now: Timestamp) -> Answer {
    let name = format!("`{event}` of `{}`", found.subject);
    if let Some(place) = found.broken.first() {
        return Answer::new(
            Verdict::Error,
            format!("the journal does not prove itself: {place}"),
            "cargo xtask journal verify",
        );
    }
    let matches =
        |line: &&Line| line.entry.kind == event && fast_glob::glob_match(&found.subject, &line.entry.subject);
    let Some(newest) = found.lines.iter().filter(matches).max_by_key(|line| line.ts) else {
        return Answer::new(
            Verdict::Pending,
            format!("the journal knows no {name}"),
            "publish the pre-release first, or fetch the journal that tells of it",
        );
    };
    let about = format!("{name}: `{}`, {}", newest.entry.subject, ago(newest.ts, now));
    let end = newest.ts + SignedDuration::from_hours(i64::from(hours_min));
    if newest.ts > now {
        let fact = format!("{name} is of {}, which is to come", newest.ts);
        return Answer::new(Verdict::Error, fact, "set the clock of this machine");
    }
    if now < end {
        let fact = format!("{about}; {hours_min} hours must have passed");
        return Answer::new(Verdict::Pending, fact, format!("wait until {end}"));
    }
    Answer::pass(about)
}

/// What `doctor --github` saw, as a maintainer signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Looked {
    /// [`Looked::STATEMENT`].
    pub(crate) statement: String,
    /// `owner/name`.
    pub(crate) repository: String,
    /// Who looked: a name of `release/approvers`.
    pub(crate) who: String,
    /// When.
    pub(crate) at: Timestamp,
    /// Everything that is not as it must be; empty where all is well.
    pub(crate) problems: Vec<String>,
}

impl Looked {
    /// What the text says it is.
    pub(crate) const STATEMENT: &str = "nexus-xtask-github-settings 1";
}

/// The newest signed look at the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// What was looked at, and by whom the signature is; an error where text or signature are not what was made.
    pub(crate) looked: Option<Result<Looked, String>>,
}

pub(crate) fn settings(found: &Settings, days_max: u32, case: Case) -> Answer {
    let no = |verdict, fact: String| Answer::new(verdict, fact, "cargo xtask doctor --github --key FILE");
    let looked = match &found.looked {
        None => return no(Verdict::Pending, "nobody has looked at GitHub's settings".to_owned()),
        Some(Err(why)) => return no(Verdict::Error, why.clone()),
        Some(Ok(looked)) => looked,
    };
    let about = format!("{} looked at {}, {}", looked.who, looked.repository, ago(looked.at, case.now));
    if looked.statement != Looked::STATEMENT {
        return no(Verdict::Error, format!("this is no look at settings: `{}`", looked.statement));
    }
    if looked.repository != case.plan.repository {
        return no(Verdict::Fail, format!("{about}; the release is of {}", case.plan.repository));
    }
    if looked.at > case.now + SignedDuration::from_mins(5) {
        return no(Verdict::Error, format!("{} looked at {}, which is to come", looked.who, looked.at));
    }
    if !looked.problems.is_empty() {
        return no(Verdict::Fail, format!("{about}: {}", some(&looked.problems)));
    }
    if case.now.duration_since(looked.at) > SignedDuration::from_hours(i64::from(days_max) * 24) {
        return no(Verdict::Expired, format!("{about}; allowed are {days_max} days"));
    }
    Answer::pass(format!("{about}, and all was well"))
}

#[cfg(test)]
mod tests;
