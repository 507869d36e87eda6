//! What GitHub shows of a deployment: each one, what became of it, and nothing that a deployment waits for. The forge is the
//! satellite's double on loopback.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::deploy::World;
use crate::github::Forge;
use crate::world::ask;

fn world(forge: &str) -> World {
    let mut world = World::new();
    declare(&world, "");
    world.0.set("GITHUB_API_URL", forge);
    world.0.set("GITHUB_REPOSITORY", "ann/one");
    world.0.set("GITHUB_TOKEN", "a token");
    world
}

/// The stages, which GitHub shows; `staging` has this configuration.
fn declare(world: &World, configuration: &str) {
    world.declare(configuration);
    let text = world.0.read("release/stages.toml");
    world.0.write("release/stages.toml", &(text + "[github]\ndeployments = true\n"));
}

pub(crate) fn seed(read_only: bool) -> Value {
    json!({ "repository": "ann/one", "token": "a token", "read_only": read_only })
}

/// Each record with its states, the oldest first.
pub(crate) fn shown(forge: &Forge) -> Vec<String> {
    let list = |path: &str| -> Vec<Value> {
        let address = format!("{}/repos/ann/one/deployments{path}", forge.address);
        let (status, text) = ask("GET", &address, &[("authorization", "Bearer a token")], b"");
        assert_eq!(status, 200, "{text}");
        let mut found: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        found.reverse();
        found
    };
    let states = |record: &Value| {
        let states = list(&format!("/{}/statuses", record["id"]));
        states.iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let line = |record: &Value| {
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        let production = record["production_environment"].as_bool().unwrap();
        format!("{} {} {production}: {}", text("task"), text("environment"), states(record))
    };
    list("").iter().map(line).collect()
}

#[test]
fn a_deployment_and_a_way_back_are_records_of_their_own() {
    let forge = Forge::serve(&seed(false));
    let world = world(&forge.address);
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    // What is so already is no deployment.
    world.check(&world.run("staging"), 0, "was confirmed on every host before");
    world.check(&world.run("production"), 0, "is confirmed on every host");
    declare(&world, "GUESTBOOK_FAULTS = \"fail:100:0\"");
    let bad = world.run("staging");
    world.check(&bad, 5, "was taken back");
    assert!(!bad.transcript().contains("warning"), "{}", bad.transcript());
    declare(&world, "GREETING = \"2\"");
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    let back = ["deploy", "rollback", "--stage", "staging", "--execute"];
    world.check(&world.0.xtask(&back), 0, "is confirmed on every host");
    assert_eq!(
        shown(&forge),
        [
            // GitHub ends earlier ones by itself, but for those of production.
            "deploy staging false: in_progress success inactive",
            "deploy production true: in_progress success",
            "deploy staging false: in_progress failure",
            "deploy staging false: in_progress success inactive",
            "rollback staging false: in_progress success",
        ]
    );
}

#[test]
fn a_forge_that_refuses_or_is_silent_is_one_warning() {
    let refusing = Forge::serve(&seed(true));
    let mut world = world(&refusing.address);
    let done = world.run("staging");
    world.check(&done, 0, "is confirmed on every host");
    world.check(&done, 0, "warning: GitHub does not show how this deployment went: ");
    world.check(&done, 0, "deployments: write");

    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    world.0.set("GITHUB_API_URL", &format!("http://{}", silent.local_addr().unwrap()));
    declare(&world, "GREETING = \"2\"");
    let done = world.run("staging");
    world.check(&done, 0, "is confirmed on every host");
    world.check(&done, 0, "the forge did not answer within N ms");
    assert_eq!(done.transcript().matches("warning").count(), 1, "{}", done.transcript());
}
