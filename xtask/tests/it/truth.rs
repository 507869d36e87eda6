//! Claims and their evidence, by the real command: what breaks falls at the next check, and nothing else does.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use nexus_xtask::clock::Clock;
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::workspace::Workspace;

use crate::sandbox::{Sandbox, package};

const LIBRARY: &str = "//! One.\n\n/// A number.\npub fn number(of: u32) -> u32 {\n    of\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn one() {\n        assert_eq!(super::number(1), 1);\n    }\n    #[test]\n    fn two() {\n        assert_eq!(super::number(2), 2);\n    }\n    #[test]\n    fn three() {\n        assert_eq!(super::number(3), 3);\n    }\n}\n";

/// Thirty claims of every kind of evidence but the probe, which has a test of its own.
fn ledger() -> String {
    let mut text = String::new();
    let mut claim = |id: String, evidence: String| {
        text += &format!(
            "[claims.{id}]\ntext = \"It works\"\nowner = \"CODEX\"\nphase = \"one\"\nevidence = [{evidence}]\n"
        );
    };
    for number in 0..10 {
        claim(
            format!("command-{number}"),
            format!("{{ command = [\"cat\", \"ability-{number}\"], prints = \"works\" }}"),
        );
    }
    for name in ["one", "two", "three"] {
        claim(format!("test-{name}"), format!("{{ test = \"one tests::{name}\" }}"));
    }
    for number in 0..3 {
        claim(format!("step-{number}"), format!("{{ step = \"step-{number}\" }}"));
    }
    for number in 0..5 {
        let event = format!(
            "kind = \"deploy.ended\", subject = \"s{number}\", labels = {{ outcome = \"Succeeded\" }}"
        );
        claim(format!("event-{number}"), format!("{{ event = {{ {event} }}, ttl = \"7d\" }}"));
        claim(format!("drill-{number}"), format!("{{ drill = \"d{number}\", ttl = \"7d\" }}"));
    }
    for number in 0..4 {
        claim(format!("setting-{number}"), format!("{{ setting = \"tags {number}\", ttl = \"7d\" }}"));
    }
    text
}

fn told(sandbox: &Sandbox, kind: &str, subject: &str, outcome: &str, clock: &Clock) {
    let entry = Entry {
        kind: kind.into(),
        subject: subject.into(),
        labels: [("outcome".to_owned(), outcome.to_owned())].into(),
        ..Entry::default()
    };
    journal::append(&Workspace::at(sandbox.root()), clock, vec![entry]).unwrap();
}

fn settings(sandbox: &Sandbox, sick: Option<u32>) {
    let checks: Vec<_> = (0..4)
        .map(|number| {
            let state = if sick == Some(number) { "missing" } else { "ok" };
            format!("{{\"state\":\"{state}\",\"what\":\"tags {number}\",\"detail\":\"seen\"}}")
        })
        .collect();
    let at = Clock::system().now();
    sandbox.write(
        ".xtask/release/github-settings.json",
        &format!("{{\"at\":\"{at}\",\"checks\":[{}]}}", checks.join(",")),
    );
}

/// A workspace whose thirty claims are all shown.
fn shown() -> Sandbox {
    let steps: String = (0..3)
        .map(|number| format!("[steps.step-{number}]\ncommand = [\"grep\", \"works\", \"part-{number}\"]\n"))
        .collect();
    let remove =
        "remove = [\"fmt\", \"clippy\", \"build\", \"test\", \"doctest\", \"doc\", \"lock\", \"truth\"]\n";
    let sandbox = package(&[
        ("src/lib.rs", LIBRARY),
        ("release/truth.toml", &ledger()),
        ("release/ci.toml", &format!("{remove}{steps}")),
    ]);
    for number in 0..10 {
        sandbox.write(&format!("ability-{number}"), "it works\n");
    }
    for number in 0..3 {
        sandbox.write(&format!("part-{number}"), "it works\n");
    }
    // Cargo writes its lock file before anybody looks: a file that changes ends what was seen.
    let locked = sandbox.command("cargo", &["metadata", "--format-version", "1"]).output().unwrap();
    assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));
    sandbox.commit("ci: abilities");
    for number in 0..5 {
        told(&sandbox, "deploy.ended", &format!("s{number}"), "Succeeded", &Clock::system());
        told(&sandbox, "drill.restore", &format!("d{number}"), "", &Clock::system());
    }
    settings(&sandbox, None);
    sandbox
}

