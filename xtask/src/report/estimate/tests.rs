use expect_test::{Expect, expect};

use super::*;
use crate::report::cases::stream;

#[track_caller]
fn check(now_ms: u64, text: &str, expected: Expect) {
    let run = Run::of(&stream(text));
    let Estimate { rest_ms, unknown } = rest(&run, now_ms);
    expected.assert_eq(&format!("{rest_ms} ms, {unknown} unknown, next {}", next(&run).join(" ")));
}

#[test]
fn independent_steps_run_beside_each_other() {
    check(0, "0 plan a last=5; b last=9\n", expect!["9 ms, 0 unknown, next a b"]);
}

#[test]
fn needs_and_lanes_run_after_each_other() {
    check(0, "0 plan a last=5; b last=9 needs=a\n", expect!["14 ms, 0 unknown, next a"]);
    check(0, "0 plan a last=5 lane=x; b last=9 lane=x\n", expect!["14 ms, 0 unknown, next a b"]);
    check(
        0,
        "0 plan a last=5 lane=x needs=b; b last=9 lane=x; c last=2 lane=y\n",
        expect!["14 ms, 0 unknown, next b c"],
    );
}

#[test]
fn what_runs_counts_down_to_nothing_and_holds_its_lane() {
    let text = "0 plan a last=5 lane=x; b last=9 lane=x\n0 start b\n";
    check(4, text, expect!["10 ms, 0 unknown, next a"]);
    check(400, text, expect!["5 ms, 0 unknown, next a"]);
}

#[test]
fn what_never_ran_is_said_and_what_is_decided_is_over() {
    check(0, "0 plan a; b last=3\n0 proven a 5\n", expect!["3 ms, 0 unknown, next b"]);
    check(0, "0 plan a; b last=3 needs=a\n", expect!["3 ms, 1 unknown, next a"]);
    check(0, "0 plan a skipped last=9; b skipped; c\n", expect!["0 ms, 1 unknown, next c"]);
    check(0, "0 plan a needs=b; b needs=a\n", expect!["0 ms, 2 unknown, next a b"]);
}
