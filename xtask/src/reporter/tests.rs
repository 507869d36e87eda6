use expect_test::{Expect, expect};

use super::*;
use crate::report::cases::{HOSTILE, MIXED, TORN, hostile, stream};

fn terminal() -> Terminal {
    Terminal::of_process(&Environment::of(&[("NO_COLOR", "1"), ("TERM", "dumb")], "/".as_ref()), false)
}

fn plainly(events: &[Stamped]) -> String {
    let mut plain = plain::Plain::default();
    let mut lines: Vec<_> = events.iter().flat_map(|event| plain.lines(event)).collect();
    lines.extend(plain.closing());
    lines.iter().map(|line| line.bare() + "\n").collect()
}

fn on_github(events: &[Stamped]) -> String {
    let mut github = github::Github::default();
    let mut lines: Vec<_> = events.iter().flat_map(|event| github.lines(event, &terminal())).collect();
    lines.extend(github.last_lines(&terminal()));
    lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[track_caller]
fn check_plain(text: &str, expected: Expect) {
    expected.assert_eq(&plainly(&stream(text)));
}

#[test]
fn the_place_chooses_the_reporters() {
    assert_eq!(chosen(true, true, true), [Kind::Json, Kind::Github]);
    assert_eq!(chosen(true, false, true), [Kind::Json]);
    assert_eq!(chosen(false, true, true), [Kind::Github]);
    assert_eq!(chosen(false, false, true), [Kind::Live]);
    assert_eq!(chosen(false, false, false), [Kind::Plain]);
}

#[test]
fn plain_lines_of_a_run_with_everything() {
    check_plain(
        MIXED,
        expect![[r#"
        proven      fmt      passed 11 minutes ago
        skipped     msrv     no rust-version is declared
        unavailable deny     `cargo-deny` is not installed, optional
            install  cargo xtask tools install cargo-deny
        run         build    no pass is recorded
        run         net      no pass is recorded
        retried     net      try 1 failed: exit 1
        run         net      try 2
        flaky       net      passed only at try 2, 3.0s
        passed      build    20.0s (last 20.0s)
        run         clippy   no pass is recorded
        failed      clippy   exit 101, 11.9s (last 11.8s)
            error[E0308]: mismatched types
              --> src/lib.rs:3:5
               |
            warning: unused variable: `x`
              --> src/main.rs:7:9
            log      .xtask/runs/20261122T195301Z-0a1b/clippy.log
            rerun    cargo xtask ci --step clippy
        run         test     no pass is recorded
        passed      test     6.0s
        run         doctest  no pass is recorded
        passed      doctest  0.5s
        not run     doc      the run stops at the first failure
        result      failed: 3 passed, 1 proven, 1 flaky, 1 failed, 1 unavailable, 1 not run, 1 skipped in 38.6s
        flaky       net passed only at try 2
        unavailable deny, install with: cargo xtask tools install cargo-deny
        time        critical path 31.9s: build 20.0s, clippy 11.9s; no step ran for 0.2s
        rerun       cargo xtask ci --step clippy
        next        cargo xtask ci --rerun failed
    "#]],
    );
}

#[test]
fn a_green_run_is_short() {
    check_plain(
        "0 plan fmt; clippy last=2000\n0 proven fmt 700\n3 start clippy\n2103 pass clippy\n2110 end passed\n",
        expect![[r#"
            proven      fmt     passed 11 minutes ago
            run         clippy  no pass is recorded
            passed      clippy  2.1s (last 2.0s)
            result      passed: 1 passed, 1 proven in 38.6s
            time        critical path 2.1s: clippy 2.1s; no step ran for 36.5s
        "#]],
    );
    check_plain(
        "0 plan fmt; clippy\n0 proven fmt 700\n0 proven clippy 700\n9 end passed\n",
        expect![[r#"
        proven      fmt     passed 11 minutes ago
        proven      clippy  passed 11 minutes ago
        result      passed: 2 proven in 38.6s
    "#]],
    );
}

#[test]
fn a_run_that_broke_off_or_never_began_says_so() {
    check_plain(
        TORN,
        expect![[r#"
            run         fmt     no pass is recorded
            passed      fmt     0.4s
            run         clippy  no pass is recorded
            result      interrupted while running: clippy; after 0.4s: 1 passed, 2 undecided
            time        critical path 0.4s: fmt 0.4s; no step ran for 0.0s
        "#]],
    );
    check_plain(
        "",
        expect![[r#"
            result      interrupted while nothing was running; after 0.0s: no steps
        "#]],
    );
    check_plain(
        "0 plan \n0 end nothing\n",
        expect![[r#"
            result      nothing to do: no steps in 38.6s
        "#]],
    );
}

#[test]
fn an_interrupt_is_told_twice() {
    check_plain(
        "0 plan a; b\n0 start a\n0 start b\n5 interrupt 1\n9 stopped a\n10 interrupt 2\n11 stopped b\n11 end interrupted\n",
        expect![[r#"
            run         a  no pass is recorded
            run         b  no pass is recorded
            interrupted stopping: 2 running are told to end; interrupt again to kill them
            interrupted a  0.0s
                log      .xtask/runs/20261122T195301Z-0a1b/a.log
                rerun    cargo xtask ci --step a
            interrupted killing: 1 running
            interrupted b  0.0s
                log      .xtask/runs/20261122T195301Z-0a1b/b.log
                rerun    cargo xtask ci --step b
            result      interrupted: 2 interrupted in 38.6s
            time        critical path 0.0s: b 0.0s; no step ran for 38.6s
        "#]],
    );
}

#[test]
fn a_long_path_names_its_longest_steps() {
    let mut text = "0 plan a; b needs=a; c needs=b; d needs=c; e needs=d; f needs=e; g needs=f\n".to_owned();
    for (index, step) in ["a", "b", "c", "d", "e", "f", "g"].into_iter().enumerate() {
        text += &format!("{} start {step}\n{} pass {step}\n", index * 1000, index * 1000 + 500 + index * 10);
    }
    let lines = plainly(&stream(&text));
    let time = lines.lines().find(|line| line.starts_with("time")).unwrap();
    expect!["time        critical path 3.7s: c 0.5s, d 0.5s, e 0.5s, f 0.6s, g 0.6s and 2 shorter; no step ran for 2.9s"].assert_eq(time);
}

#[test]
fn on_github_with_groups_and_annotations() {
    expect![[r#"
        proven      fmt      passed 11 minutes ago
        skipped     msrv     no rust-version is declared
        unavailable deny     `cargo-deny` is not installed, optional
            install  cargo xtask tools install cargo-deny
        ::warning title=deny::deny is unavailable: `cargo-deny` is not installed%0AInstall it with: cargo xtask tools install cargo-deny
        run         build    no pass is recorded
        run         net      no pass is recorded
        retried     net      try 1 failed: exit 1
        run         net      try 2
        flaky       net      passed only at try 2, 3.0s
        ::warning title=net::net is flaky: passed only at try 2
        passed      build    20.0s (last 20.0s)
        run         clippy   no pass is recorded
        failed      clippy   exit 101, 11.9s (last 11.8s)
        ::group::clippy: the end of its output
        ::stop-commands::202ef8cf7dc2b621d4039d51281b7bdd191f5b12bc4607f481b41265185041c7
            error[E0308]: mismatched types
              --> src/lib.rs:3:5
               |
            warning: unused variable: `x`
              --> src/main.rs:7:9
        ::202ef8cf7dc2b621d4039d51281b7bdd191f5b12bc4607f481b41265185041c7::
        ::endgroup::
            log      .xtask/runs/20261122T195301Z-0a1b/clippy.log
            rerun    cargo xtask ci --step clippy
        ::error file=src/lib.rs,line=3,col=5,title=clippy::error[E0308]: mismatched types
        ::warning file=src/main.rs,line=7,col=9,title=clippy::warning: unused variable: `x`
        run         test     no pass is recorded
        passed      test     6.0s
        run         doctest  no pass is recorded
        passed      doctest  0.5s
        not run     doc      the run stops at the first failure
        result      failed: 3 passed, 1 proven, 1 flaky, 1 failed, 1 unavailable, 1 not run, 1 skipped in 38.6s
        flaky       net passed only at try 2
        unavailable deny, install with: cargo xtask tools install cargo-deny
        time        critical path 31.9s: build 20.0s, clippy 11.9s; no step ran for 0.2s
        rerun       cargo xtask ci --step clippy
        next        cargo xtask ci --rerun failed
    "#]].assert_eq(&on_github(&stream(MIXED)));
}

/// What the runner would execute: see the header of `github.rs`.
fn commands(log: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut stopped: Option<String> = None;
    for line in log.split(['\n', '\r']) {
        assert!(!line.contains("##["), "{line}");
        let Some(command) = line.trim_start().strip_prefix("::") else { continue };
        let (name, value) = command.split_once("::").unwrap_or((command, ""));
        let name = name.split(' ').next().unwrap_or_default();
        if let Some(token) = &stopped {
            if name == token {
                stopped = None;
            }
            continue;
        }
        if name == "stop-commands" {
            stopped = Some(value.to_owned());
        }
        commands.push(name.to_owned());
    }
    assert_eq!(stopped, None, "the commands stay stopped");
    commands
}

#[test]
fn no_text_of_a_step_becomes_a_workflow_command() {
    let calm = commands(&on_github(&hostile("calm")));
    assert_eq!(calm, ["warning", "warning", "group", "stop-commands", "endgroup", "error"]);
    for text in HOSTILE {
        assert_eq!(commands(&on_github(&hostile(text))), calm, "{text}");
    }
}

#[test]
fn annotations_are_counted_over_the_run() {
    let mut text = "0 plan a; b; c; d\n".to_owned();
    for step in ["a", "b", "c", "d"] {
        text += &format!("0 start {step}\n1 fail {step} 1\n");
        for line in 1..=6 {
            text += &format!(
                "| error: no\n|   --> src/{step}.rs:{line}:1\n| warning: hm\n|   --> src/{step}.rs:{line}:2\n"
            );
        }
    }
    text += "2 end failed\n";
    let log = on_github(&stream(&text));
    let commands = commands(&log);
    for level in ["error", "warning"] {
        assert_eq!(commands.iter().filter(|name| *name == level).count(), 10, "{log}");
    }
    assert!(log.contains("\n14 errors and 14 warnings more than the annotations show"), "{log}");
    assert!(log.contains("::error file=src/c.rs"), "{log}");
}

#[test]
fn plain_lines_show_hostile_text_without_control_characters() {
    for text in HOSTILE {
        let lines = plainly(&hostile(text));
        assert!(!lines.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{lines}");
    }
    let long = plainly(&hostile(&"x".repeat(1 << 20)));
    assert!(long.lines().filter(|line| line.starts_with("    x")).all(|line| line.len() < 500));
}
