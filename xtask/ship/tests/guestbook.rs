//! The service that everything here deploys, and the client that counts: what both promise, shown with real processes.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stands outside of the doors")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take that a test waits for.
const LIMIT: Duration = Duration::from_secs(30);

/// A folder with a database, a socket that is shared, and one to say "ready" to.
struct Place {
    folder: PathBuf,
    listener: TcpListener,
    ready: UnixDatagram,
}

impl Place {
    fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("xtask place-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let ready = UnixDatagram::bind(folder.join("notify")).unwrap();
        ready.set_read_timeout(Some(LIMIT)).unwrap();
        Place { folder, listener: TcpListener::bind("127.0.0.1:0").unwrap(), ready }
    }

    fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    /// Starts the service on the shared socket, as a service manager does, and waits until it says that it is ready.
    fn start(&self, faults: &str) -> Child {
        let socket = OwnedFd::from(self.listener.try_clone().unwrap());
        // The number of the process is known to the process alone, so it sets it itself.
        let hand_over = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" 3<&0 0</dev/null";
        let child = Command::new("sh")
            .args(["-c", hand_over, &program("guestbook").display().to_string()])
            .env("GUESTBOOK_DATABASE", self.folder.join("guestbook.sqlite"))
            .env("GUESTBOOK_FAULTS", faults)
            .env("NOTIFY_SOCKET", self.folder.join("notify"))
            .stdin(socket)
            .spawn()
            .unwrap();
        assert_eq!(self.told(), "READY=1");
        child
    }

    fn told(&self) -> String {
        let mut word = [0; 64];
        let length = self.ready.recv(&mut word).unwrap();
        String::from_utf8_lossy(&word[..length]).into_owned()
    }

    /// Runs the program to its end, without a socket.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(program("guestbook"))
            .args(arguments)
            .env("GUESTBOOK_DATABASE", self.folder.join("guestbook.sqlite"))
            .env("PORT", "0")
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    fn load(&self, arguments: &[&str]) -> Child {
        Command::new(program("load"))
            .args(["--address", &format!("http://{}", self.address())])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn ask(&self, head: &str, body: &str) -> (String, Value) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let length = body.len();
        let request = format!(
            "{head} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// An example; built where the tests were built without it.
fn program(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    if !program.exists() {
        let arguments = ["build", "--quiet", "--package", "nexus-xtask-ship", "--example", name];
        assert!(Command::new(env!("CARGO")).args(arguments).status().unwrap().success());
    }
    program
}

/// Asks a process to end, and waits for it.
fn end(mut child: Child) -> Option<i32> {
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    child.wait().unwrap().code()
}

/// What the client counted, once it is told to stop.
fn counted(load: Child) -> Value {
    let asked = Command::new("kill").args(["-TERM", &load.id().to_string()]).status().unwrap();
    assert!(asked.success());
    serde_json::from_slice(&load.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn switches_on_a_shared_socket_lose_no_request() {
    let place = Place::new();
    let mut serving = place.start("version:0");
    // A guestbook without an entry has no newest one, and a client may ask for that before the first has written.
    place.ask("POST /entries", "{\"message\":\"first\"}");
    let load = place.load(&["--seconds", "60", "--clients", "8", "--pause-ms", "1"]);
    for version in 1..=10 {
        let next = place.start(&format!("version:{version}"));
        assert_eq!(end(serving), Some(0));
        assert_eq!(place.told(), "STOPPING=1");
        serving = next;
        // The next switch comes when this version has done some work under load.
        let count = || place.ask("GET /entries?limit=1", "").1["count"].as_u64().unwrap();
        let (before, begun) = (count(), Instant::now());
        while count() < before + 100 {
            assert!(begun.elapsed() < LIMIT, "version {version} does not serve");
        }
    }
    let counted = counted(load);
    assert_eq!(end(serving), Some(0));
    println!("{} requests, {} failed, p99 {} ms", counted["requests"], counted["failed"], counted["p99_ms"]);
    assert_eq!(counted["failed"], 0, "{counted}");
    assert!(counted["requests"].as_u64().unwrap() > 2_000, "{counted}");
    assert!((1..=10).all(|version| counted["versions"][version.to_string()].is_u64()), "{counted}");
}

#[test]
fn the_client_counts_what_a_kill_loses_and_nothing_acknowledged_is_lost() {
    let place = Place::new();
    let mut serving = place.start("");
    let load = place.load(&["--seconds", "60", "--ask", "POST /entries", "--timeout-ms", "300"]);
    let begun = Instant::now();
    while place.ask("GET /entries?limit=1", "").1["count"].as_u64() < Some(50) {
        assert!(begun.elapsed() < LIMIT, "nothing is written");
    }
    serving.kill().unwrap();
    serving.wait().unwrap();
    let serving = place.start("");
    let counted = counted(load);
    let kept = place.ask("GET /entries?limit=1", "").1["count"].as_u64();
    println!("{} acknowledged, {kept:?} kept, {} failed", counted["acknowledged"], counted["failed"]);
    assert!(kept >= counted["acknowledged"].as_u64(), "{kept:?} {counted}");
    assert!(counted["acknowledged"].as_u64() >= Some(40), "{counted}");
    assert_eq!(end(serving), Some(0));
}

#[test]
fn a_connection_that_is_kept_gets_its_answer_after_the_end_was_asked_for() {
    let place = Place::new();
    let serving = place.start("");
    let mut kept = TcpStream::connect(place.address()).unwrap();
    kept.set_read_timeout(Some(LIMIT)).unwrap();
    let mut ask = |expected: &str| {
        kept.write_all(b"GET /version HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        let mut answer = [0; 1024];
        let length = kept.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains(expected), "{answer}");
        answer
    };
    assert!(!ask("version").contains("connection: close"));
    let ending = std::thread::spawn(move || end(serving));
    assert_eq!(place.told(), "STOPPING=1");
    ask("connection: close");
    assert_eq!(ending.join().unwrap(), Some(0));
}

#[test]
fn a_schema_is_expanded_under_a_running_program_and_a_contracted_one_refuses_it() {
    let place = Place::new();
    let serving = place.start("");
    let written = |message: &str| place.ask("POST /entries", &format!("{{\"message\":\"{message}\"}}")).0;
    assert_eq!(written("one"), "HTTP/1.1 201 Created");
    assert_eq!(place.run(&["migrate", "--to", "2"], &[]).stdout, b"schema 2\n");
    assert_eq!(place.run(&["migrate", "--to", "2"], &[]).stdout, b"schema 2\n");
    assert_eq!(written("two"), "HTTP/1.1 201 Created");
    assert_eq!(place.run(&["migrate", "--to", "3"], &[]).stdout, b"schema 3\n");
    assert_eq!(written("three"), "HTTP/1.1 201 Created");
    let entries = place.ask("GET /entries", "").1;
    let messages: Vec<_> =
        entries["entries"].as_array().unwrap().iter().map(|entry| &entry["message"]).collect();
    assert_eq!(messages, ["one", "two", "three"]);
    assert_eq!(end(serving), Some(0));

    let old = place.run(&[], &[("GUESTBOOK_SCHEMAS", "1-2")]);
    assert_eq!(old.status.code(), Some(1));
    let said = String::from_utf8_lossy(&old.stderr).into_owned();
    assert_eq!(said, "guestbook: the database has schema 3, and this program knows 1 to 2\n");
    let down = place.run(&["migrate", "--to", "2"], &[]);
    let said = String::from_utf8_lossy(&down.stderr).into_owned();
    assert_eq!(said, "guestbook: the database has schema 3: there is no way down to 2 but the backup\n");
}
