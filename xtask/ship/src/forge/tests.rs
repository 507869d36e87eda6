//! The client against the double, every exchange checked against GitHub's description.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::{Expect, expect};
use semver::Version;

use nexus_xtask::digest::Digest;
use nexus_xtask::files;
use nexus_xtask_deliver::release::manifest::Staged;
use nexus_xtask_deliver::release::plan::{Artifact, Kind};

use super::*;
use crate::loopback::forge::Double;
use crate::loopback::forge::contract::Contract;
use crate::loopback::forge::fault::{Fault, Wrong};
use crate::loopback::forge::state::{self, State};

mod conflicts;
mod deployments;
mod everything;
mod limits;
mod questions;

const REPOSITORY: &str = "ann/one";
const TAG: &str = "one/v1.0.0";
const COMMIT: &str = "1111111111111111111111111111111111111111";
const OTHER: &str = "2222222222222222222222222222222222222222";
const TOKEN: &str = "secret token";

/// A forge with nothing in it, a plan of one release with two files, and a client.
struct Bench {
    double: Double,
    contract: Contract,
    runtime: tokio::runtime::Runtime,
    plan: Plan,
    manifest: Manifest,
    staging: PathBuf,
    forge: Forge,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Bench {
    fn new() -> Bench {
        Bench::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut State)) -> Bench {
        let contract = Contract::default();
        let mut state = State::of(REPOSITORY);
        state.token = Some(TOKEN.to_owned());
        state.commits = BTreeSet::from([COMMIT.to_owned(), OTHER.to_owned()]);
        change(&mut state);
        let double = Double::start(state, Some(contract.watch())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = format!("xtask ship é-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let staging = std::env::temp_dir().join(folder);
        let mut manifest = Manifest { version: 1, plan: Digest::of(""), files: BTreeMap::new() };
        for (file, text) in [("assets/a/one.tar.gz", "archive"), ("assets/a/SHA256SUMS", "sums")] {
            files::write(&staging.join(file), text).unwrap();
            let staged = Staged { sha256: Digest::of(text), bytes: text.len() as u64 };
            manifest.files.insert(file.to_owned(), staged);
        }
        let forge = client(&runtime, &double.base(), Some(TOKEN)).unwrap();
        Bench { double, contract, runtime, plan: plan(), manifest, staging, forge }
    }

    /// A client that has seen nothing yet, as after a crash.
    fn forget(&mut self) {
        self.forge = client(&self.runtime, &self.double.base(), Some(TOKEN)).unwrap();
    }

    fn observe(&self, action: &Action) -> Result<Observed, Trouble> {
        self.runtime.block_on(self.forge.observe(&self.plan, &self.manifest, action))
    }

    fn apply(&self, action: &Action) -> Result<(), Trouble> {
        self.runtime.block_on(self.forge.apply(&self.plan, &self.manifest, &self.staging, action))
    }

    /// What an effect's observation says, in one text.
    fn seen(&self, action: &Action) -> String {
        match self.observe(action) {
            Ok(Observed::Absent) => "absent".to_owned(),
            Ok(Observed::Same) => "same".to_owned(),
            Ok(Observed::Different(lines)) => self.shown(&lines.join("\n")),
            Err(trouble) => self.told(trouble),
        }
    }

    /// What applying an effect leads to, in one text.
    fn done(&self, action: &Action) -> String {
        self.apply(action).map_or_else(|trouble| self.told(trouble), |()| "done".to_owned())
    }

    fn told(&self, trouble: Trouble) -> String {
        match trouble {
            Trouble::Later { wait, why } => self.shown(&format!("later: {} s: {why}", wait.as_secs())),
            Trouble::Failed(failure) => self.shown(&format!("exit {}: {failure}", failure.exit.code())),
        }
    }

    fn shown(&self, text: &str) -> String {
        text.replace(&self.double.base(), "FORGE")
    }

    /// Carries the whole plan out, as the executor does.
    fn release(&self) {
        for action in actions() {
            if self.seen(&action) != "same" {
                assert_eq!(self.done(&action), "done", "{action:?}");
                assert_eq!(self.seen(&action), "same", "{action:?}");
            }
        }
    }

    /// The world did not change while this ran.
    #[track_caller]
    fn unchanged(&self, run: impl FnOnce()) {
        let before = self.double.world();
        run();
        assert_eq!(self.double.world(), before);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        files::remove_folder(&self.staging).ok();
        if !std::thread::panicking() {
            self.contract.assert_kept();
        }
    }
}

fn client(runtime: &tokio::runtime::Runtime, api: &str, token: Option<&str>) -> Result<Forge, Failure> {
    runtime.block_on(async { Forge::new(api, REPOSITORY, token, &Clock::system()) })
}

fn plan() -> Plan {
    let artifact = |file: &str, kind| Artifact {
        example: None,
        file: file.to_owned(),
        kind,
        package: None,
        target: None,
        release: Some(TAG.to_owned()),
    };
    Plan {
        version: 1,
        commit: COMMIT.to_owned(),
        tree: String::new(),
        commit_time: 0,
        configuration: Digest::of(""),
        tools: BTreeMap::new(),
        registry: "crates-io".to_owned(),
        repository: REPOSITORY.to_owned(),
        immutable: true,
        releases: vec![Release {
            tag: TAG.to_owned(),
            version: Version::new(1, 0, 0),
            packages: vec!["one".to_owned()],
            prerelease: false,
            notes: "Added:\n\n- One.\n".to_owned(),
        }],
        packages: Vec::new(),
        targets: Vec::new(),
        artifacts: vec![
            artifact("assets/a/one.tar.gz", Kind::Archive),
            artifact("assets/a/SHA256SUMS", Kind::Checksums),
        ],
        steps: Vec::new(),
        way_back: Vec::new(),
    }
}

fn draft() -> Action {
    Action::Draft { tag: TAG.to_owned() }
}

fn upload(file: &str) -> Action {
    Action::Upload { tag: TAG.to_owned(), file: format!("assets/a/{file}") }
}

fn tag() -> Action {
    Action::Tag { tag: TAG.to_owned() }
}

fn announce() -> Action {
    Action::Announce { tag: TAG.to_owned() }
}

fn actions() -> [Action; 5] {
    [draft(), upload("one.tar.gz"), upload("SHA256SUMS"), tag(), announce()]
}

fn fault(kind: &str, number: u32, wrong: Wrong) -> Fault {
    Fault { kind: kind.to_owned(), number, wrong }
}

#[test]
fn a_release_goes_out_and_is_the_same_when_looked_at_again() {
    let mut bench = Bench::new();
    bench.release();
    let sums = Digest::of("sums").to_string();
    let archive = Digest::of("archive").to_string();
    let world = serde_json::to_string_pretty(&bench.double.world()).unwrap();
    expect![[r#"
        {
          "burned": [
            "one/v1.0.0"
          ],
          "deployments": [],
          "pulls": [],
          "releases": [
            {
              "assets": {
                "SHA256SUMS": {
                  "bytes": 4,
                  "complete": true,
                  "sha256": "SUMS"
                },
                "one.tar.gz": {
                  "bytes": 7,
                  "complete": true,
                  "sha256": "ARCHIVE"
                }
              },
              "body": "Added:\n\n- One.\n",
              "draft": false,
              "immutable": true,
              "latest": true,
              "name": "one/v1.0.0",
              "prerelease": false,
              "tag": "one/v1.0.0",
              "target": "1111111111111111111111111111111111111111"
            }
          ],
          "tags": {
            "one/v1.0.0": "1111111111111111111111111111111111111111"
          }
        }"#]]
    .assert_eq(&world.replace(&sums, "SUMS").replace(&archive, "ARCHIVE"));
    bench.forget();
    bench.unchanged(|| {
        for action in actions() {
            assert_eq!(bench.seen(&action), "same", "{action:?}");
        }
    });
}

#[test]
fn nothing_is_there_before_it_is_done() {
    let bench = Bench::new();
    for action in actions() {
        assert_eq!(bench.seen(&action), "absent", "{action:?}");
    }
}

#[test]
fn a_lost_answer_is_found_by_looking() {
    for (kind, action) in [
        ("POST releases", draft()),
        ("POST releases/*/assets", upload("one.tar.gz")),
        ("POST git/refs", tag()),
        ("PATCH releases/*", announce()),
    ] {
        let mut bench = Bench::with(|state| state.faults = vec![fault(kind, 1, Wrong::Lost)]);
        for step in actions() {
            if step != action {
                assert_eq!(bench.done(&step), "done", "{step:?}");
                continue;
            }
            let told = bench.done(&step);
            assert!(told.starts_with("later: 2 s"), "{told}");
            bench.forget();
            assert_eq!(bench.seen(&step), "same", "{step:?}");
        }
        bench.forget();
        bench.release();
    }
}

#[test]
fn an_upload_that_was_cut_off_is_removed_and_done_again() {
    let bench = Bench::with(|state| state.faults = vec![fault("POST releases/*/assets", 1, Wrong::Half)]);
    assert_eq!(bench.done(&draft()), "done");
    let told = bench.done(&upload("one.tar.gz"));
    assert!(told.starts_with("later: 2 s"), "{told}");
    assert_eq!(bench.double.world()["releases"][0]["assets"]["one.tar.gz"]["complete"], false);
    assert_eq!(bench.seen(&upload("one.tar.gz")), "absent");
    bench.release();
}

#[test]
fn a_pre_release_is_never_the_latest_and_a_fix_of_an_old_line_is_not_either() {
    let mut bench = Bench::with(|state| {
        let release = state::Release { id: 7, tag: "v2.0.0".to_owned(), ..state::Release::default() };
        state.releases.push(state::Release { make_latest: "legacy".to_owned(), ..release });
    });
    bench.release();
    let latest = |bench: &Bench| bench.double.state().latest().map(|release| release.tag.clone());
    assert_eq!(latest(&bench).as_deref(), Some("v2.0.0"));
    let release = &mut bench.plan.releases[0];
    release.tag = "v3.0.0-rc.1".to_owned();
    release.prerelease = true;
    for artifact in &mut bench.plan.artifacts {
        artifact.release = Some("v3.0.0-rc.1".to_owned());
    }
    let tag = "v3.0.0-rc.1".to_owned();
    for action in [
        Action::Draft { tag: tag.clone() },
        Action::Upload { tag: tag.clone(), file: "assets/a/one.tar.gz".to_owned() },
        Action::Upload { tag: tag.clone(), file: "assets/a/SHA256SUMS".to_owned() },
        Action::Tag { tag: tag.clone() },
        Action::Announce { tag },
    ] {
        assert_eq!(bench.done(&action), "done", "{action:?}");
    }
    assert_eq!(latest(&bench).as_deref(), Some("v2.0.0"));
}

#[test]
fn a_draft_that_the_list_does_not_show_yet_is_known_to_whoever_made_it() {
    let mut bench = Bench::with(|state| state.reads_until_visible = 2);
    assert_eq!(bench.done(&draft()), "done");
    assert_eq!(bench.done(&upload("one.tar.gz")), "done");
    // The list of releases lags behind; the executor looks again.
    assert_eq!(bench.seen(&draft()), "absent");
    assert_eq!(bench.seen(&draft()), "absent");
    assert_eq!(bench.seen(&draft()), "same");
    bench.forget();
    assert_eq!(bench.seen(&draft()), "same");
}

#[test]
fn a_release_is_found_behind_many_others() {
    let bench = Bench::with(|state| {
        state.page_max = 3;
        for id in 100..110 {
            let tag = format!("v0.{id}.0");
            state.releases.push(state::Release { id, tag, ..state::Release::default() });
        }
        let own = state::Release { id: 1, tag: TAG.to_owned(), draft: true, ..state::Release::default() };
        state.releases.insert(0, own);
    });
    let seen = bench.seen(&draft());
    assert!(seen.starts_with("- name: one/v1.0.0"), "{seen}");
}

#[test]
fn effects_are_taken_back_as_far_as_the_forge_lets_them() {
    let mut bench = Bench::with(|state| state.immutable = false);
    bench.plan.immutable = false;
    bench.release();
    let mut said = Vec::new();
    for action in actions().iter().rev() {
        let back = bench.runtime.block_on(bench.forge.take_back(&bench.plan, action));
        said.push(back.unwrap_or_else(|trouble| bench.told(trouble)));
    }
    expect![[r#"
        the release of `one/v1.0.0` is a draft again
        the tag `one/v1.0.0` is removed
        `assets/a/SHA256SUMS` goes with its draft
        `assets/a/one.tar.gz` goes with its draft
        the draft of `one/v1.0.0` is removed"#]]
    .assert_eq(&said.join("\n"));
    let empty =
        serde_json::json!({ "burned": [], "deployments": [], "pulls": [], "releases": [], "tags": {} });
    assert_eq!(bench.double.world(), empty);
}

#[test]
fn what_is_immutable_stays_and_is_not_the_latest() {
    let bench = Bench::new();
    bench.release();
    let mut said = Vec::new();
    for action in actions().iter().rev() {
        let back = bench.runtime.block_on(bench.forge.take_back(&bench.plan, action));
        said.push(back.unwrap_or_else(|trouble| bench.told(trouble)));
    }
    expect![[r#"
        the release of `one/v1.0.0` stays, and is not the latest
        the tag `one/v1.0.0` stays: its release is published
        `assets/a/SHA256SUMS` goes with its draft
        `assets/a/one.tar.gz` goes with its draft
        the release of `one/v1.0.0` is published and stays"#]]
    .assert_eq(&said.join("\n"));
    assert_eq!(bench.double.world()["releases"][0]["latest"], false);
}
