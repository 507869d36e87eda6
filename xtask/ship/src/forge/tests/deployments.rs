//! Records of deployments: whatever goes wrong is told, and nothing waits for it.

use nexus_xtask_deliver::deploy::protocol::{Announce, Announced, Progress};
use serde_json::Value;

use super::*;

pub(super) fn announce(bench: &Bench, id: &str, progress: Progress) -> Announce {
    Announce {
        forge: bench.double.base(),
        repository: REPOSITORY.to_owned(),
        limit_ms: 10_000,
        id: id.to_owned(),
        deployment: None,
        commit: COMMIT.to_owned(),
        environment: "canary".to_owned(),
        production: false,
        task: "deploy".to_owned(),
        seal: "5ea1".to_owned(),
        release: "1.0.0-aaaaaaaaaaaa".to_owned(),
        progress,
        description: "wave 1 of 2".to_owned(),
        log_url: Some("https://example.com/log".to_owned()),
        environment_url: None,
    }
}

fn ask(bench: &Bench, wanted: &Announce) -> Announced {
    bench.runtime.block_on(bench.forge.announce_deployment(wanted))
}

/// The states of each deployment, in the order in which they were made.
fn states(bench: &Bench) -> Vec<String> {
    let world = bench.double.world();
    let states = |deployment: &Value| -> Vec<String> {
        let statuses = deployment["statuses"].as_array().unwrap();
        statuses.iter().map(|status| status["state"].as_str().unwrap().to_owned()).collect()
    };
    let line = |deployment: &Value| {
        format!("{} {}", deployment["task"].as_str().unwrap(), states(deployment).join(" "))
    };
    world["deployments"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_deployment_is_one_record_with_its_steps_and_a_rollback_is_another() {
    let bench = Bench::new();
    let first = ask(&bench, &announce(&bench, "d-1", Progress::Queued));
    assert_eq!(first.problem, None);
    for progress in [Progress::InProgress, Progress::Success] {
        let wanted = Announce { deployment: first.deployment, ..announce(&bench, "d-1", progress) };
        assert_eq!(ask(&bench, &wanted), first);
    }
    let second = ask(&bench, &announce(&bench, "d-2", Progress::InProgress));
    let failed = Announce { deployment: second.deployment, ..announce(&bench, "d-2", Progress::Failure) };
    ask(&bench, &failed);
    let back = Announce { task: "rollback".to_owned(), ..announce(&bench, "d-3", Progress::Success) };
    assert_ne!(ask(&bench, &back).deployment, second.deployment);
    let error = ask(&bench, &announce(&bench, "d-4", Progress::Error));
    let inactive = Announce { deployment: error.deployment, ..announce(&bench, "d-4", Progress::Inactive) };
    assert_eq!(ask(&bench, &inactive), error);
    expect![[r#"
        deploy queued in_progress success inactive
        deploy in_progress failure
        rollback success
        deploy error inactive"#]]
    .assert_eq(&states(&bench).join("\n"));
    expect![[r#"
        {
          "description": "wave 1 of 2",
          "environment": "canary",
          "payload": {
            "id": "d-1",
            "release": "1.0.0-aaaaaaaaaaaa",
            "seal": "5ea1"
          },
          "production": false,
          "sha": "1111111111111111111111111111111111111111",
          "statuses": [
            {
              "description": "wave 1 of 2",
              "environment_url": "",
              "log_url": "https://example.com/log",
              "state": "queued"
            }
          ],
          "task": "deploy"
        }"#]]
    .assert_eq(&{
        let mut first = bench.double.world()["deployments"][0].clone();
        first["statuses"].as_array_mut().unwrap().truncate(1);
        serde_json::to_string_pretty(&first).unwrap()
    });
}

#[test]
fn a_production_deployment_stays_until_it_is_said_to_be_inactive() {
    let bench = Bench::new();
    for id in ["d-1", "d-2"] {
        let wanted = Announce {
            environment: "production".to_owned(),
            production: true,
            ..announce(&bench, id, Progress::Success)
        };
        assert_eq!(ask(&bench, &wanted).problem, None);
    }
    assert_eq!(states(&bench), ["deploy success", "deploy success"]);
}

#[test]
fn red_checks_hold_no_record_up_and_nothing_is_merged() {
    let bench = Bench::with(|state| {
        state.checks.push(state::Check {
            commit: COMMIT.to_owned(),
            conclusion: Some("failure".to_owned()),
            ..state::Check::default()
        });
    });
    assert_eq!(ask(&bench, &announce(&bench, "d-1", Progress::InProgress)).problem, None);
}

#[test]
fn an_answer_that_was_lost_makes_no_second_record() {
    let bench = Bench::with(|state| state.faults = vec![fault("POST deployments", 1, Wrong::Lost)]);
    let lost = ask(&bench, &announce(&bench, "d-1", Progress::InProgress));
    assert_eq!(lost.deployment, None);
    assert!(lost.problem.is_some());
    let again = ask(&bench, &announce(&bench, "d-1", Progress::InProgress));
    assert_eq!((again.deployment.is_some(), again.problem), (true, None));
    assert_eq!(states(&bench), ["deploy in_progress"]);
}

/// What is told of a problem with a record; the world is as before.
fn refused(bench: &Bench, wanted: &Announce) -> String {
    let mut problem = None;
    bench.unchanged(|| {
        let announced = ask(bench, wanted);
        assert_eq!(announced.deployment, wanted.deployment);
        problem = announced.problem;
    });
    bench.shown(&problem.unwrap_or_default())
}

#[test]
fn refusals_and_limits_are_told() {
    let bench = Bench::new();
    let unknown = Announce { commit: "3".repeat(40), ..announce(&bench, "d-1", Progress::InProgress) };
    let gone = Announce { deployment: Some(99), ..announce(&bench, "d-1", Progress::InProgress) };
    let mut told = vec![refused(&bench, &unknown), refused(&bench, &gone)];
    let wrongs = [Wrong::Limited(30), Wrong::Secondary(45), Wrong::Broken, Wrong::Page];
    for wrong in wrongs {
        let bench = Bench::with(|state| state.faults = vec![fault("POST deployments", 1, wrong)]);
        told.push(refused(&bench, &announce(&bench, "d-1", Progress::InProgress)));
    }
    let powerless = Bench::with(|state| state.read_only = true);
    told.push(refused(&powerless, &announce(&powerless, "d-1", Progress::InProgress)));
    expect![[r#"
        the deployment cannot be recorded: No ref found for: 3333333333333333333333333333333333333333
        the token lacks the right `deployments: write`: POST FORGE/repos/ann/one/deployments/99/statuses: 404, as for something that is not there
        POST FORGE/repos/ann/one/deployments: You have exceeded a rate limit
        POST FORGE/repos/ann/one/deployments: You have exceeded a secondary rate limit
        POST FORGE/repos/ann/one/deployments: Server Error
        POST FORGE/repos/ann/one/deployments does not speak as a forge does: it answers with `text/html` instead of JSON
        the token lacks the right `deployments: write`: POST FORGE/repos/ann/one/deployments: Resource not accessible by integration"#]].assert_eq(&told.join("\n"));
}

#[test]
fn a_forge_that_does_not_answer_is_left_after_the_limit() {
    // Nobody accepts: the connection waits in the queue.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut bench = Bench::new();
    let address = format!("http://{}", silent.local_addr().unwrap());
    bench.forge = client(&bench.runtime, &address, Some(TOKEN)).unwrap();
    let wanted = Announce { limit_ms: 200, ..announce(&bench, "d-1", Progress::InProgress) };
    let started = Clock::system().start();
    assert_eq!(refused(&bench, &wanted), "the forge did not answer within 200 ms");
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn a_description_is_cut_where_the_forge_would_refuse_it() {
    let bench = Bench::new();
    let long = Announce { description: "é".repeat(200), ..announce(&bench, "d-1", Progress::InProgress) };
    assert_eq!(ask(&bench, &long).problem, None);
    let said = bench.double.world()["deployments"][0]["statuses"][0]["description"].clone();
    assert_eq!(said, format!("{}…", "é".repeat(139)));
    let exact = Announce { description: "é".repeat(140), ..announce(&bench, "d-2", Progress::InProgress) };
    assert_eq!(ask(&bench, &exact).problem, None);
    assert_eq!(bench.double.world()["deployments"][1]["description"], "é".repeat(140));
}
