use expect_test::{Expect, expect};
use proptest::prelude::*;
use quick_xml::Reader;

use super::*;
use crate::event::Stamped;
use crate::report::cases::{HOSTILE, MIXED, TORN, hostile, stream};

#[track_caller]
fn check(events: &[Stamped], expected: Expect) {
    let text = render(&Run::of(events));
    read_back(&text);
    expected.assert_eq(&text);
}

/// Reads the report with a parser that checks it, and returns `(element, name)` of everything in it.
#[track_caller]
fn read_back(text: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}\n{text}")) {
            Xml::Start(element) | Xml::Empty(element) => {
                let mut name = String::new();
                for attribute in element.attributes() {
                    let attribute = attribute.unwrap();
                    let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap();
                    if attribute.key.as_ref() == "name" {
                        name = value.into_owned();
                    }
                }
                found.push((element.name().as_ref().to_owned(), name));
            }
            Xml::Eof => return found,
            _ => {}
        }
    }
}

fn named(element: &str, text: &str) -> Vec<String> {
    read_back(text).into_iter().filter(|(other, _)| other == element).map(|(_, name)| name).collect()
}

#[test]
fn an_empty_run_is_a_report() {
    check(
        &[],
        expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="xtask" time="0.000" tests="0" failures="0" errors="0" skipped="0"/>
    "#]],
    );
}

#[test]
fn every_step_is_a_case() {
    check(
        &stream(MIXED),
        expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="cargo xtask ci" time="38.600" tests="9" failures="1" errors="1" skipped="2">
          <testsuite name="lint" time="14.900" timestamp="2026-11-22T19:53:01Z" tests="6" failures="1" errors="1" skipped="2">
            <testcase name="fmt" classname="lint" time="0.000">
              <system-out>proven: passed 11 minutes ago on the same inputs</system-out>
            </testcase>
            <testcase name="clippy" classname="lint" time="11.900">
              <failure message="exit 101" type="failed">error[E0308]: mismatched types
          --&gt; src/lib.rs:3:5
           |
        warning: unused variable: `x`
          --&gt; src/main.rs:7:9</failure>
              <system-out>log: .xtask/runs/20261122T195301Z-0a1b/clippy.log
        rerun: cargo xtask ci --step clippy</system-out>
            </testcase>
            <testcase name="net" classname="lint" time="3.000">
              <flakyFailure message="try 1: exit 1" type="failed"/>
            </testcase>
            <testcase name="deny" classname="lint" time="0.000">
              <skipped message="`cargo-deny` is not installed" type="unavailable"/>
              <system-out>install: cargo xtask tools install cargo-deny</system-out>
            </testcase>
            <testcase name="doc" classname="lint" time="0.000">
              <error message="the run stops at the first failure" type="not run"/>
            </testcase>
            <testcase name="msrv" classname="lint" time="0.000">
              <skipped message="no rust-version is declared" type="skipped"/>
            </testcase>
          </testsuite>
          <testsuite name="test" time="26.499" timestamp="2026-11-22T19:53:01Z" tests="3" failures="0" errors="0" skipped="0">
            <testcase name="build" classname="test" time="20.000"/>
            <testcase name="test" classname="test" time="6.000"/>
            <testcase name="doctest" classname="test" time="0.499"/>
          </testsuite>
        </testsuites>
    "#]],
    );
}

#[test]
fn a_run_that_broke_off_holds_no_pass_that_was_not_seen() {
    check(
        &stream(TORN),
        expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="cargo xtask ci" time="0.400" tests="3" failures="0" errors="2" skipped="0">
          <testsuite name="lint" time="0.390" timestamp="2026-11-22T19:53:01Z" tests="3" failures="0" errors="2" skipped="0">
            <testcase name="fmt" classname="lint" time="0.390"/>
            <testcase name="clippy" classname="lint" time="0.000">
              <error message="the run ended while this step ran" type="undecided"/>
            </testcase>
            <testcase name="test" classname="lint" time="0.000">
              <error message="the run was interrupted before this step" type="undecided"/>
            </testcase>
          </testsuite>
        </testsuites>
    "#]],
    );
}

#[test]
fn a_required_step_that_could_not_be_asked_is_no_skip() {
    let text = render(&Run::of(&stream(
        "0 plan deny; net optional\n0 unavailable deny cargo-deny\n0 unavailable net curl\n1 end unavailable\n",
    )));
    assert!(text.contains(r#"errors="1" skipped="1""#), "{text}");
}

#[test]
fn hostile_text_adds_no_element() {
    let calm = named("testcase", &render(&Run::of(&stream(MIXED))));
    for text in HOSTILE {
        assert_eq!(named("testcase", &render(&Run::of(&hostile(text)))), calm, "{text}");
    }
    let long = render(&Run::of(&hostile(&"x".repeat(1 << 20))));
    assert_eq!(named("testcase", &long), calm);
}

proptest! {
    #[test]
    fn any_text_is_read_back(text in "\\PC*|[\\x00-\\x7f]*|\\p{any}*") {
        let report = render(&Run::of(&hostile(&text)));
        prop_assert_eq!(named("testcase", &report).len(), 9);
        prop_assert!(report.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
        let is_invalid = |c: char| c == '\u{fffe}' || c == '\u{ffff}';
        prop_assert!(!report.contains(is_invalid));
    }
}
