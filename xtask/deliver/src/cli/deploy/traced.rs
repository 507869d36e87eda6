//! A deployment as spans, where the environment names a collector: each phase is a step of a recording, which a process of
//! its own follows and sends (`cargo xtask trace --follow`). A deployment never waits or fails for it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

use nexus_xtask::clock::{Clock, Started};
use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;
use nexus_xtask::event::{self, Event, Outcome as StepOutcome, Stamped, Status};
use nexus_xtask::{files, recording};

use super::super::trace::deployments;
use crate::deploy::engine::Outcome;
use crate::deploy::plan::{Kind, Plan};

/// So many recordings are kept.
const KEPT_MAX: usize = 20;

/// The recording; none where nobody wants spans.
pub(super) struct Traced(Option<Recording>);

struct Recording {
    folder: PathBuf,
    clock: Clock,
    begun: Started,
    written: Mutex<Written>,
    /// Held until the deployment is over, so that its death is known.
    _lock: File,
}

struct Written {
    file: File,
    /// The phase that goes on, and when it began.
    phase: Option<(String, Started)>,
    /// How often each phase was there: a later one has a name of its own.
    seen: BTreeMap<&'static str, u32>,
}

impl Traced {
    /// Begins the recording. What is wrong with it is said once, and then there is none.
    pub(super) fn begin(doors: &Doors, plan: &Plan, deployment: &str) -> Traced {
        if !recording::is_collected(&doors.environment) {
            return Traced(None);
        }
        match Recording::begin(doors, plan, deployment) {
            Ok(recording) => Traced(Some(recording)),
            Err(error) => {
                doors
                    .terminal
                    .talk(&format!("warning: there will be no spans of this deployment: {error:#}"));
                Traced(None)
            }
        }
    }

    /// A phase begins, or goes on.
    pub(super) fn phase(&self, word: &'static str) {
        let Some(recording) = &self.0 else { return };
        let Ok(mut written) = recording.written.lock() else { return };
        let is_same = written.phase.as_ref().is_some_and(|(name, _)| name.split(" #").next() == Some(word));
        if is_same {
            return;
        }
        recording.close(&mut written, StepOutcome::Passed);
        let seen = written.seen.entry(word).or_default();
        *seen += 1;
        let name = if *seen == 1 { word.to_owned() } else { format!("{word} #{seen}") };
        recording.write(&mut written, Event::StepStarted { step: name.clone(), attempt: 1 });
        written.phase = Some((name, recording.clock.start()));
    }

    /// It is over; says what went wrong with its spans so far.
    pub(super) fn end(&self, doors: &Doors, outcome: &Outcome) {
        let Some(recording) = &self.0 else { return };
        let (status, last) = match outcome {
            Outcome::Succeeded | Outcome::Already => (Status::Passed, StepOutcome::Passed),
            Outcome::Refused { .. } | Outcome::RolledBack { .. } => (Status::Failed, StepOutcome::Passed),
            Outcome::Busy { .. } | Outcome::Outdated { .. } => (Status::Nothing, StepOutcome::Passed),
            Outcome::Paused { .. } | Outcome::Person { .. } | Outcome::LockLost => {
                let why = "nobody can say how it ended".to_owned();
                (Status::Unavailable, StepOutcome::Broken { why })
            }
        };
        if let Ok(mut written) = recording.written.lock() {
            recording.close(&mut written, last);
            let duration_ms = milliseconds(recording.begun);
            recording.write(&mut written, Event::RunFinished { status, duration_ms, next: None });
        }
        let log = recording.folder.join("trace.log");
        if files::read_text(&log).is_ok_and(|text| text.is_some_and(|text| !text.trim().is_empty())) {
            let name = doors.workspace.name_of(&log);
            doors
                .terminal
                .talk(&format!("warning: the spans of this deployment were not all sent: see {name}"));
        }
    }
}

impl Recording {
    fn begin(doors: &Doors, plan: &Plan, deployment: &str) -> anyhow::Result<Recording> {
        let moment = doors.clock.now().strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        let name = format!("{moment}-{}", Digest::of(format!("{deployment} {}", std::process::id())).short());
        let folder = deployments(doors).join(&name);
        let lock = files::try_lock(&folder.join("lock"))?;
        let lock = lock.ok_or_else(|| anyhow::anyhow!("another deployment is recorded as `{name}`"))?;
        let file = files::open_append(&folder.join("events.jsonl"))?;
        let recording = Recording {
            clock: doors.clock.clone(),
            begun: doors.clock.start(),
            written: Mutex::new(Written { file, phase: None, seen: BTreeMap::new() }),
            _lock: lock,
            folder,
        };
        let verb = match plan.kind {
            Kind::Deploy => "deploy",
            Kind::Rollback => "rollback",
        };
        if let Ok(mut written) = recording.written.lock() {
            let event = Event::RunStarted {
                run: format!("{deployment} {moment}"),
                command: format!("cargo xtask {verb}"),
                commit: Some(plan.bundle.commit.clone()).filter(|commit| !commit.is_empty()),
                steps: Vec::new(),
                notes: Vec::new(),
            };
            recording.write(&mut written, event);
        }
        let log = recording.folder.join("trace.log");
        recording::follow(doors, doors.environment.binary(), &["--deployment", &name], &log)?;
        let mut old = files::list(&deployments(doors))?;
        old.truncate(old.len().saturating_sub(KEPT_MAX));
        old.iter().try_for_each(|folder| files::remove_folder(folder))?;
        Ok(recording)
    }

    fn close(&self, written: &mut Written, outcome: StepOutcome) {
        let Some((step, begun)) = written.phase.take() else { return };
        let event = Event::StepFinished {
            step,
            outcome,
            duration_ms: milliseconds(begun),
            excerpt: Vec::new(),
            log: None,
            rerun: None,
            notes: Vec::new(),
        };
        self.write(written, event);
    }

    /// A line that cannot be written is missed by the spans, and by nothing else.
    fn write(&self, written: &mut Written, event: Event) {
        let stamped =
            Stamped { v: event::VERSION, at: self.clock.now(), ms: milliseconds(self.begun), event };
        if let Ok(line) = serde_json::to_string(&stamped) {
            written.file.write_all(format!("{line}\n").as_bytes()).ok();
        }
    }
}

fn milliseconds(begun: Started) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
