//! What programs said, open and shut.

use expect_test::expect;

use super::*;
use crate::release::gates::Evidence;
use crate::release::gates::tests::{at, check, version};

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
