//! A restore drill, step by step, with its figures.

use std::time::Duration;

use jiff::Timestamp;

use nexus_xtask::clock::Started;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::shell::Captured;
use nexus_xtask::shell::beside::Beside;

use super::scratch::Scratch;
use super::{milliseconds, tell, told};
use crate::address;
use crate::resilience::config::{Backup, RestoreDrill};
use crate::resilience::evidence::{self, Created, Drilled, VERSION};
use crate::resilience::place::Place;
use crate::resilience::restic::Repository;
use crate::resilience::{Previous, plan, tree};

/// How long is waited between two questions whether a release is ready.
const PROBE_EVERY: Duration = Duration::from_millis(50);

/// Restores, boots, checks, and writes down what came of it.
pub(in crate::resilience) fn drill(
    doors: &Doors,
    name: &str,
    drill: &RestoreDrill,
    backup: &Backup,
    previous: Option<&Previous>,
) -> Result<Drilled> {
    // What hinders the drill itself is no verdict about the backup, and leaves the last one as it is.
    let repository = Repository { doors, name: &drill.backup, backup };
    repository.require()?;
    let scratch = Scratch::new(doors, &format!("drill-{name}"))?;
    let mut drilled = Drilled {
        v: VERSION,
        at: doors.clock.now(),
        snapshot: None,
        release: previous.map(|previous| previous.release.clone()),
        size: None,
        restore_ms: None,
        recovery_ms: None,
        newest_age_seconds: None,
        reasons: Vec::new(),
    };
    let port = address::free(1)?.first().map_or(0, std::net::SocketAddr::port);
    let place = Place {
        folder: scratch.folder.clone(),
        port,
        release: previous.map(|previous| previous.folder.clone()),
    };
    let drilling = Drilling { doors, drill, place, began: drilled.at };
    if let Err(failure) = drilling.observe(&repository, &mut drilled) {
        drilled.reasons.push(told(doors, failure));
    }
    for command in &drill.cleanup {
        if let Err(failure) = drilling.must(command) {
            drilled.reasons.push(format!("cleaning up: {}", told(doors, failure)));
        }
    }
    drilled.reasons.extend(plan::of_figures(drill, &drilled));
    drilled.at = doors.clock.now();
    let path = evidence::write(&doors.workspace, evidence::DRILL, name, &drilled)?;
    let kind = if drilled.reasons.is_empty() { "drill.restore" } else { "drill.restore.failed" };
    let seconds = drilled.recovery_ms.map(|took| took as f64 / 1000.0);
    tell(doors, kind, name, seconds, vec![path])?;
    if drilled.reasons.is_empty() {
        return Ok(drilled);
    }
    let failure = Failure::no(format!("the drill `{name}` is red"));
    let next = format!("cargo xtask backup create {}; then drill again", drill.backup);
    Err(drilled.reasons.into_iter().fold(failure, Failure::why).next(next))
}

struct Drilling<'a> {
    doors: &'a Doors,
    drill: &'a RestoreDrill,
    place: Place,
    began: Timestamp,
}

impl Drilling<'_> {
    fn observe(&self, repository: &Repository, drilled: &mut Drilled) -> Result<()> {
        let doors = self.doors;
        let last = evidence::read::<Created>(&doors.workspace, evidence::BACKUP, &self.drill.backup)?;
        let newest = repository.newest()?;
        drilled.reasons.extend(plan::of_snapshot(&last, newest.as_deref()));
        let Some(snapshot) = newest else { return Ok(()) };
        drilled.snapshot = Some(snapshot.clone());

        let started = doors.clock.start();
        repository.restore(&snapshot, &self.place.folder)?;
        drilled.restore_ms = Some(milliseconds(&started));
        let size = tree::measure(&self.place.folder)?;
        drilled.size = Some(size);
        if let Some(reason) = plan::of_known(&last, &snapshot, &size) {
            return Err(Failure::no(reason));
        }
        for command in &self.drill.prepare {
            self.must(command)?;
        }
        let mut release = doors.shell.start(&self.place.fill(&self.drill.boot))?;
        let result = self.until_ready(&started, &mut release).and_then(|took| {
            drilled.recovery_ms = Some(took);
            self.look(drilled)
        });
        // It may have ended by itself, which the probe or a check has told already.
        release.kill().ok();
        result
    }

    fn until_ready(&self, started: &Started, release: &mut Beside) -> Result<u64> {
        loop {
            let said = self.ask(&self.drill.probe);
            if said.as_ref().is_ok_and(Captured::is_success) {
                return Ok(milliseconds(started));
            }
            if let Some(ended) = release.wait_for(PROBE_EVERY)? {
                return Err(Failure::no(format!("the previous release ended before it was ready: {ended}")));
            }
            if started.elapsed() > self.limit() {
                let last = match said {
                    Ok(said) => {
                        format!("{}: {}", said.ended, said.stderr.trim().lines().last().unwrap_or_default())
                    }
                    Err(failure) => failure.problem,
                };
                let limit = self.drill.recovery_seconds_max;
                return Err(
                    Failure::no(format!("the previous release was not ready within {limit} s")).why(last)
                );
            }
        }
    }

    fn look(&self, drilled: &mut Drilled) -> Result<()> {
        for check in &self.drill.checks {
            let said = self.ask(&check.command)?;
            let command = self.place.fill(&check.command);
            if !said.is_success() {
                let why = format!("check `{command}` ended with {}: {}", said.ended, said.stderr.trim());
                drilled.reasons.push(why);
            } else if said.text() != check.expect {
                let why = format!("check `{command}` says `{}`, not `{}`", said.text(), check.expect);
                drilled.reasons.push(why);
            }
        }
        let said = self.must(&self.drill.newest)?.text();
        let newest = time(&said).ok_or_else(|| {
            let command = self.place.fill(&self.drill.newest);
            Failure::no(format!("`{command}` prints `{said}`, which is no time: no record was recovered"))
        })?;
        drilled.newest_age_seconds = Some(self.began.as_second() - newest.as_second());
        Ok(())
    }

    fn must(&self, words: &[String]) -> Result<Captured> {
        let said = self.ask(words)?;
        if said.is_success() {
            return Ok(said);
        }
        Err(Failure::no(format!("`{}` failed", self.place.fill(words))).why(format!(
            "{}: {}",
            said.ended,
            said.stderr.trim()
        )))
    }

    /// No declared command may take longer than the whole recovery: one that hangs is a red drill, not one without end.
    fn ask(&self, words: &[String]) -> Result<Captured> {
        let command = self.place.fill(words);
        self.doors.shell.within(&command, None, self.limit())?.ok_or_else(|| {
            Failure::no(format!("`{command}` did not end within {} s", self.drill.recovery_seconds_max))
        })
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.drill.recovery_seconds_max)
    }
}

fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse::<i64>()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .or_else(|| text.parse().ok())
}
