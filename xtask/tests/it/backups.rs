//! `cargo xtask backup` and `cargo xtask drill` with the real commands, as conditions of a deployment.

use std::process::Command;

use crate::deploy::World;
use crate::peers::peer;

/// The database of a local host, and a drill that boots the release that is confirmed there.
const RESILIENCE: &str = r#"
[backups.book]
source = { sqlite = { file = ".xtask/hosts/staging/a/data/guestbook.sqlite" } }
repository = ".xtask/backups/book"
password_variable = "BOOK_PASSWORD"
schedule = "before each deployment"
owner = "tests"
restored_by = "tests"
shrink_percent_max = 50

[restore_drills.book]
backup = "book"
release_of = "staging"
boot = ["env", "GUESTBOOK_DATABASE={folder}/database.sqlite", "PORT={port}", "{release}/program"]
probe = ["curl", "--silent", "--fail", "http://127.0.0.1:{port}/readyz"]
newest = ["sqlite3", "{folder}/database.sqlite", "select max(at_ms) / 1000 from entries"]
checks = [{ command = ["sqlite3", "{folder}/database.sqlite", "select text from entries"], expect = "kept" }]
recovery_seconds_max = 60
newest_age_seconds_max = 3600
age_days_max = 30
"#;

#[test]
fn a_deployment_needs_the_drill_that_it_names_and_makes_the_backup_that_it_names() {
    let (Some(restic), Some(_)) = (peer("restic"), peer("sqlite3")) else { return };
    let mut world = World::new();
    let path = format!("{}:{}", restic.parent().unwrap().display(), world.0.variable("PATH"));
    world.0.set("PATH", &path);
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    let stages = world.0.read("release/stages.toml");
    let wants = "after = [\"staging\"]\nbackups = [\"book\"]\ndrills = [\"book\"]";
    world.0.write("release/stages.toml", &stages.replace("after = [\"staging\"]", wants));

    world.check(&world.run("production"), 3, "backup book: there is no `release/resilience.toml`");
    world.0.write("release/resilience.toml", RESILIENCE);
    world.check(&world.run("production"), 3, "backup book: `BOOK_PASSWORD` is not set");
    world.0.set("BOOK_PASSWORD", "not-a-secret");
    world.check(&world.run("production"), 1, "drill book: missing: it was never run here");
    world.check(&world.0.xtask(&["drill", "restore"]), 1, "there is no repository at");
    world.check(&world.0.xtask(&["backup", "init"]), 0, "book: its repository is made");

    let address = std::fs::read_to_string(world.0.path("../staging.port")).unwrap();
    let entries = format!("http://{address}/entries");
    let mut write = Command::new("curl");
    write.args(["--silent", "--fail", "--output", "/dev/null", "--data", "{\"message\":\"kept\"}", &entries]);
    assert!(write.status().unwrap().success());
    world.check(&world.0.xtask(&["backup", "create"]), 0, "book: ");
    world.check(&world.0.xtask(&["drill", "restore"]), 0, "book: green; ");
    world.check(&world.0.xtask(&["drill", "list"]), 0, "book: good: passed ");
    world.check(&world.run("production"), 0, "is confirmed on every host");
    let listed = world.0.xtask(&["--json", "backup", "list"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let snapshots = listed[0]["done"]["snapshots"].as_array().unwrap();
    assert_eq!(snapshots.len(), 2, "one by hand, one by the deployment: {listed}");
}
