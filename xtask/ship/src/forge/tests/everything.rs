//! That nothing is described, and shipped along, which no test asks for.

use nexus_xtask_deliver::deploy::protocol::Progress;
use nexus_xtask_deliver::release::protocol::forge::AskSettings;
use nexus_xtask_deliver::release::protocol::{Endpoints, PullRequest};

use super::*;
use crate::loopback::forge::contract::operations;

#[test]
fn every_operation_of_the_description_is_asked_for() {
    let (object, file) = ("a".repeat(40), "one.tar.gz");
    let mut bench = Bench::with(|state| {
        state.immutable = false;
        state.environments.insert("release".to_owned(), state::Environment::default());
        state.rulesets.push(state::Ruleset {
            id: 1,
            name: "tags".to_owned(),
            target: "tag".to_owned(),
            enforcement: "active".to_owned(),
            include: vec!["~ALL".to_owned()],
            exclude: Vec::new(),
            rules: Vec::new(),
        });
        state.faults = vec![fault("POST releases/*/assets", 1, Wrong::Half)];
    });
    bench.plan.immutable = false;
    let wanted = AskSettings {
        forge: bench.double.base(),
        repository: REPOSITORY.to_owned(),
        environments: vec!["release".to_owned()],
        branches: vec!["main".to_owned()],
    };
    let pull = |title: &str| PullRequest {
        endpoints: Endpoints { forge: bench.double.base(), registry: String::new(), trusted: false },
        repository: REPOSITORY.to_owned(),
        head: "next".to_owned(),
        base: "main".to_owned(),
        title: title.to_owned(),
        body: String::new(),
    };
    let announce = deployments::announce(&bench, "d-1", Progress::Success);
    assert_eq!(bench.done(&draft()), "done");
    assert!(bench.done(&upload(file)).starts_with("later"));
    bench.release();
    bench.runtime.block_on(async {
        bench.forge.settings(&wanted).await.unwrap();
        bench.forge.checks(COMMIT).await.unwrap();
        bench.forge.issues("blocker").await.unwrap();
        bench.forge.published(TAG).await.unwrap();
        bench.forge.pull_request(&pull("one")).await.unwrap();
        bench.forge.pull_request(&pull("two")).await.unwrap();
        let announced = bench.forge.announce_deployment(&announce).await;
        assert_eq!(announced.problem, None);
        for action in actions().iter().rev() {
            bench.forge.take_back(&bench.plan, action).await.unwrap();
        }
    });
    {
        let mut state = bench.double.state();
        state.tags.insert(TAG.to_owned(), object.clone());
        state.annotated.insert(object, COMMIT.to_owned());
        let old = state::Asset { id: 50, name: file.to_owned(), complete: true, ..state::Asset::default() };
        let release =
            state::Release { id: 51, tag: TAG.to_owned(), draft: true, ..state::Release::default() };
        state.releases.push(state::Release { assets: vec![old], ..release });
    }
    assert_eq!(bench.seen(&tag()), "same");
    assert!(bench.seen(&upload(file)).starts_with("- one.tar.gz"));
    assert_eq!(bench.contract.seen(), operations());
}
