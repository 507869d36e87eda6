//! What counts as a backup, what is kept of old ones, and what is refused.

use std::fs;

use nexus_xtask_deliver::resilience::{self, evidence::Age};

use crate::bed::{Bed, SQLITE, peers_are_there};

#[test]
fn a_backup_is_read_back_and_the_drill_on_it_has_figures() {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::sqlite("green", 20);
    let config = bed.config(SQLITE);
    assert_eq!(resilience::ages(&bed.doors, &config).unwrap()[0].1, Age::Missing);
    let created = resilience::create(&bed.doors, &config, "notes", None).unwrap();
    assert!(created.size.bytes > 20_000_000, "{created:?}");
    let drilled = resilience::drill_restore(&bed.doors, &config, "notes", None).unwrap();
    assert!(drilled.recovery_ms.unwrap() > drilled.restore_ms.unwrap(), "{drilled:?}");
    assert!(drilled.newest_age_seconds.unwrap() >= 0);
    println!("{created:?}\n{drilled:?}");
    assert!(matches!(resilience::ages(&bed.doors, &config).unwrap()[0].1, Age::Good(_)));

    let proof = bed.root.join(".xtask/resilience/drill/notes.json");
    let text = fs::read_to_string(&proof).unwrap();
    fs::write(&proof, text.replace("\"reasons\":[]", "\"reasons\":[ ]")).unwrap();
    assert!(matches!(resilience::ages(&bed.doors, &config).unwrap()[0].1, Age::Tampered(_)));

    let full = resilience::restore(&bed.doors, &config, "notes", &bed.root, None).unwrap_err();
    assert_eq!(full.exit.code(), 3);
    let (empty, short) = (bed.root.join("empty"), &created.snapshot[..8]);
    let (snapshot, size) = resilience::restore(&bed.doors, &config, "notes", &empty, Some(short)).unwrap();
    assert_eq!((snapshot, size), (created.snapshot, created.size));
    assert!(empty.join("database.sqlite").is_file());
    let unknown = resilience::restore(&bed.doors, &config, "notes", &bed.root.join("x"), Some("ffffffff"));
    assert_eq!(unknown.unwrap_err().problem, "the repository holds no snapshot `ffffffff` of `notes`");
}

#[test]
fn old_snapshots_go_but_never_the_newest_that_was_read_back() {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::sqlite("prune", 2);
    let config = bed.config(SQLITE);
    let refused = resilience::prune(&bed.doors, &config, "notes", true).unwrap_err();
    assert_eq!(refused.why, ["no backup was ever made and read back here"]);

    bed.create(&config);
    bed.sql("update note set at = at + 1");
    bed.create(&config);
    let verified = resilience::verify(&bed.doors, &config, "notes").unwrap();
    assert_eq!(verified.reasons, [""; 0]);
    // Newer than what was read back, and the only one that the rule keeps.
    fs::create_dir(bed.root.join("unread")).unwrap();
    fs::write(bed.root.join("unread/database.sqlite"), "nobody read this back").unwrap();
    bed.restic(&["backup", "--tag", "notes", bed.root.join("unread").to_str().unwrap()]);

    let good = verified.snapshot.unwrap();
    let shown = resilience::prune(&bed.doors, &config, "notes", false).unwrap();
    let done = resilience::prune(&bed.doors, &config, "notes", true).unwrap();
    assert_eq!(shown, done);
    assert_eq!((done.go.len(), done.stay.len()), (1, 2));
    assert_eq!(done.stay[0].id, good);
    let left = resilience::list(&bed.doors, &config, "notes").unwrap().snapshots.unwrap();
    assert_eq!(left, done.stay);

    bed.restic(&["forget", &good]);
    let refused = resilience::prune(&bed.doors, &config, "notes", true).unwrap_err();
    assert!(refused.why[0].ends_with("that was read back is not in the repository"), "{refused}");
}

#[test]
fn an_engine_that_leaves_nothing_or_much_less_makes_no_backup() {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::sqlite("nothing", 4);
    let nothing = bed.config("{ command = { command = ['true', '{folder}'] } }");
    let failure = resilience::create(&bed.doors, &nothing, "notes", None).unwrap_err();
    assert!(failure.why[0].contains("left no artifact"), "{failure}");

    let config = bed.config(SQLITE);
    bed.create(&config);
    bed.sql("delete from note where rowid > 2; vacuum;");
    let failure = resilience::create(&bed.doors, &config, "notes", None).unwrap_err();
    assert!(failure.why[0].contains("it shrank"), "{failure}");
    let created = resilience::create(&bed.doors, &config, "notes", Some("old notes went")).unwrap();
    assert_eq!(created.shrink_reason.as_deref(), Some("old notes went"));
}
