//! Approvals that count, and those that do not.

use expect_test::expect;

use super::*;
use crate::release::gates::Evidence;
use crate::release::gates::tests::{COMMIT, at, check, plan, staged};

fn statement(who: &str) -> Statement {
    Statement {
        statement: Statement::NAME.to_owned(),
        seal: manifest::seal(&plan(), &staged()),
        commit: COMMIT.to_owned(),
        tags: vec!["v1.2.0".to_owned()],
        stage: None,
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
