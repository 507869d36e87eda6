use super::*;

use crate::truth::roadmap::{Criterion, Phase};

fn roadmap() -> Roadmap {
    let phase = |id: &str, claim: &str, command: &str| Phase {
        id: id.into(),
        title: format!("Phase {id}"),
        criteria: vec![Criterion { claim: claim.into(), level: Level::Tested }],
        commands: vec![command.into()],
    };
    Roadmap {
        phases: vec![
            phase("one", "a", "metrics"),
            phase("two", "b", "alerts route"),
            phase("three", "c", "deploy run"),
        ],
        ..Roadmap::default()
    }
}

#[track_caller]
fn check(command: &str, levels: &[(&str, Level)], missing: &[&str]) {
    let levels = levels.iter().map(|(id, level)| ((*id).to_owned(), *level)).collect();
    let early = early(&roadmap(), command, &levels);
    assert_eq!(early.map(|early| early.missing).unwrap_or_default(), missing);
}

#[test]
fn a_command_waits_for_every_phase_before_its_own() {
    check("metrics", &[], &[]);
    check("deploy run", &[("a", Level::Tested), ("b", Level::Operated)], &[]);
    check(
        "deploy run",
        &[("a", Level::Built)],
        &["`a` is built, and must be tested", "`b` is planned, and must be tested"],
    );
    check(
        "deploy run",
        &[("a", Level::Tested), ("c", Level::Tested)],
        &["`b` is planned, and must be tested"],
    );
    check("alerts route", &[("a", Level::Tested)], &[]);
    check("release publish", &[], &[]);
}
