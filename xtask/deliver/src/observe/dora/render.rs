//! What people read of the figures. Pure.

use std::time::Duration;

use nexus_xtask::clock::spoken;
use nexus_xtask::terminal::printable;

use super::history::{End, Incident};
use super::{Cause, Figure, Judgement, Name, Report, SAMPLE_MIN};

/// The figures, what failed, and what is only guessed.
pub fn report(report: &Report) -> String {
    let mut text = format!("delivery to `{}`, {} to {}", report.stage, report.from, report.until);
    if let Some(since) = report.since.filter(|since| *since > report.from) {
        text += &format!("\n  the journal begins at {since}: rates are over the time since then");
    }
    for figure in &report.figures {
        text += &format!("\n  {}", line(figure));
    }
    if !report.failures.is_empty() {
        text += "\nfailed";
    }
    for failure in &report.failures {
        let causes: Vec<String> = failure.causes.iter().map(cause).collect();
        let until = match failure.until {
            Some(until) => {
                format!("well again after {}", seconds(until.duration_since(failure.since).as_secs_f64()))
            }
            None => "nothing says that it is well again".to_owned(),
        };
        text += &format!("\n  {}  {}; {until}", printable(&failure.deployment), causes.join(", "));
    }
    if !report.guesses.is_empty() {
        text += "\nincidents without a link, counted in no figure";
    }
    for guess in &report.guesses {
        let last = match &guess.deployment {
            Some(deployment) => format!("a guess: {}, deployed last before it", printable(deployment)),
            None => "nothing was deployed before it".to_owned(),
        };
        text += &format!("\n  {}  {last}", printable(&guess.incident));
    }
    for link in &report.lost_links {
        text += &format!("\nnot in this journal: the deployment `{}`, which a link names", printable(link));
    }
    text
}

fn line(figure: &Figure) -> String {
    let Words { name, value, of, unknown, judgement } = words(figure);
    let comma = if unknown.is_empty() { "" } else { ", " };
    format!("{name:<31}  {value:>12}  n {} {of}{comma}{unknown}; {judgement}", figure.n)
}

/// What there is to say of a figure, apart: for pages, which have a column for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What it is about.
    pub name: &'static str,
    /// Its value with its unit.
    pub value: String,
    /// What it is made of.
    pub of: &'static str,
    /// How many are not known, and their share; empty where there is none.
    pub unknown: String,
    /// What may be said about it.
    pub judgement: String,
}

/// A figure in words.
pub fn words(figure: &Figure) -> Words {
    let name = match figure.name {
        Name::ChangeLeadTime => "change lead time",
        Name::DeploymentFrequency => "deployment frequency",
        Name::FailedDeploymentRecoveryTime => "failed deployment recovery time",
        Name::ChangeFailRate => "change fail rate",
        Name::DeploymentReworkRate => "deployment rework rate",
    };
    let (value, of) = match figure.name {
        Name::ChangeLeadTime => (figure.value.map(seconds), "changes"),
        Name::DeploymentFrequency => (figure.value.map(|each| format!("{each:.2} a day")), "deployments"),
        Name::FailedDeploymentRecoveryTime => (figure.value.map(seconds), "recoveries"),
        Name::ChangeFailRate | Name::DeploymentReworkRate => (figure.value.map(percent), "deployments"),
    };
    let unknown = match figure.unknown {
        0 => String::new(),
        count => format!("{count} unknown ({})", percent(figure.unknown_share)),
    };
    let judgement = match figure.judgement {
        Judgement::TooFew => format!("too few to judge: {SAMPLE_MIN} are needed"),
        Judgement::TooLittleKnown => "too little is known to judge".to_owned(),
        Judgement::NothingBefore => "nothing before to hold it against".to_owned(),
        Judgement::Better => "better than in the span before".to_owned(),
        Judgement::Same => "about as in the span before".to_owned(),
        Judgement::Worse => "worse than in the span before".to_owned(),
    };
    Words { name, value: value.unwrap_or_else(|| "unknown".to_owned()), of, unknown, judgement }
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Incident(id) => format!("{} names it", printable(id)),
        Cause::OwnEnd(End::RolledBack) => "it was taken back by itself".to_owned(),
        Cause::OwnEnd(End::Paused) => "it stopped without a verdict".to_owned(),
        Cause::OwnEnd(End::Person | End::Succeeded | End::Unknown) => "it needed a person".to_owned(),
        Cause::WentBack(id) => format!("{} went back from it", printable(id)),
        Cause::Hotfix(id) => format!("{} was needed because of it", printable(id)),
    }
}

/// Incidents, one a line; `guesses` are what was deployed last before each.
pub fn incidents(all: &[(Incident, Option<String>)]) -> String {
    if all.is_empty() {
        return "no incident is written down".to_owned();
    }
    let line = |(one, guess): &(Incident, Option<String>)| {
        let state = match one.closed {
            Some(closed) => {
                format!("closed after {}", seconds(closed.duration_since(one.opened).as_secs_f64()))
            }
            None => "open".to_owned(),
        };
        let link = match (one.caused_by.is_empty(), guess) {
            (false, _) => format!("caused by {}", one.caused_by.join(", ")),
            (true, Some(guess)) => format!("no link; a guess: {guess}"),
            (true, None) => "no link".to_owned(),
        };
        let words = [&one.id, &one.stage, &one.title, &state, &link].map(|word| printable(word));
        format!("{}  {}  {}  {}", one.opened, words[..2].join("  "), words[2], words[3..].join("; "))
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn seconds(seconds: f64) -> String {
    let days = seconds / 86_400.0;
    if days >= 2.0 { format!("{days:.1} days") } else { spoken(Duration::from_secs_f64(seconds.max(0.0))) }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}
