//! What the journal says of deployments and incidents, put together from their events. Pure.
//!
//! - One end is the end of all that began before it with the same release in the same stage: whoever goes on with what
//!   was killed begins it a second time.
//! - Who found the stage busy, or its plan outdated, ends nothing but itself. Who was refused changed nothing.
//! - A deployment without an end is known to have begun, and no more. Where a later one finds its release on every host
//!   (`Already`), it had succeeded, and nobody knows when.
//! - A link to a deployment is the deployment's id, or the place of one of its events; the newest that began before the
//!   link was made is meant.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use nexus_xtask::journal::Line;

/// The event that a deployment begins.
const BEGUN: &str = "deploy.begun";

/// The event that says how it ended.
const ENDED: &str = "deploy.ended";

/// The event that an incident began.
pub const OPENED: &str = "incident.opened";

/// The event that an incident is over.
pub const CLOSED: &str = "incident.closed";

/// The event that says which deployment caused an incident.
pub const LINKED: &str = "incident.linked";

/// The label of a deployment's own name.
pub const DEPLOYMENT: &str = "deployment";

/// The label that names deployments which made this one, or an incident, necessary.
pub const CAUSED_BY: &str = "caused_by";

/// The label of a moment that is not that of the event: seconds since 1970, or as RFC 3339 has it.
pub const AT: &str = "at";

/// The label with the moments at which each change of a deployment was committed, in seconds since 1970.
pub const CHANGES: &str = "changes";

/// The label with the release that was confirmed on every host before.
pub const BEFORE: &str = "before";

/// The place of an event in the journal: `writer:seq`.
pub type Place = String;

/// Everything until a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Deployments and ways back, by the time of their last event.
    pub deployments: Vec<Deployment>,
    /// Incidents, by the time at which they were opened.
    pub incidents: Vec<Incident>,
    /// When the journal begins.
    pub since: Option<Timestamp>,
}

/// Which way it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A release came to the stage.
    Forward,
    /// The stage went back to one that it had.
    Back,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Every host has the release.
    Succeeded,
    /// Every host went back by itself.
    RolledBack,
    /// There was no verdict, and somebody has to look.
    Paused,
    /// The state is known in part, and somebody has to look.
    Person,
    /// Nobody wrote it down.
    Unknown,
}

impl End {
    /// True where it failed before it was over.
    pub fn is_failure(self) -> bool {
        matches!(self, End::RolledBack | End::Paused | End::Person)
    }
}

/// A deployment, or a way back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deployment {
    /// Its name; the place of its first event where it was written down without one.
    pub id: String,
    /// The stage.
    pub stage: String,
    /// The release.
    pub release: String,
    /// Which way it went.
    pub way: Way,
    /// When it began; none where only its end is written down.
    pub begun: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How.
    pub end: End,
    /// The release that every host had before.
    pub before: Option<String>,
    /// When the changes that it brought were committed; none where that is not known.
    pub changes: Option<Vec<i64>>,
    /// The deployments that made it necessary, as its commits name them.
    pub caused_by: Vec<String>,
    /// The seal of what was deployed.
    pub seal: String,
    /// Its events.
    pub events: Vec<Place>,
}

impl Deployment {
    /// The last that is known of it.
    pub fn at(&self) -> Timestamp {
        self.ended.or(self.begun).unwrap_or_default()
    }

    /// True for a release that came, and was confirmed everywhere.
    pub fn came(&self) -> bool {
        self.way == Way::Forward && self.end == End::Succeeded
    }

    /// True when a link means this one.
    pub fn is_named(&self, link: &str) -> bool {
        self.id == link || self.events.iter().any(|place| place == link)
    }
}

/// Something that users noticed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// Its name.
    pub id: String,
    /// The stage.
    pub stage: String,
    /// What happened.
    pub title: String,
    /// Since when.
    pub opened: Timestamp,
    /// Until when; none while it goes on.
    pub closed: Option<Timestamp>,
    /// The deployments that people say caused it.
    pub caused_by: Vec<String>,
    /// Its events.
    pub events: Vec<Place>,
}

/// Puts events together, those of a later moment left out.
pub fn fold<'a>(lines: impl IntoIterator<Item = &'a Line>, until: Timestamp) -> History {
    let mut lines: Vec<&Line> = lines.into_iter().filter(|line| line.ts <= until).collect();
    // Which of several writers is read first must not count.
    lines.sort_by(|one, other| (one.ts, &one.writer, one.seq).cmp(&(other.ts, &other.writer, other.seq)));
    let mut history = History { since: lines.first().map(|line| line.ts), ..History::default() };
    let mut open: BTreeMap<Key, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        match line.entry.kind.as_str() {
            BEGUN => open.entry(key(line)).or_default().push(line),
            ENDED => ended(&mut history, &mut open, line),
            OPENED | CLOSED | LINKED => incident(&mut history.incidents, line),
            _ => {}
        }
    }
    for begun in open.values() {
        history.deployments.extend(deployment(begun, None));
    }
    history.deployments.sort_by(|one, other| (one.at(), &one.id).cmp(&(other.at(), &other.id)));
    history.incidents.sort_by(|one, other| (one.opened, &one.id).cmp(&(other.opened, &other.id)));
    history
}

