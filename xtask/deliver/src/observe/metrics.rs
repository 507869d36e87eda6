//! The journal as metrics, in the text format of Prometheus, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>). Pure.
//!
//! - Counters count events of the journal, which only grows, so they only grow.
//! - What has not happened has no sample: an alert on it must ask for its absence. Nothing is 0 that is not known.
//! - Moments are seconds since 1970, of the event and not of the look at it.
//! - In which order files are read does not count. Only events whose order matters, deployments and incidents, are kept
//!   until all are read; of all others there is nothing but the samples, however long the journal is.
//!
//! To add a family: a line in `FAMILIES`, and what feeds it in `feed`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use nexus_xtask::journal::{Entry, Line, Report};

/// The name, the type and the meaning of each family, in the order in which they are printed.
const FAMILIES: &[(&str, &str, &str)] = &[
    ("xtask_build_info", "gauge", "The toolkit that made this."),
    ("xtask_runs_total", "counter", "Runs of cargo xtask ci, by result."),
    ("xtask_run_last_passed_timestamp_seconds", "gauge", "When a run passed last."),
    ("xtask_run_duration_seconds", "histogram", "How long runs took that passed."),
    ("xtask_releases_total", "counter", "Releases that were published."),
    ("xtask_deploys_total", "counter", "Deployments that ended, by stage and outcome."),
    (
        "xtask_rollbacks_total",
        "counter",
        "Ways back that people asked for and that ended, by stage and outcome.",
    ),
    ("xtask_deploys_unfinished", "gauge", "Deployments that began and whose end is not known, by stage."),
    ("xtask_deploy_info", "gauge", "The release that a deployment or a way back brought to a stage last."),
    (
        "xtask_deploy_last_success_timestamp_seconds",
        "gauge",
        "When a deployment or a way back succeeded last, by stage.",
    ),
    ("xtask_incidents_total", "counter", "Incidents that were opened, by stage."),
    ("xtask_incidents_open", "gauge", "Incidents that go on, by stage."),
    ("xtask_backups_total", "counter", "What was tried with backups, by backup, step and result."),
    ("xtask_backup_last_created_timestamp_seconds", "gauge", "When a backup was made and read back last."),
    (
        "xtask_backup_last_verified_timestamp_seconds",
        "gauge",
        "When every byte of a backup was read again last.",
    ),
    ("xtask_backup_size_bytes", "gauge", "What the last backup holds."),
    ("xtask_drills_total", "counter", "Drills, by name, kind and result."),
    ("xtask_drill_last_success_timestamp_seconds", "gauge", "When a drill was green last, by name and kind."),
    ("xtask_journal_events_total", "counter", "Events of the journal."),
    ("xtask_journal_last_event_timestamp_seconds", "gauge", "When the newest event was written."),
    ("xtask_journal_broken_places", "gauge", "Places at which a chain of the journal is not whole."),
];

/// The upper bounds of the histogram, in seconds: from a run in which all is proven to one that compiles everything.
const BOUNDS: [u32; 8] = [1, 5, 15, 60, 300, 900, 1800, 3600];

/// Labels of a sample, as they are printed.
type Labels = String;

/// Samples by family, and in a family by labels.
type Samples = BTreeMap<&'static str, BTreeMap<Labels, f64>>;

/// The name of every family there is, also of those without a sample.
pub fn families() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|(family, _, _)| *family)
}

/// All families that have a sample.
pub fn text(report: &Report, version: &str) -> String {
    let mut metrics = Metrics::default();
    report.lines.iter().for_each(|line| metrics.take(line));
    metrics.text(report, version)
}

/// Metrics, as far as events were taken.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By kind and subject, which is all that such an event's samples depend on.
    tallies: BTreeMap<String, BTreeMap<String, Tally>>,
    took: Took,
    /// Events of stages, which count in their order.
    of_stages: Vec<Line>,
    events: u64,
    last: Option<i64>,
}

/// How often something happened, when last, and the newest figure.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    last: i64,
    newest: Option<Newest>,
}

/// A figure, and which event said it: several writers may have written at the same time.
#[derive(Debug)]
struct Newest {
    ts: Timestamp,
    writer: String,
    seq: u64,
    value: f64,
}

/// How long runs took that passed, in milliseconds: whole numbers have the same sum in each order.
#[derive(Debug, Default)]
struct Took {
    within: [u64; BOUNDS.len()],
    all: u64,
    sum: i64,
}

impl Metrics {
    /// Takes an event.
    pub fn take(&mut self, line: &Line) {
        self.events += 1;
        self.last = self.last.max(Some(line.ts.as_second()));
        let (kind, subject) = (line.entry.kind.as_str(), line.entry.subject.as_str());
        match kind.split_once('.') {
            Some(("deploy" | "incident", _)) => self.of_stages.push(short(line)),
            Some(("ci" | "release" | "backup" | "drill", _)) => {
                if let (("ci.run", "passed"), Some(seconds)) = ((kind, subject), line.entry.value) {
                    self.took.add(seconds);
                }
                // Looked for first: hardly any event is the first of its kind.
                match self.tallies.get_mut(kind).and_then(|tallies| tallies.get_mut(subject)) {
                    Some(tally) => tally.add(line),
                    None => {
                        let tallies = self.tallies.entry(kind.to_owned()).or_default();
                        tallies.entry(subject.to_owned()).or_default().add(line);
                    }
                }
            }
            _ => {}
        }
    }

