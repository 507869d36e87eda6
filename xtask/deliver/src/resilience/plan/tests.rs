//! What observations mean, in every way they can come.

use expect_test::{Expect, expect};

use nexus_xtask::digest::Digest;

use super::*;
use crate::resilience::evidence::VERSION;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn size(bytes: u64) -> Size {
    Size { bytes, files: u64::from(bytes > 0), digest: Digest::of(bytes.to_string()) }
}

fn made(snapshot: &str, bytes: u64) -> Created {
    Created {
        v: VERSION,
        at: at("2026-07-01T00:00:00Z"),
        snapshot: snapshot.to_owned(),
        size: size(bytes),
        dump_ms: 1,
        store_ms: 1,
        verify_ms: 1,
        shrink_reason: None,
    }
}

fn drilled(when: &str, reasons: &[&str]) -> Drilled {
    Drilled {
        v: VERSION,
        at: at(when),
        snapshot: None,
        release: None,
        size: None,
        restore_ms: Some(1),
        recovery_ms: Some(2),
        newest_age_seconds: Some(3),
        reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
    }
}

#[track_caller]
fn check(lines: impl IntoIterator<Item = String>, expected: Expect) {
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    expected.assert_eq(&text);
}

#[test]
fn a_dump_counts_unless_it_is_empty_or_shrank_without_a_reason() {
    let last = made("a", 1000);
    let cases = [
        ("the first", None, 1, None),
        ("empty", None, 0, None),
        ("empty, with a reason", Some(&last), 0, Some("all went")),
        ("as much as it may shrink", Some(&last), 800, None),
        ("more than that", Some(&last), 799, None),
        ("more than that, with a reason", Some(&last), 1, Some("old ones went")),
    ];
    check(
        cases.map(|(name, last, bytes, reason)| {
            format!("{name}: {:?}", of_dump(last, &size(bytes), 20, reason))
        }),
        expect![[r#"
            the first: []
            empty: ["it is empty: the engine ended well and left no artifact"]
            empty, with a reason: ["it is empty: the engine ended well and left no artifact"]
            as much as it may shrink: []
            more than that: ["it shrank from 1000 to 799 bytes, more than the 20 % that need no reason"]
            more than that, with a reason: []
        "#]],
    );
}

#[test]
fn what_comes_back_is_known_by_its_digest_and_of_the_snapshot_that_was_made_last() {
    let last = Kept::Whole(made("aaaaaaaaaa", 1000));
    let of = |name: &str, kept: &Kept<Created>, newest: Option<&str>, bytes: u64| {
        let came = newest.and_then(|newest| of_known(kept, newest, &size(bytes)));
        format!("{name}: {:?} {came:?}", of_snapshot(kept, newest))
    };
    check(
        [
            of("as it was made", &last, Some("aaaaaaaaaa"), 1000),
            of("less", &last, Some("aaaaaaaaaa"), 999),
            of("nothing", &last, Some("aaaaaaaaaa"), 0),
            of("something else", &last, Some("aaaaaaaaaa"), 1001),
            of("another snapshot", &last, Some("bbbbbbbbbb"), 1),
            of("no snapshot", &last, None, 0),
            of("never made", &Kept::Absent, Some("aaaaaaaaaa"), 1),
            of("changed", &Kept::Tampered("it was changed".to_owned()), Some("aaaaaaaaaa"), 1),
        ],
        expect![[r#"
            as it was made: None None
            less: None Some("the backup is truncated: 999 of 1000 bytes came back")
            nothing: None Some("the backup is empty")
            something else: None Some("the backup is corrupt: what came back has digest fe675fe7, not 40510175")
            another snapshot: Some("the backup is stale: the repository's newest snapshot is bbbbbbbb, the one made last is aaaaaaaa of 2026-07-01T00:00:00Z") None
            no snapshot: Some("the repository holds no snapshot of this backup") None
            never made: Some("no backup was ever made and read back here") None
            changed: Some("what is known of the last backup does not prove itself: it was changed") None
        "#]],
    );
}

#[test]
fn the_newest_that_was_read_back_is_never_removed() {
    let all = ["aaa", "bbb", "ccc", "ddd"]
        .map(|id| Snapshot { id: id.to_owned(), time: at("2026-07-01T00:00:00Z") });
    let of = |name: &str, kept: Kept<Created>, expendable: &[usize]| {
        let expendable = expendable.iter().map(|index| all[*index].clone()).collect();
        let pruned = of_prune(&kept, &all, expendable);
        let ids = |snapshots: &[Snapshot]| {
            snapshots.iter().map(|snapshot| snapshot.id.clone()).collect::<Vec<_>>().join(" ")
        };
        match pruned {
            Ok(pruned) => format!("{name}: {} go, {} stay", ids(&pruned.go), ids(&pruned.stay)),
            Err(why) => format!("{name}: {why}"),
        }
    };
    check(
        [
            of("as the rule says", Kept::Whole(made("ddd", 1)), &[0, 1]),
            of("the rule would remove it", Kept::Whole(made("bbb", 1)), &[0, 1, 2]),
            of("it is not there", Kept::Whole(made("eee", 1)), &[0]),
            of("never made", Kept::Absent, &[0]),
            of("changed", Kept::Tampered("it was changed".to_owned()), &[0]),
        ],
        expect![[r#"
            as the rule says: aaa bbb go, ccc ddd stay
            the rule would remove it: aaa ccc go, bbb ddd stay
            it is not there: the snapshot eee that was read back is not in the repository
            never made: no backup was ever made and read back here
            changed: what is known of the last backup does not prove itself: it was changed
        "#]],
    );
}

#[test]
fn a_drill_is_worth_something_while_it_is_green_whole_and_fresh() {
    let now = at("2026-07-31T00:00:00Z");
    let of = |name: &str, kept| format!("{name}: {:?}", age(kept, now, 30));
    check(
        [
            of("today", Kept::Whole(drilled("2026-07-30T23:00:00Z", &[]))),
            of("at the limit", Kept::Whole(drilled("2026-07-01T00:00:00Z", &[]))),
            of("beyond it", Kept::Whole(drilled("2026-06-30T23:59:59Z", &[]))),
            of("of tomorrow", Kept::Whole(drilled("2026-08-01T00:00:00Z", &[]))),
            of("red", Kept::Whole(drilled("2026-07-30T23:00:00Z", &["the backup is empty"]))),
            of("never", Kept::Absent),
            of("changed", Kept::Tampered("it was changed".to_owned())),
        ],
        expect![[r#"
            today: Good(3600)
            at the limit: Good(2592000)
            beyond it: Expired(2592001)
            of tomorrow: Tampered("it is from the future")
            red: Failed(["the backup is empty"])
            never: Missing
            changed: Tampered("it was changed")
        "#]],
    );
}
