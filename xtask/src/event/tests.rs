use super::*;

const OLD: &str = r#"{"v":1,"at":"2026-11-22T10:00:00Z","ms":0,"event":"run-started","run":"r1","command":"cargo xtask ci","steps":[]}
{"v":1,"at":"2026-11-22T10:00:01Z","ms":1000,"event":"step-finished","step":"fmt","outcome":{"outcome":"failed","exit":1},"duration_ms":900}
"#;

const NEWER: &str = r#"{"v":2,"at":"2026-11-22T10:00:00Z","ms":0,"event":"step-paused","step":"fmt","mood":"calm"}
{"v":2,"at":"2026-11-22T10:00:00Z","ms":0,"event":"run-finished","status":"transcended","duration_ms":1,"extra":[1]}
{"v":2,"at":"2026-11-22T10:00:00Z","ms":0,"event":"step-finished","step":"fmt","outcome":{"outcome":"levitated"},"duration_ms":1}
"#;

#[test]
fn a_new_reader_reads_old_data() {
    let events = parse(OLD).unwrap();
    let Event::StepFinished { outcome, excerpt, .. } = &events[1].event else { panic!("{events:?}") };
    assert_eq!(outcome, &Outcome::Failed { exit: 1 });
    assert!(excerpt.is_empty());
}

#[test]
fn an_old_reader_shows_newer_data_and_takes_nothing_unknown_for_a_pass() {
    let events = parse(NEWER).unwrap();
    assert_eq!(events[0].event, Event::Unknown);
    assert!(matches!(events[1].event, Event::RunFinished { status: Status::Unknown, .. }));
    let Event::StepFinished { outcome, .. } = &events[2].event else { panic!("{events:?}") };
    assert!(outcome.is_failure() && !outcome.is_pass());
}

#[test]
fn what_is_written_is_read_back() {
    let written: String =
        parse(OLD).unwrap().iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
    assert_eq!(parse(&written).unwrap(), parse(OLD).unwrap());
}

#[test]
fn a_torn_last_line_is_left_out_and_a_broken_line_is_not() {
    let torn = &OLD[..OLD.len() - 20];
    assert_eq!(parse(torn).unwrap().len(), 1);
    assert!(parse(&format!("{{\n{OLD}")).unwrap_err().to_string().contains("line 1"));
}
