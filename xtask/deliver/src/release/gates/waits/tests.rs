//! What is waited for, open and shut.

use expect_test::expect;

use super::*;
use crate::release::gates::Evidence;
use crate::release::gates::tests::{at, check, line};

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
                zones(TimeZone::posix("XXX-2").map_err(|e| e.to_string())),
            ),
            ("an unknown zone", zones(unknown)),
            ("a zone that was not looked up", Evidence::Zones(vec![Ok(TimeZone::UTC)])),
        ],
        expect![[r#"
            outside of both: Pass
                it is not `Fri 16:00` to `Mon 08:00` in UTC
                it is not `Wed 14:00` to `Wed 15:00` in X
            inside of one, where it is two hours later: Pending
                it is not `Fri 16:00` to `Mon 08:00` in UTC
                it is `Wed 14:00` to `Wed 15:00` in X: nothing is released until 2026-07-01T13:00:00Z
                next: wait until 2026-07-01T13:00:00Z
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
                open and labelled `blocker`: #7 it burns
                next: close it, or take the label off: https://forge.example/7
        "#]],
    );
}

#[test]
fn gates_drill_opens_for_one_that_was_passed_and_is_fresh() {
    let known = |verdict, said: &str| {
        let command = "cargo xtask drill restore notes".to_owned();
        Evidence::Drill(Drill { verdict, said: said.to_owned(), command })
    };
    check(
        "kind = 'drill'\nname = 'notes'",
        vec![
            ("passed lately", known(Verdict::Pass, "good: passed 2h00m ago")),
            ("never run", known(Verdict::Pending, "missing: it was never run here")),
            ("passed long ago", known(Verdict::Expired, "expired: passed 900h00m ago, which is too long")),
            ("red", known(Verdict::Fail, "failed: the backup is empty")),
            ("changed", known(Verdict::Error, "tampered: it was changed after it was written")),
        ],
        expect![[r#"
            passed lately: Pass
                the drill `notes` is good: passed 2h00m ago
            never run: Pending
                the drill `notes` is missing: it was never run here
                next: cargo xtask drill restore notes
            passed long ago: Expired
                the drill `notes` is expired: passed 900h00m ago, which is too long
                next: cargo xtask drill restore notes
            red: Fail
                the drill `notes` is failed: the backup is empty
                next: cargo xtask drill restore notes
            changed: Error
                the drill `notes` is tampered: it was changed after it was written
                next: cargo xtask drill restore notes
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
