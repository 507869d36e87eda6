//! A real Prometheus that reads a service of ours (`scripts/peers.sh` installs it).
#![expect(clippy::disallowed_methods, reason = "a real server is started")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nexus_xtask::clock::Clock;

use super::*;

/// How long the server may take to have read something.
const LIMIT: Duration = Duration::from_secs(30);

/// What the service says of itself.
const FIGURES: &str = "# TYPE requests_total counter\n\
                       requests_total{status=\"200\"} 95\n\
                       requests_total{status=\"500\"} 5\n\
                       # TYPE broken gauge\n\
                       broken NaN\n";

/// The server until it is dropped, with a folder of its own.
struct Prometheus {
    child: Child,
    folder: PathBuf,
    address: String,
}

impl Prometheus {
    /// Starts it over a service, and waits until it has read it.
    fn reading(program: &Path, service: &str) -> Prometheus {
        let folder = std::env::temp_dir().join(format!("xtask prometheus-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("prometheus.yml");
        let target = service.strip_prefix("http://").unwrap();
        let text = format!(
            "global: {{ scrape_interval: 200ms }}\nscrape_configs:\n  - job_name: service\n    static_configs:\n      \
             - targets: ['{target}']\n"
        );
        std::fs::write(&config, text).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let prometheus = Prometheus { child, folder, address: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        let mut last = prometheus.instant("requests_total{status=\"200\"}");
        while last != "95" {
            let log = std::fs::read_to_string(prometheus.folder.join("log")).unwrap();
            assert!(begun.elapsed() < LIMIT, "it says `{last}`\n{log}");
            last = prometheus.instant("requests_total{status=\"200\"}");
        }
        prometheus
    }

    fn instant(&self, query: &str) -> String {
        ask(
            Question::Prometheus { address: self.address.clone(), query: query.to_owned(), range: None },
            5_000,
        )
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// The program, or the printed reason why there is none. With `XTASK_PEERS_REQUIRED=1` a missing one fails.
fn program() -> Option<PathBuf> {
    let default = || Path::new(&std::env::var("HOME").unwrap_or_default()).join(".cache/nexus-xtask/peers");
    let peers = std::env::var("XTASK_PEERS").map_or_else(|_| default(), PathBuf::from);
    let program = peers.join("bin/prometheus");
    if program.exists() {
        return Some(program);
    }
    let required = std::env::var("XTASK_PEERS_REQUIRED").is_ok_and(|value| value == "1");
    assert!(!required, "the peer `prometheus` is missing; scripts/peers.sh installs it");
    println!("skipped 1 test: the peer `prometheus` is missing; scripts/peers.sh installs it");
    None
}

#[test]
fn a_real_prometheus_is_read_as_what_it_says() {
    let Some(program) = program() else { return };
    let service = server::start(|_| {
        Arc::new(|_: &Asked| Reply::new(200, "text/plain; version=0.0.4; charset=utf-8", FIGURES))
    })
    .unwrap();
    let prometheus = Prometheus::reading(&program, &service.base());
    let ratio = "sum(requests_total{status=~\"5..\"}) / sum(requests_total)";
    for (query, expected) in [
        (ratio, "0.05"),
        ("scalar(sum(requests_total))", "100"),
        ("metric_that_nobody_emits", "no data"),
        ("broken", "`NaN` is no number"),
        ("sum(metric_that_nobody_emits) / sum(requests_total)", "no data"),
        ("vector(1) / vector(0)", "`+Inf` is no number"),
        ("requests_total", "ambiguous: 2 series: the query must lead to one, `sum(...)` say"),
        ("\"text\"", "shape: a result of the type `string`"),
    ] {
        assert_eq!(prometheus.instant(query), expected, "{query}");
    }
    let refused = prometheus.instant("sum(");
    assert!(refused.starts_with("refused: 400 Bad Request: bad_data"), "{refused}");

    let now = Clock::system().now().as_second() as f64;
    let range = Range { start_seconds: now - 2.0, end_seconds: now + 2.0, step_seconds: 1.0 };
    let over = |query: &str, range: Range| {
        let (address, query) = (prometheus.address.clone(), query.to_owned());
        ask(Question::Prometheus { address, query, range: Some(range) }, 5_000)
    };
    let values = over(ratio, range);
    assert!(values.split(' ').all(|value| value == "0.05"), "{values}");
    let past = Range { start_seconds: now - 7200.0, end_seconds: now - 7100.0, ..range };
    assert_eq!(over(ratio, past), "no data");
    assert_eq!(over("broken", range), "`NaN` is no number");
    let wrong = over(ratio, Range { step_seconds: 0.0, ..range });
    assert!(wrong.starts_with("refused: 400 Bad Request: bad_data"), "{wrong}");

    let address = format!("{}/metrics", prometheus.address);
    let text = ask(Question::HttpJson { address, pointer: "/up".to_owned() }, 5_000);
    assert!(text.starts_with("shape: content type `text/plain"), "{text}");
}
