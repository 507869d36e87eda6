use std::collections::BTreeMap;

use semver::Version;

use nexus_xtask::digest::Digest;
use nexus_xtask::journal::{self, Entry};
use nexus_xtask_deliver::release::manifest::{self, FILE, PLAN};
use nexus_xtask_deliver::release::plan::Release;
use nexus_xtask_deliver::release::protocol::Endpoints;
use nexus_xtask_deliver::release::staging;

use super::*;
use crate::loopback::forge::Double;
use crate::loopback::forge::state::{self, State};
use crate::registry::fixture::Scratch;

use super::record::{DONE, INTENT};

const TAG: &str = "v1.0.0";

fn step(id: &str, needs: &[&str]) -> Step {
    let needs = needs.iter().map(|need| (*need).to_owned()).collect();
    Step { id: id.to_owned(), action: Action::Tag { tag: id.to_owned() }, needs }
}

#[test]
fn a_wave_is_verified_together_and_the_next_one_waits_for_it() {
    let steps = [step("a", &[]), step("b", &[]), step("c", &["a"]), step("d", &["x"]), step("e", &["d"])];
    let names: Vec<Vec<_>> = batches(&steps)
        .iter()
        .map(|batch| batch.iter().map(|(number, step)| format!("{number}{}", step.id)).collect())
        .collect();
    assert_eq!(names, [vec!["1a", "2b"], vec!["3c", "4d"], vec!["5e"]]);
}

/// A release without files: a draft, a tag, and the end.
fn plan() -> Plan {
    let tag = || TAG.to_owned();
    let step = |id: &str, action, needs: &[&str]| Step {
        id: id.to_owned(),
        action,
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
    };
    Plan {
        version: 1,
        commit: "1".repeat(40),
        tree: "2".repeat(40),
        commit_time: 0,
        configuration: Digest::of(""),
        tools: BTreeMap::new(),
        registry: "crates-io".to_owned(),
        repository: "ann/one".to_owned(),
        immutable: true,
        releases: vec![Release {
            tag: tag(),
            version: Version::new(1, 0, 0),
            packages: vec!["one".to_owned()],
            prerelease: false,
            notes: "Notes.\n".to_owned(),
        }],
        packages: Vec::new(),
        targets: Vec::new(),
        artifacts: Vec::new(),
        steps: vec![
            step("draft", Action::Draft { tag: tag() }, &[]),
            step("tag", Action::Tag { tag: tag() }, &["draft"]),
            step("announce", Action::Announce { tag: tag() }, &["tag"]),
        ],
        way_back: Vec::new(),
    }
}

/// How a run ends, and how many releases there are then, when an earlier run has made the draft, and the list shows it after
/// this many reads; `recorded` are the kinds of what that run left in the journal about the draft.
fn after(reads: u32, recorded: &[&str]) -> (Exit, usize) {
    let folder = Scratch::new();
    let plan = plan();
    let manifest = Manifest { version: manifest::VERSION, plan: plan.digest(), files: BTreeMap::new() };
    folder.write(&format!("staging/{PLAN}"), &staging::text(&plan).unwrap());
    folder.write(&format!("staging/{FILE}"), &staging::text(&manifest).unwrap());
    let workspace = Workspace::at(folder.path());
    let clock = Clock::system();
    for kind in recorded {
        let entry = Entry { kind: (*kind).to_owned(), subject: "draft".to_owned(), ..Entry::default() };
        journal::append(&workspace, &clock, vec![entry]).unwrap();
    }
    let mut seed = State::of(&plan.repository);
    seed.releases = vec![state::Release {
        id: 7,
        tag: TAG.to_owned(),
        name: TAG.to_owned(),
        body: "Notes.\n".to_owned(),
        target: plan.commit.clone(),
        draft: true,
        hidden: reads,
        ..state::Release::default()
    }];
    let double = Double::start(seed, None).unwrap();
    let wanted = Publish {
        plan,
        staging: folder.path().join("staging"),
        endpoints: Endpoints { forge: double.base(), registry: "http://127.0.0.1:9".into(), trusted: false },
        wait_seconds_max: 5,
        pause_milliseconds: 1,
        faults: Vec::new(),
    };
    let environment = Environment::of_process().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let published = runtime.block_on(publish(&workspace, &environment, &clock, wanted));
    let exit = published.map_or_else(|failure| failure.exit, |_| Exit::Done);
    let state = double.state();
    assert_eq!(state.releases.iter().any(|release| !release.draft), exit == Exit::Done);
    (exit, state.releases.len())
}

/// Before anything is applied, the whole world is looked at: the draft is looked for twice.
const LOOKS_BEFORE: u32 = 2;

#[test]
fn a_draft_that_the_list_does_not_show_yet_is_not_made_again() {
    for reads in 0..LOOKS_BEFORE + LOOKS_AFTER_INTENT {
        assert_eq!(after(reads, &[INTENT]), (Exit::Done, 1), "{reads}");
    }
    // On another machine, or when the last record says that it was seen.
    for reads in 0..LOOKS_BEFORE + LOOKS_ANEW {
        assert_eq!(after(reads, &[]), (Exit::Done, 1), "{reads}");
        assert_eq!(after(reads, &[INTENT, DONE]), (Exit::Done, 1), "{reads}");
    }
}

#[test]
fn a_draft_that_shows_itself_too_late_is_a_conflict_and_nothing_is_published() {
    assert_eq!(after(LOOKS_BEFORE + LOOKS_AFTER_INTENT, &[INTENT]), (Exit::Conflict, 2));
    assert_eq!(after(LOOKS_BEFORE + LOOKS_ANEW, &[]), (Exit::Conflict, 2));
}
