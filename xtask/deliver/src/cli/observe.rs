//! `cargo xtask observe`: how what is declared in `release/signals.toml` is now.

mod probe;

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::journal::{self, Entry, Line};
use nexus_xtask::shell::interrupt;

use crate::declared;
use crate::signals::config::{self, Config};
use crate::signals::evaluate::{Sample, State, evaluate};
use crate::signals::report::{self, Told};
use crate::signals::{execute, samples};

/// The kind of the event that tells of a state that is another one.
pub(super) const CHANGED: &str = "signal.changed";

/// How to look.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Look once at every signal that is due; exit 1 where one is down
    Tick {
        /// Look at every signal, due or not
        #[arg(long)]
        all: bool,
    },
    /// Look at each signal as often as it says, until the time is over or the process is ended; exit 1 where one is down then
    Run {
        /// How long: `90s`, `10m`, `12h`; until the process is ended where nothing is said
        #[arg(long = "for", value_name = "TIME")]
        time: Option<String>,
    },
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let config = config::load(&doors.workspace)?;
    let mut watch = Watch::begin(doors, &config)?;
    match &arguments.verb {
        Verb::Tick { all } => {
            let told = watch.tick(*all)?;
            match doors.terminal.is_json() {
                true => doors.terminal.json(&told)?,
                false => doors.terminal.data(&report::table(&told)),
            }
            Ok(exit(&told))
        }
        Verb::Run { time } => watch.run(time.as_deref()),
    }
}

/// Down is the only state that is known to be bad.
fn exit(told: &[Told]) -> Exit {
    match told.iter().any(|one| one.judged.state == State::Down) {
        true => Exit::No,
        false => Exit::Done,
    }
}

/// All signals, with what is known of them.
struct Watch<'a> {
    doors: &'a Doors,
    config: &'a Config,
    samples: BTreeMap<String, Vec<Sample>>,
    /// The state of each that the journal has.
    told: BTreeMap<String, String>,
}

impl<'a> Watch<'a> {
    fn begin(doors: &'a Doors, config: &'a Config) -> Result<Watch<'a>> {
        let mut kept = BTreeMap::new();
        for name in config.signals.keys() {
            kept.insert(name.clone(), samples::read(&doors.workspace, name)?);
        }
        Ok(Watch { doors, config, samples: kept, told: told(doors)? })
    }

    fn samples(&self, name: &str) -> &[Sample] {
        self.samples.get(name).map_or(&[], Vec::as_slice)
    }

    /// When a signal is to be looked at; none where it is due.
    fn due(&self, name: &str, now: Timestamp) -> Option<Duration> {
        let every = Duration::from_secs(self.config.signals.get(name)?.rule().every);
        let newest = self.samples(name).last()?;
        let age = Duration::try_from(now.duration_since(newest.at)).unwrap_or_default();
        every.checked_sub(age).filter(|left| !left.is_zero())
    }

    /// One look at what is due, or at all.
    fn tick(&mut self, all: bool) -> Result<Vec<Told>> {
        let doors = self.doors;
        let now = doors.clock.now();
        let is_wanted = |name: &&String| all || self.due(name, now).is_none();
        let wanted: Vec<String> = self.config.signals.keys().filter(is_wanted).cloned().collect();
        let sights = execute::look(doors, self.config, &wanted, &|services| probe::ask(doors, services))?;
        let now = doors.clock.now();
        for (name, (seen, why)) in sights {
            let sample = Sample { at: now, seen, why };
            samples::keep(&doors.workspace, &name, self.samples.entry(name.clone()).or_default(), sample)?;
        }
        let mut all_told = Vec::new();
        let mut entries = Vec::new();
        for (name, signal) in &self.config.signals {
            let judged = evaluate(&signal.rule(), self.samples(name), now);
            let before = self.told.insert(name.clone(), judged.state.word().to_owned());
            let is_change = before.as_deref() != Some(judged.state.word());
            let told = Told {
                signal: name.clone(),
                before: before.filter(|_| is_change),
                owner: signal.owner.clone(),
                looked: wanted.contains(name),
                judged,
            };
            if is_change {
                entries.push(entry(&told));
            }
            all_told.push(told);
        }
        if !entries.is_empty() {
            journal::append(&doors.workspace, &doors.clock, entries)?;
        }
        Ok(all_told)
    }

    fn run(&mut self, time: Option<&str>) -> Result<Exit> {
        let limit = match time.map(|time| (time, declared::seconds(time))) {
            None => None,
            Some((_, Some(seconds))) => Some(Duration::from_secs(seconds)),
            Some((time, None)) => {
                return Err(
                    Failure::usage(format!("`{time}` is no time")).next("cargo xtask observe run --for 10m")
                );
            }
        };
        let (interrupt, interrupted) = mpsc::channel();
        // Nobody listens any more once this has returned.
        let tell = move || interrupt.send(()).unwrap_or_default();
        interrupt::on_interrupt(tell).map_err(anyhow::Error::from)?;
        let begun = self.doors.clock.start();
        let longest = self.config.signals.keys().map(String::len).max().unwrap_or_default();
        let mut is_first = true;
        loop {
            let told = self.tick(false)?;
            for one in told.iter().filter(|one| is_first || one.before.is_some()) {
                match self.doors.terminal.is_json() {
                    true => self.doors.terminal.json(one)?,
                    false => self.doors.terminal.data(&report::line(one, longest)),
                }
            }
            is_first = false;
            let now = self.doors.clock.now();
            let due = self.config.signals.keys().map(|name| self.due(name, now).unwrap_or_default()).min();
            let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
            let wait = [due, left].into_iter().flatten().min().unwrap_or(Duration::MAX);
            let is_ended = !matches!(interrupted.recv_timeout(wait), Err(mpsc::RecvTimeoutError::Timeout));
            if is_ended || limit.is_some_and(|limit| begun.elapsed() >= limit) {
                return Ok(exit(&told));
            }
        }
    }
}

fn entry(told: &Told) -> Entry {
    let mut labels =
        vec![("state", told.judged.state.word().to_owned()), ("reason", told.judged.reason.clone())];
    labels.extend(told.before.iter().map(|before| ("before", before.clone())));
    labels.extend(told.owner.iter().map(|owner| ("owner", owner.clone())));
    Entry {
        kind: CHANGED.into(),
        subject: told.signal.clone(),
        labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..Entry::default()
    }
}

/// The state of each signal that the journal has, whoever wrote it: the newest line counts.
fn told(doors: &Doors) -> Result<BTreeMap<String, String>> {
    let mut newest: BTreeMap<String, Line> = BTreeMap::new();
    journal::fold(&doors.workspace, |line| {
        if line.entry.kind == CHANGED
            && newest
                .get(&line.entry.subject)
                .is_none_or(|known| (known.ts, known.seq) <= (line.ts, line.seq))
        {
            newest.insert(line.entry.subject.clone(), line);
        }
    })?;
    let state = |line: Line| line.entry.labels.get("state").cloned().unwrap_or_default();
    Ok(newest.into_iter().map(|(name, line)| (name, state(line))).collect())
}
