//! A workspace with a journal and recordings, the real binary, and a small client.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;

use nexus_xtask::clock::Clock;
use nexus_xtask::environment::Environment;
use nexus_xtask::event::{Decision, Event, Outcome, Planned, Stamped, Status, VERSION};
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::recording::Recorder;
use nexus_xtask::workspace::Workspace;

/// Text of people that would do harm where it is put into a page as it is.
pub(crate) const HOSTILE: &str =
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u{1b}[31mred\u{1b}[0m\u{7}\u{202e}txt";

/// When everything in these tests happens.
pub(crate) const MORNING: &str = "2026-03-04T08:00:00Z";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A workspace of its own; removed when the test ends well.
pub(crate) struct World {
    pub(crate) root: PathBuf,
    pub(crate) workspace: Workspace,
}

/// A server, until this is dropped.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) address: String,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl World {
    pub(crate) fn new() -> World {
        let name = format!("xtask-portal-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        std::fs::remove_dir_all(&root).ok();
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(
            root.join("Cargo.toml"),
            "[workspace]\n[workspace.package]\nrepository = \"https://e.org/o/shop\"\n",
        )
        .unwrap();
        let root = root.canonicalize().unwrap();
        World { workspace: Workspace::at(&root), root }
    }

    /// Appends events at a minute after the morning began.
    pub(crate) fn append(&self, minute: i64, entries: Vec<Entry>) {
        journal::append(&self.workspace, &Clock::fixed(at(minute)), entries).unwrap();
    }

    /// A bit of everything that pages show.
    pub(crate) fn lived_in() -> World {
        let world = World::new();
        world.delivered();
        world.observed();
        world.ran(0, Outcome::Passed, "fn main() {}");
        world.ran(60, Outcome::Failed { exit: 1 }, HOSTILE);
        world
    }

    fn delivered(&self) {
        let published = [("version", "1.2.0"), ("commit", "0123456789abcdef"), ("seal", "5ea1")];
        self.append(1, vec![event("release.published", "v1.2.0", &published, None)]);
        for (minute, stage, way, outcome) in [
            (2, "staging", "forward", "Succeeded"),
            (5, "production", "forward", "RolledBack"),
            (9, "production", "forward", "Succeeded"),
            (30, "production", "back", "Succeeded"),
        ] {
            let labels = [("stage", stage), ("release", "1.2.0-5ea1"), ("way", way), ("outcome", "")];
            self.append(minute, vec![event("deploy.begun", stage, &labels, None)]);
            let labels = [("stage", stage), ("release", "1.2.0-5ea1"), ("way", way), ("outcome", outcome)];
            self.append(minute + 1, vec![event("deploy.ended", stage, &labels, None)]);
        }
        self.append(
            40,
            vec![event("deploy.begun", "canary", &[("stage", "canary"), ("release", HOSTILE)], None)],
        );
    }

    fn observed(&self) {
        for (minute, signal, before, state, reason) in [
            (3, "api", "", "up", "200 in 12 ms"),
            (10, "api", "up", "down", "503 where 200 is wanted"),
            (12, "api", "down", "up", "200 in 15 ms"),
            (13, "disk", "", "unknown", "no answer of the host"),
            (14, HOSTILE, "", "down", HOSTILE),
        ] {
            let labels = [("before", before), ("state", state), ("reason", reason)];
            self.append(minute, vec![event("signal.changed", signal, &labels, None)]);
        }
        let entries = vec![
            event("backup.create", "guestbook", &[], Some(5.0e6)),
            event("backup.verify", "guestbook", &[], None),
            event("backup.failed", "orders", &[], None),
            event("drill.restore", "guestbook", &[], Some(12.5)),
            event("drill.rollback.failed", "staging", &[], None),
            event(
                "claim.level",
                "restores-in-a-minute",
                &[("level", "tested"), ("commit", "0123456789ab")],
                None,
            ),
            event(
                "claim.level",
                "grafana",
                &[("level", "planned"), ("before", "built"), ("commit", HOSTILE)],
                None,
            ),
            event("alert.fired", "api-down", &[("owner", "ann")], None),
        ];
        self.append(20, entries);
    }

    /// Records a run of three steps, of which the last comes out like this and logs this; returns its name.
    pub(crate) fn ran(&self, minute: i64, outcome: Outcome, said: &str) -> String {
        let clock = Clock::fixed(at(minute));
        let mut recorder = Recorder::create(&self.workspace, &clock).unwrap();
        let run = recorder.run().to_owned();
        let log = format!(".xtask/runs/{run}/test.log");
        std::fs::write(self.root.join(&log), format!("first line\n{said}\nlast line\n")).unwrap();
        let passed = outcome.is_pass();
        let finished = |step: &str, outcome, duration_ms, log| Event::StepFinished {
            step: step.into(),
            outcome,
            duration_ms,
            excerpt: vec![said.to_owned()],
            log,
            rerun: Some(format!("cargo xtask ci --step {step}")),
            notes: Vec::new(),
        };
        let started = |step: &str| Event::StepStarted { step: step.into(), attempt: 1 };
        let status = if passed { Status::Passed } else { Status::Failed };
        let events = [
            (
                0,
                Event::RunStarted {
                    run: run.clone(),
                    command: format!("cargo xtask ci {said}"),
                    commit: Some("0123456789abcdef".into()),
                    steps: vec![planned("fmt", &[]), planned("build", &["fmt"]), planned("test", &["build"])],
                    notes: vec![said.to_owned()],
                },
            ),
            (5, started("fmt")),
            (905, finished("fmt", Outcome::Passed, 900, None)),
            (910, started("build")),
            (4910, finished("build", Outcome::Flaky { attempt: 2 }, 4000, None)),
            (4920, started("test")),
            (9920, finished("test", outcome, 5000, Some(log))),
            (9930, Event::RunFinished { status, duration_ms: 9930, next: None }),
        ];
        for (ms, event) in events {
            recorder.record(&Stamped { v: VERSION, at: at(minute), ms, event }).unwrap();
        }
        recorder.finish(&Environment::of(&[], &self.root)).unwrap();
        self.append(
            minute,
            vec![event("ci.run", status.word(), &[("commit", "0123456789abcdef")], Some(9.9))],
        );
        run
    }

    /// The binary with these words after `portal`.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-xtask-observe"));
        command.arg("portal").args(words).current_dir(&self.root).env_clear();
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Serves on a free port of loopback, with these words more.
    pub(crate) fn serve(&self, words: &[&str]) -> Served {
        let words: Vec<_> = ["serve", "--listen", "127.0.0.1:0"].iter().chain(words).copied().collect();
        Served::of(self.command(&words)).ready()
    }

    /// Every file of an export, by its name.
    pub(crate) fn exported(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let done = self.run(&["export", "--output", folder]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let mut files = Vec::new();
        walk(&self.root.join(folder), &self.root.join(folder), &mut files);
        files
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.root).ok();
        }
    }
}

impl Served {
    /// Waits until it says where it is.
    pub(crate) fn of(mut command: Command) -> Served {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("portal at ").map(str::to_owned));
        let address = address.expect("it says where it listens");
        // Whoever does not read what a server says stops it one day.
        std::thread::spawn(move || lines.for_each(drop));
        Served { child, address }
    }

    /// Waits until the index is built.
    pub(crate) fn ready(self) -> Served {
        eventually("it is ready", || self.get("/readyz").status == 200);
        self
    }

    pub(crate) fn host(&self) -> &str {
        self.address.strip_prefix("http://").unwrap().trim_end_matches('/')
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// One request in a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = TcpStream::connect(self.host()).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {}\r\n", self.host());
        }
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// Asks for its end, and returns its exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let done = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }
}

/// Asks until it is so, with a limit.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < limit, "never: {what}");
        std::thread::yield_now();
    }
}

pub(crate) fn at(minute: i64) -> Timestamp {
    let morning: Timestamp = MORNING.parse().unwrap();
    Timestamp::from_second(morning.as_second() + minute * 60).unwrap()
}

pub(crate) fn event(kind: &str, subject: &str, labels: &[(&str, &str)], value: Option<f64>) -> Entry {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Entry { kind: kind.into(), subject: subject.into(), labels, value, ..Entry::default() }
}

fn planned(step: &str, needs: &[&str]) -> Planned {
    Planned {
        step: step.into(),
        job: "checks".into(),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        lane: None,
        command: format!("cargo {step}"),
        required: true,
        decision: Decision::Run { reason: "no pass is recorded".into() },
        last_ms: None,
    }
}

fn walk(folder: &Path, root: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, root, files);
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            files.push((name, std::fs::read(&path).unwrap()));
        }
    }
}
