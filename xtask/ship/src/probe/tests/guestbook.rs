//! The real service with each of its planted faults, over TCP and over a socket in the file system.
#![expect(clippy::disallowed_methods, reason = "a real program is started, as a service manager would")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::*;

/// How long a service may take to answer at all.
const LIMIT: Duration = Duration::from_secs(20);

/// The service until it is dropped, with a folder of its own.
struct Guestbook {
    child: Child,
    folder: PathBuf,
    address: String,
}

impl Guestbook {
    /// Starts it with these faults, and waits until it answers.
    fn with(faults: &str) -> Guestbook {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("xtask guestbook-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program())
            .env("PORT", port.to_string())
            .env("GUESTBOOK_DATABASE", folder.join("guestbook.sqlite"))
            .env("GUESTBOOK_FAULTS", faults)
            .env("XTASK_RELEASE", "1.0.0-abcdefabcdef")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let guestbook = Guestbook { child, folder, address: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        while let State::Down { fault: Fault::Refused } = once(&guestbook.address, guestbook.probes()) {
            assert!(begun.elapsed() < LIMIT, "the guestbook does not listen");
        }
        guestbook
    }

    fn probes(&self) -> Probes {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let identity = Identity { wanted: Some(version), ..probes().identity.unwrap() };
        Probes { identity: Some(identity), ..probes() }
    }

    fn said(&self) -> String {
        said(&once(&self.address, self.probes()))
    }
}

impl Drop for Guestbook {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// The example; built where the tests were built without it.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples").join("guestbook");
    if !program.exists() {
        let arguments = ["build", "--quiet", "--package", "nexus-xtask-ship", "--example", "guestbook"];
        assert!(Command::new(env!("CARGO")).args(arguments).status().unwrap().success());
    }
    program
}

/// Polls until it says this, or tells what it said last.
#[track_caller]
fn becomes(guestbook: &Guestbook, expected: &str) {
    let begun = Instant::now();
    let mut last = guestbook.said();
    while last != expected {
        assert!(begun.elapsed() < LIMIT, "it says `{last}` instead of `{expected}`");
        last = guestbook.said();
    }
}

#[test]
fn the_guestbook_is_ready_and_says_which_release_it_is() {
    let guestbook = Guestbook::with("");
    becomes(&guestbook, &format!("ready: Some({:?})", env!("CARGO_PKG_VERSION")));
    let release = Pointer { pointer: "/release".to_owned(), equals: json!("1.0.0-abcdefabcdef") };
    let ready = Expectation { pointers: vec![release], ..Expectation::json("/version") };
    let state = once(&guestbook.address, Probes { ready: Some(ready), ..guestbook.probes() });
    assert!(state.is_ready(), "{}", said(&state));
}

#[test]
fn each_planted_fault_of_the_guestbook_is_seen_as_what_it_is() {
    becomes(&Guestbook::with("never_ready"), "started");
    becomes(&Guestbook::with("start:60000"), "live");
    becomes(&Guestbook::with("html"), "down: html: a page of HTML instead of an answer");
    let wanted = env!("CARGO_PKG_VERSION");
    becomes(
        &Guestbook::with("version:9.9.9"),
        &format!("down: version: it is version 9.9.9 instead of {wanted}"),
    );
    let flapping = Guestbook::with("flap:1");
    becomes(&flapping, "started");
    becomes(&flapping, &format!("ready: Some({wanted:?})"));
    becomes(&Guestbook::with("exit:1"), "down: refused: nothing listens there");
}

#[test]
fn requests_that_fail_while_it_says_to_be_ready_are_counted() {
    let guestbook = Guestbook::with("fail:20:0");
    let entries = Expectation::json("/entries");
    let probes =
        Probes { live: None, started: None, ready: Some(entries), identity: None, timeout_ms: 5_000 };
    let target = Target { name: "one".to_owned(), address: guestbook.address.clone(), probes };
    let wanted = Probe { targets: vec![target], interval_ms: 100, rounds_max: 50, until: Until::Rounds };
    let probed = asked(&wanted, |_| {}).remove(0);
    assert_eq!((probed.n, probed.failed, probed.unknown, probed.faults["status"]), (50, 10, 0, 10));
    becomes(&guestbook, &format!("ready: Some({:?})", env!("CARGO_PKG_VERSION")));
}
