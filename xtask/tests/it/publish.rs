//! `release publish --execute` into a world that is not as planned: exit 4, a difference, and nothing is changed.
//!
//! The real executor, against the doubles of forge and registry as processes of their own.

use std::process::Command;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::stage::{TAG, staged, staging};
use crate::world::World;

/// Whoever publishes here has looked at everything else.
pub(crate) const GATES: (&str, &str) = ("release/gates.toml", "remove = [\"ci\"]\n");

const OTHER: &str = "1111111111111111111111111111111111111111";

/// Publishes, and compares the world with what it was before.
#[track_caller]
fn conflicts(sandbox: &mut Sandbox, seed: Value, change: impl FnOnce(&World), difference: &[&str]) {
    let world = World::serve(seed);
    change(&world);
    world.reach(sandbox);
    let before = world.seen();
    let done = sandbox.xtask(&["release", "publish", "--execute"]);
    assert_eq!((done.code, done.stdout.as_str()), (4, ""), "{}", done.transcript());
    for line in difference {
        assert!(done.stderr.contains(line), "no `{line}` in {}", done.transcript());
    }
    assert_eq!(world.seen(), before, "{}", done.transcript());
}

/// A package of the same name and version with other bytes, and what is told of it.
fn other_package(sandbox: &Sandbox) -> (Value, Vec<u8>) {
    let copy = sandbox.path("../copy");
    let from = format!("{}/.", sandbox.root().display());
    let copied = Command::new("cp").args(["-r", &from]).arg(&copy).status().unwrap();
    assert!(copied.success());
    std::fs::write(copy.join("base/src/lib.rs"), "//! Another base.\n").unwrap();
    let words = ["package", "--quiet", "--package", "fx-base", "--no-verify", "--allow-dirty"];
    let mut command = sandbox.command("cargo", &words);
    assert!(command.current_dir(&copy).status().unwrap().success());
    let package = std::fs::read(copy.join("target/package/fx-base-0.2.0.crate")).unwrap();
    let told = json!({
        "name": "fx-base", "vers": "0.2.0", "deps": [], "features": {}, "authors": [], "keywords": [],
        "categories": [], "description": "Part of a test", "license": "MIT", "badges": {},
    });
    (told, package)
}

#[test]
fn a_world_that_is_different_stops_the_release_and_stays_as_it_is() {
    let mut sandbox = staged("", &[GATES], &[]);
    let plan = std::fs::read_to_string(staging(&sandbox).join("plan.json")).unwrap();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let commit = plan["commit"].as_str().unwrap().to_owned();
    let seed = || json!({ "repository": "ann/tool" });
    let release = |more: Value| {
        let mut release = json!({
            "id": 7, "tag": TAG, "name": TAG, "body": plan["releases"][0]["notes"], "target": commit,
        });
        release.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "repository": "ann/tool", "releases": [release], "tags": { TAG: commit } })
    };

    let tagged = |world: &World| world.tag(TAG, OTHER);
    let lines = [&format!("- {TAG}: {commit}"), &format!("+ {TAG}: {OTHER}")];
    let lines = lines.map(|line| sandbox.normal(line).trim_end().to_owned());
    conflicts(&mut sandbox, seed(), tagged, &[&lines[0], &lines[1]]);

    let asset =
        json!({ "id": 8, "name": "SHA256SUMS", "bytes": "other", "complete": true, "digested": true });
    let drafted = release(json!({ "draft": true, "assets": [asset] }));
    let lines = ["- SHA256SUMS: sha256 DIGEST,", "+ SHA256SUMS: sha256 DIGEST, N bytes"];
    conflicts(&mut sandbox, drafted, |_| {}, &lines);

    let (told, package) = other_package(&sandbox);
    let lines = ["- fx-base 0.2.0 sha256:", "+ fx-base 0.2.0 sha256:"];
    conflicts(&mut sandbox, seed(), |world| world.publish(&told, &package), &lines);

    let mut frozen =
        release(json!({ "draft": false, "immutable": true, "body": "Other notes", "make_latest": "legacy" }));
    frozen["burned"] = json!([TAG]);
    let lines = ["- notes: ", "+ notes: Other notes", "(the release is published and takes no file)"];
    conflicts(&mut sandbox, frozen, |_| {}, &lines);
}

#[test]
fn a_release_goes_out_once_and_the_same_command_again_changes_nothing() {
    let mut sandbox = staged("", &[GATES], &[]);
    let world = World::serve(json!({ "repository": "ann/tool" }));
    world.reach(&mut sandbox);
    let before = world.seen();
    let done = sandbox.xtask(&["release", "publish"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    assert_eq!(world.seen(), before, "nothing leaves this machine without --execute");
    let done = sandbox.xtask(&["release", "publish", "--execute"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    assert_eq!(done.stdout, "published: N effects applied, N were there already\n");
    let whole = world.seen();
    assert!(whole.contains("\"immutable\":true"), "{whole}");
    let done = sandbox.xtask(&["release", "publish", "--execute", "--json"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    assert!(done.stdout.contains("\"applied\":[]"), "{}", done.transcript());
    assert_eq!(world.seen(), whole);
    // Nor on another machine, which has no journal.
    std::fs::remove_dir_all(sandbox.path(".xtask/journal")).unwrap();
    let done = sandbox.xtask(&["release", "publish", "--execute", "--json"]);
    assert!(done.stdout.contains("\"applied\":[]"), "{}", done.transcript());
    assert_eq!(world.seen(), whole);
}
