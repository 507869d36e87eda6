//! A recorded history, and its figures as a person computes them with a pencil.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

/// Production from February to March: deployments that succeeded, were taken back, stopped, were killed, refused and busy;
/// ways back that did and did not succeed; hotfixes; incidents with a link, without one, and one that goes on.
const RECORDED: &str = include_str!("tests/recorded.jsonl");

const HOUR: f64 = 3600.0;
const MINUTE: f64 = 60.0;

fn lines(text: &str) -> Vec<Line> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The 28 days before a day.
fn until(day: &str) -> Report {
    let until = format!("{day}T00:00:00Z").parse().unwrap();
    report(&lines(RECORDED), "production", SignedDuration::from_hours(28 * 24), until)
}

/// What is written on the paper: the name, the value, n, how many are unknown, their share, and the judgement.
type Row = (Name, Option<f64>, usize, usize, f64, Judgement);

#[track_caller]
fn check(report: &Report, paper: [Row; 5]) {
    let close = |one: f64, other: f64| (one - other).abs() < 1e-9;
    for (figure, row) in report.figures.iter().zip(&paper) {
        let (name, value, n, unknown, share, judgement) = *row;
        let is_value = match (figure.value, value) {
            (Some(one), Some(other)) => close(one, other),
            (one, other) => one == other,
        };
        assert!(is_value && close(figure.unknown_share, share), "{row:?} is not {figure:?}");
        assert_eq!((figure.name, figure.n, figure.unknown, figure.judgement), (name, n, unknown, judgement));
    }
    assert_eq!(report.figures.len(), paper.len());
}

/// | release | ended (UTC)  | how                     | its changes waited | failed | well again after         | rework |
/// |---------|--------------|-------------------------|--------------------|--------|--------------------------|--------|
/// | 1.1.0-a | 2 Mar 10:10  | succeeded               | 2 h, 12 h          |        |                          | no     |
/// | 1.2.0-a | 4 Mar 09:20  | taken back by itself    |                    | yes    | 20 min, begin to end     |        |
/// | 1.2.1-a | 4 Mar 15:10  | succeeded, because of it| 1 h, 12 h          |        |                          | yes    |
/// | 1.3.0-a | 6 Mar 12:10  | succeeded               | 3 h                | yes    | 1 h, until the way back  | no     |
/// | 1.4.0-a | 9 Mar 08:10  | succeeded               | 24 h               | yes    | 4 h, the incident        | no     |
/// | 1.4.1-a | 9 Mar 12:30  | succeeded, killed once  | 1 h                |        |                          | yes    |
/// | 1.5.0-a | 12 Mar 10:10 | succeeded, one was busy | not known          |        |                          | ?      |
/// | 1.6.0-a | 15 Mar 10:30 | needed a person         |                    | yes    | 105 min, to the way back |        |
/// | 1.7.0-a |              | killed                  |                    | ?      |                          |        |
/// | 1.5.0-b | 20 Mar 10:10 | succeeded               | none in it         | a guess|                          | no     |
/// | 1.8.0-a | 22 Mar 10:01 | refused: none           |                    |        |                          |        |
/// | 1.5.0-b | 23 Mar 10:01 | was there: none         |                    |        |                          |        |
/// | 1.9.0-a | 25 Mar 10:10 | succeeded               | 6 h                | yes    | the incident goes on     | no     |
/// | 2.0.0-a | 27 Mar 10:20 | stopped                 |                    | yes    | nothing came after it    |        |
/// | 2.0.1-a |              | lost its lock           |                    | ?      |                          |        |
///
/// Succeeded: 8; with an end: 11; without: 2. The six of February waited 4 h each, and none of them failed.
#[test]
fn the_figures_are_those_computed_by_hand() {
    let report = until("2026-03-29");
    check(
        &report,
        [
            // 1 1 2 3 | 6 12 12 24 h; before: 4 h, and 4.5 is more than a tenth above it.
            (Name::ChangeLeadTime, Some(4.5 * HOUR), 8, 1, 1.0 / 8.0, Judgement::Worse),
            (Name::DeploymentFrequency, Some(8.0 / 28.0), 8, 2, 2.0 / 10.0, Judgement::Better),
            // 20 60 | 105 240 min
            (Name::FailedDeploymentRecoveryTime, Some(82.5 * MINUTE), 4, 2, 2.0 / 6.0, Judgement::TooFew),
            (Name::ChangeFailRate, Some(6.0 / 11.0), 11, 2, 2.0 / 13.0, Judgement::Worse),
            (Name::DeploymentReworkRate, Some(2.0 / 7.0), 7, 1, 1.0 / 8.0, Judgement::Worse),
        ],
    );
    let guess = Guess { incident: "incident-2".into(), deployment: Some("production-1.5.0-b.1".into()) };
    assert_eq!(report.guesses, [guess]);
    assert_eq!(report.lost_links, ["production-0.0.0-gone.1"]);
}

