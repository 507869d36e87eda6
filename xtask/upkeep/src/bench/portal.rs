//! The portal beside a long journal: the time of every page with a million events against the same with ten thousand, by the slowest
//! hundredth of requests; and what the long one costs at its start, and in memory.
//!
//! Both servers run at the same time and are asked in turn, so that a machine that becomes slower becomes slower for both. Clients
//! are few and wait for each answer: more would measure their queue.

mod client;
mod history;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use nexus_xtask::clock::Started;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::satellite::OBSERVE;
use nexus_xtask::shell::beside::Beside;
use nexus_xtask::shell::{Command, Shell};

use super::figures::{Figure, median};
use client::Client;

/// Events of the two journals.
const FEW: usize = 10_000;
const MANY: usize = 1_000_000;

/// How many times as long a page may take beside the long journal.
const RATIO_MAX: f64 = 2.0;

/// Clients, and the requests of each for one page of one server in a round.
const CLIENTS: usize = 2;
const REQUESTS: usize = 200;

/// The longest that an index may take to be built.
const BUILD: Duration = Duration::from_secs(600);

/// The pages that are asked for.
const PAGES: [&str; 9] =
    ["/", "/pipelines", "/deployments", "/health", "/alerts", "/logs", "/resilience", "/truth", "/delivery"];

/// A server beside a journal.
struct Server {
    process: Option<Beside>,
    root: PathBuf,
    binary: PathBuf,
    address: String,
}

pub(super) fn measure(doors: &Doors, folder: &Path, pairs: usize) -> Result<Vec<Figure>> {
    let binary = released(doors)?;
    let mut few = Server::beside(doors, &binary, &folder.join("few"), FEW)?;
    let mut many = Server::beside(doors, &binary, &folder.join("many"), MANY)?;
    let measured = compare(doors, [&mut few, &mut many], pairs);
    for server in [few, many] {
        server.end()?;
    }
    measured
}

fn compare(doors: &Doors, [few, many]: [&mut Server; 2], pairs: usize) -> Result<Vec<Figure>> {
    few.start(doors)?;
    let cold = many.start(doors)?;
    let memory = many.memory()?;
    many.stop()?;
    let warm = many.start(doors)?;
    let mut figures = Vec::new();
    for page in PAGES {
        let (mut short, mut long) = (Vec::new(), Vec::new());
        // One round that is not counted.
        for round in 0..=pairs {
            let times = [&*few, &*many].map(|server| ask(doors, &server.address, page));
            let [one, other] = times;
            let (one, other) = (last_hundredth(one?), last_hundredth(other?));
            if round > 0 {
                short.push(one);
                long.push(other);
            }
        }
        let (short, long) = (median(&short), median(&long));
        figures.push(Figure::plain(&format!("{page}, p99 at {FEW} events"), short * 1000.0, "ms"));
        figures.push(Figure::plain(&format!("{page}, p99 at {MANY} events"), long * 1000.0, "ms"));
        figures.push(Figure::plain(&format!("{page}, many / few"), long / short, "").at_most(RATIO_MAX));
    }
    figures.push(Figure::plain("start with a cold index", cold, "s"));
    figures.push(Figure::plain("start with the index there", warm, "s"));
    figures.push(Figure::plain("memory after a cold start", memory, "MiB"));
    figures.push(Figure::plain("memory after the load", many.memory()?, "MiB"));
    let scraped = doors.clock.start();
    Client::connect(&many.address)?.get("/metrics")?;
    figures.push(Figure::plain("first scrape of the metrics", scraped.elapsed().as_secs_f64(), "s"));
    figures.push(Figure::plain("memory after a scrape", many.memory()?, "MiB"));
    figures.push(Figure::plain("the index on the disk", many.size(), "MiB"));
    Ok(figures)
}

/// The satellite as it is released.
fn released(doors: &Doors) -> Result<PathBuf> {
    let target = doors.workspace.root().join("target");
    let words = ["build", "--release", "--quiet", "--package", OBSERVE.package, "--target-dir"];
    let words = words.map(str::to_owned).into_iter().chain([target.display().to_string()]);
    doors.shell.read(&Command::new("cargo", words))?;
    Ok(target.join("release").join(OBSERVE.package))
}

impl Server {
    fn beside(doors: &Doors, binary: &Path, root: &Path, events: usize) -> Result<Server> {
        doors.terminal.talk(&format!("writes a journal of {events} events"));
        history::write(root, events)?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = port.context("no port is free")?.to_string();
        Ok(Server { process: None, root: root.to_owned(), binary: binary.to_owned(), address })
    }

    /// Starts it, and returns the seconds until it was ready.
    fn start(&mut self, doors: &Doors) -> Result<f64> {
        let shell = Shell::new(&self.root, &doors.environment);
        let begun = doors.clock.start();
        let words = ["portal", "serve", "--listen", &self.address];
        let mut process = shell.start(&Command::new(self.binary.display().to_string(), words))?;
        while !is_ready(&self.address) {
            if let Some(ended) = process.wait_for(Duration::from_millis(5))? {
                return Err(Failure::no(format!("the portal ended: {ended}"))
                    .next(format!("cd {} && cargo xtask portal serve", self.root.display())));
            }
            within(&begun)?;
        }
        self.process = Some(process);
        Ok(begun.elapsed().as_secs_f64())
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        self.process.take().map(Beside::kill).transpose().map(drop)
    }

    fn end(mut self) -> anyhow::Result<()> {
        self.stop()
    }

    /// The most memory that the process ever had, in MiB.
    fn memory(&self) -> anyhow::Result<f64> {
        let id = self.process.as_ref().context("it does not run")?.id();
        let status = files::read_text(Path::new(&format!("/proc/{id}/status")))?.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        Ok(kibibytes.context("this system does not say how much memory a process has")? / 1024.0)
    }

    /// What the index takes, in MiB.
    fn size(&self) -> f64 {
        let length = files::stamp(&self.root.join(".xtask/portal.sqlite")).map_or(0, |stamp| stamp.length);
        length as f64 / f64::from(1 << 20)
    }
}

fn within(begun: &Started) -> Result<()> {
    if begun.elapsed() < BUILD {
        return Ok(());
    }
    Err(Failure::no("the portal is never ready").next("cargo xtask bench portal --folder FOLDER"))
}

fn is_ready(address: &str) -> bool {
    Client::connect(address).and_then(|mut client| client.get("/readyz")).is_ok()
}

/// The seconds that each of many requests took.
fn ask(doors: &Doors, address: &str, page: &str) -> anyhow::Result<Vec<f64>> {
    let one = || -> anyhow::Result<Vec<f64>> {
        let mut client = Client::connect(address)?;
        let mut times = Vec::new();
        for _ in 0..REQUESTS {
            let begun = doors.clock.start();
            client.get(page)?;
            times.push(begun.elapsed().as_secs_f64());
        }
        Ok(times)
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(one)).collect();
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.join().map_err(|_| anyhow::anyhow!("a client died"))??);
        }
        Ok(all)
    })
}

/// What the slowest hundredth takes at the least.
fn last_hundredth(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() * 99 / 100).copied().unwrap_or(f64::NAN)
}
