use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::event::{Event, Stamped};
use crate::report::cases::{MIXED, TORN, stamped, stream};

#[track_caller]
fn check(text: &str, expected: Expect) {
    let timings = Timings::of(&Run::of(&stream(text)));
    let links: Vec<_> = timings
        .critical
        .iter()
        .map(|link| format!("{}:{}+{}", link.step, link.waited_ms, link.duration_ms))
        .collect();
    let slack: Vec<_> =
        timings.slack.iter().map(|slack| format!("{}:{}", slack.step, slack.slack_ms)).collect();
    let Timings { total_ms, busy_ms, idle_ms, critical_ms, .. } = timings;
    expected.assert_eq(&format!(
        "total {total_ms}, busy {busy_ms}, idle {idle_ms}\npath {critical_ms}: {}\nslack {}",
        links.join(" "),
        slack.join(" ")
    ));
}

#[test]
fn nothing_took_no_time() {
    check(
        "0 plan \n",
        expect![[r#"
            total 0, busy 0, idle 0
            path 0: 
            slack "#]],
    );
}

#[test]
fn the_path_follows_needs_and_lanes() {
    check(
        MIXED,
        expect![[r#"
        total 38600, busy 38399, idle 201
        path 31900: build:10+20000 clippy:90+11900
        slack build:0 clippy:0 test:5401 doctest:5401 net:26910"#]],
    );
}

#[test]
fn a_proven_step_hands_on_what_it_waited_for() {
    let text = "0 plan a; b needs=a; c needs=b; d\n0 start a\n0 start d\n50 pass a\n50 proven b 5\n60 start c\n70 pass d\n90 pass c\n";
    check(
        text,
        expect![[r#"
            total 90, busy 90, idle 0
            path 80: a:0+50 c:10+30
            slack a:0 c:0 d:10"#]],
    );
}

#[test]
fn a_broken_off_stream_is_measured_up_to_its_last_event() {
    check(
        TORN,
        expect![[r#"
        total 400, busy 390, idle 10
        path 390: fmt:10+390
        slack fmt:0 clippy:390"#]],
    );
}

#[test]
fn a_lane_without_overlap_and_a_need_that_came_later_are_no_edges() {
    let text = "0 plan a lane=x needs=b; b lane=x\n0 start a\n0 start b\n10 pass a\n30 pass b\n";
    check(
        text,
        expect![[r#"
        total 30, busy 30, idle 0
        path 30: b:0+30
        slack a:20 b:0"#]],
    );
}

/// A run of up to eight steps with any needs, cycles too, in any order of events.
fn any_run() -> impl Strategy<Value = Vec<Stamped>> {
    let needs = prop::collection::vec(prop::collection::vec(0..8_usize, 0..3), 8);
    let happenings = prop::collection::vec((0..8_usize, 0..4_u8, 0..500_u64), 0..60);
    (needs, happenings).prop_map(|(needs, happenings)| {
        let plan: Vec<_> = needs
            .iter()
            .enumerate()
            .map(|(step, needs)| {
                let needs: Vec<_> = needs.iter().map(|need| format!("s{need}")).collect();
                format!("s{step} lane=l{} needs={}", step % 3, needs.join(","))
            })
            .collect();
        let mut text = format!("0 plan {}\n", plan.join("; "));
        let mut ms = 0;
        for (step, what, later) in happenings {
            ms += later;
            let verb = ["start", "pass", "retry", "notrun"][usize::from(what)];
            text += &format!("{ms} {verb} s{step} 1\n");
        }
        stream(&text)
    })
}

proptest! {
    #[test]
    fn figures_hold_together(events in any_run()) {
        let timings = Timings::of(&Run::of(&events));
        prop_assert_eq!(timings.busy_ms + timings.idle_ms, timings.total_ms);
        prop_assert!(timings.critical_ms <= timings.total_ms);
        let links: u64 = timings.critical.iter().map(|link| link.duration_ms).sum();
        prop_assert_eq!(links, timings.critical_ms);
        let waits: u64 = timings.critical.iter().map(|link| link.waited_ms).sum();
        prop_assert!(links + waits <= timings.total_ms);
        for link in &timings.critical {
            let slack = timings.slack.iter().find(|slack| slack.step == link.step);
            prop_assert_eq!(slack.map(|slack| slack.slack_ms), Some(0));
        }
    }

    #[test]
    fn the_path_grows_with_its_steps(mut events in any_run()) {
        let before = Timings::of(&Run::of(&events)).critical_ms;
        let last = events.last().map_or(0, |last| last.ms);
        events.push(stamped(last, Event::StepStarted { step: "late".into(), attempt: 1 }));
        events.push(stamped(last + 10_000_000, Event::Interrupted { times: 1 }));
        prop_assert!(Timings::of(&Run::of(&events)).critical_ms >= before.max(10_000_000));
    }
}
