//! Events as text, and the deployments that they make.

use expect_test::{Expect, expect};
use nexus_xtask::journal::Entry;

use super::*;

/// Lines `writer second kind subject [name=value ...]`; the deployments as `id end begun..ended events`.
#[track_caller]
fn check(events: &str, expected: Expect) {
    let mut places: BTreeMap<String, u64> = BTreeMap::new();
    let line = |text: &str| {
        let mut words = text.split_whitespace();
        let mut next = || words.next().unwrap().to_owned();
        let (writer, second, kind, subject) = (next(), next(), next(), next());
        let labels =
            words.map(|word| word.split_once('=').unwrap()).map(|(name, value)| (name.into(), value.into()));
        let entry = Entry { kind, subject, labels: labels.collect(), ..Entry::default() };
        let seq = places.entry(writer.clone()).or_default();
        *seq += 1;
        let ts = Timestamp::from_second(second.parse().unwrap()).unwrap();
        Line { v: 1, writer, seq: *seq, ts, entry, prev: String::new() }
    };
    let lines: Vec<Line> = events.lines().map(str::trim).map(line).collect();
    let history = fold(&lines, Timestamp::MAX);
    let second = |at: Option<Timestamp>| at.map_or("?".to_owned(), |at| at.as_second().to_string());
    let deployments = history.deployments.iter().map(|one| {
        let (begun, ended) = (second(one.begun), second(one.ended));
        format!("{} {:?} {begun}..{ended} {}\n", one.id, one.end, one.events.join(" "))
    });
    let incidents = history.incidents.iter().map(|one| {
        let (opened, closed) = (second(Some(one.opened)), second(one.closed));
        format!("{} {opened}..{closed} {:?} {}\n", one.id, one.caused_by, one.events.join(" "))
    });
    expected.assert_eq(&deployments.chain(incidents).collect::<String>());
}

#[test]
fn who_goes_on_with_what_was_killed_ends_both() {
    check(
        "w 10 deploy.begun a release=1 deployment=a-1.1
         w 20 deploy.begun a release=1 deployment=a-1.1
         w 30 deploy.ended a release=1 deployment=a-1.1 outcome=Succeeded",
        expect![[r#"
            a-1.1 Succeeded 10..30 w:1 w:2 w:3
        "#]],
    );
}

#[test]
fn who_is_busy_or_refused_ends_only_itself() {
    check(
        "w 10 deploy.begun a release=1
         v 11 deploy.begun a release=1
         v 12 deploy.ended a release=1 outcome=Busy
         v 13 deploy.begun a release=1
         v 14 deploy.ended a release=1 outcome=Refused",
        expect![[r#"
            w:1 Unknown 10..? w:1
        "#]],
    );
}

/// The deployer died between the hosts' records and its own.
#[test]
fn what_is_found_done_later_had_succeeded_at_a_time_that_nobody_knows() {
    check(
        "w 10 deploy.begun a release=1
         w 90 deploy.begun a release=1
         w 91 deploy.ended a release=1 outcome=Already
         w 95 deploy.begun a release=1
         w 96 deploy.ended a release=1 outcome=Already",
        expect![[r#"
            w:1 Succeeded 10..? w:1
        "#]],
    );
}

#[test]
fn a_lost_lock_leaves_it_open_how_it_ended() {
    check(
        "w 10 deploy.begun a release=1
         w 20 deploy.ended a release=1 outcome=LockLost
         w 30 deploy.begun a release=2
         w 40 deploy.ended a release=2 outcome=Paused",
        expect![[r#"
            w:1 Unknown 10..? w:1
            w:3 Paused 30..40 w:3 w:4
        "#]],
    );
}

#[test]
fn an_incident_is_opened_linked_and_closed() {
    check(
        "w 10 incident.opened i stage=a at=1970-01-01T00:00:05Z
         w 20 incident.linked i caused_by=w:1
         w 21 incident.linked i caused_by=w:1
         w 30 incident.closed i at=25
         w 31 incident.closed j
         v 40 incident.opened k stage=a caused_by=a-1.1",
        expect![[r#"
            i 5..25 ["w:1"] w:1 w:2 w:3 w:4
            k 40..? ["a-1.1"] v:1
        "#]],
    );
}
