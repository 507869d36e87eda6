use super::*;
use crate::report::cases::{MIXED, STATUSES, TORN, stamped, stream};

#[test]
fn the_fold_counts_every_step_once() {
    let run = Run::of(&stream(MIXED));
    assert_eq!(run.counted(), "3 passed, 1 proven, 1 flaky, 1 failed, 1 unavailable, 1 not run, 1 skipped");
    assert_eq!(run.counts().iter().map(|(_, count)| count).sum::<usize>(), run.steps.len());
    assert_eq!(run.failures().map(|(step, _)| step.plan.step.as_str()).collect::<Vec<_>>(), ["clippy"]);
}

#[test]
fn no_word_of_an_outcome_is_left_out_of_the_counts() {
    let text = "0 plan a\n0 timeout b 5\n0 broken c why\n0 stopped d\n0 unavailable e tool\n0 fail f 1\n";
    let mut events = stream(text);
    for (step, outcome) in [("g", Outcome::Killed { signal: 9 }), ("h", Outcome::Unknown)] {
        let finished = Event::StepFinished {
            step: step.into(),
            outcome,
            duration_ms: 0,
            excerpt: Vec::new(),
            log: None,
            rerun: None,
            notes: Vec::new(),
        };
        events.push(stamped(0, finished));
    }
    assert_eq!(
        Run::of(&events).counted(),
        "1 failed, 1 timed out, 1 killed, 1 broken, 1 interrupted, 1 unavailable, 1 unknown, 1 undecided"
    );
}

#[test]
fn a_stream_that_breaks_off_says_what_was_going_on() {
    let events = stream(TORN);
    for (count, expected) in [
        (0, "interrupted while nothing was running"),
        (2, "interrupted while running: fmt"),
        (3, "interrupted while nothing was running"),
        (4, "interrupted while running: clippy"),
    ] {
        assert_eq!(Run::of(&events[..count]).result(), expected, "{count}");
    }
}

#[test]
fn the_status_is_the_result() {
    for status in STATUSES {
        let end = Event::RunFinished { status, duration_ms: 5, next: None };
        let run = Run::of(&[stamped(7, end)]);
        assert_eq!((run.result().as_str(), run.total_ms()), (status.word(), 5));
    }
}

#[test]
fn events_of_steps_that_no_plan_named_are_kept() {
    let run = Run::of(&stream("5 start a\n9 pass a\n"));
    assert_eq!((run.steps.len(), run.counted().as_str()), (1, "1 passed"));
    assert!(run.step("a").is_some() && run.step("b").is_none());
}
