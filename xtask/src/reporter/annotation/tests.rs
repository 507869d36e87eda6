use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(output: &str, expected: Expect) {
    let lines: Vec<_> = output.lines().map(str::to_owned).collect();
    let commands: Vec<_> = found("clippy", &lines).iter().map(Annotation::command).collect();
    expected.assert_eq(&commands.join("\n"));
}

#[test]
fn a_headline_is_shown_at_its_place() {
    check(
        "error[E0308]: mismatched types: a, b\n  --> src/lib.rs:3:5\n   |\nwarning: unused\n    --> a b/c,d.rs:10:1\n",
        expect![[r#"
            ::error file=src/lib.rs,line=3,col=5,title=clippy::error[E0308]: mismatched types: a, b
            ::warning file=a b/c%2Cd.rs,line=10,col=1,title=clippy::warning: unused"#]],
    );
}

#[test]
fn a_headline_without_a_place_and_a_place_without_a_headline_are_none() {
    check("error: could not compile `x`\n", expect![""]);
    check("  --> src/lib.rs:3:5\n", expect![""]);
    check(
        "error: a\n  --> src/lib.rs:3:5\n  --> src/lib.rs:9:9\n",
        expect!["::error file=src/lib.rs,line=3,col=5,title=clippy::error: a"],
    );
}

#[test]
fn formatting_and_panics_have_places_too() {
    check(
        "Diff in /w/src/main.rs:12:\nthread 'tests::a' (77) panicked at src/a.rs:8:9:\n  left: 100% of\n",
        expect![[r#"
            ::error file=/w/src/main.rs,line=12,title=clippy::not formatted
            ::error file=src/a.rs,line=8,col=9,title=clippy::left: 100%25 of"#]],
    );
    check(
        "Diff in C:\\w\\main.rs:12:\n",
        expect!["::error file=C%3A\\w\\main.rs,line=12,title=clippy::not formatted"],
    );
}

#[test]
fn what_is_no_place_is_none() {
    for text in ["", ":", "::", "a", "a:b", "a:b:c", "a:1:b", ":1:2", "ab:-1:2", "a:99999999999"] {
        assert_eq!(place(text), None, "{text}");
    }
}

#[test]
fn nothing_in_a_value_ends_it() {
    let annotation = Annotation {
        level: Level::Error,
        title: "a,line=9::b\r\n::error::c".into(),
        message: "100%\r\n::error::d".into(),
        place: None,
    };
    assert_eq!(
        annotation.command(),
        "::error title=a%2Cline=9%3A%3Ab%0D%0A%3A%3Aerror%3A%3Ac::100%25%0D%0A::error::d"
    );
}
