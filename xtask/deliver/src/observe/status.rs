//! Everything at once, from what this machine knows: what is live, how it is, what ran, what is old, what fell. Pure.
//!
//! - The journal is taken line by line, and only the newest line of each thing is kept; of stages and incidents every event,
//!   because their order counts. In which order files are read does not count.
//! - What is bad is down, red or fell. What is not known is careful: neither good nor bad.
//!
//! To add a section: what it needs of the journal in `take`, and its rows in `rows`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use nexus_xtask::clock::ago;
use nexus_xtask::journal::Line;

/// How many of the last runs are shown.
const RUNS: usize = 3;

/// The levels of claims, from below.
const LEVELS: [&str; 5] = ["planned", "built", "tested", "deployed", "operated"];

/// A signal as it is now.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// Its state, in a word.
    pub state: String,
    /// What shows it.
    pub reason: String,
}

/// How good something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not known, or under way.
    Careful,
    /// Somebody should look.
    Bad,
}

/// A line of the screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What it is about: `live`, `signals`, `runs`, ...
    pub section: &'static str,
    /// The thing: a stage, a signal.
    pub subject: String,
    /// How it is, in a word or a name.
    pub state: String,
    /// How good that is.
    pub tone: Tone,
    /// What there is to say.
    pub text: String,
    /// Since when, or when last.
    pub at: Option<Timestamp>,
}

/// What the journal says, as far as it was taken.
#[derive(Debug, Default)]
pub struct Status {
    newest: BTreeMap<(Kind, String), Line>,
    runs: Vec<Line>,
    of_stages: Vec<Line>,
}

/// Of what the newest line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Signal,
    Claim,
    Backup,
    Drill,
}

impl Status {
    /// Takes a line of the journal.
    pub fn take(&mut self, line: Line) {
        let subject = line.entry.subject.clone();
        let (first, rest) = line.entry.kind.split_once('.').unwrap_or_default();
        match (first, rest) {
            ("signal", "changed") => self.keep(Kind::Signal, subject, line),
            ("claim", "level") => self.keep(Kind::Claim, subject, line),
            ("drill", _) => self.keep(Kind::Drill, subject, line),
            ("backup", rest) => {
                let step =
                    rest.strip_suffix(".failed").unwrap_or(if rest == "failed" { "create" } else { rest });
                let key = format!("{subject} {step}");
                self.keep(Kind::Backup, key, line);
            }
            ("ci", "run") => {
                self.runs.push(line);
                if self.runs.len() > RUNS {
                    self.runs.sort_by(|one, other| key(other).cmp(&key(one)));
                    self.runs.truncate(RUNS);
                }
            }
            ("deploy", "begun" | "ended") | ("incident", _) => self.of_stages.push(line),
            _ => {}
        }
    }

    fn keep(&mut self, kind: Kind, subject: String, line: Line) {
        let place = self.newest.entry((kind, subject));
        let known = place.or_insert_with(|| line.clone());
        if key(known) < key(&line) {
            *known = line;
        }
    }

    fn all(&self, wanted: Kind) -> impl Iterator<Item = (&str, &Line)> {
        let all = self.newest.iter().filter(move |((kind, _), _)| *kind == wanted);
        all.map(|((_, subject), line)| (subject.as_str(), line))
    }

    /// All rows. Signals that are declared here are given as they are now; without any, the journal's last word on each is
    /// shown. `broken` are the places at which the journal is not whole.
    pub fn rows(&self, signals: Option<&[Signal]>, broken: &[String]) -> Vec<Row> {
        let mut rows = self.stages();
        rows.extend(self.signals(signals));
        rows.extend(self.ran());
        rows.extend(self.resilience());
        rows.extend(self.claims());
        rows.extend(broken.first().map(|first| {
            row(
                "journal",
                "journal",
                "broken",
                Tone::Bad,
                format!("{} places, the first is {first}", broken.len()),
                None,
            )
        }));
        rows
    }

    /// What is live, what is under way, and incidents that go on.
    fn stages(&self) -> Vec<Row> {
        let mut lines: Vec<&Line> = self.of_stages.iter().collect();
        lines.sort_by_key(|line| key(line));
        let (mut live, mut last) = (BTreeMap::new(), BTreeMap::new());
        let (mut begun, mut open) = (BTreeMap::<&str, Vec<&Line>>::new(), BTreeMap::new());
        for line in lines {
            let subject = line.entry.subject.as_str();
            match line.entry.kind.as_str() {
                "deploy.begun" => begun.entry(subject).or_default().push(line),
                "deploy.ended" => match word(label(line, "outcome")).as_str() {
                    // It never began; another one may be under way.
                    "busy" | "outdated" | "refused" => drop(begun.get_mut(subject).and_then(Vec::pop)),
                    // How that ended is not known.
                    "locklost" => {}
                    outcome => {
                        begun.remove(subject);
                        last.insert(subject, (outcome.to_owned(), line));
                        if matches!(outcome, "succeeded" | "already") {
                            live.insert(subject, line);
                        }
                    }
                },
                "incident.opened" => drop(open.insert(subject, line)),
                "incident.closed" => drop(open.remove(subject)),
                _ => {}
            }
        }
        let mut rows = Vec::new();
        for (stage, line) in &live {
            rows.push(row("live", stage, label(line, "release"), Tone::Good, String::new(), Some(line.ts)));
        }
        for (stage, (outcome, line)) in &last {
            if !matches!(outcome.as_str(), "succeeded" | "already") {
                let text = format!("release {}", label(line, "release"));
                rows.push(row("deploys", stage, outcome, Tone::Bad, text, Some(line.ts)));
            }
        }
        for (stage, line) in begun.iter().filter_map(|(stage, lines)| lines.last().map(|line| (stage, line)))
        {
            let text = format!("release {}; its end is not known", label(line, "release"));
            rows.push(row("deploys", stage, "unfinished", Tone::Careful, text, Some(line.ts)));
        }
        for (id, line) in &open {
            let text = format!("{}: {}", label(line, "stage"), label(line, "title"));
            rows.push(row("incidents", id, "open", Tone::Bad, text, Some(line.ts)));
        }
        rows
    }

