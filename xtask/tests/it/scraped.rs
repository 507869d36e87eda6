//! A real Prometheus reads the metrics over HTTP, and answers with every sample of every family.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nexus_xtask::clock::Clock;
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::workspace::Workspace;
use nexus_xtask_deliver::observe::metrics;
use serde_json::Value;

use crate::peers::peer;
use crate::sandbox::{Sandbox, package};

/// Longer than a start and two scrapes take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A journal from which every family has a sample: `kind subject [value] [name=value ...]`.
const EVENTS: &str = "ci.run passed 4.5
ci.run failed 1
release.published v0.2.0
deploy.begun production release=1
deploy.ended production release=1 way=forward outcome=Succeeded
deploy.begun production release=0
deploy.ended production release=0 way=back outcome=Succeeded
deploy.begun production release=2
incident.opened i stage=production
incident.opened j stage=pro\"duc\\tion
incident.closed i stage=production
backup.create books 2000
backup.verify books
drill.restore books";

fn written() -> Sandbox {
    let sandbox = package(&[]);
    let entry = |text: &str| {
        let mut words = text.split_whitespace().map(str::to_owned);
        let mut entry =
            Entry { kind: words.next().unwrap(), subject: words.next().unwrap(), ..Entry::default() };
        for word in words {
            match word.split_once('=') {
                Some((name, value)) => drop(entry.labels.insert(name.into(), value.into())),
                None => entry.value = Some(word.parse().unwrap()),
            }
        }
        entry
    };
    let entries = EVENTS.lines().map(entry).collect();
    journal::append(&Workspace::at(sandbox.root()), &Clock::system(), entries).unwrap();
    sandbox
}

/// Answers every request with one text, until this is dropped.
struct Served {
    address: String,
    is_over: Arc<AtomicBool>,
}

impl Served {
    fn serve(text: String) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                answer(stream.unwrap(), &text);
            }
        });
        Served { address, is_over }
    }
}

/// Who asks may go away before all is said.
fn answer(mut stream: TcpStream, text: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    stream.write_all(format!("{head}{text}").as_bytes()).ok();
}

impl Drop for Served {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        TcpStream::connect(&self.address).ok();
    }
}

/// A Prometheus that scrapes one address.
struct Prometheus {
    process: Child,
    address: String,
}

impl Prometheus {
    fn start(sandbox: &Sandbox, program: &str, target: &str) -> Prometheus {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        sandbox.write(
            "../prometheus.yml",
            &format!(
                "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: xtask\n    static_configs:\n      - targets: ['{target}']\n"
            ),
        );
        let [config, data] =
            ["../prometheus.yml", "../prometheus"].map(|name| sandbox.path(name).display().to_string());
        let own = [
            format!("--config.file={config}"),
            format!("--storage.tsdb.path={data}"),
            format!("--web.listen-address={free}"),
        ];
        let mut command = sandbox.command(program, &own.each_ref().map(String::as_str));
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Prometheus { process, address: free }
    }

    /// An answer; none where there is no good one yet. An answer to HTTP/1.0 comes in one piece.
    fn get(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| serde_json::from_str(body).ok())?
    }

    /// The samples of the newest scrape, as `family{label="value",...}` without what Prometheus itself adds.
    fn samples(&self) -> BTreeMap<String, f64> {
        let query = "query=%7Bjob%3D%22xtask%22%2C__name__%3D~%22xtask_.%2B%22%7D";
        let Some(json) = self.get(&format!("/api/v1/query?{query}")) else { return BTreeMap::new() };
        let results = json["data"]["result"].as_array().unwrap().clone();
        let sample = |one: &Value| {
            let metric = one["metric"].as_object().unwrap();
            let labels =
                metric.iter().filter(|(name, _)| !["__name__", "job", "instance"].contains(&name.as_str()));
            let labels: Vec<String> =
                labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
            let value = one["value"][1].as_str().unwrap().parse().unwrap();
            (named(metric["__name__"].as_str().unwrap(), labels), value)
        };
        results.iter().map(sample).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn named(family: &str, mut labels: Vec<String>) -> String {
    labels.sort();
    format!("{family}{{{}}}", labels.join(","))
}

/// The samples as they are printed. The labels here have no comma in a value.
fn printed(text: &str) -> BTreeMap<String, f64> {
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let (family, labels) = name.split_once('{').unwrap_or((name, "}"));
        let labels = labels.strip_suffix('}').unwrap().split(',').filter(|label| !label.is_empty());
        let plain = |label: &str| {
            let (name, value) = label.split_once('=').unwrap();
            let value = value.trim_matches('"').replace("\\\"", "\"").replace("\\\\", "\\");
            format!("{name}={value}")
        };
        (named(family, labels.map(plain).collect()), value.parse().unwrap())
    };
    text.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
}

#[test]
fn prometheus_has_every_sample_of_every_family() {
    let sandbox = written();
    let done = sandbox.xtask(&["metrics", "--output", "xtask.prom"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    let text = sandbox.read("xtask.prom");
    for family in metrics::families() {
        assert!(text.contains(&format!("# TYPE {family} ")), "{family} has no sample: {text}");
    }
    let Some(program) = peer("prometheus") else { return };
    let served = Served::serve(text.clone());
    let prometheus = Prometheus::start(&sandbox, program.to_str().unwrap(), &served.address);
    let begun = Instant::now();
    let mut found = prometheus.samples();
    while found.is_empty() && begun.elapsed() < LIMIT {
        std::thread::park_timeout(Duration::from_millis(100));
        found = prometheus.samples();
    }
    assert_eq!(found, printed(&text));
}