/// True for an event that tells of a deployment or an incident; of all others only the time of the earliest counts.
pub fn counts(line: &Line) -> bool {
    matches!(line.entry.kind.as_str(), BEGUN | ENDED | OPENED | CLOSED | LINKED)
}

/// What a link means, seen from a moment.
pub fn named<'a>(deployments: &'a [Deployment], link: &str, seen: Timestamp) -> Option<&'a Deployment> {
    let all = || deployments.iter().filter(|one| one.is_named(link));
    all().rfind(|one| one.begun.unwrap_or(one.at()) <= seen).or_else(|| all().next())
}

/// What belongs together: stage, release and way.
type Key = (String, String, String);

fn key(line: &Line) -> Key {
    (line.entry.subject.clone(), label(line, "release").to_owned(), label(line, "way").to_owned())
}

fn ended<'a>(history: &mut History, open: &mut BTreeMap<Key, Vec<&'a Line>>, line: &'a Line) {
    let begun = open.entry(key(line)).or_default();
    // The event of who ends, which is the newest of that writer.
    let own = begun.iter().rposition(|one| one.writer == line.writer);
    match label(line, "outcome") {
        "Busy" | "Outdated" | "Refused" => {
            own.map(|place| begun.remove(place));
        }
        // How that ended is not known.
        "LockLost" => {}
        "Already" => {
            own.map(|place| begun.remove(place));
            let before = std::mem::take(begun);
            let found = deployment(&before, None).map(|one| Deployment { end: End::Succeeded, ..one });
            history.deployments.extend(found);
        }
        _ => {
            let before = std::mem::take(begun);
            history.deployments.extend(deployment(&before, Some(line)));
        }
    }
}

/// One deployment from what began it, and from its end.
fn deployment(begun: &[&Line], ended: Option<&Line>) -> Option<Deployment> {
    let events: Vec<&Line> = begun.iter().copied().chain(ended).collect();
    let (first, last) = (events.first()?, events.last()?);
    let word = |name: &str| events.iter().rev().map(|line| label(line, name)).find(|text| !text.is_empty());
    let end = match ended.map(|line| label(line, "outcome")) {
        Some("Succeeded") => End::Succeeded,
        Some("RolledBack") => End::RolledBack,
        Some("Paused") => End::Paused,
        Some("Person") => End::Person,
        Some(_) | None => End::Unknown,
    };
    let numbers = |text: &String| text.split_whitespace().map(|word| word.parse().ok()).collect();
    Some(Deployment {
        id: word(DEPLOYMENT).map_or_else(|| place(first), str::to_owned),
        stage: last.entry.subject.clone(),
        release: label(last, "release").to_owned(),
        way: if label(last, "way") == "back" { Way::Back } else { Way::Forward },
        begun: begun.first().map(|line| line.ts),
        ended: ended.map(|line| line.ts),
        end,
        before: word(BEFORE).map(str::to_owned),
        // Who goes on with a killed deployment may find its release confirmed: what it brings was said at its beginning.
        changes: events.iter().find_map(|line| line.entry.labels.get(CHANGES)).and_then(numbers),
        caused_by: events
            .iter()
            .find_map(|line| line.entry.labels.get(CAUSED_BY))
            .map(|text| names(text))
            .unwrap_or_default(),
        seal: last.entry.evidence.get(1).cloned().unwrap_or_default(),
        events: events.iter().map(|line| place(line)).collect(),
    })
}

fn incident(incidents: &mut Vec<Incident>, line: &Line) {
    let id = line.entry.subject.as_str();
    let caused_by = line.entry.labels.get(CAUSED_BY).map(|text| names(text)).unwrap_or_default();
    let at = moment(label(line, AT)).unwrap_or(line.ts);
    let known = incidents.iter().position(|one| one.id == id);
    let Some(place_of_it) = known else {
        if line.entry.kind == OPENED {
            incidents.push(Incident {
                id: id.to_owned(),
                stage: label(line, "stage").to_owned(),
                title: label(line, "title").to_owned(),
                opened: at,
                closed: None,
                caused_by,
                events: vec![place(line)],
            });
        }
        return;
    };
    let Some(one) = incidents.get_mut(place_of_it) else { return };
    one.events.push(place(line));
    match line.entry.kind.as_str() {
        CLOSED => one.closed = Some(at.max(one.opened)),
        // What was said twice counts once.
        LINKED => one
            .caused_by
            .extend(caused_by.into_iter().filter(|name| !one.caused_by.contains(name)).collect::<Vec<_>>()),
        _ => {}
    }
}

/// A moment as a label has it.
pub fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| Timestamp::from_second(text.parse().ok()?).ok())
}

/// `writer:seq`.
pub fn place(line: &Line) -> Place {
    format!("{}:{}", line.writer, line.seq)
}

fn label<'a>(line: &'a Line, name: &str) -> &'a str {
    line.entry.labels.get(name).map_or("", String::as_str)
}

fn names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