    /// All families that have a sample. The report says what is not whole.
    pub fn text(&self, report: &Report, version: &str) -> String {
        let mut samples = Samples::new();
        for (kind, tallies) in &self.tallies {
            for (subject, tally) in tallies {
                feed(&mut samples, kind, subject, tally);
            }
        }
        let mut of_stages: Vec<&Line> = self.of_stages.iter().collect();
        of_stages
            .sort_by(|one, other| (one.ts, &one.writer, one.seq).cmp(&(other.ts, &other.writer, other.seq)));
        let mut open = BTreeMap::new();
        for line in of_stages {
            on_stage(&mut samples, &mut open, line);
        }
        set(&mut samples, "xtask_build_info", &[("version", version)], 1.0);
        count(&mut samples, "xtask_journal_events_total", &[], self.events as f64);
        set(&mut samples, "xtask_journal_broken_places", &[], report.broken.len() as f64);
        if let Some(last) = self.last {
            set(&mut samples, "xtask_journal_last_event_timestamp_seconds", &[], last as f64);
        }
        print(&samples, &self.took)
    }
}

/// What samples need of an event that is kept.
fn short(line: &Line) -> Line {
    const LABELS: [&str; 4] = ["stage", "release", "way", "outcome"];
    let labels = LABELS.iter().filter_map(|name| line.entry.labels.get_key_value(*name));
    let entry = Entry {
        kind: line.entry.kind.clone(),
        subject: line.entry.subject.clone(),
        labels: labels.map(|(name, value)| (name.clone(), value.clone())).collect(),
        ..Entry::default()
    };
    Line { v: line.v, writer: line.writer.clone(), seq: line.seq, ts: line.ts, entry, prev: String::new() }
}

impl Tally {
    fn add(&mut self, line: &Line) {
        self.last = if self.count == 0 { line.ts.as_second() } else { self.last.max(line.ts.as_second()) };
        self.count += 1;
        let Some(value) = line.entry.value else { return };
        let place = (line.ts, line.writer.as_str(), line.seq);
        match &mut self.newest {
            Some(newest) if place < (newest.ts, newest.writer.as_str(), newest.seq) => {}
            Some(newest) => {
                (newest.ts, newest.seq, newest.value) = (line.ts, line.seq, value);
                newest.writer.clone_from(&line.writer);
            }
            newest => {
                *newest = Some(Newest { ts: line.ts, writer: line.writer.clone(), seq: line.seq, value });
            }
        }
    }
}

impl Took {
    fn add(&mut self, seconds: f64) {
        for (within, bound) in self.within.iter_mut().zip(BOUNDS) {
            *within += u64::from(seconds <= f64::from(bound));
        }
        self.all += 1;
        // A run that took longer than a number holds did not take place.
        self.sum = self.sum.saturating_add((seconds * 1000.0).round() as i64);
    }
}

/// What all events of one kind and subject say.
fn feed(samples: &mut Samples, kind: &str, subject: &str, tally: &Tally) {
    let (all, at) = (tally.count as f64, tally.last as f64);
    let words: Vec<&str> = kind.split('.').collect();
    match words.as_slice() {
        ["ci", "run"] => {
            count(samples, "xtask_runs_total", &[("result", &snake(subject))], all);
            if subject == "passed" {
                set(samples, "xtask_run_last_passed_timestamp_seconds", &[], at);
            }
        }
        ["release", "published"] => count(samples, "xtask_releases_total", &[], all),
        ["backup", step @ ("create" | "verify" | "restore" | "prune")] => {
            let labels = [("backup", subject), ("step", step), ("result", "success")];
            count(samples, "xtask_backups_total", &labels, all);
            let backup = [("backup", subject)];
            match *step {
                "create" => {
                    set(samples, "xtask_backup_last_created_timestamp_seconds", &backup, at);
                    if let Some(newest) = &tally.newest {
                        set(samples, "xtask_backup_size_bytes", &backup, newest.value);
                    }
                }
                "verify" => set(samples, "xtask_backup_last_verified_timestamp_seconds", &backup, at),
                _ => {}
            }
        }
        ["backup", "failed"] => {
            let labels = [("backup", subject), ("step", "create"), ("result", "failure")];
            count(samples, "xtask_backups_total", &labels, all);
        }
        ["backup", step, "failed"] => {
            let labels = [("backup", subject), ("step", step), ("result", "failure")];
            count(samples, "xtask_backups_total", &labels, all);
        }
        ["drill", kind] => {
            let labels = [("drill", subject), ("kind", kind)];
            set(samples, "xtask_drill_last_success_timestamp_seconds", &labels, at);
            count(samples, "xtask_drills_total", &[labels[0], labels[1], ("result", "success")], all);
        }
        ["drill", kind, "failed"] => {
            let labels = [("drill", subject), ("kind", kind), ("result", "failure")];
            count(samples, "xtask_drills_total", &labels, all);
        }
        _ => {}
    }
}

