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

#[test]
fn secrets_are_masked_in_every_text_and_nowhere_else() {
    let environment = Environment::of(&[("MY_TOKEN", "passed"), ("A_SECRET", "s3cr\"et")], "/".as_ref());
    let text = r#"{"v":1,"at":"2026-11-22T10:00:00Z","ms":0,"event":"run-started","run":"passed","command":"ci s3cr\"et","steps":[{"step":"passed","job":"passed","command":"x s3cr\"et","required":true,"decision":{"decision":"run","reason":"s3cr\"et"}}],"notes":["s3cr\"et"]}
{"v":1,"at":"2026-11-22T10:00:00Z","ms":0,"event":"step-finished","step":"passed","outcome":{"outcome":"passed"},"duration_ms":1,"excerpt":["as3cr\"etb"],"log":"s3cr\"et","rerun":"s3cr\"et","notes":["s3cr\"et"]}
{"v":1,"at":"2026-11-22T10:00:00Z","ms":0,"event":"step-finished","step":"passed","outcome":{"outcome":"broken","why":"s3cr\"et"},"duration_ms":1}
{"v":1,"at":"2026-11-22T10:00:00Z","ms":0,"event":"run-finished","status":"passed","duration_ms":1,"next":"s3cr\"et"}
"#;
    let masked: Vec<_> =
        parse(text).unwrap().into_iter().map(|stamped| stamped.masked(&environment)).collect();
    let written =
        masked.iter().map(|stamped| serde_json::to_string(stamped).unwrap() + "\n").collect::<String>();
    assert!(!written.contains("s3cr"), "{written}");
    assert_eq!(parse(&written).unwrap(), masked);
    assert!(
        matches!(&masked[1].event, Event::StepFinished { outcome: Outcome::Passed, step, .. } if step == "passed")
    );
}
