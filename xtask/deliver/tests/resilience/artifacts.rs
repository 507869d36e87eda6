//! Artifacts that are harmed before they are stored: the repository is whole and gives back what it was given, so that
//! only a drill can tell. The same harm is done to both engines.

use std::fs;
use std::path::Path;

use nexus_xtask_deliver::resilience::{self, config::Config, evidence};

use crate::bed::{Bed, SQLITE, peers_are_there};
use crate::postgres::Cluster;

/// A way to harm an artifact, and what the drill says of it.
struct Harm {
    name: &'static str,
    harm: fn(&[u8]) -> Vec<u8>,
    expect: &'static str,
}

fn half(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

/// In the middle, among the records.
fn flip(bytes: &[u8]) -> Vec<u8> {
    let middle = bytes.len() / 2..bytes.len() / 2 + 4096;
    let harmed = |(place, byte): (usize, &u8)| if middle.contains(&place) { byte ^ 0xff } else { *byte };
    bytes.iter().enumerate().map(harmed).collect()
}

fn zero(bytes: &[u8]) -> Vec<u8> {
    vec![0; bytes.len()]
}

/// Stores harmed copies of an artifact, each as a backup that was read back well, and drills on it.
fn check(bed: &Bed, config: &dyn Fn(&str) -> Config, source: &str, artifact: &str, cases: &[Harm]) {
    let good = config(source);
    bed.create(&good);
    resilience::restore(&bed.doors, &good, "notes", &bed.root.join("good"), None).unwrap();
    let bytes = fs::read(bed.root.join("good").join(artifact)).unwrap();
    let copied =
        config(&format!("{{ command = {{ command = ['cp', 'harmed', '{{folder}}/{artifact}'] }} }}"));
    for case in cases {
        fs::write(bed.root.join("harmed"), (case.harm)(&bytes)).unwrap();
        resilience::create(&bed.doors, &copied, "notes", Some("harmed on purpose")).unwrap();
        let why = bed.red(&copied);
        println!("{artifact}, {}: {why}", case.name);
        assert!(why.contains(case.expect), "{}: `{}` is not in: {why}", case.name, case.expect);
    }
    fs::write(bed.root.join("harmed"), "").unwrap();
    let empty = resilience::create(&bed.doors, &copied, "notes", Some("harmed on purpose")).unwrap_err();
    assert!(empty.why[0].contains("it is empty"), "{empty}");
}

/// The newest record is of yesterday, and one is missing.
fn check_old_and_incomplete(bed: &Bed, config: &Config, sql: &dyn Fn(&str)) {
    sql("update note set at = at - 86400");
    bed.create(config);
    let why = bed.red(config);
    assert!(why.contains("the backup is old: its newest record is 864"), "{why}");

    sql("update note set at = at + 86400");
    sql("delete from note where at = (select min(at) from note)");
    bed.create(config);
    let why = bed.red(config);
    assert!(why.contains("says `9`, not `10`"), "{why}");
    let kept = evidence::read::<evidence::Drilled>(&bed.doors.workspace, evidence::DRILL, "notes").unwrap();
    assert!(matches!(kept, evidence::Kept::Whole(drilled) if drilled.reasons.len() == 1));
}

#[test]
fn harmed_artifacts_of_sqlite_turn_the_drill_red() {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::sqlite("artifact", 10);
    check(
        &bed,
        &|source| bed.config(source),
        SQLITE,
        "database.sqlite",
        &[
            Harm { name: "corrupt", harm: zero, expect: "the previous release was not ready" },
            Harm { name: "truncated", harm: half, expect: "the previous release was not ready" },
        ],
    );
    check_old_and_incomplete(&bed, &bed.config(SQLITE), &|sql| bed.sql(sql));
}

#[test]
fn harmed_artifacts_of_postgresql_turn_the_drill_red() {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::empty("pg-harm", 10);
    let Some(cluster) = Cluster::boot(&bed) else { return };
    resilience::init(&bed.doors, &cluster.config(&bed, &cluster.source()), "notes").unwrap();
    check(
        &bed,
        &|source| cluster.config(&bed, source),
        &cluster.source(),
        "database.dump",
        &[
            Harm { name: "corrupt", harm: flip, expect: "pg_restore" },
            Harm { name: "truncated", harm: half, expect: "pg_restore" },
        ],
    );
    let config = cluster.config(&bed, &cluster.source());
    check_old_and_incomplete(&bed, &config, &|sql| cluster.sql(sql));
    assert!(!Path::new(&format!("{}/.xtask/resilience/scratch/drill-notes", bed.root.display())).exists());
}
