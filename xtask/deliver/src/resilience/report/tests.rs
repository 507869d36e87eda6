//! What people read, as they read it.

use expect_test::expect;

use nexus_xtask::digest::Digest;

use super::*;
use crate::resilience::evidence::VERSION;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_backup_and_a_drill_are_one_line_each() {
    let size = Size { bytes: 20_000_000, files: 1, digest: Digest::of("") };
    let snapshot = "0123456789abcdef".to_owned();
    let when = at("2026-07-01T00:00:00Z");
    let created = Created {
        v: VERSION,
        at: when,
        snapshot: snapshot.clone(),
        size,
        dump_ms: 1200,
        store_ms: 3400,
        verify_ms: 5600,
        shrink_reason: None,
    };
    let drilled = Drilled {
        v: VERSION,
        at: when,
        snapshot: Some(snapshot.clone()),
        release: Some("1.2.0-abc".to_owned()),
        size: Some(size),
        restore_ms: Some(900),
        recovery_ms: Some(1500),
        newest_age_seconds: Some(77),
        reasons: Vec::new(),
    };
    let snapshots = vec![Snapshot { id: snapshot.clone(), time: when }];
    let unknown = Listed {
        last: None,
        tampered: Some("`x.json` was changed after it was written".to_owned()),
        snapshots: None,
        unknown: Some("`BOOKS_PASSWORD` is not set".to_owned()),
    };
    let known = Listed {
        last: Some(created.clone()),
        tampered: None,
        snapshots: Some(snapshots.clone()),
        unknown: None,
    };
    let now = at("2026-07-03T00:00:00Z");
    let prune = Prune { go: snapshots.clone(), stay: snapshots };
    let lines = [
        super::created("books", &created),
        super::drilled("books", &drilled),
        listed("books", &known, now),
        listed("books", &unknown, now),
        pruned("books", &prune, false),
        pruned("books", &prune, true),
        age(&Age::Good(7200)),
        age(&Age::Expired(3_000_000)),
        age(&Age::Failed(vec!["one".to_owned(), "two".to_owned()])),
    ];
    expect![[r#"
        books: 20.0 MB in 1 file, snapshot 01234567; dumped in 1.2s, stored in 3.4s, read back in 5.6s
        books: green; 20.0 MB in 1 file restored in 0.9s, served by 1.2.0-abc after 1.5s; the newest record was 77 s old
        books: read back 2 days ago, 20.0 MB in 1 file, snapshot 01234567
          01234567  2026-07-01T00:00:00Z
        books: its evidence counts for nothing: `x.json` was changed after it was written
          what the repository holds is unknown: `BOOKS_PASSWORD` is not set
        books: 1 would go, 1 stay
          would go  01234567  2026-07-01T00:00:00Z
          stays     01234567  2026-07-01T00:00:00Z
        books: 1 gone, 1 stay
          gone      01234567  2026-07-01T00:00:00Z
          stays     01234567  2026-07-01T00:00:00Z
        good: passed 2 hours ago
        expired: passed 34 days ago, which is too long
        failed: one; two"#]].assert_eq(&lines.join("\n"));
}