    fn signals(&self, declared: Option<&[Signal]>) -> Vec<Row> {
        let told: BTreeMap<&str, &Line> = self.all(Kind::Signal).collect();
        let one = |name: &str, state: &str, reason: &str, at: Option<Timestamp>| {
            let tone = match state {
                "up" => Tone::Good,
                "down" => Tone::Bad,
                _ => Tone::Careful,
            };
            row("signals", name, state, tone, reason.to_owned(), at)
        };
        match declared {
            Some(declared) => declared
                .iter()
                .map(|signal| {
                    let since =
                        told.get(signal.name.as_str()).filter(|line| label(line, "state") == signal.state);
                    one(&signal.name, &signal.state, &signal.reason, since.map(|line| line.ts))
                })
                .collect(),
            None => told
                .iter()
                .map(|(name, line)| one(name, label(line, "state"), label(line, "reason"), Some(line.ts)))
                .collect(),
        }
    }

    /// The last runs. Only the newest is bad: what failed before it is over.
    fn ran(&self) -> Vec<Row> {
        let mut runs: Vec<&Line> = self.runs.iter().collect();
        runs.sort_by(|one, other| key(other).cmp(&key(one)));
        let one = |(place, line): (usize, &&Line)| {
            let result = line.entry.subject.as_str();
            let tone = match result {
                "passed" => Tone::Good,
                "failed" if place == 0 => Tone::Bad,
                _ => Tone::Careful,
            };
            let text = line.entry.value.map_or(String::new(), |seconds| format!("took {seconds:.1} s"));
            row("runs", "ci", result, tone, text, Some(line.ts))
        };
        runs.iter().enumerate().map(one).collect()
    }

    fn resilience(&self) -> Vec<Row> {
        let one = |section, subject: &str, line: &Line, what: String| {
            let failed = line.entry.kind.ends_with("failed");
            let (state, tone) = if failed { ("failed", Tone::Bad) } else { ("good", Tone::Good) };
            row(section, subject, state, tone, what, Some(line.ts))
        };
        let backups = self.all(Kind::Backup).map(|(key, line)| {
            let (name, step) = key.rsplit_once(' ').unwrap_or((key, ""));
            one("backups", name, line, step.to_owned())
        });
        let kind =
            |line: &Line| line.entry.kind.trim_start_matches("drill.").trim_end_matches(".failed").to_owned();
        let drills = self.all(Kind::Drill).map(|(name, line)| one("drills", name, line, kind(line)));
        backups.chain(drills).collect()
    }

    /// Claims whose newest level is below the one before.
    fn claims(&self) -> Vec<Row> {
        let rank = |word: &str| LEVELS.iter().position(|level| *level == word);
        let fell = |line: &Line| rank(label(line, "level")) < rank(label(line, "before"));
        let fallen = self.all(Kind::Claim).filter(|(_, line)| fell(line));
        fallen
            .map(|(claim, line)| {
                let text = format!("was {}", label(line, "before"));
                row("claims", claim, label(line, "level"), Tone::Bad, text, Some(line.ts))
            })
            .collect()
    }
}

/// True where somebody should look.
pub fn is_bad(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.tone == Tone::Bad)
}

/// The rows as lines: `!` is bad, `?` is careful.
pub fn screen(rows: &[Row], now: Timestamp) -> Vec<String> {
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or_default();
    let subjects = width(|row| row.subject.chars().count());
    let states = width(|row| row.state.chars().count());
    let mut section = "";
    let mut lines = Vec::new();
    for row in rows {
        let shown = if section == row.section { "" } else { row.section };
        section = row.section;
        let mark = match row.tone {
            Tone::Good => ' ',
            Tone::Careful => '?',
            Tone::Bad => '!',
        };
        let when = row.at.map(|at| ago(at, now));
        let text: Vec<String> =
            when.into_iter().chain(Some(row.text.clone()).filter(|text| !text.is_empty())).collect();
        let (subject, state, text) = (&row.subject, &row.state, text.join("; "));
        let line = format!("{shown:9}  {mark} {subject:subjects$}  {state:states$}  {text}");
        lines.push(line.trim_end().to_owned());
    }
    let count = |tone: Tone| rows.iter().filter(|row| row.tone == tone).count();
    lines.push(match (count(Tone::Bad), count(Tone::Careful)) {
        _ if rows.is_empty() => "nothing has happened here yet".into(),
        (0, 0) => "nothing is bad".into(),
        (0, careful) => format!("nothing is bad; {careful} not known"),
        (bad, careful) => format!("{bad} bad, {careful} not known"),
    });
    lines
}

fn row(
    section: &'static str,
    subject: &str,
    state: &str,
    tone: Tone,
    text: String,
    at: Option<Timestamp>,
) -> Row {
    Row { section, subject: subject.to_owned(), state: state.to_owned(), tone, text, at }
}

fn label<'a>(line: &'a Line, name: &str) -> &'a str {
    line.entry.labels.get(name).map_or("", String::as_str)
}

/// `RolledBack` and `rolled back` as `rolledback`.
fn word(outcome: &str) -> String {
    outcome.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase()
}

/// Which of two lines is newer, whoever wrote them.
fn key(line: &Line) -> (Timestamp, &str, u64) {
    (line.ts, line.writer.as_str(), line.seq)
}

#[cfg(test)]
mod tests;
