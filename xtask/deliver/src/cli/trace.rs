//! `cargo xtask trace`: a recorded run as spans, printed, or sent while the run goes on or later.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nexus_xtask::doors::Doors;
use nexus_xtask::event::{self, Stamped};
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::satellite::{self, SHIP};
use nexus_xtask::{files, recording};

use crate::observe::trace::protocol::{Export, Exported, HEADERS, Request};
use crate::observe::trace::{Place, Span, Trace};

/// How often a recording is looked at that goes on.
const LOOK: Duration = Duration::from_millis(250);

/// How long a collector may take for one request.
const LIMIT_MILLISECONDS: u64 = 5_000;

/// After so many requests in a row that were not taken nobody asks any more.
const TRIES_MAX: u32 = 3;

/// Which run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The run, as `ci replay` names it: the beginning of one is enough
    #[arg(value_name = "RUN", default_value = recording::LAST)]
    run: String,
    /// Send what there is, and go on until the run is over; what is sent a second time is no second span
    #[arg(long)]
    follow: bool,
    /// RUN is the recording of a deployment, below `.xtask/deployments`
    #[arg(long)]
    deployment: bool,
    /// The collector, as in `http://127.0.0.1:4318`; `OTEL_EXPORTER_OTLP_ENDPOINT` where nothing is said, and without both
    /// the spans are printed
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let recorded = Recorded::find(doors, arguments)?;
    let run = recorded.name.as_str();
    let place = place(doors, &recorded.folder);
    let Some(address) = address(doors, arguments.endpoint.as_deref())? else {
        let (trace, spans) = known(&recorded, &place)?;
        doors.terminal.data(&trace.body(&spans, &place));
        return Ok(Exit::Done);
    };
    // Whoever follows a run must not build beside it.
    if arguments.follow && satellite::ready(doors, SHIP).is_none() {
        return Err(Failure::refused(format!("`{}` is not built", SHIP.package))
            .next(format!("cargo xtask trace {run} --endpoint {address}")));
    }
    let mut sender = Sender { doors, address, waiting: Vec::new(), missed: 0 };
    let count = match arguments.follow {
        true => follow(&recorded.folder, &place, &mut sender)?,
        false => {
            let (trace, spans) = known(&recorded, &place)?;
            let count = spans.len();
            sender.waiting = spans;
            sender.missed = TRIES_MAX;
            sender.send(&trace, &place)?;
            count
        }
    };
    // A process that follows writes to a log in which every word is trouble.
    if !arguments.follow {
        doors.terminal.talk(&match count {
            0 => format!("no span of run {run} is there yet"),
            _ => format!("{count} spans of run {run} were taken by {}", sender.address),
        });
    }
    Ok(Exit::Done)
}

/// A recording.
struct Recorded {
    name: String,
    folder: PathBuf,
    events: Vec<Stamped>,
}

impl Recorded {
    fn find(doors: &Doors, arguments: &Arguments) -> Result<Recorded> {
        if !arguments.deployment {
            let name = recording::find(&doors.workspace, &arguments.run)?;
            let events = recording::read(&doors.workspace, &name)?;
            return Ok(Recorded { folder: doors.workspace.run(&name), name, events });
        }
        let folder = deployments(doors).join(&arguments.run);
        let text = files::read(&folder.join("events.jsonl"))?.ok_or_else(|| {
            Failure::usage(format!("no deployment is recorded as `{}`", arguments.run))
                .next(format!("ls {}", doors.workspace.name_of(&deployments(doors))))
        })?;
        Ok(Recorded { name: arguments.run.clone(), folder, events: events(&text) })
    }
}

/// Where deployments are recorded of which somebody wants spans.
pub(super) fn deployments(doors: &Doors) -> PathBuf {
    doors.workspace.state().join("deployments")
}

/// The whole address for spans. The general one is the beginning of it, as the specification says.
fn address(doors: &Doors, given: Option<&str>) -> Result<Option<String>> {
    let variable = |name: &str| doors.environment.get(name).filter(|value| !value.is_empty());
    let below = |base: &str| format!("{}/v1/traces", base.trim_end_matches('/'));
    let address = match (given, variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")) {
        (Some(base), _) => Some(below(base)),
        (None, Some(whole)) => Some(whole.to_owned()),
        (None, None) => variable("OTEL_EXPORTER_OTLP_ENDPOINT").map(below),
    };
    if let Some(address) = &address
        && !address.starts_with("http://")
        && !address.starts_with("https://")
    {
        return Err(Failure::usage(format!("`{address}` is no address of a collector"))
            .why("spans are sent by HTTP, as JSON")
            .next("name one that begins with `http://` or `https://`"));
    }
    Ok(address)
}

