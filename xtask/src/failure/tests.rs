use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(failure: &Failure, expected: Expect) {
    expected.assert_eq(&failure.to_string());
}

#[test]
fn says_problem_why_next_and_see() {
    check(
        &Failure::no("gate `restore` has expired")
            .why("the last restore drill passed 16 days ago")
            .next("cargo xtask drill restore --execute")
            .see("docs/runbooks/restore.md"),
        expect![[r#"
            error: gate `restore` has expired
              why:  the last restore drill passed 16 days ago
              next: cargo xtask drill restore --execute
              see:  docs/runbooks/restore.md"#]],
    );
}

#[test]
fn shows_findings_in_the_order_of_their_places() {
    let findings = vec![
        Finding::at("b.toml", 3, "unknown key `colour`", "remove it"),
        Finding::at("a.toml", 0, "the file is empty", ""),
    ];
    check(
        &Failure::found(Exit::Usage, "2 problems", findings),
        expect![[r#"
            a.toml: the file is empty
            b.toml:3: unknown key `colour`
              next: remove it
            error: 2 problems"#]],
    );
}

#[test]
fn an_error_without_a_remedy_keeps_its_causes_and_admits_a_defect() {
    let error = anyhow::anyhow!("no such thing").context("cannot read `x`");
    check(
        &Failure::from(error),
        expect![[r#"
            error: cannot read `x`
              why:  no such thing
              next: this is a defect in xtask, please report it with the text above"#]],
    );
}

#[test]
fn a_full_disk_has_a_remedy() {
    let error = anyhow::Error::from(std::io::Error::from(std::io::ErrorKind::StorageFull))
        .context("cannot write `x`");
    check(
        &Failure::from(error),
        expect![[r#"
            error: cannot write `x`
              why:  no storage space
              next: free disk space (`cargo xtask doctor` shows what is used), then run the same command again"#]],
    );
}
