//! `cargo xtask dora` and `incident` with the real commands: over a recorded journal, and after real deployments.

use serde_json::Value;

use crate::deploy::World;
use crate::sandbox::{Done, Sandbox, package};

/// The history whose figures are computed by hand in the unit tests.
const RECORDED: &str = include_str!("../../deliver/src/observe/dora/tests/recorded.jsonl");

fn json(done: &Done) -> Value {
    serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.transcript()))
}

#[track_caller]
fn check(sandbox: &Sandbox, words: &[&str], code: i32, said: &str) -> Done {
    let done = sandbox.xtask(words);
    assert!(
        done.code == code && done.transcript().contains(said),
        "wanted {code} and `{said}`: {}",
        done.transcript()
    );
    done
}

/// The figures of a stage: name, value with six digits, n, unknown.
fn figures(sandbox: &Sandbox, more: &[&str]) -> Vec<(String, String, u64, u64)> {
    let done = check(sandbox, &[&["--json", "dora"], more].concat(), 0, "");
    let figures = json(&done)["figures"].as_array().unwrap().clone();
    let row = |one: &Value| {
        let value = one["value"].as_f64().map_or("none".to_owned(), |value| format!("{value:.6}"));
        (
            one["name"].as_str().unwrap().to_owned(),
            value,
            one["n"].as_u64().unwrap(),
            one["unknown"].as_u64().unwrap(),
        )
    };
    figures.iter().map(row).collect()
}

#[test]
fn a_recorded_journal_has_the_figures_that_were_computed_by_hand() {
    let sandbox = package(&[]);
    sandbox.write(".xtask/journal/2026-03.jsonl", RECORDED);
    check(&sandbox, &["journal", "verify"], 0, "N broken");
    let over = ["--stage", "production", "--window", "28d", "--until", "2026-03-29T00:00:00Z"];
    let rows = [
        ("change_lead_time", "16200.000000", 8, 1),
        ("deployment_frequency", "0.285714", 8, 2),
        ("failed_deployment_recovery_time", "4950.000000", 4, 2),
        ("change_fail_rate", "0.545455", 11, 2),
        ("deployment_rework_rate", "0.285714", 7, 1),
    ];
    let rows = rows.map(|(name, value, n, unknown)| (name.to_owned(), value.to_owned(), n, unknown));
    assert_eq!(figures(&sandbox, &over), rows);
    check(&sandbox, &[&["dora"], &over[..]].concat(), 0, "incident-2  a guess: production-1.5.0-b.1");

    check(&sandbox, &["dora", "--stage", "production", "--window", "fortnight"], 2, "`fortnight` is no time");
    check(&sandbox, &["dora"], 2, "there is no `release/stages.toml`");
    // A broken chain is no reason to say nothing, and one to say so.
    sandbox.write(".xtask/journal/2026-03.jsonl", &RECORDED.replacen("0.1.0-a", "0.1.0-z", 1));
    check(&sandbox, &[&["dora"], &over[..]].concat(), 0, "the journal is not whole");
}

#[test]
fn real_deployments_are_found_in_the_figures() {
    let world = World::new();
    let sandbox = &world.0;
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    // Another deployment of what is there is none.
    world.check(&world.run("staging"), 0, "was confirmed on every host before");
    let deployments = || {
        let said = json(&sandbox.xtask(&["--json", "dora", "--stage", "staging"]));
        let all = said["deployments"].as_array().unwrap().clone();
        all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = deployments().remove(0);
    assert_eq!(deployments().len(), 1);

    // Two commits, of which one says what made it necessary.
    sandbox.write("src/lib.rs", "//! Changed.\n");
    sandbox.commit("fix: greet again");
    sandbox.write("src/lib.rs", "//! Changed twice.\n");
    sandbox.commit(&format!("fix: greet everybody\n\nCaused-by: {first}"));
    world.stage();
    world.declare("GREETING = \"2\"");
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    world.declare("GUESTBOOK_FAULTS = \"fail:100:0\"");
    world.check(&world.run("staging"), 5, "was taken back");
    world.check(
        &sandbox.xtask(&["deploy", "rollback", "--stage", "staging", "--execute"]),
        0,
        "is confirmed",
    );

    let second = deployments().remove(1);
    let rows = figures(sandbox, &["--stage", "staging"]);
    let counted: Vec<_> = rows.iter().map(|(name, _, n, unknown)| (name.as_str(), *n, *unknown)).collect();
    let expected = [
        // Nobody knows what the first one brought.
        ("change_lead_time", 2, 1),
        ("deployment_frequency", 2, 0),
        // The hotfix, what was taken back, and the way back.
        ("failed_deployment_recovery_time", 3, 0),
        ("change_fail_rate", 3, 0),
        ("deployment_rework_rate", 1, 1),
    ];
    assert_eq!(counted, expected);
    let values: Vec<_> = rows[3..].iter().map(|row| row.1.as_str()).collect();
    assert_eq!(values, ["1.000000", "1.000000"]);
    let done = check(sandbox, &["dora", "--stage", "staging"], 0, "it was taken back by itself");
    assert!(
        done.stdout.contains(&format!("{second}  ")) && done.stdout.contains("went back from it"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains(&format!("{second} was needed because of it")), "{}", done.stdout);
}

#[test]
fn an_incident_counts_once_somebody_says_what_caused_it() {
    let world = World::new();
    let sandbox = &world.0;
    let open = ["incident", "open", "--stage", "staging", "--title", "no greetings"];
    check(
        sandbox,
        &[&open[..], &["--caused-by", "nothing.1"]].concat(),
        3,
        "there is no deployment `nothing.1`",
    );
    check(sandbox, &[&open[..], &["--at", "2999-01-01T00:00:00Z"]].concat(), 2, "has not come yet");
    check(sandbox, &["incident", "list"], 0, "no incident is written down");
    world.check(&world.run("staging"), 0, "is confirmed on every host");

    let done = check(sandbox, &open, 0, "deployed last before it, which proves nothing: staging-0.2.0-");
    let id = done.stdout.split_whitespace().next().unwrap().to_owned();
    check(sandbox, &["incident", "list"], 0, "open; no link; a guess: staging-0.2.0-");
    let rate = || figures(sandbox, &["--stage", "staging"])[3].1.clone();
    assert_eq!(rate(), "0.000000");
    check(sandbox, &["dora", "--stage", "staging"], 0, "incidents without a link, counted in no figure");

    let said = json(&sandbox.xtask(&["--json", "dora", "--stage", "staging"]));
    let deployment = said["deployments"][0]["id"].as_str().unwrap().to_owned();
    let link = ["incident", "link", &id, "--caused-by", &deployment];
    check(sandbox, &link, 0, "is linked");
    check(sandbox, &link, 0, "had this link before");
    assert_eq!(rate(), "1.000000");
    let recoveries = || figures(sandbox, &["--stage", "staging"])[2].2;
    assert_eq!(recoveries(), 0);
    check(sandbox, &["incident", "close", &id, "--at", "2020-01-01T00:00:00Z"], 2, "began after that");
    check(sandbox, &["incident", "close", "incident-0"], 2, "there is no incident `incident-0`");
    check(sandbox, &["incident", "close", &id], 0, "is closed");
    check(sandbox, &["incident", "close", &id], 0, "was closed before");
    assert_eq!(recoveries(), 1);
    check(sandbox, &["journal", "verify"], 0, "N broken");
}