/// Where people look at the run: at the forge, or in its folder.
fn place(doors: &Doors, folder: &Path) -> Place {
    let variable = |name: &str| doors.environment.get(name);
    let repository = variable("GITHUB_SERVER_URL").zip(variable("GITHUB_REPOSITORY"));
    let repository = repository.map(|(server, repository)| format!("{server}/{repository}"));
    let at_forge = repository.as_ref().zip(variable("GITHUB_RUN_ID"));
    let url = at_forge.map(|(repository, id)| format!("{repository}/actions/runs/{id}"));
    Place {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        url: url.unwrap_or_else(|| format!("file://{}", folder.display())),
        repository,
    }
}

/// The spans of a run so far.
fn known(recorded: &Recorded, place: &Place) -> Result<(Trace, Vec<Span>)> {
    let mut trace = Trace::default();
    let mut spans: Vec<Span> = recorded.events.iter().filter_map(|event| trace.take(event, place)).collect();
    if !trace.is_over && is_dead(&recorded.folder)? {
        spans.extend(trace.killed());
    }
    Ok((trace, spans))
}

/// Sends spans as they come, until the run is over; how many there were.
fn follow(folder: &Path, place: &Place, sender: &mut Sender<'_>) -> Result<usize> {
    let path = folder.join("events.jsonl");
    let (mut trace, mut read, mut count) = (Trace::default(), 0, 0);
    loop {
        // Asked before the file is read: what was written until then is in it.
        let is_dead = is_dead(folder)?;
        let text = files::read(&path)?.unwrap_or_default();
        // A line that is being written has no end yet.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for stamped in events(text.get(read..whole).unwrap_or_default()) {
            sender.waiting.extend(trace.take(&stamped, place));
        }
        read = read.max(whole);
        if !trace.is_over && is_dead {
            sender.waiting.extend(trace.killed());
        }
        count += sender.send(&trace, place)?;
        if trace.is_over && sender.waiting.is_empty() {
            return Ok(count);
        }
        std::thread::park_timeout(LOOK);
    }
}

/// An event that this version does not know ends no span.
fn events(text: &[u8]) -> Vec<Stamped> {
    event::parse(&String::from_utf8_lossy(text)).unwrap_or_default()
}

/// True when nobody writes the recording any more.
fn is_dead(folder: &Path) -> Result<bool> {
    Ok(files::try_lock(&folder.join("lock"))?.is_some())
}

struct Sender<'a> {
    doors: &'a Doors,
    address: String,
    /// What the collector has not taken yet.
    waiting: Vec<Span>,
    /// How many requests in a row were not taken.
    missed: u32,
}

impl Sender<'_> {
    /// Sends what waits; how many were taken. What is not taken is sent again with the next.
    ///
    /// # Errors
    /// Where the collector took nothing several times in a row.
    fn send(&mut self, trace: &Trace, place: &Place) -> Result<usize> {
        if self.waiting.is_empty() {
            return Ok(0);
        }
        let request = Request::Export(Export {
            address: self.address.clone(),
            body: trace.body(&self.waiting, place),
            limit_ms: LIMIT_MILLISECONDS,
        });
        let exported: Result<Exported> = satellite::call(self.doors, SHIP, &request, &[HEADERS], |_| {});
        let why = match exported {
            Ok(Exported { problem: None }) => {
                self.missed = 0;
                return Ok(std::mem::take(&mut self.waiting).len());
            }
            Ok(Exported { problem: Some(why) }) => why,
            Err(failure) => failure.in_one_line(),
        };
        self.missed += 1;
        if self.missed < TRIES_MAX {
            return Ok(0);
        }
        Err(Failure::new(
            Exit::Temporary,
            format!("{} did not take {} spans", self.address, self.waiting.len()),
        )
        .why(why)
        .next("see that the collector takes OTLP over HTTP as JSON; then: cargo xtask trace"))
    }
}
