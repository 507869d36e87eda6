//! Events as text, and the metrics that they make.

use expect_test::{Expect, expect};
use jiff::Timestamp;
use nexus_xtask::journal::Entry;

use super::*;

/// Lines `writer second kind subject [value] [name=value ...]`.
fn report(events: &str) -> Report {
    let mut seq = 0;
    let line = |text: &str| {
        let mut words = text.split_whitespace();
        let mut next = || words.next().unwrap().to_owned();
        let (writer, second, kind, subject) = (next(), next(), next(), next().replace('~', " "));
        let mut entry = Entry { kind, subject, ..Entry::default() };
        for word in words {
            match word.split_once('=') {
                Some((name, value)) => drop(entry.labels.insert(name.into(), value.replace("\\n", "\n"))),
                None => entry.value = Some(word.parse().unwrap()),
            }
        }
        seq += 1;
        let ts = Timestamp::from_second(second.parse().unwrap()).unwrap();
        Line { v: 1, writer, seq, ts, entry, prev: String::new() }
    };
    Report {
        lines: events.lines().map(str::trim).filter(|text| !text.is_empty()).map(line).collect(),
        ..Report::default()
    }
}

/// The samples alone, without those that every journal has.
#[track_caller]
fn check(events: &str, expected: Expect) {
    let text = text(&report(events), "0.1.0");
    let own =
        |line: &&str| !line.starts_with('#') && !line.contains("_journal_") && !line.contains("_build_");
    expected.assert_eq(&text.lines().filter(own).map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn an_empty_journal_says_nothing_of_what_has_not_happened() {
    expect![[r#"
        # HELP xtask_build_info The toolkit that made this.
        # TYPE xtask_build_info gauge
        xtask_build_info{version="0.1.0"} 1
        # HELP xtask_journal_events_total Events of the journal.
        # TYPE xtask_journal_events_total counter
        xtask_journal_events_total 0
        # HELP xtask_journal_broken_places Places at which a chain of the journal is not whole.
        # TYPE xtask_journal_broken_places gauge
        xtask_journal_broken_places 0
    "#]]
    .assert_eq(&text(&Report::default(), "0.1.0"));
}

#[test]
fn runs_are_counted_by_result_and_timed_where_they_passed() {
    check(
        "w 100 ci.run passed 4.5
         w 200 ci.run failed 1
         w 300 ci.run passed 61.5
         w 400 ci.run nothing~to~do 0",
        expect![[r#"
            xtask_runs_total{result="failed"} 1
            xtask_runs_total{result="nothing_to_do"} 1
            xtask_runs_total{result="passed"} 2
            xtask_run_last_passed_timestamp_seconds 300
            xtask_run_duration_seconds_bucket{le="1"} 0
            xtask_run_duration_seconds_bucket{le="5"} 1
            xtask_run_duration_seconds_bucket{le="15"} 1
            xtask_run_duration_seconds_bucket{le="60"} 1
            xtask_run_duration_seconds_bucket{le="300"} 2
            xtask_run_duration_seconds_bucket{le="900"} 2
            xtask_run_duration_seconds_bucket{le="1800"} 2
            xtask_run_duration_seconds_bucket{le="3600"} 2
            xtask_run_duration_seconds_bucket{le="+Inf"} 2
            xtask_run_duration_seconds_sum 66
            xtask_run_duration_seconds_count 2
        "#]],
    );
}

#[test]
fn the_last_word_on_a_stage_counts() {
    check(
        "w 10 deploy.begun a release=1
         w 20 deploy.ended a release=1 way=forward outcome=Succeeded
         w 30 deploy.begun a release=2
         w 40 deploy.ended a release=2 way=forward outcome=RolledBack
         w 50 deploy.begun ab release=1
         w 60 deploy.begun a release=3
         w 61 deploy.begun a release=3
         w 70 deploy.ended a release=3 way=forward outcome=Succeeded
         w 80 deploy.begun a release=1
         w 90 deploy.ended a release=1 way=back outcome=Succeeded",
        expect![[r#"
            xtask_deploys_total{stage="a",outcome="rolled_back"} 1
            xtask_deploys_total{stage="a",outcome="succeeded"} 2
            xtask_rollbacks_total{stage="a",outcome="succeeded"} 1
            xtask_deploys_unfinished{stage="a"} 0
            xtask_deploys_unfinished{stage="ab"} 1
            xtask_deploy_info{stage="a",release="1"} 1
            xtask_deploy_last_success_timestamp_seconds{stage="a"} 90
        "#]],
    );
}

/// Who did not get the lock ends nothing but itself, and a lock that was lost leaves it open what became of it.
#[test]
fn what_is_under_way_stays_unfinished() {
    check(
        "w 10 deploy.begun a release=1
         w 11 deploy.begun a release=1
         w 12 deploy.ended a release=1 way=forward outcome=Busy
         w 20 deploy.begun b release=1
         w 21 deploy.ended b release=1 way=forward outcome=LockLost",
        expect![[r#"
            xtask_deploys_total{stage="a",outcome="busy"} 1
            xtask_deploys_total{stage="b",outcome="lock_lost"} 1
            xtask_deploys_unfinished{stage="a"} 1
            xtask_deploys_unfinished{stage="b"} 1
        "#]],
    );
}

#[test]
fn incidents_are_open_until_they_are_closed_once() {
    check(
        "w 10 incident.opened i stage=a
         w 20 incident.opened j stage=a
         w 30 incident.opened k stage=b
         w 40 incident.linked i stage=a caused_by=a-1.1
         w 50 incident.closed i stage=a
         v 60 incident.closed i stage=a
         w 70 incident.closed k stage=b
         w 80 incident.closed l stage=c",
        expect![[r#"
            xtask_incidents_total{stage="a"} 2
            xtask_incidents_total{stage="b"} 1
            xtask_incidents_open{stage="a"} 1
            xtask_incidents_open{stage="b"} 0
        "#]],
    );
}

#[test]
fn backups_and_drills_have_ages_and_failures() {
    check(
        "w 10 backup.create books 2000
         w 20 backup.failed books
         w 30 backup.verify books
         w 40 backup.verify.failed books
         w 50 drill.restore books
         w 60 drill.restore.failed books
         w 70 drill.restart.failed lights",
        expect![[r#"
            xtask_backups_total{backup="books",step="create",result="failure"} 1
            xtask_backups_total{backup="books",step="create",result="success"} 1
            xtask_backups_total{backup="books",step="verify",result="failure"} 1
            xtask_backups_total{backup="books",step="verify",result="success"} 1
            xtask_backup_last_created_timestamp_seconds{backup="books"} 10
            xtask_backup_last_verified_timestamp_seconds{backup="books"} 30
            xtask_backup_size_bytes{backup="books"} 2000
            xtask_drills_total{drill="books",kind="restore",result="failure"} 1
            xtask_drills_total{drill="books",kind="restore",result="success"} 1
            xtask_drills_total{drill="lights",kind="restart",result="failure"} 1
            xtask_drill_last_success_timestamp_seconds{drill="books",kind="restore"} 50
        "#]],
    );
}

#[test]
fn hostile_values_stay_values() {
    check(
        "w 10 deploy.ended a\"} release=\\n# outcome=Succeeded",
        expect![[r#"
        xtask_deploys_total{stage="a\"}",outcome="succeeded"} 1
        xtask_deploys_unfinished{stage="a\"}"} 0
        xtask_deploy_info{stage="a\"}",release="\n#"} 1
        xtask_deploy_last_success_timestamp_seconds{stage="a\"}"} 10
    "#]],
    );
}

/// Which of two writers is read first changes nothing.
#[test]
fn the_order_of_files_does_not_count() {
    let mut one = report(
        "w 10 deploy.ended a release=1 outcome=Succeeded
         v 20 deploy.ended a release=2 outcome=Succeeded
         w 15 ci.run passed 3",
    );
    let before = text(&one, "0.1.0");
    one.lines.reverse();
    assert_eq!(text(&one, "0.1.0"), before);
}