/// What one event of a stage says, after those before it. `open` has the stage of each incident that goes on, by its name:
/// what is closed twice is closed once.
fn on_stage(samples: &mut Samples, open: &mut BTreeMap<String, String>, line: &Line) {
    let subject = line.entry.subject.as_str();
    match line.entry.kind.as_str() {
        "deploy.begun" => count(samples, "xtask_deploys_unfinished", &[("stage", subject)], 1.0),
        "deploy.ended" => deployed(samples, line),
        "incident.opened" => {
            let stage = line.entry.labels.get("stage").cloned().unwrap_or_default();
            count(samples, "xtask_incidents_total", &[("stage", &stage)], 1.0);
            if open.insert(subject.to_owned(), stage.clone()).is_none() {
                count(samples, "xtask_incidents_open", &[("stage", &stage)], 1.0);
            }
        }
        "incident.closed" => {
            if let Some(stage) = open.remove(subject) {
                count(samples, "xtask_incidents_open", &[("stage", &stage)], -1.0);
            }
        }
        _ => {}
    }
}

fn deployed(samples: &mut Samples, line: &Line) {
    let entry = &line.entry;
    let label = |name: &str| entry.labels.get(name).map_or("", String::as_str);
    let stage = ("stage", entry.subject.as_str());
    let outcome = snake(label("outcome"));
    let family = match label("way") {
        "back" => "xtask_rollbacks_total",
        _ => "xtask_deploys_total",
    };
    count(samples, family, &[stage, ("outcome", &outcome)], 1.0);
    match outcome.as_str() {
        // It never began; another one may be under way.
        "busy" | "outdated" => count(samples, "xtask_deploys_unfinished", &[stage], -1.0),
        // How that ended is not known.
        "lock_lost" => {}
        // Whoever goes on after a death ends what began twice: one end is the end of all that began before.
        _ => set(samples, "xtask_deploys_unfinished", &[stage], 0.0),
    }
    if matches!(outcome.as_str(), "succeeded" | "already") {
        let infos = samples.entry("xtask_deploy_info").or_default();
        let of_stage = labels(&[stage]);
        infos.retain(|labels, _| !labels.starts_with(of_stage.trim_end_matches('}')));
        set(samples, "xtask_deploy_info", &[stage, ("release", label("release"))], 1.0);
        set(samples, "xtask_deploy_last_success_timestamp_seconds", &[stage], line.ts.as_second() as f64);
    }
}

fn set(samples: &mut Samples, family: &'static str, given: &[(&str, &str)], value: f64) {
    samples.entry(family).or_default().insert(labels(given), value);
}

fn count(samples: &mut Samples, family: &'static str, given: &[(&str, &str)], more: f64) {
    *samples.entry(family).or_default().entry(labels(given)).or_default() += more;
}

/// `{name="value"}`; nothing where there are none.
fn labels(given: &[(&str, &str)]) -> Labels {
    if given.is_empty() {
        return String::new();
    }
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let all: Vec<_> = given.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", all.join(","))
}

/// `RolledBack` and `not run` as `rolled_back` and `not_run`.
fn snake(word: &str) -> String {
    let mut text = String::new();
    for (place, letter) in word.char_indices() {
        match letter {
            ' ' | '-' => text.push('_'),
            _ if letter.is_uppercase() && place > 0 => text.extend(['_', letter.to_ascii_lowercase()]),
            _ => text.push(letter.to_ascii_lowercase()),
        }
    }
    text
}

fn print(samples: &Samples, took: &Took) -> String {
    let mut text = String::new();
    for (family, kind, help) in FAMILIES {
        let lines = match *kind {
            "histogram" => histogram(family, took),
            _ => samples
                .get(family)
                .into_iter()
                .flatten()
                .map(|(labels, value)| format!("{family}{labels} {value}\n"))
                .collect(),
        };
        if !lines.is_empty() {
            text += &format!("# HELP {family} {help}\n# TYPE {family} {kind}\n{lines}");
        }
    }
    text
}

/// Empty where nothing was measured.
fn histogram(family: &str, took: &Took) -> String {
    if took.all == 0 {
        return String::new();
    }
    let buckets = BOUNDS.iter().zip(took.within);
    let mut text: String =
        buckets.map(|(bound, within)| format!("{family}_bucket{{le=\"{bound}\"}} {within}\n")).collect();
    let (all, sum) = (took.all, took.sum as f64 / 1000.0);
    text += &format!("{family}_bucket{{le=\"+Inf\"}} {all}\n{family}_sum {sum}\n{family}_count {all}\n");
    text
}

#[cfg(test)]
mod tests;
