//! `cargo xtask drill restart`: the service is killed on one host after the other while records are written.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use nexus_xtask::clock::Started;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::Result;
use nexus_xtask::shell::{Captured, Command};

use super::ground::{Ground, milliseconds, not_begun};
use super::wait::LOOK_EVERY;
use crate::deploy::contract::{Call, Door, Fence, HostName, ReleaseId};
use crate::resilience::stage_drills::figures::{Figures, Restarted};

/// Records that must be acknowledged before the kill, and again after the service is ready.
const RECORDS_MIN: usize = 5;

/// How long is waited for those records.
const RECORDS_LIMIT: Duration = Duration::from_secs(15);

/// How long one write or one reading may take: one that hangs is not acknowledged.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Between two writes: the drill is no load test.
const WRITE_EVERY: Duration = Duration::from_millis(10);

/// A host whose turn it is.
struct Turn<'a> {
    ground: &'a Ground<'a>,
    host: HostName,
    release: ReleaseId,
    fence: Fence,
    address: String,
    /// Records that were acknowledged so far.
    count: AtomicUsize,
    is_over: AtomicBool,
}

/// What came of the writes.
#[derive(Default)]
struct Written {
    /// Each with the time at which it was acknowledged.
    acknowledged: Vec<(String, Started)>,
    not_acknowledged: u64,
    /// Why the last one of those was not.
    why: Option<String>,
}

/// Kills the service on each host. The first that does not come back is the last.
pub(super) fn run(ground: &Ground<'_>, troubles: &mut Vec<String>) -> Result<Figures> {
    let mut hosts: Vec<Restarted> = Vec::new();
    for (host, release) in ground.confirmed() {
        let lease = match ground.lock(&host) {
            Ok(lease) => lease,
            Err(trouble) if hosts.is_empty() => return Err(not_begun(&host, &trouble)),
            Err(trouble) => {
                troubles.push(format!("{}: {trouble}", host.0));
                break;
            }
        };
        let way = match ground.driver.reach(&host, Door::Public, &release) {
            Ok(way) => way,
            Err(trouble) => {
                troubles.push(format!("{}: {trouble}", host.0));
                break;
            }
        };
        let turn = Turn {
            ground,
            host,
            release,
            fence: lease.fence(),
            address: way.address(),
            count: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        };
        let figures = turn.take(troubles);
        // Nobody deploys there before its records are read.
        drop(lease);
        let is_back = figures.ready_ms.is_some();
        hosts.push(figures);
        if !is_back {
            break;
        }
    }
    Ok(Figures::Restart { hosts })
}

