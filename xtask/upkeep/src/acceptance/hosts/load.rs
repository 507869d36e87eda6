//! Deployments and ways back under a load that never tries again.

use std::path::PathBuf;
use std::time::Duration;

use nexus_xtask::clock::spoken;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::Command;
use nexus_xtask::shell::beside::Beside;

use super::bed::Bed;

const HOSTS: usize = 3;
const DEPLOYMENTS: usize = 10;
const WAYS_BACK: usize = 5;

/// Half of them open a connection for each request, half keep theirs.
const CLIENTS: &str = "12";

/// Fewer requests than these would show nothing: every change of every host is to meet hundreds.
const REQUESTS_MIN: u64 = 10_000;

/// The longest that the load goes on, should nobody end it.
const LOAD_SECONDS_MAX: &str = "3600";

/// Waiting for the last answers.
const END_LIMIT: Duration = Duration::from_secs(30);

/// Requests go first to one host, then to half, then to all: each way that a wave can be made of hosts.
const STAGE: &str = "waves = [\"1\"]\nparallel = 2\nsoak_seconds = 1\nkeep = 20\n";

/// Runs the part, and says what was counted.
pub(super) fn run(doors: &Doors) -> Result<()> {
    let bed = Bed::boot(doors, "load", HOSTS)?;
    bed.declare("r0", "", STAGE)?;
    bed.run()?.require(0, "is confirmed on every host")?;
    let mut known = vec![bed.settled()?];
    let begun = doors.clock.start();
    let load = Load::start(&bed)?;
    for number in 1..=DEPLOYMENTS {
        bed.declare(&format!("r{number}"), "", STAGE)?;
        bed.run()?.require(0, "is confirmed on every host")?;
        let release = bed.settled()?;
        doors.terminal.talk(&format!("deployed  {number} of {DEPLOYMENTS}: {release}"));
        if known.contains(&release) {
            return Err(Failure::no("a release that is new did not get to the hosts")
                .why(release)
                .next("cargo xtask acceptance hosts --only load"));
        }
        known.push(release);
    }
    for number in 1..=WAYS_BACK {
        let before = bed.settled()?;
        bed.rollback(None)?.require(0, "is confirmed on every host")?;
        let release = bed.settled()?;
        doors.terminal.talk(&format!("went back {number} of {WAYS_BACK}: {before} to {release}"));
        let wanted = &known[DEPLOYMENTS - number];
        if release != *wanted {
            return Err(Failure::no("going back led elsewhere")
                .why(format!("from {before} to {release}, not to {wanted}"))
                .next("cargo xtask acceptance hosts --only load"));
        }
    }
    let counted = load.end(&bed)?;
    doors.terminal.data(&format!(
        "load: {HOSTS} hosts, {DEPLOYMENTS} deployments, {WAYS_BACK} ways back: {} requests on {} connections, {} failed, {}",
        counted.requests,
        counted.connections,
        counted.failed,
        spoken(begun.elapsed())
    ));
    counted.require_none_failed()?;
    bed.end()
}

/// The load client, while it runs. Dropping it ends it.
pub(super) struct Load {
    client: Option<Beside>,
    log: PathBuf,
}

/// What it counted.
pub(super) struct Counted {
    pub(super) requests: u64,
    pub(super) connections: u64,
    pub(super) failed: u64,
    said: String,
}

impl Load {
    /// Begins, on every host of the bed.
    pub(super) fn start(bed: &Bed<'_>) -> Result<Load> {
        let mut words: Vec<String> =
            ["--clients", CLIENTS, "--seconds", LOAD_SECONDS_MAX].map(str::to_owned).into();
        for (_, address) in &bed.hosts {
            words.extend(["--address".to_owned(), format!("http://{address}:8080")]);
        }
        let program = bed.programs.load.display().to_string();
        let one = ["--clients", "1", "--requests", "1", "--new", "--ask", "POST /entries", "--address"];
        for (_, address) in &bed.hosts {
            // The newest entry is asked for, and before there is one, that is answered with 404.
            let address = format!("http://{address}:8080");
            bed.doors.shell.read(&Command::new(&program, one.into_iter().chain([address.as_str()])))?;
        }
        let log = bed.world.base.join("load.json");
        let command = Command::new(program, words);
        Ok(Load { client: Some(bed.doors.shell.detach(&command, &log)?), log })
    }

    /// Ends it, and waits for its count.
    pub(super) fn end(mut self, bed: &Bed<'_>) -> Result<Counted> {
        if let Some(client) = &mut self.client {
            bed.doors.shell.read(&Command::new("kill", ["-TERM", &client.id().to_string()]))?;
            client.wait_for(END_LIMIT)?;
        }
        let said = files::read_text(&self.log)?.unwrap_or_default();
        let report: serde_json::Value = serde_json::from_str(said.trim()).unwrap_or_default();
        let number = |name: &str| report[name].as_u64();
        match (number("requests"), number("connections"), number("failed")) {
            (Some(requests), Some(connections), Some(failed)) => {
                Ok(Counted { requests, connections, failed, said })
            }
            _ => Err(Failure::no("the load client counted nothing")
                .why(said)
                .next(format!("look at {}", self.log.display()))),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        self.client.take().map(Beside::kill);
    }
}

impl Counted {
    fn require_none_failed(&self) -> Result<()> {
        if self.failed == 0 && self.requests >= REQUESTS_MIN {
            return Ok(());
        }
        Err(Failure::no(format!("{} of {} requests failed", self.failed, self.requests))
            .why(format!("none may fail, and fewer than {REQUESTS_MIN} show nothing"))
            .why(self.said.trim())
            .next("cargo xtask acceptance hosts --only load"))
    }
}
