//! `cargo xtask incident`: what users noticed, since when and until when, and which deployment caused it.

use jiff::Timestamp;

use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::shell::quoted;

use super::dora::{events, unknown};
use crate::observe::dora::history::{self, AT, CAUSED_BY, CLOSED, History, Incident, LINKED, OPENED};
use crate::observe::dora::{guess, render};

/// What to do with incidents.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Write down that one began
    Open {
        /// Where users noticed it
        #[arg(long, value_name = "STAGE")]
        stage: String,
        /// What they noticed
        #[arg(long, value_name = "TEXT")]
        title: String,
        /// The deployment that caused it, where that is known: its id, or the place of one of its events
        #[arg(long, value_name = "DEPLOYMENT")]
        caused_by: Option<String>,
        #[command(flatten)]
        when: When,
    },
    /// Write down that one is over
    Close {
        /// The incident
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        when: When,
    },
    /// Write down which deployment caused one
    Link {
        /// The incident
        #[arg(value_name = "ID")]
        id: String,
        /// The deployment: its id, or the place of one of its events
        #[arg(long, value_name = "DEPLOYMENT")]
        caused_by: String,
    },
    /// All of them, with their links; without a link, what was deployed last before is named a guess
    List,
}

/// A moment that is not now.
#[derive(Debug, clap::Args)]
struct When {
    /// When that was, as in `2026-01-31T12:00:00Z`; now where nothing is said
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let history = history::fold(&events(doors)?.lines, doors.clock.now());
    match &arguments.verb {
        Verb::Open { stage, title, caused_by, when } => {
            open(doors, &history, stage, title, caused_by.as_deref(), when)
        }
        Verb::Close { id, when } => {
            let incident = known(&history, id)?;
            if incident.closed.is_some() {
                return told(doors, id, "was closed before");
            }
            let at = when.at(doors)?;
            if at.is_some_and(|at| at < incident.opened) {
                return Err(Failure::usage(format!("incident `{id}` began after that"))
                    .why(format!("it began at {}", incident.opened))
                    .next("name a later moment"));
            }
            append(doors, CLOSED, incident, at.map(|at| (AT, at.to_string())))?;
            told(doors, id, "is closed")
        }
        Verb::Link { id, caused_by } => {
            let incident = known(&history, id)?;
            if incident.caused_by.contains(caused_by) {
                return told(doors, id, "had this link before");
            }
            must_be_there(&history, caused_by, &incident.stage)?;
            append(doors, LINKED, incident, [(CAUSED_BY, caused_by.clone())])?;
            told(doors, id, "is linked")
        }
        Verb::List => list(doors, history),
    }
}

fn open(
    doors: &Doors,
    history: &History,
    stage: &str,
    title: &str,
    caused_by: Option<&str>,
    when: &When,
) -> Result<Exit> {
    if title.trim().is_empty() {
        return Err(Failure::usage("an incident has to say what users noticed").next("--title TEXT"));
    }
    if let Some(link) = caused_by {
        must_be_there(history, link, stage)?;
    }
    let (now, at) = (doors.clock.now(), when.at(doors)?);
    // Two machines may open one at the same moment: each has a name of its own.
    let seed = format!("{now} {} {stage} {title}", journal::writer(&doors.workspace)?);
    let incident = Incident {
        id: format!("incident-{}", &Digest::of(seed).to_string()[..8]),
        stage: stage.to_owned(),
        title: title.to_owned(),
        opened: at.unwrap_or(now),
        closed: None,
        caused_by: Vec::new(),
        events: Vec::new(),
    };
    let at = at.map(|at| (AT, at.to_string()));
    append(
        doors,
        OPENED,
        &incident,
        at.into_iter().chain(caused_by.map(|link| (CAUSED_BY, link.to_owned()))),
    )?;
    if let (None, Some(last)) = (caused_by, guess(history, &incident)) {
        doors.terminal.talk(&format!("deployed last before it, which proves nothing: {}", last.id));
        doors.terminal.talk(&format!(
            "where that was it: cargo xtask incident link {} --caused-by {}",
            incident.id,
            quoted(&last.id)
        ));
    }
    told(doors, &incident.id, "is open")
}

fn list(doors: &Doors, history: History) -> Result<Exit> {
    let guessed = |one: &Incident| match one.caused_by.is_empty() {
        true => guess(&history, one).map(|deployment| deployment.id.clone()),
        false => None,
    };
    let all: Vec<(Incident, Option<String>)> =
        history.incidents.iter().map(|one| (one.clone(), guessed(one))).collect();
    if doors.terminal.is_json() {
        let all: Vec<_> = all
            .iter()
            .map(|(incident, guess)| serde_json::json!({ "incident": incident, "guess": guess }))
            .collect();
        doors.terminal.json(&all)?;
    } else {
        doors.terminal.data(&render::incidents(&all));
    }
    Ok(Exit::Done)
}

impl When {
    /// The moment that is meant, where one is; nothing can be known of a later one than now.
    fn at(&self, doors: &Doors) -> Result<Option<Timestamp>> {
        match self.at {
            Some(at) if at > doors.clock.now() => {
                Err(Failure::usage(format!("{at} has not come yet")).next("name an earlier moment"))
            }
            at => Ok(at),
        }
    }
}

fn known<'a>(history: &'a History, id: &str) -> Result<&'a Incident> {
    history.incidents.iter().find(|one| one.id == id).ok_or_else(|| {
        Failure::usage(format!("there is no incident `{id}` in this journal"))
            .next("cargo xtask incident list")
    })
}

fn must_be_there(history: &History, link: &str, stage: &str) -> Result<()> {
    match history.deployments.iter().any(|one| one.is_named(link)) {
        true => Ok(()),
        false => Err(unknown(link, stage)),
    }
}

fn append(
    doors: &Doors,
    kind: &str,
    incident: &Incident,
    more: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<()> {
    let own = [("stage", incident.stage.clone()), ("title", incident.title.clone())];
    let labels = own.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value));
    let entry = Entry {
        kind: kind.to_owned(),
        subject: incident.id.clone(),
        labels: labels.collect(),
        ..Entry::default()
    };
    journal::append(&doors.workspace, &doors.clock, vec![entry])?;
    Ok(())
}

fn told(doors: &Doors, id: &str, what: &str) -> Result<Exit> {
    if doors.terminal.is_json() {
        doors.terminal.json(&serde_json::json!({ "incident": id, "said": what }))?;
    } else {
        doors.terminal.data(&format!("{id} {what}"));
    }
    Ok(Exit::Done)
}
