use std::collections::BTreeSet;

use expect_test::{Expect, expect};

use super::*;
use crate::baseline::facts::{Kind, Message};
use crate::baseline::report;

/// Lines of `package lint number`.
fn counts(text: &str) -> Counts {
    let mut counts = Counts::new();
    for line in text.lines() {
        let words: Vec<_> = line.split(' ').collect();
        counts.entry(words[0].into()).or_default().insert(words[1].into(), words[2].parse().unwrap());
    }
    counts
}

#[track_caller]
fn check(before: &str, after: &str, expected: Expect) {
    let lines = report::lines(Kind::Clippy, &compare(&counts(before), &counts(after)));
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn the_same_numbers_are_a_pass() {
    check(
        "one dead_code 2\ntwo clippy::all 1",
        "one dead_code 2\ntwo clippy::all 1",
        expect![[r#"
            clippy: findings of the baseline that are still there: 3
        "#]],
    );
}

#[test]
fn fewer_is_a_pass_that_says_how_to_lower_them() {
    check(
        "one dead_code 2\ntwo clippy::all 1",
        "one dead_code 1",
        expect![[r#"
            fewer  one dead_code  2 -> 1
            fewer  two clippy::all  1 -> 0
            clippy: findings of the baseline that are still there: 1
        "#]],
    );
}

#[test]
fn more_of_one_is_not_made_up_for_by_fewer_of_another() {
    check(
        "one dead_code 2",
        "one dead_code 1\none unused 1\ntwo dead_code 1",
        expect![[r#"
            more   one unused  0 -> 1
            more   two dead_code  0 -> 1
            fewer  one dead_code  2 -> 1
            clippy: findings of the baseline that are still there: 1
        "#]],
    );
}

#[test]
fn what_grew_is_told_with_its_messages_and_no_more_than_ten_of_them() {
    let messages: BTreeSet<_> = (1..=12)
        .map(|line| Message {
            package: "one".into(),
            lint: "dead_code".into(),
            file: "src/lib.rs".into(),
            line,
            column: 1,
            text: "never used".into(),
            rendered: format!("warning: never used at {line}\n"),
        })
        .collect();
    let change = compare(&counts("one dead_code 11"), &counts("one dead_code 12"));
    expect![[r#"
        src/lib.rs:1: `one` has 12 of dead_code, the baseline counts 11
        warning: never used at 1
        warning: never used at 2
        warning: never used at 3
        warning: never used at 4
        warning: never used at 5
        warning: never used at 6
        warning: never used at 7
        warning: never used at 8
        warning: never used at 9
        warning: never used at 10
        and 2 more
          next: correct 1 of them"#]]
    .assert_eq(&report::more(&change, &messages)[0].to_string());
}
