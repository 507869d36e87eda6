//! Signals by the real command: each kind seen good and bad, transitions and nothing else in the journal.

use std::net::TcpListener;

use crate::sandbox::{Sandbox, package};

fn signal(name: &str, more: &str) -> String {
    format!("[signals.{name}]\nevery = \"1m\"\n{more}\n")
}

/// Looks at all, and tells the state of each: `name state`, by name.
fn states(sandbox: &Sandbox) -> Vec<String> {
    let done = sandbox.xtask(&["observe", "tick", "--all", "--json"]);
    let told: serde_json::Value =
        serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.transcript()));
    let one = |one: &serde_json::Value| {
        format!("{} {}", one["signal"].as_str().unwrap(), one["state"].as_str().unwrap())
    };
    let states: Vec<_> = told.as_array().unwrap().iter().map(one).collect();
    let is_down = states.iter().any(|state| state.ends_with(" down"));
    assert_eq!(done.code, i32::from(is_down), "{}", done.transcript());
    states
}

/// Every change that the journal has, in its order: `name before state`.
fn changes(sandbox: &Sandbox) -> Vec<String> {
    let folder = std::fs::read_dir(sandbox.path(".xtask/journal")).unwrap();
    let files = folder.flatten().map(|entry| entry.path());
    let text: String = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines
        .filter(|line| line["kind"] == "signal.changed")
        .map(|line| {
            let label = |name: &str| line["labels"][name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", line["subject"].as_str().unwrap(), label("before"), label("state"))
        })
        .collect()
}

#[track_caller]
fn check(sandbox: &Sandbox, wanted: &[&str]) {
    assert_eq!(states(sandbox), wanted);
}

#[test]
fn each_kind_is_seen_good_and_bad_and_only_changes_are_told() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    let declared = [
        signal("command", "failures = 1\ncommand = { run = [\"grep\", \"works\", \"state\"] }"),
        signal("crashing", "command = { run = [\"no-such-program\"] }"),
        signal("disk", "disk = { path = \".\", free_mib_min = 1 }"),
        signal("event", "failures = 1\njournal = { kind = \"signal.changed\", age_max = \"1d\" }"),
        signal("file", "failures = 1\nfile_age = { path = \"state\", age_max = \"1d\" }"),
        signal("full", "disk = { path = \".\", free_mib_min = 1000000000 }"),
        signal("name", "tcp = { address = \"nobody.invalid:1\" }"),
        signal("port", &format!("failures = 1\ntcp = {{ address = \"{address}\" }}")),
        signal("whole", "journal = { whole = true }"),
    ];
    let sandbox = package(&[("release/signals.toml", &declared.concat()), ("state", "it works\n")]);
    let always = ["crashing unknown", "disk up"];
    let never = ["full down", "name unknown"];
    let all = |command, event, file, port| {
        [command, always[0], always[1], event, file, never[0], never[1], port, "whole up"]
    };

    check(&sandbox, &all("command up", "event down", "file up", "port up"));
    assert_eq!(changes(&sandbox).len(), 9);
    check(&sandbox, &all("command up", "event up", "file up", "port up"));
    check(&sandbox, &all("command up", "event up", "file up", "port up"));
    assert_eq!(changes(&sandbox)[9..], ["event down up"]);

    drop(port);
    sandbox.write("state", "it is broken\n");
    check(&sandbox, &all("command down", "event up", "file up", "port down"));
    std::fs::remove_file(sandbox.path("state")).unwrap();
    check(&sandbox, &all("command down", "event up", "file down", "port down"));
    assert_eq!(changes(&sandbox)[10..], ["command up down", "port up down", "file up down"]);
}

#[test]
fn a_look_is_taken_when_it_is_due_and_a_loop_ends_with_its_time() {
    let sandbox = package(&[(
        "release/signals.toml",
        &signal("command", "command = { run = [\"sh\", \"-c\", \"echo >> looks\"] }"),
    )]);
    for _ in 0..3 {
        let done = sandbox.xtask(&["observe", "tick"]);
        assert_eq!(done.transcript(), "exit 0\n--- stdout\nup        command  it ended with N\nN up\n");
    }
    assert_eq!(sandbox.read("looks"), "\n");

    sandbox.write(
        "release/signals.toml",
        &signal("command", "command = { run = [\"sh\", \"-c\", \"echo >> looks\"] }").replace("1m", "1s"),
    );
    let done = sandbox.xtask(&["observe", "run", "--for", "3s"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    assert!(sandbox.read("looks").len() > 2, "{}", done.transcript());
    assert_eq!(done.stdout.lines().count(), 1, "only changes are told: {}", done.transcript());
    assert_eq!(changes(&sandbox), ["command - up"]);
}

#[test]
fn what_cannot_be_used_is_refused() {
    let sandbox = package(&[]);
    for (words, said) in [
        (&["observe", "tick"][..], "there is no `release/signals.toml`"),
        (&["observe", "run", "--for", "soon"], "there is no `release/signals.toml`"),
    ] {
        let done = sandbox.xtask(words);
        assert!(done.code == 2 && done.stderr.contains(said), "{}", done.transcript());
    }
    sandbox.write("release/signals.toml", &signal("a", "tcp = { address = \"x\" }"));
    let done = sandbox.xtask(&["observe", "tick"]);
    assert!(
        done.code == 2 && done.stderr.contains("release/signals.toml:1: signal `a`"),
        "{}",
        done.transcript()
    );
    sandbox.write("release/signals.toml", "");
    let done = sandbox.xtask(&["observe", "run", "--for", "soon"]);
    assert!(done.code == 2 && done.stderr.contains("`soon` is no time"), "{}", done.transcript());
}

#[test]
fn status_says_what_signals_are_now() {
    let looks = signal("file", "failures = 1\nfile_age = { path = \"state\", age_max = \"1d\" }");
    let sandbox = package(&[("release/signals.toml", &looks), ("state", "it works\n")]);
    let said = |words: &[&str]| sandbox.xtask(words).transcript();
    let unseen = said(&["status"]);
    assert!(
        unseen.starts_with("exit 0\n") && unseen.contains("? file  unknown  nobody has looked yet"),
        "{unseen}"
    );
    said(&["observe", "tick", "--all"]);
    let up = said(&["status"]);
    assert!(up.starts_with("exit 0\n") && up.contains("file  up") && up.contains("nothing is bad"), "{up}");

    std::fs::remove_file(sandbox.path("state")).unwrap();
    said(&["observe", "tick", "--all"]);
    let down = said(&["status"]);
    assert!(down.starts_with("exit 1\n") && down.contains("! file  down"), "{down}");
    let json = sandbox.xtask(&["status", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (json.code, &told["bad"], &told["rows"][0]["state"]),
        (1, &true.into(), &"down".into()),
        "{told}"
    );
}
