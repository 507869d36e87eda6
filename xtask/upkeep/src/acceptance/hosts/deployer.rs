//! A deployment that runs beside this process, so that something can happen to it at a moment.

use std::path::PathBuf;
use std::time::Duration;

use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::beside::Beside;
use nexus_xtask::shell::{Command, Ended};

use super::bed::{Bed, Done};

/// How long a host may take to reach a state.
const STATE_LIMIT: Duration = Duration::from_secs(120);

/// How far a host is in a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Staged,
    Armed,
    Started,
    Switched,
    Drained,
    Confirmed,
}

/// All of them, in their order.
pub(super) const STATES: [State; 6] =
    [State::Staged, State::Armed, State::Started, State::Switched, State::Drained, State::Confirmed];

impl State {
    /// The call after which a host is so far, as its journal names it.
    fn call(self) -> &'static str {
        match self {
            State::Staged => "stage",
            State::Armed => "arm",
            State::Started => "start",
            State::Switched => "switch",
            State::Drained => "drain",
            State::Confirmed => "confirm",
        }
    }

    /// Its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Staged => "staged",
            State::Armed => "armed",
            State::Started => "started",
            State::Switched => "switched",
            State::Drained => "drained",
            State::Confirmed => "confirmed",
        }
    }
}

/// A deployment under way. Dropping it kills it.
pub(super) struct Deployer<'a> {
    bed: &'a Bed<'a>,
    process: Option<Beside>,
    log: PathBuf,
    /// How many lines the journal of each host had before.
    lines: Vec<usize>,
}

impl<'a> Deployer<'a> {
    /// Begins `deploy run` of the release that is declared. `name` is for its log.
    pub(super) fn start(bed: &'a Bed<'a>, name: &str) -> Result<Deployer<'a>> {
        let log = bed.world.base.join(format!("{name}.log"));
        files::remove(&log)?;
        let mut lines = Vec::new();
        for number in 1..=bed.hosts.len() {
            lines.push(bed.journal(number)?.len());
        }
        let command = bed.command(&["run", "--to", super::fixture::STAGE, "--execute"]);
        let process = Some(bed.doors.shell.detach(&command, &log)?);
        Ok(Deployer { bed, process, log, lines })
    }

    /// Waits until the journal of a host says that it is so far.
    pub(super) fn reaches(&mut self, number: usize, state: State) -> Result<()> {
        let what = format!("h{number} is {}", state.word());
        let (bed, skip) = (self.bed, self.lines[number - 1]);
        bed.until(&what, STATE_LIMIT, || {
            let lines = bed.journal(number)?;
            let is_so = lines.iter().skip(skip).any(|line| line.step == state.call() && line.phase == "done");
            if is_so {
                return Ok(Ok(()));
            }
            match self.ended()? {
                None => Ok(Err(format!("{} new lines in its journal", lines.len() - skip))),
                Some(ended) => Err(Failure::no(format!("{what}: the deployment ended before, with {ended}"))
                    .why(self.said()?)
                    .next("cargo xtask acceptance hosts")),
            }
        })?;
        Ok(())
    }

    fn ended(&mut self) -> Result<Option<Ended>> {
        let Some(process) = &mut self.process else { return Ok(None) };
        Ok(process.wait_for(Duration::ZERO)?)
    }

    fn said(&self) -> Result<String> {
        Ok(files::read_text(&self.log)?.unwrap_or_default().trim().to_owned())
    }

    /// Its process id; 0 when it was killed.
    pub(super) fn id(&self) -> u32 {
        self.process.as_ref().map_or(0, Beside::id)
    }

    /// Sends it a signal: `STOP`, `CONT`.
    pub(super) fn signal(&self, name: &str) -> Result<()> {
        let command = Command::new("kill", [format!("-{name}"), self.id().to_string()]);
        Ok(self.bed.doors.shell.read(&command).map(drop)?)
    }

    /// Kills it (SIGKILL).
    pub(super) fn kill(mut self) -> Result<()> {
        self.process.take().map(Beside::kill).transpose()?;
        Ok(())
    }

    /// Waits until it has ended, and returns the processor time that it took itself, without the programs it started.
    pub(super) fn processor_time(&self, limit: Duration) -> Result<Duration> {
        let (clock, id) = (&self.bed.doors.clock, self.id());
        let mut taken = Duration::ZERO;
        self.bed.until("the deployment ends", limit, || {
            let own = clock.process(id)?;
            taken = own.taken;
            Ok(if own.has_ended { Ok(()) } else { Err(self.said()?) })
        })?;
        Ok(taken)
    }

    /// Waits for its end.
    pub(super) fn end(mut self, limit: Duration) -> Result<Done> {
        let process = self.process.as_mut().map(|process| process.wait_for(limit)).transpose()?.flatten();
        match process {
            Some(Ended::Exit(code)) => Ok(Done { code, said: self.said()? }),
            Some(ended) => Ok(Done { code: -1, said: format!("{ended}: {}", self.said()?) }),
            None => Err(Failure::no(format!("the deployment did not end within {} s", limit.as_secs()))
                .why(self.said()?)
                .next("cargo xtask acceptance hosts")),
        }
    }
}

impl Drop for Deployer<'_> {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        self.process.take().map(Beside::kill);
    }
}
