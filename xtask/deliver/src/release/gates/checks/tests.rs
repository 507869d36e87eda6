//! Whether all checks passed, open and shut.

use expect_test::expect;

use super::*;
use crate::release::gates::Evidence;
use crate::release::gates::tests::{COMMIT, at, check, line};

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
