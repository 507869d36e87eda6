//! Spans of real runs: received by a collector of other people while the run goes on, and by nobody at all.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::deploy::World;
use crate::peers::peer;
use crate::sandbox::{Done, Sandbox, steps};
use crate::satellites;

/// The names that a span may have are those of this list.
const CONVENTIONS: &str = include_str!("../../deliver/src/observe/trace/tests/conventions.txt");

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(30);

/// Looks again and again until something is there.
#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "there is no {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A span as a collector shows it.
#[derive(Clone)]
struct Seen {
    id: String,
    name: String,
    kind: String,
    attributes: Vec<(String, String)>,
}

/// A collector that prints what it gets.
struct Collector {
    process: Child,
    address: String,
    log: std::path::PathBuf,
}

impl Collector {
    fn start(sandbox: &Sandbox) -> Option<Collector> {
        let rotel = peer("rotel")?;
        let (address, other) = (free(), free());
        let [log, id] = ["../rotel.log", "../rotel.pid"].map(|name| sandbox.path(name));
        let own = [
            "--otlp-http-endpoint",
            &address,
            "--otlp-grpc-endpoint",
            &other,
            "--pid-file",
            id.to_str().unwrap(),
        ];
        let shows = ["--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"];
        let output = std::fs::File::create(&log).unwrap();
        let mut command = sandbox.command(rotel.to_str().unwrap(), &[&["start"], &own[..], &shows].concat());
        let process = command.stdout(output).stderr(Stdio::null()).spawn().unwrap();
        let collector = Collector { process, address, log };
        wait_for("collector", || TcpStream::connect(&collector.address).ok());
        Some(collector)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The spans that it got.
    fn spans(&self) -> Vec<Seen> {
        let text = self.text();
        let all = text.split("\nSpan #").skip(1);
        let field = |span: &str, name: &str| {
            let line = span.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
            line.split_once(": ").unwrap().1.to_owned()
        };
        // What comes after the span's attributes belongs to the next resource.
        let own = |span: &str| span.split("\nResourceSpans").next().unwrap().to_owned();
        let read = |span: &str| {
            let span = own(span);
            let pairs = span.lines().filter_map(|line| line.trim().strip_prefix("-> ")?.split_once(": "));
            Seen {
                id: field(&span, "ID "),
                name: field(&span, "Name "),
                kind: field(&span, "Kind "),
                attributes: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            }
        };
        all.map(read).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A workspace whose runs are told to this address.
fn told_to(address: &str, more: &str) -> Sandbox {
    satellites::ship();
    let mut sandbox =
        steps(&format!("[steps.good]\ncommand = [\"true\"]\n[steps.bad]\ncommand = [\"false\"]\n{more}"));
    sandbox.set("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{address}"));
    sandbox
}

#[track_caller]
fn check(sandbox: &Sandbox, words: &[&str], code: i32, said: &str) -> Done {
    let done = sandbox.xtask(words);
    assert!(
        done.code == code && done.transcript().contains(said),
        "wanted {code} and `{said}`: {}",
        done.transcript()
    );
    done
}

fn trace_log(sandbox: &Sandbox) -> Option<String> {
    let runs = std::fs::read_dir(sandbox.path(".xtask/runs")).unwrap().flatten();
    let logs = runs.map(|run| run.path().join("trace.log")).find(|log| log.exists());
    logs.map(|log| std::fs::read_to_string(log).unwrap())
}

/// A step that ends when it is told to: what is received before that is received while the run goes on.
#[test]
fn a_collector_gets_the_spans_while_the_run_goes_on() {
    let fifo = std::env::temp_dir().join(format!("xtask-gate-{}", std::process::id()));
    let slow = format!("[steps.slow]\nneeds = [\"good\"]\ncommand = [\"cat\", \"{}\"]\n", fifo.display());
    let mut sandbox = told_to("127.0.0.1:9", &slow);
    let Some(collector) = Collector::start(&sandbox) else { return };
    sandbox.set("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", collector.address));
    assert!(sandbox.command("mkfifo", &[fifo.to_str().unwrap()]).status().unwrap().success());

    let mut run = sandbox.command(satellites::front(), &["ci", "--keep-going"]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("span of a step", || {
        collector.text().contains("cicd.pipeline.task.name: Str(good)").then_some(())
    });
    assert!(run.try_wait().unwrap().is_none() && !collector.text().contains("SPAN_KIND_SERVER"));
    std::fs::write(&fifo, "go\n").unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(1));
    std::fs::remove_file(&fifo).unwrap();
    wait_for("span of the run", || collector.text().contains("xtask.run.status").then_some(()));

    let spans = collector.spans();
    let mut names: Vec<_> = spans.iter().map(|span| format!("{} {}", span.name, span.kind)).collect();
    names.sort();
    let expected = [
        "RUN ci SPAN_KIND_SERVER",
        "bad SPAN_KIND_INTERNAL",
        "good SPAN_KIND_INTERNAL",
        "slow SPAN_KIND_INTERNAL",
    ];
    assert_eq!(names, expected);
    let known: Vec<_> =
        CONVENTIONS.lines().filter_map(|line| line.strip_prefix("attribute ")?.split(' ').next()).collect();
    for (name, _) in spans.iter().flat_map(|span| &span.attributes) {
        assert!(known.contains(&name.as_str()) || name.starts_with("xtask."), "{name}");
    }
    let of = |wanted: &str| spans.iter().find(|span| span.name == wanted).unwrap().attributes.clone();
    assert!(of("good").contains(&("cicd.pipeline.task.run.result".into(), "Str(success)".into())));
    assert!(of("bad").contains(&("error.type".into(), "Str(exit_1)".into())));
    assert!(of("RUN ci").contains(&("cicd.pipeline.result".into(), "Str(failure)".into())));

    // Once more by hand: the same spans, under the same ids.
    check(&sandbox, &["trace"], 0, "N spans of run");
    let again = wait_for("second sending", || Some(collector.spans()).filter(|all| all.len() == 8));
    let ids = |spans: &[Seen]| {
        let mut ids: Vec<_> = spans.iter().map(|span| (span.id.clone(), span.name.clone())).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    assert_eq!(ids(&again), ids(&spans));
}

/// A deployment that succeeds, and one that is taken back: their phases, and how they ended.
#[test]
fn deployments_have_spans_too() {
    let mut world = World::new();
    let Some(collector) = Collector::start(&world.0) else { return };
    world.0.set("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", collector.address));
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    world.declare("GUESTBOOK_FAULTS = \"fail:100:0\"");
    world.check(&world.run("staging"), 5, "was taken back");
    let ended = |result: &str| collector.text().contains(&format!("cicd.pipeline.result: Str({result})"));
    wait_for("end of both", || (ended("success") && ended("failure")).then_some(()));
    let spans = collector.spans();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    for name in ["lock", "stage", "watch", "confirm", "RUN deploy"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    assert_eq!(names.iter().filter(|name| **name == "RUN deploy").count(), 2);
    let mut ids: Vec<_> = spans.iter().map(|span| &span.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), spans.len());
    let known: Vec<_> =
        CONVENTIONS.lines().filter_map(|line| line.strip_prefix("attribute ")?.split(' ').next()).collect();
    for (name, _) in spans.iter().flat_map(|span| &span.attributes) {
        assert!(known.contains(&name.as_str()) || name.starts_with("xtask."), "{name}");
    }
    let deploys = ("cicd.pipeline.task.type".to_owned(), "Str(deploy)".to_owned());
    assert!(spans.iter().find(|span| span.name == "stage").unwrap().attributes.contains(&deploys));
    check(&world.0, &["trace", "--deployment", "none"], 2, "no deployment is recorded as `none`");
}

/// Nobody says how a run came out whose writer was killed; who follows it says that.
#[test]
fn a_run_that_was_killed_ends_in_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = told_to(&listener.local_addr().unwrap().to_string(), "");
    sandbox.write("../fifo.sh", "mkfifo \"$1\" && cat \"$1\"\n");
    let fifo = sandbox.path("../fifo");
    let script = sandbox.path("../fifo.sh");
    let slow = format!("[steps.slow]\ncommand = [\"sh\", {script:?}, {fifo:?}]\n");
    sandbox.write("release/ci.toml", &format!("{}{slow}", sandbox.read("release/ci.toml")));
    let mut run = sandbox.command(satellites::front(), &["ci", "--step", "slow"]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("step that runs", || fifo.exists().then_some(()));
    let so_far = check(&sandbox, &["trace", "--endpoint", "http://127.0.0.1:9"], 0, "no span of run");
    assert!(!so_far.stderr.contains("error"), "{}", so_far.transcript());
    run.kill().unwrap();
    run.wait().unwrap();
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let (_, body) = serve(&listener, answer);
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    let spans = json["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    assert!(
        spans.len() == 1 && body.contains("{\"key\":\"error.type\",\"value\":{\"stringValue\":\"killed\"}}"),
        "{body}"
    );
}

/// Nobody listens, or somebody who never answers: the run is what it would be without them.
#[test]
fn a_collector_that_is_down_or_silent_costs_one_warning() {
    let sandbox = told_to(&free(), "");
    check(&sandbox, &["ci", "--step", "good"], 0, "passed");
    let log = wait_for("log", || trace_log(&sandbox).filter(|text| text.contains("next:")));
    assert!(log.starts_with("error: ") && log.matches("did not take 2 spans").count() == 1, "{log}");
    check(&sandbox, &["trace"], 75, "did not take N spans");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = told_to(&silent.local_addr().unwrap().to_string(), "");
    let begun = Instant::now();
    check(&sandbox, &["ci", "--step", "good"], 0, "passed");
    // The silence alone lasts 5 s, three times.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

/// What goes over the wire, byte for byte as it is printed; and a collector that says no.
#[test]
fn the_request_is_what_is_printed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut sandbox = steps("[steps.good]\ncommand = [\"true\"]\n");
    sandbox.set("OTEL_EXPORTER_OTLP_HEADERS", "api-key=open sesame,other=one");
    satellites::ship();
    check(&sandbox, &["ci"], 0, "passed");
    let printed = check(&sandbox, &["trace"], 0, "resourceSpans").stdout;
    let base = format!("http://{}/", listener.local_addr().unwrap());
    for (answer, code, said) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 23\r\n\r\n{\"partialSuccess\":null}", 0, "N spans of run"),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", 75, "Service Unavailable"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{\"partialSuccess\":{\"rejectedSpans\":\"2\"}} ",
            75,
            "rejected",
        ),
    ] {
        std::thread::scope(|scope| {
            let served = scope.spawn(|| serve(&listener, answer));
            check(&sandbox, &["trace", "--endpoint", &base], code, said);
            let (head, body) = served.join().unwrap();
            assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
            for header in ["content-type: application/json", "api-key: open sesame", "other: one"] {
                assert!(head.contains(&format!("{header}\r\n")), "{head}");
            }
            assert_eq!(sandbox.normal(&body).trim_end(), printed.trim_end());
        });
    }
    check(&sandbox, &["trace", "--endpoint", "collector:4318"], 2, "is no address of a collector");
}

/// Takes one request, and answers it.
fn serve(listener: &TcpListener, answer: &str) -> (String, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    stream.write_all(answer.as_bytes()).unwrap();
    (head, String::from_utf8(body).unwrap())
}
