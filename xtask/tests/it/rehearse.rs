//! `release rehearse` on a small workspace: the good way, one fault of each kind, and the whole crash matrix of it.

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::satellites::ship;

const WORKSPACE: &str = "[workspace]\nresolver = \"3\"\nmembers = [\"base\", \"tool\"]\n\n[workspace.package]\nversion = \"0.2.0\"\nedition = \"2024\"\nlicense = \"MIT\"\ndescription = \"Part of a test\"\nrepository = \"https://example.invalid/ann/tool\"\n";
const BASE: &str = "[package]\nname = \"fx-base\"\nversion.workspace = true\nedition.workspace = true\nlicense.workspace = true\ndescription.workspace = true\nrepository.workspace = true\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"fx-base\"\nversion = \"0.2.0\"\n\n[[package]]\nname = \"fx-tool\"\nversion = \"0.2.0\"\ndependencies = [\n \"fx-base\",\n]\n";
const LIBRARY: &str = "//! Base.\n\n/// A number.\npub fn number() -> u32 {\n    7\n}\n";

/// A library and a program, in two packages.
fn workspace(more: &[(&str, &str)]) -> Sandbox {
    ship();
    let tool = BASE.replace("fx-base", "fx-tool")
        + "\n[dependencies]\nfx-base = { path = \"../base\", version = \"0.2.0\" }\n";
    let files = [
        ("Cargo.toml", WORKSPACE),
        ("Cargo.lock", LOCK),
        (".gitignore", "/target/\n/.xtask/\n"),
        ("CHANGELOG.md", "# Changelog\n\n## [0.2.0] - 2026-01-02\n\n### Added\n\n- Everything.\n"),
        ("base/Cargo.toml", BASE),
        ("base/src/lib.rs", LIBRARY),
        ("tool/Cargo.toml", &tool),
        ("tool/src/main.rs", "fn main() {\n    println!(\"fx-tool {}\", fx_base::number());\n}\n"),
    ];
    Sandbox::with(&[&files, more].concat())
}

/// Rehearses with what was staged for the first rehearsal, and returns the answer.
#[track_caller]
fn again(sandbox: &Sandbox, more: &[&str]) -> Value {
    let words = ["--json", "release", "rehearse", "--staging", ".xtask/rehearsal/staging"];
    let done = sandbox.xtask(&[&words, more].concat());
    assert_eq!(done.code, 0, "{more:?}: {}", done.transcript());
    serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {}", done.transcript()))
}

/// The numbers of the effects that begin like this, counted from 1 as faults are.
fn effects(sandbox: &Sandbox, start: &str) -> Vec<usize> {
    let plan: Value = serde_json::from_str(&sandbox.read(".xtask/rehearsal/staging/plan.json")).unwrap();
    let effects = ["draft", "upload", "tag", "publish", "announce"];
    let steps = plan["steps"].as_array().unwrap().iter().map(|step| &step["action"]["do"]);
    let steps = steps.filter(|does| effects.iter().any(|effect| *does == effect));
    steps.enumerate().filter(|(_, does)| *does == start).map(|(index, _)| index + 1).collect()
}

#[test]
fn a_rehearsal_goes_the_whole_way_and_comes_through_every_fault() {
    let sandbox = workspace(&[]);
    let done = sandbox.xtask(&["--json", "release", "rehearse"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    let good: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&good["runs"], &good["killed"]), (&1.into(), &0.into()), "{good}");
    assert_eq!(good["consumed"], serde_json::json!(["fx-base", "fx-tool"]));

    let count = good["effects"].as_u64().unwrap();
    let first = |start: &str| effects(&sandbox, start)[0];
    let (draft, upload, publish, last) =
        (first("draft"), first("upload"), first("publish"), first("announce"));
    assert_eq!((draft, last as u64), (1, count));
    for (faults, runs, killed) in [
        // What the servers do wrong is waited for in one run.
        (format!("429@{draft},429@{upload},429@{publish},429@{last}"), 1, 0),
        (format!("drop@{draft},drop@{upload},drop@{publish},drop@{last}"), 1, 0),
        (format!("delay@{upload},delay@{publish}"), 1, 0),
        // A crash is repaired by the same command.
        (format!("crash-before@{upload},crash@{publish},torn@{last}"), 4, 3),
        (format!("lost@{draft},lost@{publish}"), 3, 2),
        // The list does not show what the killed run has made.
        (format!("delay@{draft},crash@{draft}"), 2, 1),
    ] {
        let rehearsed = again(&sandbox, &["--no-consumer", "--fault", &faults]);
        let found = (rehearsed["runs"].as_u64(), rehearsed["killed"].as_u64());
        assert_eq!(found, (Some(runs), Some(killed)), "{faults}: {rehearsed}");
    }
}

#[test]
fn a_release_that_is_killed_anywhere_ends_in_the_same_world() {
    let sandbox = workspace(&[]);
    let done = sandbox.xtask(&["release", "rehearse", "--no-consumer"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    let matrix = again(&sandbox, &["--crash-everywhere"]);
    println!("{matrix}");
    // A draft, its files, a tag, two packages, the end; four places at each, with and without the journal.
    let kinds = ["draft", "upload", "tag", "publish", "announce"];
    let counts = kinds.map(|kind| effects(&sandbox, kind).len());
    assert_eq!(counts, [1, 6, 1, 2, 1]);
    let all: usize = counts.iter().sum();
    assert_eq!(
        matrix,
        serde_json::json!({ "effects": all, "killed": all * 8, "without_journal": all * 4, "failures": [] })
    );
}

#[test]
fn a_package_that_misses_a_file_is_found_on_this_machine() {
    let library = format!("{LIBRARY}\n/// A text.\npub const TEXT: &str = include_str!(\"../../text\");\n");
    let sandbox = workspace(&[("base/src/lib.rs", &library), ("text", "a text\n")]);
    let done = sandbox.xtask(&["release", "rehearse"]);
    assert_eq!(done.code, 1, "{}", done.transcript());
    assert!(
        done.stderr.contains("error: `fx-base` cannot be used as it is packed\n"),
        "{}",
        done.transcript()
    );
}
