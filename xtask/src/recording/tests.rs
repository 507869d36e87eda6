use expect_test::expect;
use jiff::Timestamp;

use super::*;
use crate::report::cases::{MIXED, TORN, stream};
use crate::scratch::Scratch;

fn clock(second: i64) -> Clock {
    Clock::fixed(Timestamp::from_second(1_795_377_181 + second).unwrap())
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::of(variables, "/".as_ref())
}

fn recorded(workspace: &Workspace, second: i64, text: &str) -> String {
    let mut recorder = Recorder::create(workspace, &clock(second)).unwrap();
    stream(text).iter().for_each(|event| recorder.record(event).unwrap());
    let run = recorder.run().to_owned();
    recorder.finish(&environment(&[])).unwrap();
    run
}

#[test]
fn what_is_recorded_is_read_back_and_reported() {
    let scratch = Scratch::new();
    let workspace = Workspace::at(scratch.path());
    let run = recorded(&workspace, 0, MIXED);
    assert_eq!(read(&workspace, LAST).unwrap(), stream(MIXED));
    for name in ["report.md", "junit.xml"] {
        assert!(files::read_text(&workspace.run(&run).join(name)).unwrap().unwrap().contains("clippy"));
    }
}

#[test]
fn names_sort_by_time_and_no_two_runs_share_one() {
    let scratch = Scratch::new();
    let workspace = Workspace::at(scratch.path());
    let mut runs: Vec<_> = [0, 0, 0, 5, 70].map(|second| recorded(&workspace, second, TORN)).into();
    assert!(runs[0].starts_with("20261122T195301000Z-"), "{runs:?}");
    assert_eq!(runs[0].len(), "20261122T195301123Z-0a1b".len());
    assert!(runs[2] < runs[3] && runs[3] < runs[4], "{runs:?}");
    runs.sort();
    assert_eq!(list(&workspace).unwrap(), runs);
    runs.dedup();
    assert_eq!(runs.len(), 5);
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_name() {
    let scratch = Scratch::new();
    let workspace = Workspace::at(scratch.path());
    let failure = find(&workspace, LAST).unwrap_err();
    assert!(failure.problem.contains("no run is recorded"), "{failure}");
    let names = [
        "20261122T195301123Z-0a1b",
        "20261122T195301123Z-0a1c",
        "20261123T000000000Z-ffff",
        "20261124T000000000Z-0000",
    ];
    for name in names {
        files::write(&workspace.run(name).join("events.jsonl"), "").unwrap();
    }
    for (wanted, expected) in [(LAST, names[3]), (names[0], names[0]), ("20261123", names[2])] {
        assert_eq!(find(&workspace, wanted).unwrap(), expected);
    }
    expect![[r#"
        error: `20261122` is the beginning of 2 runs
          why:  20261122T195301123Z-0a1c
          why:  20261122T195301123Z-0a1b
          next: name one of these, or `last`: cargo xtask ci replay 20261122T195301123Z-0a1c"#]]
    .assert_eq(&find(&workspace, "20261122").unwrap_err().to_string());
    expect![[r#"
        error: no recorded run is named `../x`
          why:  20261124T000000000Z-0000
          why:  20261123T000000000Z-ffff
          why:  20261122T195301123Z-0a1c
          why:  20261122T195301123Z-0a1b
          next: name one of these, or `last`: cargo xtask ci replay 20261124T000000000Z-0000"#]]
    .assert_eq(&find(&workspace, "../x").unwrap_err().to_string());
}

#[test]
fn a_torn_recording_is_shown_and_a_broken_one_is_named() {
    let scratch = Scratch::new();
    let workspace = Workspace::at(scratch.path());
    let run = recorded(&workspace, 0, TORN);
    let path = workspace.run(&run).join("events.jsonl");
    let text = files::read_text(&path).unwrap().unwrap();
    files::write(&path, format!("{text}{{\"v\":1,\"at")).unwrap();
    assert_eq!(read(&workspace, LAST).unwrap(), stream(TORN));

    files::write(&path, format!("{text}garbage\n{text}")).unwrap();
    let failure = read(&workspace, LAST).unwrap_err().to_string();
    assert!(failure.contains("line 5 is no event") && failure.contains("events.jsonl"), "{failure}");

    files::write(&path, b"\xff\xfe\n").unwrap();
    assert!(read(&workspace, LAST).unwrap_err().to_string().contains("line 1 is no event"));
}

#[test]
fn pruning_keeps_the_newest_and_what_is_going_on() {
    let scratch = Scratch::new();
    let workspace = Workspace::at(scratch.path());
    let going_on = Recorder::create(&workspace, &clock(0)).unwrap();
    let runs: Vec<_> = [1, 2, 3].map(|second| recorded(&workspace, second, TORN)).into();
    assert_eq!(prune(&workspace, 1).unwrap(), runs[..2]);
    assert_eq!(list(&workspace).unwrap(), [going_on.run(), &runs[2]]);
    drop(going_on);
    assert_eq!(prune(&workspace, 1).unwrap().len(), 1);
    assert_eq!(prune(&workspace, 5).unwrap(), Vec::<String>::new());
}

#[test]
fn a_github_job_gets_a_summary_within_its_limit() {
    let scratch = Scratch::new();
    let workspace = Workspace::at(scratch.path());
    let path = scratch.path().join("summary.md");
    let name = path.to_str().unwrap();
    let finish = |github: &str| {
        let mut recorder = Recorder::create(&workspace, &clock(0)).unwrap();
        stream(MIXED).iter().for_each(|event| recorder.record(event).unwrap());
        recorder.finish(&environment(&[("GITHUB_ACTIONS", github), ("GITHUB_STEP_SUMMARY", name)])).unwrap();
        files::read_text(&path).unwrap()
    };
    assert_eq!(finish("false"), None);
    files::write(&path, "before\n").unwrap();
    let text = finish("true").unwrap();
    assert!(text.starts_with("before\n### cargo xtask ci: failed"), "{text}");
    assert!(finish("true").unwrap().len() > text.len());

    let full = "x".repeat(report::SUMMARY_BYTES_MAX - 1100);
    files::write(&path, &full).unwrap();
    let text = finish("true").unwrap();
    assert!(text.len() <= report::SUMMARY_BYTES_MAX && text.contains("left out"));
    files::write(&path, "x".repeat(report::SUMMARY_BYTES_MAX)).unwrap();
    assert_eq!(finish("true").unwrap().len(), report::SUMMARY_BYTES_MAX);
}
