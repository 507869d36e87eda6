//! Every kind of gate, open and shut, and shut for what is unknown, crashed, expired and changed.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use jiff::tz::TimeZone;
use semver::Version;

use super::approvals::{Approvals, Found, Signature, Statement};
use super::bytes::{Kept, Reproduced, Trial, Tried};
use super::checks::{Forge, Journal, Known};
use super::history::{Branch, Noted, Tree, UnitVersion, Versions};
use super::tools::{Compared, Policy, Ran};
use super::waits::{Events, Looked, Settings};
use super::*;
use crate::digest::Digest;
use crate::journal::{Entry, Line};
use crate::release::manifest::{self, Manifest, Staged};
use crate::release::plan::{self, Artifact, Kind, Release};
use crate::release::protocol::{Check, Issue};
use crate::shell::Ended;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const ARCHIVE: &str = "assets/v1.2.0/one-1.2.0-t.tar.gz";
const CRATE: &str = "crates/one-1.2.0.crate";

fn now() -> Timestamp {
    at("2026-07-01T12:00:00Z")
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn plan() -> Plan {
    let artifact = |file: &str, kind, target: Option<&str>| Artifact {
        file: file.to_owned(),
        kind,
        package: Some("one".to_owned()),
        target: target.map(str::to_owned),
        release: target.map(|_| "v1.2.0".to_owned()),
    };
    Plan {
        version: plan::VERSION,
        commit: COMMIT.to_owned(),
        tree: String::new(),
        commit_time: 0,
        configuration: Digest::of(""),
        tools: BTreeMap::new(),
        registry: "r".to_owned(),
        repository: "o/one".to_owned(),
        immutable: true,
        releases: vec![Release {
            tag: "v1.2.0".to_owned(),
            version: version("1.2.0"),
            packages: vec!["one".to_owned()],
            prerelease: false,
            notes: String::new(),
        }],
        packages: Vec::new(),
        targets: vec!["t".to_owned()],
        artifacts: vec![artifact(ARCHIVE, Kind::Archive, Some("t")), artifact(CRATE, Kind::Crate, None)],
        steps: Vec::new(),
        way_back: Vec::new(),
    }
}

fn staged() -> Manifest {
    let file = |name: &str| (name.to_owned(), Staged { sha256: Digest::of(name), bytes: 1 });
    Manifest { version: manifest::VERSION, plan: plan().digest(), files: [ARCHIVE, CRATE].map(file).into() }
}

/// Each case as a line: what it is, the verdict, the evidence, and what opens it.
#[track_caller]
fn check(gate: &str, cases: Vec<(&str, Evidence)>, expected: Expect) {
    let gates = config::parse(&format!("[gates.g]\n{gate}")).unwrap().gates;
    let gate = &gates["g"];
    let (plan, manifest) = (plan(), staged());
    let case = Case { plan: &plan, manifest: Some(&manifest), now: now() };
    let seal = manifest::seal(&plan, &manifest).to_string();
    let mut text = String::new();
    let strange = [
        ("not asked", Evidence::Unknown(vec!["the tool is not there".to_owned()])),
        (
            "of another gate",
            match gate {
                Gate::CleanTree => Evidence::Changelog(Vec::new()),
                _ => Evidence::Tree(Tree { head: COMMIT.to_owned(), ..Tree::default() }),
            },
        ),
        ("no seal", Evidence::NoSeal),
    ];
    let mut verdicts = Vec::new();
    for (name, evidence) in cases {
        let asked = Asked::new("g", gate, &evidence, case);
        verdicts.push(asked.verdict);
        assert_eq!(asked.stops(), asked.verdict != Verdict::Pass, "{name}");
        assert_eq!(asked.next.is_empty(), asked.verdict == Verdict::Pass, "{name}: {asked:?}");
        text.push_str(&format!("{name}: {}\n", asked.verdict.word()));
        asked
            .evidence
            .iter()
            .for_each(|fact| text.push_str(&format!("    {}\n", fact.replace(&seal, "SEAL"))));
        if !asked.next.is_empty() {
            text.push_str(&format!("    next: {}\n", asked.next.replace(&seal, "SEAL")));
        }
    }
    assert!(verdicts.contains(&Verdict::Pass), "no case opens it");
    assert!(verdicts.iter().any(|verdict| *verdict != Verdict::Pass), "no case shuts it");
    for (name, evidence) in strange {
        assert_ne!(verdict(gate, &evidence, case).verdict, Verdict::Pass, "{name}");
    }
    expected.assert_eq(&text);
}

#[test]
fn gates_clean_tree() {
    let tree = |head: &str, changed: &[&str], hidden: &[&str]| {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Evidence::Tree(Tree { head: head.to_owned(), changed: list(changed), hidden: list(hidden) })
    };
    let many = [" M a", " M b", " M c", " M d", "?? e", "?? f"];
    check(
        "kind = 'clean_tree'",
        vec![
            ("clean", tree(COMMIT, &[], &[])),
            ("changed", tree(COMMIT, &many, &[])),
            ("hidden", tree(COMMIT, &[], &["src/lib.rs"])),
            ("another commit", tree(&"f".repeat(40), &[], &[])),
        ],
        expect![[r#"
            clean: Pass
                the work tree is commit 0123456789ab
            changed: Fail
                the work tree is not the commit: `M a`, `M b`, `M c`, `M d`, `?? e` and 1 more
                next: git stash --include-untracked, or commit what belongs to the release
            hidden: Fail
                git is told not to look at `src/lib.rs`
                next: git update-index --no-assume-unchanged --no-skip-worktree PATH, then look again
            another commit: Fail
                the plan is of 0123456789ab, and ffffffffffff is checked out
                next: git checkout 0123456789abcdef0123456789abcdef01234567
        "#]],
    );
}

#[test]
fn gates_branch() {
    let branch = |checked_out: Option<&str>, containing: &[&str], shallow| {
        Evidence::Branch(Branch {
            allowed: vec!["main".to_owned(), "maintenance/*".to_owned()],
            checked_out: checked_out.map(str::to_owned),
            containing: containing.iter().map(|name| (*name).to_owned()).collect(),
            shallow,
        })
    };
    check(
        "kind = 'branch'",
        vec![
            ("allowed", branch(Some("main"), &[], false)),
            ("by pattern", branch(Some("maintenance/1.x"), &[], false)),
            ("another", branch(Some("feature"), &["main"], false)),
            ("deeper than the pattern", branch(Some("maintenance/1.x/try"), &[], false)),
            ("detached, in a branch", branch(None, &["feature", "main"], false)),
            ("detached, elsewhere", branch(None, &["feature"], false)),
            ("detached, shallow", branch(None, &[], true)),
        ],
        expect![[r#"
            allowed: Pass
                `main` is checked out
            by pattern: Pass
                `maintenance/1.x` is checked out
            another: Fail
                `feature` is checked out, and releases are made from main, maintenance/*
                next: git switch to one of them, or name it in `branches` of release/release.toml
            deeper than the pattern: Fail
                `maintenance/1.x/try` is checked out, and releases are made from main, maintenance/*
                next: git switch to one of them, or name it in `branches` of release/release.toml
            detached, in a branch: Pass
                the head is detached, and `origin/main` holds its commit
            detached, elsewhere: Fail
                the head is detached, and no branch of origin among main, maintenance/* holds its commit
                next: git fetch origin, then look again; or name the branch in `branches` of release/release.toml
            detached, shallow: Error
                the head is detached, and a shallow clone does not know which branches hold its commit
                next: git fetch --unshallow origin (in a workflow: `fetch-depth: 0`)
        "#]],
    );
}

#[test]
fn gates_version() {
    let unit = |text: &str, taken: Option<&str>, before: Option<&str>| UnitVersion {
        version: version(text),
        tag: format!("v{text}"),
        taken: taken.map(str::to_owned),
        before: before.map(|before| (version(before), format!("v{before}"))),
    };
    let of = |shallow, units| Evidence::Versions(Versions { shallow, commit: COMMIT.to_owned(), units });
    let other = "f".repeat(40);
    check(
        "kind = 'version'",
        vec![
            ("free and rising", of(false, vec![unit("1.2.0", None, Some("1.1.0"))])),
            ("on this commit", of(false, vec![unit("1.2.0", Some(COMMIT), Some("1.1.0"))])),
            ("first", of(false, vec![unit("0.1.0", None, None)])),
            ("taken", of(false, vec![unit("1.2.0", Some(&other), Some("1.1.0"))])),
            (
                "one of two is due",
                of(false, vec![unit("1.2.0", Some(&other), None), unit("2.0.0", None, None)]),
            ),
            ("falling", of(false, vec![unit("1.0.5", None, Some("1.1.0"))])),
            ("a pre-release after its release", of(false, vec![unit("1.2.0-rc.1", None, Some("1.2.0"))])),
            (
                "a pre-release lower than the last",
                of(false, vec![unit("1.2.0-rc.1", None, Some("1.2.0-rc.2"))]),
            ),
            ("only the build part differs", of(false, vec![unit("1.2.0+b", None, Some("1.2.0+a"))])),
            ("shallow", of(true, vec![unit("1.2.0", None, None)])),
            ("no package", of(false, vec![])),
        ],
        expect![[r#"
            free and rising: Pass
                `v1.2.0` is free, and 1.2.0 follows 1.1.0
            on this commit: Pass
                `v1.2.0` is on this commit, and 1.2.0 follows 1.1.0
            first: Pass
                `v0.1.0` is free, and is the first of its kind
            taken: Fail
                there is nothing to release: `v1.2.0` is on commit ffffffffffff
                next: cargo xtask release prepare
            one of two is due: Pass
                `v2.0.0` is free, and is the first of its kind
            falling: Fail
                1.0.5 does not come after 1.1.0, which `v1.1.0` names
                next: cargo xtask release prepare
            a pre-release after its release: Fail
                1.2.0-rc.1 does not come after 1.2.0, which `v1.2.0` names
                next: cargo xtask release prepare
            a pre-release lower than the last: Fail
                1.2.0-rc.1 does not come after 1.2.0-rc.2, which `v1.2.0-rc.2` names
                next: cargo xtask release prepare
            only the build part differs: Fail
                1.2.0+b does not come after 1.2.0+a, which `v1.2.0+a` names
                next: cargo xtask release prepare
            shallow: Error
                a shallow clone does not have all tags
                next: git fetch --unshallow --tags origin (in a workflow: `fetch-depth: 0`)
            no package: Fail
                there is nothing to release: no package is
                next: cargo xtask release prepare
        "#]],
    );
}

#[test]
fn gates_changelog() {
    let noted = |text: Option<&str>| {
        Evidence::Changelog(vec![Noted {
            version: "1.2.0".to_owned(),
            file: "CHANGELOG.md".to_owned(),
            text: text.map(str::to_owned),
        }])
    };
    check(
        "kind = 'changelog'",
        vec![
            ("said", noted(Some("\n### Added\n\n- Something.\n"))),
            ("no entry", noted(None)),
            ("only headings", noted(Some("\n### Added\n\n<!-- soon -->\n"))),
            ("nothing is released", Evidence::Changelog(vec![])),
        ],
        expect![[r#"
            said: Pass
                CHANGELOG.md has 1 lines about 1.2.0
            no entry: Fail
                CHANGELOG.md has no entry `## [1.2.0]`
                next: cargo xtask release prepare
            only headings: Fail
                the entry `## [1.2.0]` of CHANGELOG.md says nothing
                next: cargo xtask release prepare
            nothing is released: Fail
                there is nothing to release
                next: cargo xtask release prepare
        "#]],
    );
}

fn line(kind: &str, subject: &str, when: &str, labels: &[(&str, &str)]) -> Line {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let entry = Entry { kind: kind.to_owned(), subject: subject.to_owned(), labels, ..Entry::default() };
    Line { v: 1, writer: "w".to_owned(), seq: 1, ts: at(when), entry, prev: String::new() }
}

#[test]
fn gates_ci_by_the_journal() {
    let run = |subject: &str, coverage: &str, elsewhere: &str, when: &str, commit: &str| {
        let labels =
            [("commit", commit), ("coverage", coverage), ("elsewhere", elsewhere), ("platform", "linux")];
        line("ci.verdict", subject, when, &labels)
    };
    let of = |broken: &[&str], lines: Vec<Line>| {
        let broken = broken.iter().map(|place| (*place).to_owned()).collect();
        Evidence::Ci(Known { journal: Some(Journal { broken, lines }), forge: None })
    };
    let (early, late) = ("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z");
    let passed = |when| run("passed", "all", "", when, COMMIT);
    check(
        "kind = 'ci'\nsource = 'journal'",
        vec![
            ("passed", of(&[], vec![passed(late)])),
            ("passed after a failure", of(&[], vec![run("failed", "part", "", early, COMMIT), passed(late)])),
            ("failed after a pass", of(&[], vec![passed(early), run("failed", "part", "", late, COMMIT)])),
            ("incomplete", of(&[], vec![run("incomplete", "all", "", late, COMMIT)])),
            ("a word nobody knows", of(&[], vec![run("splendid", "all", "", late, COMMIT)])),
            ("a part passed", of(&[], vec![run("passed", "part", "", late, COMMIT)])),
            ("not on every platform", of(&[], vec![run("passed", "all", "exe", late, COMMIT)])),
            ("another commit", of(&[], vec![run("passed", "all", "", late, &"f".repeat(40))])),
            ("in the future", of(&[], vec![passed("2026-07-01T13:00:00Z")])),
            (
                "the journal was changed",
                of(&[".xtask/journal/2026-07.jsonl:1: no journal line"], vec![passed(late)]),
            ),
            ("nothing", of(&[], vec![])),
        ],
        expect![[r#"
            passed: Pass
                `cargo xtask ci` passed on this commit, 1 hour ago
            passed after a failure: Pass
                `cargo xtask ci` passed on this commit, 1 hour ago
            failed after a pass: Fail
                a part of `cargo xtask ci`: failed, 1 hour ago
                next: cargo xtask ci
            incomplete: Fail
                `cargo xtask ci`: incomplete, 1 hour ago
                next: cargo xtask ci
            a word nobody knows: Fail
                `cargo xtask ci`: splendid, 1 hour ago
                next: cargo xtask ci
            a part passed: Error
                a part of the checks passed, 1 hour ago
                next: cargo xtask ci
            not on every platform: Fail
                `cargo xtask ci` passed 1 hour ago, but exe cannot run on linux
                next: ask GitHub: `source = "github"` for this gate
            another commit: Pending
                no run of every step on commit 0123456789ab is recorded here
                next: cargo xtask ci
            in the future: Error
                the newest run is of 2026-07-01T13:00:00Z, which is to come
                next: cargo xtask ci
            the journal was changed: Error
                the journal does not prove itself: .xtask/journal/2026-07.jsonl:1: no journal line
                next: cargo xtask journal verify
            nothing: Pending
                no run of every step on commit 0123456789ab is recorded here
                next: cargo xtask ci
        "#]],
    );
}

fn run_of(status: &str, conclusion: Option<&str>, event: &str, branch: &str, started: &str) -> Check {
    Check {
        name: "ci / verdict".to_owned(),
        status: status.to_owned(),
        conclusion: conclusion.map(str::to_owned),
        app: Some("github-actions".to_owned()),
        event: Some(event.to_owned()),
        branch: Some(branch.to_owned()),
        started: Some(at(started)),
        address: "https://forge.example/1".to_owned(),
    }
}

#[test]
fn gates_ci_by_the_forge() {
    let of = |checks| {
        Evidence::Ci(Known { journal: None, forge: Some(Forge { allowed: vec!["main".to_owned()], checks }) })
    };
    let (early, late) = ("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z");
    let ended = |conclusion, event, branch| run_of("completed", Some(conclusion), event, branch, late);
    let good = || ended("success", "push", "main");
    check(
        "kind = 'ci'\nsource = 'github'",
        vec![
            ("a push of the branch", of(vec![good()])),
            (
                "the merge queue",
                of(vec![ended("success", "merge_group", "gh-readonly-queue/main/pr-7-0123")]),
            ),
            ("failed", of(vec![ended("failure", "push", "main")])),
            ("skipped", of(vec![ended("skipped", "push", "main")])),
            ("neutral", of(vec![ended("neutral", "push", "main")])),
            ("stale", of(vec![ended("stale", "push", "main")])),
            ("still running", of(vec![run_of("in_progress", None, "push", "main", late)])),
            ("ended without a word", of(vec![run_of("completed", None, "push", "main", late)])),
            ("of a pull request", of(vec![ended("success", "pull_request", "main")])),
            ("of a pull request's target", of(vec![ended("success", "pull_request_target", "main")])),
            ("of another branch", of(vec![ended("success", "push", "feature")])),
            ("of no known event", of(vec![Check { event: None, ..good() }])),
            ("by another application", of(vec![Check { app: Some("somebody".to_owned()), ..good() }])),
            ("of another name", of(vec![Check { name: "ci / lint".to_owned(), ..good() }])),
            (
                "started again and not done",
                of(vec![
                    run_of("completed", Some("success"), "push", "main", early),
                    run_of("queued", None, "push", "main", late),
                ]),
            ),
            ("nothing", of(vec![])),
        ],
        expect![[r#"
            a push of the branch: Pass
                `ci / verdict` succeeded, push of main: https://forge.example/1
            the merge queue: Pass
                `ci / verdict` succeeded, merge_group of gh-readonly-queue/main/pr-7-0123: https://forge.example/1
            failed: Fail
                `ci / verdict` ended with `failure`, push of main: https://forge.example/1
                next: open https://forge.example/1; its last lines say how to run it on a laptop
            skipped: Fail
                `ci / verdict` ended with `skipped`, push of main: https://forge.example/1
                next: open https://forge.example/1; its last lines say how to run it on a laptop
            neutral: Fail
                `ci / verdict` ended with `neutral`, push of main: https://forge.example/1
                next: open https://forge.example/1; its last lines say how to run it on a laptop
            stale: Fail
                `ci / verdict` ended with `stale`, push of main: https://forge.example/1
                next: open https://forge.example/1; its last lines say how to run it on a laptop
            still running: Pending
                `ci / verdict` is `in_progress`, push of main: https://forge.example/1
                next: wait for it, then: cargo xtask release gate
            ended without a word: Error
                `ci / verdict` has ended, and nobody says how, push of main: https://forge.example/1
                next: cargo xtask release gate
            of a pull request: Pending
                no check run `ci / verdict` of a branch that releases are made from, on 0123456789ab; only: event pull_request, branch main, by github-actions
                next: wait for the workflow of the branch, or start it
            of a pull request's target: Pending
                no check run `ci / verdict` of a branch that releases are made from, on 0123456789ab; only: event pull_request_target, branch main, by github-actions
                next: wait for the workflow of the branch, or start it
            of another branch: Pending
                no check run `ci / verdict` of a branch that releases are made from, on 0123456789ab; only: event push, branch feature, by github-actions
                next: wait for the workflow of the branch, or start it
            of no known event: Pending
                no check run `ci / verdict` of a branch that releases are made from, on 0123456789ab; only: event unknown, branch main, by github-actions
                next: wait for the workflow of the branch, or start it
            by another application: Pending
                no check run `ci / verdict` of a branch that releases are made from, on 0123456789ab; only: event push, branch main, by somebody
                next: wait for the workflow of the branch, or start it
            of another name: Pending
                no check run `ci / verdict` of a branch that releases are made from, on 0123456789ab; there is none
                next: wait for the workflow of the branch, or start it
            started again and not done: Pending
                `ci / verdict` is `queued`, push of main: https://forge.example/1
                next: wait for it, then: cargo xtask release gate
            nothing: Pending
                no check run `ci / verdict` of a branch that releases are made from, on 0123456789ab; there is none
                next: wait for the workflow of the branch, or start it
        "#]],
    );
}

#[test]
fn gates_ci_by_either() {
    let failed =
        line("ci.verdict", "failed", "2026-07-01T11:00:00Z", &[("commit", COMMIT), ("coverage", "all")]);
    let journal = |lines, broken| Some(Journal { broken, lines });
    let forge = || {
        let checks = vec![run_of("completed", Some("success"), "push", "main", "2026-07-01T10:00:00Z")];
        Some(Forge { allowed: vec!["main".to_owned()], checks })
    };
    check(
        "kind = 'ci'",
        vec![
            ("the forge knows", Evidence::Ci(Known { journal: journal(vec![], vec![]), forge: forge() })),
            (
                "the journal says no",
                Evidence::Ci(Known { journal: journal(vec![failed], vec![]), forge: forge() }),
            ),
            (
                "the journal was changed",
                Evidence::Ci(Known {
                    journal: journal(vec![], vec!["2026-07.jsonl:1: no journal line".to_owned()]),
                    forge: forge(),
                }),
            ),
            ("nobody knows", Evidence::Ci(Known { journal: journal(vec![], vec![]), forge: None })),
            ("nobody was asked", Evidence::Ci(Known::default())),
        ],
        expect![[r#"
            the forge knows: Pass
                `ci / verdict` succeeded, push of main: https://forge.example/1
            the journal says no: Fail
                `cargo xtask ci`: failed, 1 hour ago
                next: cargo xtask ci
            the journal was changed: Error
                the journal does not prove itself: 2026-07.jsonl:1: no journal line
                next: cargo xtask journal verify
            nobody knows: Pending
                no run of every step on commit 0123456789ab is recorded here
                next: cargo xtask ci
            nobody was asked: Error
                nobody was asked
                next: this is a defect in xtask, please report it
        "#]],
    );
}

#[test]
fn gates_api() {
    let of = |before: &str, after: &str, ended: Ended, said: &str| {
        Evidence::Api(vec![Compared {
            package: "one".to_owned(),
            version: version(after),
            with: Some((version(before), ended, said.to_owned())),
        }])
    };
    let broke =
        "--- failure function_missing: pub fn removed ---\nmore\n--- failure enum_missing: gone ---\n";
    check(
        "kind = 'api'",
        vec![
            ("compatible", of("1.1.0", "1.2.0", Ended::Exit(0), "")),
            ("breaks, and does not say so", of("1.1.0", "1.2.0", Ended::Exit(100), broke)),
            ("breaks, and says so", of("1.1.0", "2.0.0", Ended::Exit(100), broke)),
            ("a minor version before 1.0 may break", of("0.1.9", "0.2.0", Ended::Exit(100), broke)),
            ("a patch before 1.0 may not", of("0.1.0", "0.1.1", Ended::Exit(100), broke)),
            (
                "the tool crashed",
                of("1.1.0", "1.2.0", Ended::Exit(101), "error: unsupported rustdoc format v99\n"),
            ),
            ("the tool crashed, and the version would allow all", of("1.1.0", "2.0.0", Ended::Exit(101), "")),
            ("the tool was killed", of("1.1.0", "1.2.0", Ended::Signal(9), "")),
            (
                "the tool is not there",
                of("1.1.0", "1.2.0", Ended::Exit(101), "error: no such command: `semver-checks`"),
            ),
            ("exit 1 is no finding", of("1.1.0", "1.2.0", Ended::Exit(1), "usage")),
            (
                "first release",
                Evidence::Api(vec![Compared {
                    package: "one".to_owned(),
                    version: version("0.1.0"),
                    with: None,
                }]),
            ),
            ("no library", Evidence::Api(vec![])),
        ],
        expect![[r#"
            compatible: Pass
                `one`: nothing in 1.2.0 breaks users of 1.1.0 more than it says
                not seen by it: changed types of parameters and results, and what the code does
            breaks, and does not say so: Fail
                `one`: 1.2.0 breaks users of 1.1.0: function_missing, enum_missing
                next: raise the version (cargo xtask release prepare), or take the change back
            breaks, and says so: Pass
                `one`: 2.0.0 breaks users of 1.1.0, and says so
                not seen by it: changed types of parameters and results, and what the code does
            a minor version before 1.0 may break: Pass
                `one`: 0.2.0 breaks users of 0.1.9, and says so
                not seen by it: changed types of parameters and results, and what the code does
            a patch before 1.0 may not: Fail
                `one`: 0.1.1 breaks users of 0.1.0: function_missing, enum_missing
                next: raise the version (cargo xtask release prepare), or take the change back
            the tool crashed: Error
                `one`: `cargo semver-checks` could not tell, exit 101: error: unsupported rustdoc format v99
                next: correct what it names; it must be new enough for this compiler
            the tool crashed, and the version would allow all: Error
                `one`: `cargo semver-checks` could not tell, exit 101: it said nothing
                next: correct what it names; it must be new enough for this compiler
            the tool was killed: Error
                `one`: `cargo semver-checks` could not tell, signal 9: it said nothing
                next: correct what it names; it must be new enough for this compiler
            the tool is not there: Error
                `one`: `cargo semver-checks` could not tell, exit 101: error: no such command: `semver-checks`
                next: cargo install --locked cargo-semver-checks
            exit 1 is no finding: Error
                `one`: `cargo semver-checks` could not tell, exit 1: usage
                next: correct what it names; it must be new enough for this compiler
            first release: Pass
                `one` 0.1.0 is the first release: there is nothing to break
            no library: Pass
                no library is released
        "#]],
    );
}

#[test]
fn gates_policy() {
    let of = |ended, said: &str, database: Option<&str>| {
        Evidence::Policy(Policy { ended, said: said.to_owned(), database: database.map(at) })
    };
    let summary = |advisories: u32, bans: u32| {
        format!(
            "{{\"type\":\"diagnostic\",\"fields\":{{}}}}\n{{\"type\":\"summary\",\"fields\":{{\"advisories\":{{\"errors\":{advisories},\"warnings\":1}},\"bans\":{{\"errors\":{bans}}}}}}}\n"
        )
    };
    let fresh = Some("2026-06-30T12:00:00Z");
    let crash = "{\"type\":\"log\",\"fields\":{\"level\":\"ERROR\",\"message\":\"failed to get 'FETCH_HEAD' metadata\\nmore\"}}\n";
    check(
        "kind = 'policy'\nchecks = ['advisories', 'bans']",
        vec![
            ("allowed", of(Ended::Exit(0), &summary(0, 0), fresh)),
            ("an advisory", of(Ended::Exit(1), &summary(2, 0), fresh)),
            ("a finding that the exit code hides", of(Ended::Exit(0), &summary(0, 1), fresh)),
            ("an exit code without a finding", of(Ended::Exit(4), &summary(0, 0), fresh)),
            ("an old database", of(Ended::Exit(0), &summary(0, 0), Some("2026-06-01T12:00:00Z"))),
            ("no database", of(Ended::Exit(0), &summary(0, 0), None)),
            ("crashed with the code of an advisory", of(Ended::Exit(1), crash, fresh)),
            ("crashed with the code of a ban", of(Ended::Exit(2), "error: invalid value 'x'\n", fresh)),
            ("success that says nothing", of(Ended::Exit(0), "", fresh)),
            (
                "success without one of the answers",
                of(Ended::Exit(0), "{\"type\":\"summary\",\"fields\":{\"bans\":{\"errors\":0}}}", fresh),
            ),
            ("killed", of(Ended::Signal(9), "", fresh)),
            ("not there", of(Ended::Exit(101), "error: no such command: `deny`", None)),
        ],
        expect![[r#"
            allowed: Pass
                nothing is against advisories, bans; the newest advisory in the database is of 2026-06-30, 1 day ago
            an advisory: Fail
                not allowed: advisories: 2
                next: cargo deny --offline check
            a finding that the exit code hides: Fail
                not allowed: bans: 1
                next: cargo deny --offline check
            an exit code without a finding: Fail
                not allowed: exit 4
                next: cargo deny --offline check
            an old database: Expired
                the newest advisory in the database is of 2026-06-01, 30 days ago; allowed are 14 days
                next: cargo deny fetch
            no database: Error
                there is no database of advisories
                next: cargo deny fetch
            crashed with the code of an advisory: Error
                `cargo deny` could not tell, exit 1: failed to get 'FETCH_HEAD' metadata
                next: cargo deny --offline check
            crashed with the code of a ban: Error
                `cargo deny` could not tell, exit 2: error: invalid value 'x'
                next: cargo deny --offline check
            success that says nothing: Error
                `cargo deny` could not tell, exit 0: it said nothing
                next: cargo deny --offline check
            success without one of the answers: Error
                `cargo deny` could not tell, exit 0: {"type":"summary","fields":{"bans":{"errors":0}}}
                next: cargo deny --offline check
            killed: Error
                `cargo deny` could not tell, signal 9: it said nothing
                next: cargo deny --offline check
            not there: Error
                `cargo deny` could not tell, exit 101: error: no such command: `deny`
                next: cargo install --locked cargo-deny
        "#]],
    );
}

#[test]
fn gates_reproducible() {
    let build = |archive: &str, package: &str| -> BTreeMap<String, Digest> {
        [(ARCHIVE.to_owned(), Digest::of(archive)), (CRATE.to_owned(), Digest::of(package))].into()
    };
    let good = || build(ARCHIVE, CRATE);
    let of = |plan: Digest, builds| {
        Evidence::Reproduced(Kept::Whole(Reproduced { plan, at: at("2026-07-01T11:00:00Z"), builds }))
    };
    let own = || plan().digest();
    check(
        "kind = 'reproducible'",
        vec![
            ("two builds", of(own(), vec![good(), good()])),
            ("they differ", of(own(), vec![good(), build("other", CRATE)])),
            ("they are not what is staged", of(own(), vec![build("other", CRATE), build("other", CRATE)])),
            ("a file was left out of both", of(own(), vec![BTreeMap::new(), BTreeMap::new()])),
            ("one build", of(own(), vec![good()])),
            ("another plan", of(Digest::of("x"), vec![good(), good()])),
            (
                "changed",
                Evidence::Reproduced(Kept::Broken("`x.json` was changed after it was written".to_owned())),
            ),
            ("nothing", Evidence::Reproduced(Kept::Absent)),
        ],
        expect![[r#"
            two builds: Pass
                2 builds gave the same 2 files, 1 hour ago
            they differ: Fail
                two builds gave different bytes: `assets/v1.2.0/one-1.2.0-t.tar.gz`
                next: cargo xtask release build --twice, then: cargo xtask release stage
            they are not what is staged: Fail
                what was built twice is not what is staged: `assets/v1.2.0/one-1.2.0-t.tar.gz`
                next: cargo xtask release build --twice, then: cargo xtask release stage
            a file was left out of both: Fail
                what was built twice is not what is staged: `assets/v1.2.0/one-1.2.0-t.tar.gz`, `crates/one-1.2.0.crate`
                next: cargo xtask release build --twice, then: cargo xtask release stage
            one build: Error
                1 builds say nothing about another one
                next: cargo xtask release build --twice, then: cargo xtask release stage
            another plan: Fail
                the evidence is of another plan
                next: cargo xtask release build --twice, then: cargo xtask release stage
            changed: Error
                `x.json` was changed after it was written
                next: cargo xtask release build --twice, then: cargo xtask release stage
            nothing: Pending
                nobody has looked yet
                next: cargo xtask release build --twice, then: cargo xtask release stage
        "#]],
    );
}

#[test]
fn gates_smoke() {
    let of = |bytes: &str, runs: &[(&str, Option<i32>)]| {
        let runs = runs.iter().map(|(command, exit)| ((*command).to_owned(), *exit)).collect();
        let trial = Trial { sha256: Digest::of(bytes), runs };
        let archives = [(ARCHIVE.to_owned(), trial)].into();
        Evidence::Tried(Kept::Whole(Tried {
            plan: plan().digest(),
            at: at("2026-07-01T11:00:00Z"),
            archives,
        }))
    };
    let none = Tried { plan: plan().digest(), at: now(), archives: BTreeMap::new() };
    check(
        "kind = 'smoke'",
        vec![
            ("it runs", of(ARCHIVE, &[("one --version", Some(0))])),
            ("it does not", of(ARCHIVE, &[("one --version", Some(0)), ("two --version", Some(3))])),
            ("it crashes", of(ARCHIVE, &[("one --version", None)])),
            ("another archive ran", of("other", &[("one --version", Some(0))])),
            ("nothing was run", of(ARCHIVE, &[])),
            ("it was not tried", Evidence::Tried(Kept::Whole(none.clone()))),
            ("another plan", Evidence::Tried(Kept::Whole(Tried { plan: Digest::of("x"), ..none }))),
            ("changed", Evidence::Tried(Kept::Broken("`x.json` cannot be read".to_owned()))),
            ("nothing", Evidence::Tried(Kept::Absent)),
        ],
        expect![[r#"
            it runs: Pass
                `assets/v1.2.0/one-1.2.0-t.tar.gz`: 1 binaries ran, 1 hour ago
            it does not: Fail
                `two --version` of `assets/v1.2.0/one-1.2.0-t.tar.gz` exited with 3
                next: cargo xtask release stage
            it crashes: Fail
                `one --version` of `assets/v1.2.0/one-1.2.0-t.tar.gz` was ended by a signal
                next: cargo xtask release stage
            another archive ran: Fail
                another `assets/v1.2.0/one-1.2.0-t.tar.gz` was tried than is staged
                next: cargo xtask release stage
            nothing was run: Error
                nothing of `assets/v1.2.0/one-1.2.0-t.tar.gz` was run
                next: cargo xtask release stage
            it was not tried: Pending
                `assets/v1.2.0/one-1.2.0-t.tar.gz` was not tried
                next: cargo xtask release stage
            another plan: Fail
                the evidence is of another plan
                next: cargo xtask release stage
            changed: Error
                `x.json` cannot be read
                next: cargo xtask release stage
            nothing: Pending
                nobody has looked yet
                next: cargo xtask release stage
        "#]],
    );
}

#[test]
fn gates_smoke_is_no_pass_where_no_target_is_left_to_try() {
    let gate = Gate::Smoke { targets: Some(vec!["elsewhere".to_owned()]) };
    let (plan, manifest) = (plan(), staged());
    let case = Case { plan: &plan, manifest: Some(&manifest), now: now() };
    let tried = Tried { plan: plan.digest(), at: now(), archives: BTreeMap::new() };
    let answer = verdict(&gate, &Evidence::Tried(Kept::Whole(tried)), case);
    assert_eq!(answer.verdict, Verdict::Error);
}

fn statement(who: &str) -> Statement {
    Statement {
        statement: Statement::NAME.to_owned(),
        seal: manifest::seal(&plan(), &staged()),
        commit: COMMIT.to_owned(),
        tags: vec!["v1.2.0".to_owned()],
        who: who.to_owned(),
        issued: at("2026-07-01T10:00:00Z"),
        expires: at("2026-07-03T10:00:00Z"),
    }
}

fn good(key: &str) -> Signature {
    Signature::Good { key: key.to_owned(), also: Vec::new() }
}

#[test]
fn gates_approvals() {
    let of = |found: Vec<(Statement, Signature)>| {
        let found =
            found.into_iter().map(|(statement, signature)| Found { statement: Some(statement), signature });
        Evidence::Approvals(Approvals {
            signers: "those of `v1.1.0`".to_owned(),
            excluded: vec![
                ("ann@example.com".to_owned(), "made the release commit".to_owned()),
                ("run@example.com".to_owned(), "runs the release".to_owned()),
            ],
            found: found.collect(),
            notes: Vec::new(),
        })
    };
    let bob = || (statement("bob@example.com"), good("SHA256:b"));
    let with = |second| of(vec![bob(), second]);
    let eve = || statement("eve@example.com");
    let cases = vec![
        ("two people", with((eve(), good("SHA256:e")))),
        ("one", of(vec![bob()])),
        ("nobody", of(vec![])),
        ("one twice", with(bob())),
        ("one key twice", with((eve(), good("SHA256:b")))),
        ("another seal", with((Statement { seal: Digest::of("x"), ..eve() }, good("SHA256:e")))),
        ("another commit", with((Statement { commit: "f".repeat(40), ..eve() }, good("SHA256:e")))),
        ("other tags", with((Statement { tags: vec!["v9.0.0".to_owned()], ..eve() }, good("SHA256:e")))),
        ("who made the commit", with((statement("Ann@example.com"), good("SHA256:a")))),
        ("who runs the release", with((statement("run@example.com"), good("SHA256:r")))),
        (
            "who made the commit, under another name",
            with((
                eve(),
                Signature::Good { key: "SHA256:a".to_owned(), also: vec!["ann@example.com".to_owned()] },
            )),
        ),
        ("a signer that the release adds", with((eve(), Signature::Added))),
        ("a signer that the release removes", with((eve(), Signature::Removed))),
        ("a stranger", with((eve(), Signature::Stranger))),
        ("a changed text", with((eve(), Signature::Bad))),
        ("expired", with((Statement { expires: at("2026-07-01T11:00:00Z"), ..eve() }, good("SHA256:e")))),
        (
            "too old, whatever it says",
            with((Statement { issued: at("2026-06-01T10:00:00Z"), ..eve() }, good("SHA256:e"))),
        ),
        (
            "of the future",
            with((Statement { issued: at("2026-07-02T10:00:00Z"), ..eve() }, good("SHA256:e"))),
        ),
        ("of another kind", with((Statement { statement: "x".to_owned(), ..eve() }, good("SHA256:e")))),
    ];
    check(
        "kind = 'approvals'\nneeded = 2",
        cases,
        expect![[r#"
        two people: Pass
            2 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            approved by eve@example.com, 2 hours ago
        one: Pending
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        nobody: Pending
            0 of 2 approvals; signers are those of `v1.1.0`
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        one twice: Pending
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        one key twice: Pending
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        another seal: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: approved another seal
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        another commit: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: approved another commit or other tags
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        other tags: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: approved another commit or other tags
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        who made the commit: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: Ann@example.com: made the release commit
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        who runs the release: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: run@example.com: runs the release
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        who made the commit, under another name: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: made the release commit
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        a signer that the release adds: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: became a signer after the last release, and counts from the next one on
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        a signer that the release removes: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: is no signer any more
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        a stranger: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: is no signer
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        a changed text: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: the signature is not of this text
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        expired: Expired
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: expired 1 hour ago
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        too old, whatever it says: Expired
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: was made 30 days ago
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        of the future: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: was made at a time that cannot be
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
        of another kind: Fail
            1 of 2 approvals; signers are those of `v1.1.0`
            approved by bob@example.com, 2 hours ago
            does not count: eve@example.com: the text is of another kind
            next: cargo xtask release approve SEAL --key FILE, by somebody who did not make the release
    "#]],
    );
}

#[test]
fn gates_window_asks_every_freeze() {
    let zones = |second: Result<TimeZone, String>| Evidence::Zones(vec![Ok(TimeZone::UTC), second]);
    let unknown = Err("this machine knows no time zone `Mars/Base`".to_owned());
    // It is Wednesday noon in UTC.
    let freezes = |second: &str| {
        format!(
            "kind = 'window'\nfreezes = [{{ from = 'Fri 16:00', to = 'Mon 08:00', zone = 'UTC' }}, {second}]"
        )
    };
    check(
        &freezes("{ from = 'Wed 14:00', to = 'Wed 15:00', zone = 'X' }"),
        vec![
            ("outside of both", zones(Ok(TimeZone::UTC))),
            (
                "inside of one, where it is two hours later",
                zones(TimeZone::posix("X-2").map_err(|e| e.to_string())),
            ),
            ("an unknown zone", zones(unknown)),
            ("a zone that was not looked up", Evidence::Zones(vec![Ok(TimeZone::UTC)])),
        ],
        expect![[r#"
            outside of both: Pass
                it is not `Fri 16:00` to `Mon 08:00` in UTC
                it is not `Wed 14:00` to `Wed 15:00` in X
            inside of one, where it is two hours later: Error
                it is not `Fri 16:00` to `Mon 08:00` in UTC
                `Wed 14:00` to `Wed 15:00` in X: failed to parse standard time zone abbreviation: expected unquoted time zone abbreviation to have length of 3 or more bytes, but an abbreviation that is shorter
                next: write `zone` as POSIX does: CET-1CEST,M3.5.0,M10.5.0/3
            an unknown zone: Error
                it is not `Fri 16:00` to `Mon 08:00` in UTC
                `Wed 14:00` to `Wed 15:00` in X: this machine knows no time zone `Mars/Base`
                next: write `zone` as POSIX does: CET-1CEST,M3.5.0,M10.5.0/3
            a zone that was not looked up: Error
                it is not `Fri 16:00` to `Mon 08:00` in UTC
                `Wed 14:00` to `Wed 15:00` in X: the zone was not looked up
                next: write `zone` as POSIX does: CET-1CEST,M3.5.0,M10.5.0/3
        "#]],
    );
}

#[test]
fn gates_issues() {
    let issue = Issue {
        number: 7,
        title: "it \u{1b}[31mburns".to_owned(),
        address: "https://forge.example/7".to_owned(),
    };
    check(
        "kind = 'issues'\nlabel = 'blocker'",
        vec![("none", Evidence::Issues(vec![])), ("one", Evidence::Issues(vec![issue]))],
        expect![[r#"
            none: Pass
                no open issue is labelled `blocker`
            one: Fail
                open and labelled `blocker`: #7 it [31mburns
                next: close it, or take the label off: https://forge.example/7
        "#]],
    );
}

#[test]
fn gates_soak() {
    let of = |broken: &[&str], lines: Vec<Line>| {
        let broken = broken.iter().map(|place| (*place).to_owned()).collect();
        Evidence::Events(vec![Events { subject: "v1.2.0-rc.*".to_owned(), broken, lines }])
    };
    let event = |subject: &str, when: &str| line("release.published", subject, when, &[]);
    let (old, young) = ("2026-06-20T12:00:00Z", "2026-06-30T12:00:00Z");
    check(
        "kind = 'soak'\nevent = 'release.published'\nsubject = 'v{version}-rc.*'\nhours_min = 48",
        vec![
            ("long enough", of(&[], vec![event("v1.2.0-rc.1", old)])),
            ("only pre-releases", Evidence::Events(vec![])),
            ("the newest counts", of(&[], vec![event("v1.2.0-rc.1", old), event("v1.2.0-rc.2", young)])),
            ("another subject", of(&[], vec![event("v1.1.0-rc.1", old)])),
            ("in the future", of(&[], vec![event("v1.2.0-rc.1", "2026-07-02T12:00:00Z")])),
            (
                "the journal was changed",
                of(&["2026-06.jsonl:1: no journal line"], vec![event("v1.2.0-rc.1", old)]),
            ),
            ("nothing", of(&[], vec![])),
        ],
        expect![[r#"
            long enough: Pass
                `release.published` of `v1.2.0-rc.*`: `v1.2.0-rc.1`, 11 days ago
            only pre-releases: Pass
                only pre-releases are made: nothing is waited for
            the newest counts: Pending
                `release.published` of `v1.2.0-rc.*`: `v1.2.0-rc.2`, 1 day ago; 48 hours must have passed
                next: wait until 2026-07-02T12:00:00Z
            another subject: Pending
                the journal knows no `release.published` of `v1.2.0-rc.*`
                next: publish the pre-release first, or fetch the journal that tells of it
            in the future: Error
                `release.published` of `v1.2.0-rc.*` is of 2026-07-02T12:00:00Z, which is to come
                next: set the clock of this machine
            the journal was changed: Error
                the journal does not prove itself: 2026-06.jsonl:1: no journal line
                next: cargo xtask journal verify
            nothing: Pending
                the journal knows no `release.published` of `v1.2.0-rc.*`
                next: publish the pre-release first, or fetch the journal that tells of it
        "#]],
    );
}

#[test]
fn gates_github_settings() {
    let looked = || Looked {
        statement: Looked::STATEMENT.to_owned(),
        repository: "o/one".to_owned(),
        who: "bob@example.com".to_owned(),
        at: at("2026-06-30T12:00:00Z"),
        problems: Vec::new(),
    };
    let of = |looked| Evidence::Settings(Settings { looked: Some(Ok(looked)) });
    let no = |why: &str| Evidence::Settings(Settings { looked: Some(Err(why.to_owned())) });
    check(
        "kind = 'github_settings'",
        vec![
            ("all is well", of(looked())),
            (
                "something is not",
                of(Looked { problems: vec!["`release` has no reviewers".to_owned()], ..looked() }),
            ),
            ("too long ago", of(Looked { at: at("2026-06-23T12:00:00Z"), ..looked() })),
            ("in the future", of(Looked { at: at("2026-07-02T12:00:00Z"), ..looked() })),
            ("another repository", of(Looked { repository: "o/two".to_owned(), ..looked() })),
            ("another statement", of(Looked { statement: "x".to_owned(), ..looked() })),
            ("a signature of other words", no("the signature of bob@example.com is not of what they saw")),
            ("nobody", Evidence::Settings(Settings { looked: None })),
        ],
        expect![[r#"
            all is well: Pass
                bob@example.com looked at o/one, 1 day ago, and all was well
            something is not: Fail
                bob@example.com looked at o/one, 1 day ago: `release` has no reviewers
                next: cargo xtask doctor --github --key FILE
            too long ago: Expired
                bob@example.com looked at o/one, 8 days ago; allowed are 7 days
                next: cargo xtask doctor --github --key FILE
            in the future: Error
                bob@example.com looked at 2026-07-02T12:00:00Z, which is to come
                next: cargo xtask doctor --github --key FILE
            another repository: Fail
                bob@example.com looked at o/two, 1 day ago; the release is of o/one
                next: cargo xtask doctor --github --key FILE
            another statement: Error
                this is no look at settings: `x`
                next: cargo xtask doctor --github --key FILE
            a signature of other words: Error
                the signature of bob@example.com is not of what they saw
                next: cargo xtask doctor --github --key FILE
            nobody: Pending
                nobody has looked at GitHub's settings
                next: cargo xtask doctor --github --key FILE
        "#]],
    );
}

#[test]
fn gates_command() {
    let of = |ended| {
        Evidence::Ran(Ran { command: "check it".to_owned(), ended, said: "the last line".to_owned() })
    };
    check(
        "kind = 'command'\ncommand = ['check', 'it']",
        vec![
            ("yes", of(Some(Ended::Exit(0)))),
            ("no", of(Some(Ended::Exit(1)))),
            ("not yet", of(Some(Ended::Exit(75)))),
            ("another code", of(Some(Ended::Exit(2)))),
            ("killed", of(Some(Ended::Signal(9)))),
            ("not there", of(Some(Ended::Missing))),
            ("too long", of(None)),
        ],
        expect![[r#"
            yes: Pass
                `check it` exited with 0
            no: Fail
                `check it` says no: the last line
                next: check it
            not yet: Pending
                `check it` says not yet: the last line
                next: check it
            another code: Error
                `check it` could not tell, exit 2: the last line
                next: check it
            killed: Error
                `check it` could not tell, signal 9: the last line
                next: check it
            not there: Error
                `check it` could not tell, no such program: the last line
                next: check it
            too long: Error
                `check it` ran longer than it may: the last line
                next: check it
        "#]],
    );
}

#[test]
fn gates_about_bytes_wait_for_them_and_stop_no_build() {
    let plan = plan();
    let case = Case { plan: &plan, manifest: None, now: now() };
    let gates = config::parse(
        "[gates.a]\nkind = 'approvals'\nneeded = 1\n[gates.r]\nkind = 'reproducible'\n[gates.s]\nkind = 'smoke'\n",
    );
    let asked: Vec<_> = gates
        .unwrap()
        .gates
        .iter()
        .map(|(name, gate)| Asked::new(name, gate, &Evidence::NoSeal, case))
        .map(|asked| format!("{} {} {}", asked.gate, asked.verdict.word(), asked.stops()))
        .collect();
    expect![[r#"
        a Pending false
        branch Pending true
        changelog Pending true
        ci Pending true
        clean-tree Pending true
        r Pending false
        s Pending false
        version Pending true"#]]
    .assert_eq(&asked.join("\n"));
    assert!(Asked::unknown("x").stops());
}

#[test]
fn gates_of_no_answer_are_no_pass() {
    assert_eq!(Answer::all(Vec::new()).verdict, Verdict::Error);
}
