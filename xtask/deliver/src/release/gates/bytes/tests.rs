//! What is known about the staged bytes, open and shut.

use expect_test::expect;

use super::*;
use crate::release::gates::config::Gate;
use crate::release::gates::tests::{ARCHIVE, CRATE, at, check, now, plan, staged};
use crate::release::gates::{Evidence, verdict};

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
                Evidence::Reproduced(Kept::Tampered("`x.json` was changed after it was written".to_owned())),
            ),
            ("nothing", Evidence::Reproduced(Kept::Absent)),
        ],
        expect![[r#"
            two builds: Pass
                2 builds gave the same 2 files, 1 hour ago
            they differ: Fail
                two builds gave different bytes: `assets/v1.2.0/one-1.2.0-t.tar.gz`
                next: cargo xtask release reproducible
            they are not what is staged: Fail
                what was built twice is not what is staged: `assets/v1.2.0/one-1.2.0-t.tar.gz`
                next: cargo xtask release reproducible
            a file was left out of both: Pending
                not built twice: `assets/v1.2.0/one-1.2.0-t.tar.gz`, `crates/one-1.2.0.crate`
                next: cargo xtask release reproducible
            one build: Error
                1 builds say nothing about another one
                next: cargo xtask release reproducible
            another plan: Fail
                the evidence is of another plan
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
            ("changed", Evidence::Tried(Kept::Tampered("`x.json` cannot be read".to_owned()))),
            ("nothing", Evidence::Tried(Kept::Absent)),
        ],
        expect![[r#"
            it runs: Pass
                `assets/v1.2.0/one-1.2.0-t.tar.gz`: 1 binaries ran, 1 hour ago
            it does not: Fail
                `two --version` of `assets/v1.2.0/one-1.2.0-t.tar.gz` exited with 3
                next: cargo xtask release smoke
            it crashes: Fail
                `one --version` of `assets/v1.2.0/one-1.2.0-t.tar.gz` was ended by a signal
                next: cargo xtask release smoke
            another archive ran: Fail
                another `assets/v1.2.0/one-1.2.0-t.tar.gz` was tried than is staged
                next: cargo xtask release smoke
            nothing was run: Error
                nothing of `assets/v1.2.0/one-1.2.0-t.tar.gz` was run
                next: cargo xtask release smoke
            it was not tried: Pending
                `assets/v1.2.0/one-1.2.0-t.tar.gz` was not tried
                next: cargo xtask release smoke
            another plan: Fail
                the evidence is of another plan
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
fn gates_smoke_is_no_pass_where_no_target_is_left_to_try() {
    let gate = Gate::Smoke { targets: Some(vec!["elsewhere".to_owned()]) };
    let (plan, manifest) = (plan(), staged());
    let case = Case { plan: &plan, manifest: Some(&manifest), now: now() };
    let tried = Tried { plan: plan.digest(), at: now(), archives: BTreeMap::new() };
    let answer = verdict(&gate, &Evidence::Tried(Kept::Whole(tried)), case);
    assert_eq!(answer.verdict, Verdict::Error);
}