/// Looks where nobody has looked, and tells which claims are not shown.
fn fallen(sandbox: &Sandbox) -> BTreeSet<String> {
    let ran = sandbox.xtask(&["ci", "--keep-going"]);
    assert!(ran.code < 2, "{}", ran.transcript());
    sandbox.xtask(&["truth", "check", "--run"]);
    let report = sandbox.xtask(&["truth", "report"]);
    assert_eq!(report.code, 0, "{}", report.transcript());
    let planned = report.stdout.lines().filter_map(|line| line.strip_prefix("planned "));
    planned.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[track_caller]
fn check(sandbox: &Sandbox, wanted: &[&str]) {
    assert_eq!(fallen(sandbox), wanted.iter().map(|id| (*id).to_owned()).collect());
}

#[test]
fn each_kind_of_evidence_falls_when_its_ability_breaks_and_nothing_else_does() {
    let sandbox = shown();
    let unseen = sandbox.xtask(&["truth", "report"]);
    assert!(unseen.stdout.contains("not available: nobody has looked yet"), "{}", unseen.transcript());
    check(&sandbox, &[]);

    sandbox.write("ability-3", "it is broken\n");
    check(&sandbox, &["command-3"]);
    std::fs::remove_file(sandbox.path("ability-4")).unwrap();
    check(&sandbox, &["command-3", "command-4"]);
    sandbox.write("src/lib.rs", &LIBRARY.replace("    of\n", "    if of == 2 { 0 } else { of }\n"));
    check(&sandbox, &["command-3", "command-4", "test-two"]);
    sandbox.write("part-1", "it is broken\n");
    check(&sandbox, &["command-3", "command-4", "step-1", "test-two"]);
    sandbox.git(&["checkout", "--quiet", "--", "."]);
    check(&sandbox, &[]);

    told(&sandbox, "deploy.ended", "s2", "RolledBack", &Clock::system());
    told(&sandbox, "drill.restore.failed", "d1", "", &Clock::system());
    settings(&sandbox, Some(3));
    check(&sandbox, &["drill-1", "event-2", "setting-3"]);
}

#[test]
fn what_is_bound_to_files_falls_with_them_and_what_is_old_falls_alone() {
    let sandbox = shown();
    check(&sandbox, &[]);
    // Another commit with other files: nothing that was seen of the old ones counts, until somebody looks again.
    sandbox.write("other", "another file\n");
    sandbox.commit("ci: another");
    let report = sandbox.xtask(&["truth", "report"]);
    for id in ["command-0", "test-one", "step-0"] {
        assert!(report.stdout.contains(&format!("planned   {id} ")), "{}", report.transcript());
    }
    assert!(report.stdout.contains("deployed  event-0"), "{}", report.transcript());
    check(&sandbox, &[]);
    // A document counts for no look.
    sandbox.write("docs/x.md", "words\n");
    sandbox.commit("docs: words");
    let report = sandbox.xtask(&["truth", "report"]);
    assert!(report.stdout.contains("built     command-0"), "{}", report.transcript());

    let sandbox = shown();
    let old = Clock::fixed(Clock::system().now() - std::time::Duration::from_secs(8 * 86_400));
    sandbox.git(&["clean", "-qfdx", ".xtask/journal"]);
    for number in 0..5 {
        let clock = if number == 0 { &old } else { &Clock::system() };
        told(&sandbox, "deploy.ended", &format!("s{number}"), "Succeeded", clock);
        told(&sandbox, "drill.restore", &format!("d{number}"), "", clock);
    }
    check(&sandbox, &["drill-0", "event-0"]);
}

#[test]
fn a_tool_that_crashes_is_an_error_and_no_answer() {
    let sandbox = shown();
    let crash = |command: &str| {
        format!(
            "[claims.it]\ntext = \"It works\"\nowner = \"CODEX\"\nphase = \"one\"\nevidence = [{{ {command} }}]\n"
        )
    };
    for (evidence, word, why) in [
        ("command = [\"sh\", \"-c\", \"kill -SEGV $$\"]", "error", "it crashed: signal"),
        ("command = [\"no-such-program\"]", "error", "cannot run `no-such-program`"),
        ("command = [\"sh\", \"-c\", \"exit 101\"]", "error", "it crashed: exit"),
        ("command = [\"sleep\", \"60\"], seconds_max = 1", "error", "it took longer than"),
        ("command = [\"false\"]", "false", "it ended with"),
        ("command = [\"false\"], exit = 1", "true", "it ended with"),
        ("test = \"one tests::none\"", "not available", "no test `one tests::none` ran"),
        ("step = \"none\"", "error", "there is no step `none`"),
        ("command = [\"true\"], platforms = [\"windows\"]", "not applicable", "it is for windows"),
    ] {
        sandbox.write("release/truth.toml", &crash(evidence));
        sandbox.xtask(&["truth", "check", "--run"]);
        let done = sandbox.xtask(&["truth", "explain", "it"]);
        assert!(
            done.stdout.contains(&format!("{word}: ")) && done.stdout.contains(why),
            "{}",
            done.transcript()
        );
    }
    sandbox.write("src/lib.rs", "this does not compile\n");
    sandbox.write("release/truth.toml", &crash("test = \"one tests::one\""));
    sandbox.xtask(&["truth", "check", "--run"]);
    let done = sandbox.xtask(&["truth", "explain", "it"]);
    assert!(done.stdout.contains("error: the tests could not be run"), "{}", done.transcript());
}

#[test]
fn documents_tell_what_is_shown_and_no_more() {
    let sandbox = package(&[
        (
            "release/truth.toml",
            "[claims.grep]\ntext = \"It greps\"\nowner = \"CODEX\"\nphase = \"one\"\nevidence = [{ command = [\"cat\", \"ability\"], prints = \"works\" }]\n[claims.grafana]\ntext = \"It draws\"\nowner = \"CODEX\"\nphase = \"one\"\nterms = [\"Grafana\"]\n",
        ),
        ("ability", "works\n"),
        ("README.md", "# One\n\nIt is drawn by Grafana.\n"),
        ("docs/a.md", "# A\n\n<!-- truth:begin claims grep -->\n<!-- truth:end -->\n\nGrafana draws.\n"),
    ]);
    let check = |code: i32, said: &[&str]| {
        let done = sandbox.xtask(&["truth", "check"]);
        let text = done.transcript();
        assert!(
            done.code == code && said.iter().all(|said| text.contains(said)),
            "wanted {code}, {said:?}: {text}"
        );
    };
    let written = sandbox.xtask(&["truth", "write", "--run"]);
    assert!(written.stdout.contains("written  docs/current-state.md"), "{}", written.transcript());
    check(1, &["README.md:3: `Grafana` is spoken of", "docs/a.md:9: `Grafana` is spoken of", "#grafana)"]);
    sandbox.write("README.md", "# One\n\nNot yet: [Grafana](docs/current-state.md#grafana).\n");
    let linked = sandbox
        .read("docs/a.md")
        .replace("Grafana draws.", "[Grafana](current-state.md#grafana) does not draw.");
    sandbox.write("docs/a.md", &linked);
    check(0, &["nothing is claimed that is not shown"]);

    // A hand in a generated block, or a level that a hand wrote, is found, and written again.
    let state = sandbox.read("docs/current-state.md");
    sandbox.write("docs/current-state.md", &state.replace("| planned |", "| operated |"));
    check(1, &["docs/current-state.md:", "was edited by hand", "cargo xtask truth write"]);
    sandbox.xtask(&["truth", "write"]);
    assert_eq!(sandbox.read("docs/current-state.md"), state);

    // What is broken is written as more than it is.
    sandbox.write("ability", "broken\n");
    check(1, &["more is written of claim `grep` than is shown", "cargo xtask truth check --run"]);
    let done = sandbox.xtask(&["truth", "check", "--run"]);
    assert!(
        done.code == 1 && done.transcript().contains("it did not print `works`"),
        "{}",
        done.transcript()
    );
    sandbox.xtask(&["truth", "write"]);
    check(0, &["nothing is claimed"]);
    // And what works again is told to be more than what is written, which is no failure.
    sandbox.write("ability", "works\n");
    let done = sandbox.xtask(&["truth", "check", "--run"]);
    assert!(
        done.code == 0 && done.stderr.contains("claim `grep` is written as planned, and is built"),
        "{}",
        done.transcript()
    );
}

#[test]
fn bad_ledgers_are_told_apart_and_nothing_is_written() {
    let sandbox = package(&[]);
    let check = |words: &[&str], code: i32, said: &str| {
        let done = sandbox.xtask(words);
        assert!(
            done.code == code && done.transcript().contains(said),
            "wanted {code}, {said}: {}",
            done.transcript()
        );
    };
    check(&["truth", "check"], 2, "next: cargo xtask truth audit");
    check(&["truth", "audit"], 0, "none of them is shown to work");
    check(&["truth", "audit", "--write"], 0, "each planned");
    check(&["truth", "audit", "--write"], 4, "is not replaced");
    let claim = "[claims.a]\ntext = \"x\"\nowner = \"NOBODY\"\nphase = \"one\"\n";
    sandbox.write("release/truth.toml", &claim.repeat(2));
    check(&["truth", "check"], 2, "duplicate key");
    sandbox.write("release/truth.toml", claim);
    check(&["truth", "explain", "b"], 2, "there is no claim `b`");
    sandbox.write("release/owners.toml", "[owners.CODEX]\nduty = \"code\"\nreach = \"here\"\n");
    check(&["truth", "check"], 2, "there is no owner `NOBODY`");
    sandbox.write("release/owners.toml", "[owners.NOBODY]\nduty = \"code\"\nreach = \"here\"\n");
    sandbox.write("release/roadmap.toml", "[[phases]]\nid = \"one\"\ntitle = \"One\"\ncriteria = []\n");
    check(&["truth", "check"], 2, "has no criteria");
    assert!(!sandbox.path("docs/current-state.md").exists());
}

/// A stage that is not on this machine, and a roadmap in which deploying comes after a claim that nothing shows.
fn early() -> Sandbox {
    let stages = "[service]\nname = \"one\"\nartifact = \"one\"\n[stages.far]\ndriver = \"ssh\"\n[stages.far.hosts]\na = { at = \"deploy@127.0.0.1\", listen = \"127.0.0.1:1\" }\n";
    package(&[
        ("release/stages.toml", stages),
        ("release/truth.toml", "[claims.told]\ntext = \"It tells\"\nowner = \"CODEX\"\nphase = \"one\"\n"),
        (
            "release/roadmap.toml",
            "[[phases]]\nid = \"one\"\ntitle = \"One\"\ncriteria = [{ claim = \"told\", level = \"tested\" }]\n[[phases]]\nid = \"two\"\ntitle = \"Two\"\ncriteria = [{ claim = \"told\", level = \"operated\" }]\ncommands = [\"deploy run\"]\n",
        ),
    ])
}

#[test]
fn what_is_too_early_is_refused_and_an_override_is_written_down() {
    let sandbox = early();
    let run = |more: &[&str]| {
        let words: Vec<_> =
            ["deploy", "run", "--to", "far", "--execute"].iter().chain(more).copied().collect();
        sandbox.xtask(&words)
    };
    let refused = run(&[]);
    assert_eq!(refused.code, 3, "{}", refused.transcript());
    assert!(refused.stderr.contains("`told` is planned, and must be tested"), "{}", refused.transcript());
    let told = || {
        let files = std::fs::read_dir(sandbox.path(".xtask/journal")).into_iter().flatten().flatten();
        let texts: Vec<_> = files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect();
        texts.concat().matches("phase.overridden").count()
    };
    assert_eq!(told(), 0);
    // With a reason it goes on, as far as it can get: nothing is staged here.
    let forced = run(&["--early", "the host is a test bed"]);
    assert!(!forced.stderr.contains("belongs to the phase"), "{}", forced.transcript());
    assert_eq!(told(), 1);
    assert_ne!(run(&["--early", " "]).code, 0);
    assert_eq!(told(), 1, "an empty reason is none");
    std::fs::remove_file(sandbox.path("release/roadmap.toml")).unwrap();
    assert!(!run(&[]).stderr.contains("belongs to the phase"));
}

/// Answers every request with a content type and a body, until it is told otherwise.
fn serve(answer: Arc<Mutex<(&'static str, &'static str)>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).unwrap();
            let (kind, body) = *answer.lock().unwrap();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all((head + body).as_bytes()).ok();
        }
    });
    address
}