#[test]
fn each_figure_names_the_events_that_it_counted() {
    let report = until("2026-03-29");
    let named: Vec<_> = report.figures.iter().map(|figure| figure.events.join(" ")).collect();
    expect![[r#"
        wa:19 wa:23 wa:25 wa:31 wb:3 wb:8
        wa:19 wa:23 wa:25 wa:31 wb:3 wa:36 wa:43 wb:8
        wa:21 wa:23 wa:25 wa:29 wa:31 wa:32 wb:4 wa:34 wb:3 wa:38
        wa:19 wa:21 wa:23 wa:25 wa:31 wb:3 wa:36 wa:38 wa:43 wb:8 wa:51 wa:29 wa:32 wb:4 wa:34 wb:9
        wa:19 wa:23 wa:25 wa:31 wb:3 wa:43 wb:8"#]]
    .assert_eq(&named.join("\n"));
}

/// The six of February alone: nothing failed, and before them the journal holds no deployment.
#[test]
fn a_good_month_has_no_recovery_to_speak_of() {
    check(
        &until("2026-03-01"),
        [
            (Name::ChangeLeadTime, Some(4.0 * HOUR), 6, 0, 0.0, Judgement::NothingBefore),
            (Name::DeploymentFrequency, Some(6.0 / 28.0), 6, 0, 0.0, Judgement::NothingBefore),
            (Name::FailedDeploymentRecoveryTime, None, 0, 0, 0.0, Judgement::TooFew),
            (Name::ChangeFailRate, Some(0.0), 6, 0, 0.0, Judgement::NothingBefore),
            (Name::DeploymentReworkRate, Some(0.0), 6, 0, 0.0, Judgement::NothingBefore),
        ],
    );
}

/// What is learned later changes a figure only from then on.
#[test]
fn at_a_moment_only_what_was_known_then_counts() {
    let failed = |day: &str| until(day).failures.iter().map(|one| one.deployment.clone()).collect::<Vec<_>>();
    assert_eq!(failed("2026-03-06"), ["production-1.2.0-a.1"]);
    assert_eq!(
        failed("2026-03-10"),
        ["production-1.2.0-a.1", "production-1.3.0-a.1", "production-1.4.0-a.1"]
    );
    let guesses = |day: &str| until(day).guesses.len();
    // Linked by hand at 08:00 of the tenth; until then the incident has no link.
    assert_eq!((guesses("2026-03-10"), guesses("2026-03-11")), (1, 0));
}

#[test]
fn the_order_of_lines_does_not_count() {
    let mut lines = lines(RECORDED);
    let at = "2026-03-29T00:00:00Z".parse().unwrap();
    let window = SignedDuration::from_hours(28 * 24);
    let before = report(&lines, "production", window, at);
    lines.reverse();
    assert_eq!(report(&lines, "production", window, at), before);
}

/// Events of a stage: `second kind release way [outcome] [before=RELEASE]`; the deployments that failed, with the causes.
#[track_caller]
fn failed(events: &[&str], expected: &str) {
    let line = |(seq, text): (u64, &&str)| {
        let mut words = text.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let (second, kind, release, way, outcome) = (next(), next(), next(), next(), next());
        let mut labels = json!({ "release": release, "way": way, "outcome": outcome });
        if let Some((name, value)) = words.next().and_then(|word| word.split_once('=')) {
            labels[name] = json!(value);
        }
        let ts = Timestamp::from_second(second.parse().unwrap()).unwrap();
        let line = json!({ "v": 1, "writer": "w", "seq": seq, "ts": ts, "kind": kind, "subject": "a", "labels": labels, "prev": "" });
        serde_json::from_value(line).unwrap()
    };
    let lines: Vec<Line> = (1..).zip(events).map(line).collect();
    let report = report(&lines, "a", SignedDuration::from_secs(1000), Timestamp::from_second(999).unwrap());
    let failures = report.failures.iter().map(|one| format!("{} {:?}", one.deployment, one.causes));
    assert_eq!(failures.collect::<Vec<_>>().join("; "), expected);
}

/// What a way back says about the deployments before it.
#[test]
fn a_way_back_fails_what_it_left_and_nothing_else() {
    let came = ["10 deploy.ended 1 forward Succeeded", "20 deploy.ended 2 forward Succeeded"];
    let with = |more: &[&'static str]| [&came, more].concat();
    failed(&with(&["30 deploy.ended 1 back Succeeded"]), r#"w:2 [WentBack("w:3")]"#);
    failed(&with(&["30 deploy.ended 1 back RolledBack"]), "");
    // The second one leaves what the first one went to.
    let twice = ["30 deploy.ended 1 back Succeeded", "40 deploy.ended 0 back Succeeded"];
    failed(&with(&twice), r#"w:1 [WentBack("w:4")]; w:2 [WentBack("w:3")]"#);
    // The same release again needed a person, and the way back is the mending of that.
    let again = ["30 deploy.ended 2 forward Person", "40 deploy.ended 1 back Succeeded"];
    failed(&with(&again), "w:3 [OwnEnd(Person)]");
    // It stopped and everything had gone back by itself: what people then left is what every host had.
    let stopped = ["30 deploy.ended 3 forward Paused", "40 deploy.ended 1 back Succeeded before=2"];
    failed(&with(&stopped), r#"w:2 [WentBack("w:4")]; w:3 [OwnEnd(Paused)]"#);
}

#[test]
fn nothing_is_said_about_little_or_about_what_is_mostly_unknown() {
    let of = |n, unknown_share| Figure {
        name: Name::ChangeFailRate,
        value: Some(0.5),
        n,
        unknown: 0,
        unknown_share,
        judgement: Judgement::Same,
        events: Vec::new(),
    };
    let before = of(9, 0.1);
    assert_eq!(judge(&of(4, 0.0), Some(&before)), Judgement::TooFew);
    assert_eq!(judge(&of(9, 0.6), Some(&before)), Judgement::TooLittleKnown);
    assert_eq!(judge(&of(9, 0.1), Some(&of(9, 0.6))), Judgement::NothingBefore);
    assert_eq!(judge(&of(9, 0.1), Some(&before)), Judgement::Same);
}

/// What a person reads.
#[track_caller]
fn says(report: &Report, expected: Expect) {
    expected.assert_eq(&render::report(report));
}

#[test]
fn people_read_it_on_one_screen() {
    says(
        &until("2026-03-29"),
        expect![[r#"
            delivery to `production`, 2026-03-01T00:00:00Z to 2026-03-29T00:00:00Z
              change lead time                        4h30m  n 8 changes, 1 unknown (12%); worse than in the span before
              deployment frequency               0.29 a day  n 8 deployments, 2 unknown (20%); better than in the span before
              failed deployment recovery time         1h22m  n 4 recoveries, 2 unknown (33%); too few to judge: 5 are needed
              change fail rate                          55%  n 11 deployments, 2 unknown (15%); worse than in the span before
              deployment rework rate                    29%  n 7 deployments, 1 unknown (12%); worse than in the span before
            failed
              production-1.2.0-a.1  it was taken back by itself, production-1.2.1-a.1 was needed because of it; well again after 20m00s
              production-1.3.0-a.1  production-1.2.1-a.3.back went back from it; well again after 1h00m
              production-1.4.0-a.1  incident-1 names it, production-1.4.1-a.1 was needed because of it; well again after 4h00m
              production-1.6.0-a.1  it needed a person; well again after 1h45m
              production-1.9.0-a.1  incident-3 names it; nothing says that it is well again
              production-2.0.0-a.1  it stopped without a verdict; nothing says that it is well again
            incidents without a link, counted in no figure
              incident-2  a guess: production-1.5.0-b.1, deployed last before it
            not in this journal: the deployment `production-0.0.0-gone.1`, which a link names"#]],
    );
    says(
        &report(&[], "moon", SignedDuration::from_hours(24), Timestamp::UNIX_EPOCH),
        expect![[r#"
        delivery to `moon`, 1969-12-31T00:00:00Z to 1970-01-01T00:00:00Z
          change lead time                      unknown  n 0 changes; too few to judge: 5 are needed
          deployment frequency                  unknown  n 0 deployments; too few to judge: 5 are needed
          failed deployment recovery time       unknown  n 0 recoveries; too few to judge: 5 are needed
          change fail rate                      unknown  n 0 deployments; too few to judge: 5 are needed
          deployment rework rate                unknown  n 0 deployments; too few to judge: 5 are needed"#]],
    );
}
