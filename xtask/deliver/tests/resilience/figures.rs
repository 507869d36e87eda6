//! A backup and a drill on each engine with figures; then the repository is harmed in four ways, and each turns the drill red.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use nexus_xtask_deliver::resilience::{self, config::Config};

use crate::bed::{Bed, SQLITE, peers_are_there};
use crate::postgres::Cluster;

/// How much data there is where nobody says.
const MEGABYTES: u32 = 20;

fn megabytes() -> u32 {
    let said = std::env::var("RESILIENCE_MEGABYTES").ok();
    said.map_or(MEGABYTES, |said| said.parse().unwrap())
}

/// The largest pack of the repository, which holds data.
fn pack(bed: &Bed) -> PathBuf {
    let packs = nexus_xtask::files::walk(&bed.root.join("repository/data")).unwrap();
    packs.into_iter().max_by_key(|pack| fs::metadata(pack).unwrap().len()).unwrap()
}

/// Changes the pack, looks, and puts it back.
fn check_pack(bed: &Bed, config: &Config, name: &str, change: fn(&mut Vec<u8>)) {
    let pack = pack(bed);
    let good = fs::read(&pack).unwrap();
    let mut bytes = good.clone();
    change(&mut bytes);
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&pack, bytes).unwrap();
    check_red(bed, config, name, "restic could not restore");
    fs::write(&pack, good).unwrap();
}

#[track_caller]
fn check_red(bed: &Bed, config: &Config, name: &str, expect: &str) {
    let why = bed.red(config);
    let first = why.lines().next().unwrap_or_default();
    println!("figures:   {name}: red, {}", first.chars().take(120).collect::<String>());
    assert!(why.contains(expect), "{name}: `{expect}` is not in: {why}");
}

/// The times of a backup and of a drill on it, and the four harms.
fn measure(bed: &Bed, engine: &str, config: &Config, change: &dyn Fn(&str)) {
    let created = resilience::create(&bed.doors, config, "notes", None).unwrap();
    let drilled = resilience::drill_restore(&bed.doors, config, "notes", None).unwrap();
    let seconds = |milliseconds: u64| milliseconds as f64 / 1000.0;
    println!(
        "figures: {engine}, {} MB of records, {:.0} MB dumped: dump {:.1} s, store {:.1} s, read back {:.1} s, \
         restore {:.1} s, recovery {:.1} s, newest record {} s old",
        bed.megabytes,
        created.size.bytes as f64 / 1e6,
        seconds(created.dump_ms),
        seconds(created.store_ms),
        seconds(created.verify_ms),
        seconds(drilled.restore_ms.unwrap()),
        seconds(drilled.recovery_ms.unwrap()),
        drilled.newest_age_seconds.unwrap()
    );
    assert!(created.size.bytes >= u64::from(bed.megabytes) * 1_000_000);
    assert!(drilled.recovery_ms > drilled.restore_ms);

    check_pack(bed, config, "corrupt", |bytes| {
        bytes.iter_mut().skip(1000).take(64).for_each(|byte| *byte ^= 0xff);
    });
    // restic asks ten times for the missing half, for most of a minute.
    check_pack(bed, config, "truncated", |bytes| bytes.truncate(bytes.len() / 2));
    let (snapshots, aside) = (bed.root.join("repository/snapshots"), bed.root.join("aside"));
    fs::rename(&snapshots, &aside).unwrap();
    fs::create_dir(&snapshots).unwrap();
    check_red(bed, config, "empty", "the repository holds no snapshot of this backup");
    fs::remove_dir(&snapshots).unwrap();
    fs::rename(&aside, &snapshots).unwrap();
    resilience::drill_restore(&bed.doors, config, "notes", None).unwrap();

    change("update note set at = at + 1");
    bed.create(config);
    bed.restic(&["forget", "latest"]);
    check_red(bed, config, "older", "the backup is stale");
}

#[test]
fn sqlite_has_figures_and_a_harmed_repository_turns_red() {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::sqlite("figures", megabytes());
    measure(&bed, "SQLite", &bed.config(SQLITE), &|sql| bed.sql(sql));
}

#[test]
fn postgresql_has_figures_and_a_harmed_repository_turns_red() {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::empty("pg-figures", megabytes());
    let Some(cluster) = Cluster::boot(&bed) else { return };
    let config = cluster.config(&bed, &cluster.source());
    resilience::init(&bed.doors, &config, "notes").unwrap();
    measure(&bed, "PostgreSQL", &config, &|sql| cluster.sql(sql));
}