impl Turn<'_> {
    fn take(&self, troubles: &mut Vec<String>) -> Restarted {
        let (host, release) = (self.host.0.clone(), self.release.0.clone());
        self.ground.doors.terminal.talk(&format!("{host}: records are written, then {release} is killed"));
        let mut figures = Restarted { host, release, ..Restarted::default() };
        let mut trouble = |why: String| troubles.push(format!("{}: {why}", self.host.0));
        let (killed, written) = std::thread::scope(|scope| {
            let writing = scope.spawn(|| self.write_on());
            let killed = self.kill(&mut figures);
            self.is_over.store(true, Ordering::Relaxed);
            (killed, writing.join())
        });
        let Ok(written) = written else {
            trouble("writing records panicked".to_owned());
            return figures;
        };
        figures.not_acknowledged = written.not_acknowledged;
        let gaps = written.acknowledged.windows(2).map(|pair| pair[0].1.until(pair[1].1));
        figures.gap_ms = gaps.max().map_or(0, milliseconds);
        let is_after = |at: Started, killed: Started| killed.until(at) > Duration::ZERO;
        let after = match &killed {
            Ok(killed) => written.acknowledged.iter().filter(|(_, at)| is_after(*at, *killed)).count(),
            Err(_) => 0,
        };
        figures.acknowledged_after = count(after);
        figures.acknowledged_before = count(written.acknowledged.len() - after);
        if let Err(why) = killed {
            let last = written.why.map(|why| format!("; the last write: {why}")).unwrap_or_default();
            trouble(format!("{why}{last}"));
        }
        let tokens: Vec<_> = written.acknowledged.into_iter().map(|(token, _)| token).collect();
        match self.lost(&tokens) {
            Ok(lost) => (figures.lost, figures.lost_first) = (count(lost.len()), lost.into_iter().next()),
            Err(why) => trouble(format!("the records cannot be read: {why}")),
        }
        figures
    }

    /// Kills the service and waits until it is ready; returns when that was.
    fn kill(&self, figures: &mut Restarted) -> std::result::Result<Started, String> {
        let ground = self.ground;
        let before = self.restarts()?;
        self.until_written(RECORDS_MIN)?;
        let killed = ground.doors.clock.start();
        let call = Call::Crash { release: self.release.clone() };
        let done = ground.driver.perform(&self.host, &call, &ground.deployment(), self.fence);
        done.map_err(|trouble| trouble.to_string())?;
        match ground.until_ready(&self.host, &self.release, killed, ground.patience()) {
            Ok(took) => figures.ready_ms = Some(milliseconds(took)),
            Err(why) => return Err(self.serve_again(&why)),
        }
        figures.is_started_again = self.restarts()? > before;
        self.until_written(self.count.load(Ordering::Relaxed) + RECORDS_MIN)?;
        Ok(killed)
    }

    /// A drill leaves no host without its service where it can help it.
    fn serve_again(&self, why: &str) -> String {
        let ground = self.ground;
        let call = Call::Revert { to: Some(self.release.clone()) };
        match ground.driver.perform(&self.host, &call, &ground.deployment(), self.fence) {
            Ok(_) => format!("it did not come back by itself, and was started by the drill: {why}"),
            Err(trouble) => format!("it did not come back, and could not be started: {why}; {trouble}"),
        }
    }

    /// How often the host has started the service again.
    fn restarts(&self) -> std::result::Result<u32, String> {
        let observed = self.ground.observe(&self.host).map_err(|trouble| trouble.to_string())?;
        let one = observed.running.iter().find(|one| one.serving && one.release == self.release);
        one.map(|one| one.restarts).ok_or_else(|| format!("{} does not serve", self.release.0))
    }

    fn until_written(&self, wanted: usize) -> std::result::Result<(), String> {
        let begun = self.ground.doors.clock.start();
        loop {
            let there = self.count.load(Ordering::Relaxed);
            if there >= wanted {
                return Ok(());
            }
            if begun.elapsed() > RECORDS_LIMIT {
                let seconds = RECORDS_LIMIT.as_secs();
                return Err(format!("{there} of {wanted} records were acknowledged within {seconds} s"));
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// Writes records one after the other until it is over.
    fn write_on(&self) -> Written {
        let doors = self.ground.doors;
        let run = format!("drill-{}-{}", doors.clock.now().as_millisecond(), std::process::id());
        let mut written = Written::default();
        for number in 1.. {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            // Of one length, so that none is a part of another.
            let token = format!("{run}-{number:07}");
            match must(doors, &self.filled(&self.ground.drill().write, &token)) {
                Ok(_) => {
                    written.acknowledged.push((token, doors.clock.start()));
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                Err(why) => {
                    written.not_acknowledged += 1;
                    written.why = Some(why);
                }
            }
            std::thread::park_timeout(WRITE_EVERY);
        }
        written
    }

    /// The acknowledged records that are not there.
    fn lost(&self, tokens: &[String]) -> std::result::Result<Vec<String>, String> {
        let words = &self.ground.drill().read;
        let said = |token: &str| must(self.ground.doors, &self.filled(words, token)).map(|said| said.text());
        let mut lost = Vec::new();
        if words.iter().any(|word| word.contains("{token}")) {
            for token in tokens {
                if !said(token)?.contains(token) {
                    lost.push(token.clone());
                }
            }
        } else if !tokens.is_empty() {
            let all = said("")?;
            lost.extend(tokens.iter().filter(|token| !all.contains(*token)).cloned());
        }
        Ok(lost)
    }

    fn filled(&self, words: &[String], token: &str) -> Command {
        super::filled(words, &[("{address}", &self.address), ("{token}", token), ("{host}", &self.host.0)])
    }
}

/// Runs a command of the user that must end with 0 in time.
fn must(doors: &Doors, command: &Command) -> std::result::Result<Captured, String> {
    match doors.shell.within(command, None, COMMAND_LIMIT) {
        Ok(Some(captured)) if captured.is_success() => Ok(captured),
        Ok(Some(captured)) => Err(format!("{}: {}", captured.ended, captured.stderr.trim())),
        Ok(None) => Err(format!("it did not end within {} s", COMMAND_LIMIT.as_secs())),
        Err(error) => Err(format!("{error:#}")),
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
