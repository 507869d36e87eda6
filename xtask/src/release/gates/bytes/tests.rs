//! What is known about the staged bytes, open and shut.

use expect_test::expect;

use super::*;
use crate::release::gates::Evidence;
use crate::release::gates::tests::{ARCHIVE, CRATE, at, check, plan, staged};

fn seal() -> Seal {
    manifest::seal(&plan(), &staged())
}

#[test]
fn gates_reproducible() {
    let compared = |file: &str, first: &str, second: Option<&str>| Compared {
        file: file.to_owned(),
        first: Digest::of(first),
        second: second.map(Digest::of),
    };
    let good = || vec![compared(ARCHIVE, ARCHIVE, Some(ARCHIVE)), compared(CRATE, CRATE, Some(CRATE))];
    let found = |digests| Reproducible {
        v: VERSION,
        plan: plan().digest(),
        seal: seal(),
        at: at("2026-07-01T11:00:00Z"),
        passed: true,
        digests,
        uncompared: Vec::new(),
    };
    let of = |found| Evidence::Reproducible(Kept::Whole(found));
    let second = |first, second| of(found(vec![compared(ARCHIVE, first, second), good().remove(1)]));
    check(
        "kind = 'reproducible'",
        vec![
            ("the same", of(found(good()))),
            ("another archive", second(ARCHIVE, Some("other"))),
            ("no second archive", second(ARCHIVE, None)),
            ("not what is staged", second("other", Some("other"))),
            ("one was left out", of(found(vec![good().remove(0)]))),
            ("all was left out", of(found(vec![]))),
            ("the same, and said not to be", of(Reproducible { passed: false, ..found(good()) })),
            ("another seal", of(Reproducible { seal: Digest::of("x"), ..found(good()) })),
            ("another plan", of(Reproducible { plan: Digest::of("x"), ..found(good()) })),
            ("another version", of(Reproducible { v: 2, ..found(good()) })),
            (
                "changed",
                Evidence::Reproducible(Kept::Broken("`x.json` was changed after it was written".to_owned())),
            ),
            ("nothing", Evidence::Reproducible(Kept::Absent)),
        ],
        expect![[r#"
            the same: Pass
                a second build gave the same 2 files, 1 hour ago
            another archive: Fail
                two builds gave different bytes: `assets/v1.2.0/one-1.2.0-t.tar.gz`
                next: cargo xtask release reproducible
            no second archive: Fail
                two builds gave different bytes: `assets/v1.2.0/one-1.2.0-t.tar.gz`
                next: cargo xtask release reproducible
            not what is staged: Fail
                what was built twice is not what is staged: `assets/v1.2.0/one-1.2.0-t.tar.gz`
                next: cargo xtask release reproducible
            one was left out: Pending
                not built twice: `crates/one-1.2.0.crate`
                next: cargo xtask release reproducible
            all was left out: Pending
                not built twice: `assets/v1.2.0/one-1.2.0-t.tar.gz`, `crates/one-1.2.0.crate`
                next: cargo xtask release reproducible
            the same, and said not to be: Fail
                whoever built it a second time says that it is not the same
                next: cargo xtask release reproducible
            another seal: Fail
                the evidence is of another seal
                next: cargo xtask release reproducible
            another plan: Fail
                the evidence is of another seal
                next: cargo xtask release reproducible
            another version: Error
                the evidence has version 2, not 1
                next: cargo xtask release reproducible
            changed: Error
                `x.json` was changed after it was written
                next: cargo xtask release reproducible
            nothing: Pending
                nobody has looked yet
                next: cargo xtask release reproducible
        "#]],
    );
}

fn tried(passed: bool, said: &str) -> Tried {
    Tried {
        file: ARCHIVE.to_owned(),
        sha256: Digest::of(ARCHIVE),
        command: "one --version".to_owned(),
        passed,
        said: said.to_owned(),
    }
}

fn found(tried: Vec<Tried>) -> Smoke {
    Smoke {
        v: VERSION,
        plan: plan().digest(),
        seal: seal(),
        at: at("2026-07-01T11:00:00Z"),
        passed: true,
        tried,
        untried: Vec::new(),
    }
}

#[test]
fn gates_smoke() {
    let of = |found| Evidence::Smoke(Kept::Whole(found));
    let good = || tried(true, "exit 0: one 1.2.0");
    check(
        "kind = 'smoke'",
        vec![
            ("it runs", of(found(vec![good()]))),
            ("one of two does not", of(found(vec![good(), tried(false, "exit 3: no")]))),
            ("it crashes", of(found(vec![tried(false, "signal 11: ")]))),
            ("it never ends", of(found(vec![tried(false, "no end within 60 s: ")]))),
            ("another archive ran", of(found(vec![Tried { sha256: Digest::of("x"), ..good() }]))),
            ("it was not tried", of(found(vec![]))),
            ("only another file was tried", of(found(vec![Tried { file: "x".to_owned(), ..good() }]))),
            ("it runs, and is said not to", of(Smoke { passed: false, ..found(vec![good()]) })),
            ("another seal", of(Smoke { seal: Digest::of("x"), ..found(vec![good()]) })),
            ("another plan", of(Smoke { plan: Digest::of("x"), ..found(vec![good()]) })),
            ("another version", of(Smoke { v: 2, ..found(vec![good()]) })),
            ("changed", Evidence::Smoke(Kept::Broken("`x.json` cannot be read".to_owned()))),
            ("nothing", Evidence::Smoke(Kept::Absent)),
        ],
        expect![[r#"
            it runs: Pass
                `assets/v1.2.0/one-1.2.0-t.tar.gz` ran, 1 hour ago
            one of two does not: Fail
                `one --version` of `assets/v1.2.0/one-1.2.0-t.tar.gz`: exit 3: no
                next: cargo xtask release smoke
            it crashes: Fail
                `one --version` of `assets/v1.2.0/one-1.2.0-t.tar.gz`: signal 11: 
                next: cargo xtask release smoke
            it never ends: Fail
                `one --version` of `assets/v1.2.0/one-1.2.0-t.tar.gz`: no end within 60 s: 
                next: cargo xtask release smoke
            another archive ran: Fail
                another `assets/v1.2.0/one-1.2.0-t.tar.gz` was tried than is staged
                next: cargo xtask release smoke
            it was not tried: Pending
                nothing of `assets/v1.2.0/one-1.2.0-t.tar.gz` was tried
                next: cargo xtask release smoke
            only another file was tried: Pending
                nothing of `assets/v1.2.0/one-1.2.0-t.tar.gz` was tried
                next: cargo xtask release smoke
            it runs, and is said not to: Fail
                whoever tried it says that it does not run
                next: cargo xtask release smoke
            another seal: Fail
                the evidence is of another seal
                next: cargo xtask release smoke
            another plan: Fail
                the evidence is of another seal
                next: cargo xtask release smoke
            another version: Error
                the evidence has version 2, not 1
                next: cargo xtask release smoke
            changed: Error
                `x.json` cannot be read
                next: cargo xtask release smoke
            nothing: Pending
                nobody has looked yet
                next: cargo xtask release smoke
        "#]],
    );
}

#[test]
fn gates_about_bytes_are_no_pass_where_no_target_is_left() {
    let (plan, manifest) = (plan(), staged());
    let case = Case { plan: &plan, manifest: Some(&manifest), now: at("2026-07-01T12:00:00Z") };
    let elsewhere = ["elsewhere".to_owned()];
    let answer = smoke(&Kept::Whole(found(vec![tried(true, "exit 0: ")])), Some(&elsewhere), case);
    assert_eq!(answer.verdict, Verdict::Error);
}