#[test]
fn a_service_is_asked_for_what_it_says_and_not_for_a_status() {
    let good = ("application/json", "{\"status\":\"ok\"}");
    let answer = Arc::new(Mutex::new(good));
    let address = serve(Arc::clone(&answer));
    let probe = |address: &str| {
        format!(
            "[claims.live]\ntext = \"It answers\"\nowner = \"CODEX\"\nphase = \"one\"\nevidence = [{{ probe = {{ address = \"{address}\", path = \"/healthz\", pointers = {{ \"/status\" = \"ok\" }} }}, ttl = \"1h\" }}]\n"
        )
    };
    let sandbox = package(&[("release/truth.toml", &probe(&address))]);
    let told = || {
        // What is true is not asked again within its time.
        std::fs::remove_dir_all(sandbox.path(".xtask/truth")).ok();
        sandbox.xtask(&["truth", "check", "--run"]);
        sandbox.xtask(&["truth", "explain", "live"]).stdout
    };
    assert!(told().starts_with("live  operated"));
    for (kind, body) in [
        ("text/html", "<html>ok</html>"),
        ("application/json", "{\"status\":\"sick\"}"),
        ("application/json", "{\"status\":"),
    ] {
        *answer.lock().unwrap() = (kind, body);
        let said = told();
        assert!(said.starts_with("live  planned") && said.contains("false: "), "{body}: {said}");
    }
    *answer.lock().unwrap() = good;
    assert!(told().starts_with("live  operated"));
    sandbox.write("release/truth.toml", &probe("http://nobody.invalid"));
    let said = told();
    assert!(said.starts_with("live  planned") && said.contains("not available: "), "{said}");
}
