use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::event::Stamped;
use crate::report::cases::{HOSTILE, MIXED, TORN, hostile, stream};

const LIMIT: usize = crate::report::SUMMARY_BYTES_MAX;

#[track_caller]
fn check(events: &[Stamped], expected: Expect) {
    expected.assert_eq(&render(&Run::of(events), LIMIT));
}

/// The lines outside of fenced blocks, read as GitHub reads fences.
fn outside(page: &str) -> Vec<&str> {
    let mut fence: Option<usize> = None;
    let mut lines = Vec::new();
    for line in page.lines() {
        let ticks = line.chars().take_while(|character| *character == '`').count();
        match fence {
            None if ticks >= 3 => fence = Some(ticks),
            None => lines.push(line),
            Some(open) if ticks >= open && line.chars().all(|character| character == '`') => fence = None,
            Some(_) => {}
        }
    }
    assert_eq!(fence, None, "a block stays open:\n{page}");
    lines
}

#[test]
fn an_empty_run_says_so() {
    check(
        &[],
        expect![[r#"
            ### a run without a beginning: interrupted while nothing was running

            no steps in 0.0s
        "#]],
    );
    check(
        &stream("0 plan \n0 end nothing\n"),
        expect![[r#"
            ### cargo xtask ci: nothing to do

            no steps in 38.6s, commit 0123456789ab, run 20261122T195301Z-0a1b
        "#]],
    );
}

#[test]
fn a_run_with_everything_in_it() {
    check(
        &stream(MIXED),
        expect![[r#"
            ### cargo xtask ci: failed

            3 passed, 1 proven, 1 flaky, 1 failed, 1 unavailable, 1 not run, 1 skipped in 38.6s, commit 0123456789ab, run 20261122T195301Z-0a1b

            | step | verdict | time | last time | detail |
            |---|---|---:|---:|---|
            | clippy | **failed** | 11.9s | 11.8s | exit 101 |
            | net | **flaky** | 3.0s |  | passed only at try 2; optional |
            | deny | **unavailable** |  |  | \`cargo-deny\` is not installed: \`cargo xtask tools install cargo-deny\`; optional |
            | doc | **not run** |  |  | the run stops at the first failure |
            | fmt | proven |  | 0.4s | passed 11 minutes ago on the same inputs |
            | build | passed | 20.0s | 20.0s |  |
            | test | passed | 6.0s |  |  |
            | doctest | passed | 0.5s |  |  |
            | msrv | skipped |  |  | no rust-version is declared |

            Critical path: build 20.0s, clippy 11.9s (31.9s of 38.6s). No step ran for 0.2s.

            #### clippy failed: exit 101

            ```text
            error[E0308]: mismatched types
              --> src/lib.rs:3:5
               |
            warning: unused variable: `x`
              --> src/main.rs:7:9
            ```

            Log: .xtask/runs/20261122T195301Z-0a1b/clippy.log

            Run just this step again:

            ```console
            cargo xtask ci --step clippy
            ```

            Next:

            ```
            cargo xtask ci --rerun failed
            ```
        "#]],
    );
}

#[test]
fn a_run_that_broke_off() {
    check(
        &stream(TORN),
        expect![[r#"
            ### cargo xtask ci: interrupted while running: clippy

            1 passed, 2 undecided in 0.4s, commit 0123456789ab, run 20261122T195301Z-0a1b

            | step | verdict | time | last time | detail |
            |---|---|---:|---:|---|
            | clippy | **undecided** |  |  | the run ended while this step ran |
            | test | **undecided** |  |  | the run ended before this step |
            | fmt | passed | 0.4s |  |  |

            Critical path: fmt 0.4s (0.4s of 0.4s). No step ran for 0.0s.
        "#]],
    );
}

#[test]
fn hostile_text_stays_in_its_place() {
    let calm = render(&Run::of(&hostile("calm")), LIMIT);
    for text in HOSTILE {
        let page = render(&Run::of(&hostile(text)), LIMIT);
        assert_eq!(outside(&page).len(), outside(&calm).len(), "{page}");
        for line in outside(&page) {
            let bare = line.replace("\\\\", "").replace("\\|", "").replace("\\<", "").replace("\\[", "");
            assert!(!bare.contains('<') && !bare.contains("[link"), "{line}");
            assert!(!bare.starts_with('|') || bare.matches('|').count() == 6, "{line}");
        }
    }
}

#[test]
fn what_is_left_out_is_said() {
    let events = hostile(&"x\n".repeat(1 << 16));
    let page = render(&Run::of(&events), 2000);
    assert!(page.len() <= 2000 && page.contains("parts of this report are left out"), "{page}");
    assert!(!render(&Run::of(&events), LIMIT).contains("left out"));
}

#[test]
fn what_went_wrong_is_not_what_the_limit_cuts() {
    let mut text = "0 plan a0".to_owned();
    (1..5000).for_each(|step| text += &format!("; a{step}"));
    text += "\n";
    (0..4999).for_each(|step| text += &format!("0 proven a{step} 5\n"));
    text += "1 fail a4999 7\n2 end failed\n";
    let page = render(&Run::of(&stream(&text)), 20_000);
    assert!(page.len() <= 20_000);
    assert!(page.contains("| a4999 | **failed** |"), "{}", &page[..2000]);
}

proptest! {
    #[test]
    fn the_limit_holds_and_no_block_stays_open(text in "\\PC*|[`\n |\\\\]*|\\p{any}*", limit in 0..9000_usize) {
        let page = render(&Run::of(&hostile(&text)), limit);
        prop_assert!(page.len() <= limit);
        outside(&page);
        prop_assert!(page.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
    }
}
