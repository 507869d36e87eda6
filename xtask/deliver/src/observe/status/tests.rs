//! Events as text, and the screen that they make.

use expect_test::{Expect, expect};
use nexus_xtask::journal::Entry;

use super::*;

/// The moment of the look, in the seconds of the events.
const NOW: i64 = 1_000_000;

/// A status of lines `second kind subject [value] [name=value ...]`; `~` is a space in a value.
fn taken(events: &str) -> Status {
    let mut status = Status::default();
    for (place, text) in events.lines().map(str::trim).filter(|text| !text.is_empty()).enumerate() {
        let mut words = text.split_whitespace();
        let mut next = || words.next().unwrap().to_owned();
        let (second, kind, subject) = (next(), next(), next());
        let mut entry = Entry { kind, subject, ..Entry::default() };
        for word in words {
            match word.split_once('=') {
                Some((name, value)) => drop(entry.labels.insert(name.into(), value.replace('~', " "))),
                None => entry.value = Some(word.parse().unwrap()),
            }
        }
        let ts = Timestamp::from_second(second.parse().unwrap()).unwrap();
        let seq = u64::try_from(place).unwrap();
        status.take(Line { v: 1, writer: "w".into(), seq, ts, entry, prev: String::new() });
    }
    status
}

#[track_caller]
fn check(events: &str, signals: Option<&[Signal]>, is_red: bool, expected: Expect) {
    let rows = taken(events).rows(signals, &[]);
    assert_eq!(is_bad(&rows), is_red);
    expected.assert_eq(&screen(&rows, Timestamp::from_second(NOW).unwrap()).join("\n"));
    // Whichever way the files are read.
    let mut lines: Vec<_> = events.lines().collect();
    lines.reverse();
    let turned = taken(&lines.join("\n")).rows(signals, &[]);
    assert_eq!(turned, rows);
}

#[test]
fn nothing_is_not_good() {
    check("", None, false, expect!["nothing has happened here yet"]);
}

#[test]
fn what_is_as_it_should_be_is_on_one_screen() {
    check(
        "900000 deploy.begun staging release=0.1.0-aa way=forward
         900100 deploy.ended staging release=0.1.0-aa way=forward outcome=Succeeded
         990000 deploy.ended production release=0.1.0-aa way=forward outcome=already
         999000 ci.run failed 3.2
         999100 ci.run passed 61
         999200 ci.run passed 2.51
         999300 ci.run passed 0.5
         500000 backup.failed data
         600000 backup.create data 10
         700000 backup.verify data 10
         800000 drill.restore data
         800001 incident.opened i1 stage=staging title=slow
         800002 incident.closed i1
         100000 claim.level c1 before=operated level=planned
         200000 claim.level c1 before=planned level=tested",
        Some(&[Signal { name: "page".into(), state: "up".into(), reason: "it answers".into() }]),
        false,
        expect![[r#"
            live         production  0.1.0-aa  2 hours ago
                         staging     0.1.0-aa  1 day ago
            signals      page        up        it answers
            runs         ci          passed    11 minutes ago; took 0.5 s
                         ci          passed    13 minutes ago; took 2.5 s
                         ci          passed    15 minutes ago; took 61.0 s
            backups      data        good      4 days ago; create
                         data        good      3 days ago; verify
            drills       data        good      2 days ago; restore
            nothing is bad"#]],
    );
}

#[test]
fn what_is_down_red_unfinished_or_fallen_is_told_apart() {
    check(
        "900000 deploy.ended staging release=0.1.0-aa outcome=Succeeded
         910000 deploy.begun staging release=0.2.0-bb
         910100 deploy.ended staging release=0.2.0-bb outcome=RolledBack
         920000 deploy.begun production release=0.2.0-bb
         920001 deploy.begun production release=0.2.0-bb
         920002 deploy.ended production release=0.2.0-bb outcome=Busy
         999000 ci.run passed 61
         999100 ci.run failed 3.2
         600000 backup.create data 10
         600001 backup.verify.failed data
         800000 drill.restore.failed data
         800001 incident.opened i1 stage=staging title=no~answers
         900000 claim.level c1 before=operated level=built
         999999 signal.changed page state=up reason=it~answers
         999000 signal.changed page state=down
         999000 signal.changed name state=unknown reason=no~such~name",
        None,
        true,
        expect![[r#"
            live         staging     0.1.0-aa    1 day ago
            deploys    ! staging     rolledback  1 day ago; release 0.2.0-bb
                       ? production  unfinished  22 hours ago; release 0.2.0-bb; its end is not known
            incidents  ! i1          open        2 days ago; staging: no answers
            signals    ? name        unknown     16 minutes ago; no such name
                         page        up          1 second ago; it answers
            runs       ! ci          failed      15 minutes ago; took 3.2 s
                         ci          passed      16 minutes ago; took 61.0 s
            backups      data        good        4 days ago; create
                       ! data        failed      4 days ago; verify
            drills     ! data        failed      2 days ago; restore
            claims     ! c1          built       1 day ago; was operated
            6 bad, 2 not known"#]],
    );
}

#[test]
fn a_signal_is_what_it_is_now_and_not_what_the_journal_said() {
    let stale = Signal { name: "page".into(), state: "stale".into(), reason: "the last look is old".into() };
    check(
        "900000 signal.changed page state=up reason=it~answers",
        Some(&[stale]),
        false,
        expect![[r#"
        signals    ? page  stale  the last look is old
        nothing is bad; 1 not known"#]],
    );
    let down = Signal { name: "page".into(), state: "down".into(), reason: "refused".into() };
    check(
        "900000 signal.changed page state=down",
        Some(&[down]),
        true,
        expect![[r#"
        signals    ! page  down  1 day ago; refused
        1 bad, 0 not known"#]],
    );
}
