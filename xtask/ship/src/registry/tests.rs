use expect_test::{Expect, expect};
use tokio::runtime::Runtime;

use super::fixture::{Scratch, Staging, library, packed};
use super::*;
use crate::loopback::registry::{Closure, Limits, RegistryDouble, RegistryFault, Rights, Rules};

/// A registry, a client of it, and what is to be published.
struct World {
    runtime: Runtime,
    double: RegistryDouble,
    registry: Registry,
    staging: Staging,
}

fn one() -> (&'static str, &'static str, Bytes) {
    ("one", "1.2.3", library("one", "1.2.3", "", "//! One.\n"))
}

fn two() -> (&'static str, &'static str, Bytes) {
    ("two", "0.1.0", library("two", "0.1.0", "[dependencies.one]\nversion = \"1\"\n", "//! Two.\n"))
}

fn noon() -> Clock {
    Clock::fixed("2026-03-01T12:00:00Z".parse().unwrap())
}

impl World {
    fn new(rules: Rules) -> World {
        World::with(rules, &[("CARGO_REGISTRY_TOKEN", "sesame-open")], false)
    }

    fn trusted(rules: Rules) -> World {
        World::with(rules, &[], true)
    }

    fn with(rules: Rules, variables: &[(&str, &str)], trusted: bool) -> World {
        let double = RegistryDouble::start(Closure::default(), rules, &noon()).unwrap();
        let identity = double.identity();
        let mut variables = variables.to_vec();
        variables.push(("ACTIONS_ID_TOKEN_REQUEST_URL", &identity));
        variables.push(("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "lend-me-an-identity"));
        let environment = Environment::of(&variables, Path::new("/"));
        let endpoints = Endpoints { forge: String::new(), registry: double.index(), trusted };
        World {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            registry: Registry::new(&Http::new().unwrap(), &noon(), &environment, &endpoints).unwrap(),
            staging: Staging::of(&[one(), two()]),
            double,
        }
    }

    fn check(&self) -> Result<(), Trouble> {
        self.runtime.block_on(self.registry.check(&self.staging.plan))
    }

    fn observe(&self, index: usize) -> Result<Observed, Trouble> {
        let Staging { plan, manifest, .. } = &self.staging;
        self.runtime.block_on(self.registry.observe(plan, manifest, &self.staging.action(index)))
    }

    fn apply(&self, index: usize) -> Result<(), Trouble> {
        let Staging { plan, manifest, folder } = &self.staging;
        self.runtime.block_on(self.registry.apply(plan, manifest, folder.path(), &self.staging.action(index)))
    }

    /// What became of something, as a person sees it.
    #[track_caller]
    fn says(&self, result: Result<(), Trouble>, expected: Expect) {
        let text = match result {
            Ok(()) => "done".to_owned(),
            Err(Trouble::Later { wait, why }) => format!("later, in {} s: {why}", wait.as_secs()),
            Err(Trouble::Failed(failure)) => format!("exit {}\n{failure}", failure.exit.code()),
        };
        let base = self.double.index().trim_end_matches("/index/").to_owned();
        expected.assert_eq(&text.replace(&base, "BASE"));
    }
}

#[test]
fn a_version_is_published_once_and_then_the_same() {
    let world = World::new(Rules::default());
    assert_eq!(world.observe(0).unwrap(), Observed::Absent);
    world.apply(0).unwrap();
    assert_eq!(world.observe(0).unwrap(), Observed::Same);
    let once = world.double.world();
    // The registry refuses it as a duplicate; that it is the same is said by the index.
    world.apply(0).unwrap();
    assert_eq!(world.double.world(), once);
    world.apply(1).unwrap();
    assert_eq!(world.observe(1).unwrap(), Observed::Same);
}

#[test]
fn other_bytes_under_the_same_version_are_a_conflict() {
    let mut world = World::new(Rules::default());
    world.apply(0).unwrap();
    let other = library("one", "1.2.3", "", "//! One, changed.\n");
    world.staging = Staging::of(&[("one", "1.2.3", other)]);
    let Observed::Different(difference) = world.observe(0).unwrap() else { panic!("it is different") };
    expect![[r#"
        - one 1.2.3 sha256:95383bdf0025cb522134b26ab0c56f7519fbb29b9bc4a10cfc50f050e9d58d40
        + one 1.2.3 sha256:a651a5388405db522f88c56a5dd746cfaa6a08fa7959646d8022d09d3d0ac4bf"#]]
    .assert_eq(&difference.join("\n"));
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    let world = World::new(Rules::default());
    world.double.fail(RegistryFault::LostResponse { upload: 1 });
    let Err(Trouble::Later { .. }) = world.apply(0) else { panic!("the connection is lost") };
    assert_eq!(world.observe(0).unwrap(), Observed::Same);
}

#[test]
fn a_late_index_does_not_publish_twice() {
    let world = World::new(Rules::default());
    world.double.fail(RegistryFault::LateIndex { upload: 1, looks: 2 });
    world.double.fail(RegistryFault::LostResponse { upload: 1 });
    let Err(Trouble::Later { .. }) = world.apply(0) else { panic!("the connection is lost") };
    let once = world.double.world();
    assert_eq!(world.observe(0).unwrap(), Observed::Absent);
    // The registry says that it is there already. It is believed, and looked at again.
    world.apply(0).unwrap();
    assert_eq!(world.observe(0).unwrap(), Observed::Absent);
    assert_eq!(world.observe(0).unwrap(), Observed::Same);
    assert_eq!(world.double.world(), once);
}

#[test]
fn a_registry_that_asks_for_patience_is_given_it() {
    let world = World::new(Rules::default());
    world.double.fail(RegistryFault::TooMany { upload: 1, seconds: 7, dated: false });
    world.says(world.apply(0), expect!["later, in 7 s: BASE/api/v1/crates/new: 429 Too Many Requests: You have published too many versions in a short period of time. Please try again after Sun, 01 Mar 2026 12:00:07 GMT"]);
    world.double.fail(RegistryFault::TooMany { upload: 1, seconds: 600, dated: true });
    world.says(world.apply(0), expect!["later, in 601 s: BASE/api/v1/crates/new: 429 Too Many Requests: You have published too many versions in a short period of time. Please try again after Sun, 01 Mar 2026 12:10:00 GMT"]);
    world.double.fail(RegistryFault::Broken { upload: 1 });
    world.says(
        world.apply(0),
        expect!["later, in 10 s: BASE/api/v1/crates/new: 500 Internal Server Error: Internal Server Error"],
    );
    world.says(world.apply(0), expect![[r#"done"#]]);
}

#[test]
fn limits_of_the_registry_are_met_one_by_one() {
    let limits = Limits { new: (1, 600), update: (30, 60) };
    let world = World::new(Rules { limits: Some(limits), ..Rules::default() });
    world.says(world.apply(0), expect![[r#"done"#]]);
    world.says(world.apply(1), expect!["later, in 601 s: BASE/api/v1/crates/new: 429 Too Many Requests: You have published too many versions in a short period of time. Please try again after Sun, 01 Mar 2026 12:10:00 GMT"]);
}

#[test]
fn a_web_page_is_no_registry() {
    let world = World::new(Rules::default());
    world.double.fail(RegistryFault::Page { upload: 1 });
    world.says(world.apply(0), expect![[r#"
        exit 3
        error: `BASE/api/v1/crates/new` answers with a web page, so it is no registry
          why:  it says 200 OK with HTML; a registry says JSON
          next: correct `registry.index` in release/release.toml, or the proxy in between, then run the same command again"#]]);
    let world = World::new(Rules { faults: vec![RegistryFault::PageAlways], ..Rules::default() });
    world.says(world.check(), expect![[r#"
        exit 3
        error: `BASE/index/config.json` answers with a web page, so it is no registry
          why:  it says 200 OK with HTML; a registry says JSON
          next: correct `registry.index` in release/release.toml, or the proxy in between, then run the same command again"#]]);
}

#[test]
fn a_token_without_the_right_is_told_which_one() {
    let rights = |publish_new, publish_update| Rights { publish_new, publish_update, ..Rights::default() };
    let tokens = |rights| [("sesame-open".to_owned(), rights)].into();
    let world = World::new(Rules { tokens: tokens(rights(false, true)), ..Rules::default() });
    world.says(world.apply(0), expect![[r#"
        exit 3
        error: the registry's token may not publish `one` 1.2.3
          why:  the registry says: this token does not have the required permissions to perform this action
          why:  this needs a token of an owner with the right `publish-new`, for this package's name
          next: make a token with `publish-new`, set `CARGO_REGISTRY_TOKEN`, and run the same command again"#]]);
    let known = vec!["one".to_owned()];
    let world = World::new(Rules { known, tokens: tokens(rights(true, false)), ..Rules::default() });
    world.says(world.apply(0), expect![[r#"
        exit 3
        error: the registry's token may not publish `one` 1.2.3
          why:  the registry says: this token does not have the required permissions to perform this action
          why:  this needs a token of an owner with the right `publish-update`, for this package's name
          next: make a token with `publish-update`, set `CARGO_REGISTRY_TOKEN`, and run the same command again"#]]);
    let elsewhere = [("another".to_owned(), rights(true, true))].into();
    let world = World::new(Rules { tokens: elsewhere, ..Rules::default() });
    world.says(world.apply(0), expect![[r#"
        exit 3
        error: the registry's token may not publish `one` 1.2.3
          why:  the registry says: authentication failed
          why:  it does not know the token in `CARGO_REGISTRY_TOKEN`, or not any more
          next: make a token with `publish-new`, set `CARGO_REGISTRY_TOKEN`, and run the same command again"#]]);
    let world = World::with(Rules::default(), &[], false);
    world.says(
        world.check(),
        expect![[r#"
        exit 3
        error: there is no token for the registry
          why:  `CARGO_REGISTRY_TOKEN` is not set
          next: set `CARGO_REGISTRY_TOKEN`, or `registry.trusted = true` where the release runs in GitHub"#]],
    );
}

#[test]
fn what_a_registry_does_not_take_is_said_in_its_words() {
    let mut world = World::new(Rules::default());
    world.says(world.apply(1), expect![[r#"
        exit 1
        error: the registry does not take `two` 0.1.0
          why:  400 Bad Request: no known crate named `one`
          next: correct what it names, then release the next version: this one is staged with the fault inside"#]]);
    let bare = "[package]\nname = \"bare\"\nversion = \"1.0.0\"\n";
    world.staging = Staging::of(&[("bare", "1.0.0", packed("bare-1.0.0", &[("Cargo.toml", bare)]))]);
    world.says(world.apply(0), expect![[r#"
        exit 1
        error: the registry does not take `bare` 1.0.0
          why:  400 Bad Request: missing or empty metadata fields: description, license
          next: correct what it names, then release the next version: this one is staged with the fault inside"#]]);
    let files = [("Cargo.toml", &*fixture::manifest("large", "1.0.0", "")), ("a", &*"x".repeat(11 << 20))];
    let bytes = packed("large-1.0.0", &files);
    world.staging = Staging::of(&[("large", "1.0.0", bytes)]);
    world.says(world.apply(0), expect![[r#"
        exit 1
        error: the registry does not take `large` 1.0.0
          why:  413 Payload Too Large: max upload size is: 10485760
          next: correct what it names, then release the next version: this one is staged with the fault inside"#]]);
}

#[test]
fn bytes_that_changed_since_they_were_staged_go_nowhere() {
    let world = World::new(Rules::default());
    world.staging.folder.write("crates/one-1.2.3.crate", "tampered");
    world.says(
        world.apply(0),
        expect![[r#"
            exit 4
            error: `crates/one-1.2.3.crate` is not what was staged
              why:  - sha256:a651a5388405db522f88c56a5dd746cfaa6a08fa7959646d8022d09d3d0ac4bf
                    + sha256:d121be3103007b41edf96f8262925f8c7d61894afe9a041843b631f69445bc57
              next: stage again: cargo xtask release stage"#]],
    );
    assert_eq!(world.double.world(), "{}\n");
}

#[test]
fn a_package_under_another_name_goes_nowhere() {
    let mut world = World::new(Rules::default());
    world.staging = Staging::of(&[("two", "1.2.3", one().2)]);
    world.says(
        world.apply(0),
        expect![[r#"
        exit 3
        error: `crates/two-1.2.3.crate` is no package
          why:  it holds `one` 1.2.3 instead of `two` 1.2.3
          next: this is a defect in xtask, please report it with the text above"#]],
    );
}

#[test]
fn a_version_is_yanked_and_taken_back() {
    let world = World::new(Rules::default());
    world.apply(0).unwrap();
    let version = Version::new(1, 2, 3);
    let yank = |what| world.runtime.block_on(world.registry.yank("one", &version, what));
    let yanked = || world.runtime.block_on(world.registry.line("one", &version)).unwrap().unwrap().yanked;
    for (what, expected) in [(Yank::Yank, true), (Yank::Yank, true), (Yank::Unyank, false)] {
        yank(what).unwrap();
        assert_eq!(yanked(), expected);
    }
    let absent = world.runtime.block_on(world.registry.yank("two", &version, Yank::Yank));
    world.says(
        absent,
        expect![[r#"
        exit 3
        error: `two` 1.2.3 is not published
          why:  the index at BASE/index does not name it
          next: see what is published: cargo xtask release status"#]],
    );
}

#[test]
fn an_exchanged_token_is_got_late_renewed_in_time_and_given_back() {
    let known = vec!["one".to_owned(), "two".to_owned()];
    let mut world = World::trusted(Rules { known, ..Rules::default() });
    world.check().unwrap();
    assert_eq!(world.double.exchanged(), (0, 0));
    world.apply(0).unwrap();
    world.apply(0).unwrap();
    assert_eq!(world.double.exchanged(), (1, 1));
    // Half an hour passes for the client, and it does not wait for the registry to say so.
    world.registry.clock = Clock::fixed("2026-03-01T12:25:00Z".parse().unwrap());
    world.apply(1).unwrap();
    assert_eq!(world.double.exchanged(), (2, 1));
    world.runtime.block_on(world.registry.end());
    assert_eq!(world.double.exchanged(), (2, 0));
}

#[test]
fn an_exchanged_token_that_the_registry_forgot_is_renewed_once() {
    let known = vec!["one".to_owned(), "two".to_owned()];
    let world = World::trusted(Rules { known, ..Rules::default() });
    world.apply(0).unwrap();
    world.double.fail(RegistryFault::TokensGone { upload: 1 });
    world.apply(1).unwrap();
    assert_eq!(world.double.exchanged(), (2, 1));
    world.double.fail(RegistryFault::TokensGone { upload: 1 });
    world.double.fail(RegistryFault::TokensGone { upload: 2 });
    world.says(world.apply(1), expect![[r#"
        exit 3
        error: the registry's token may not publish `two` 0.1.0
          why:  the registry says: Invalid authentication token
          next: name this repository, workflow file and environment as a trusted publisher of that package"#]]);
}

#[test]
fn trusted_publishing_says_early_what_it_cannot_do() {
    let world = World::trusted(Rules { known: vec!["one".to_owned()], ..Rules::default() });
    world.says(
        world.check(),
        expect![[r#"
        exit 3
        `two` is not there yet, and trusted publishing cannot create it
          next: publish its first version by hand with a token, and name this workflow as its publisher
        error: the registry does not know every package"#]],
    );
    world.says(world.apply(1), expect![[r#"
        exit 3
        error: the registry's token may not publish `two` 0.1.0
          why:  the registry says: Trusted Publishing tokens do not support creating new crates. Publish the crate manually, first
          why:  an exchanged token never has the right `publish-new`
          next: do this one by hand, with a token that has `publish-new`; then run the same command again"#]]);
    let refused = |variables: &[(&str, &str)]| {
        Access::of(&Environment::of(variables, Path::new("/")), true).unwrap_err().to_string()
    };
    expect![[r#"
        error: trusted publishing does not work in a `workflow_run` run
          why:  registries refuse it there: such a run has the repository's rights and may hold a stranger's code
          next: start the release by a tag or by hand (`workflow_dispatch`)"#]].assert_eq(&refused(&[("GITHUB_EVENT_NAME", "workflow_run")]));
    expect![[r#"
        error: there is no identity to exchange for a token of the registry
          why:  `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` are set in a GitHub job with the right alone
          next: give the job `permissions: id-token: write`, or set `registry.trusted = false` and a token"#]].assert_eq(&refused(&[]));
}

#[test]
fn a_path_that_leads_out_of_a_package_is_refused() {
    let manifest = fixture::manifest("out", "1.0.0", "");
    let bytes = packed("out-1.0.0", &[("Cargo.toml", &manifest), ("a/../../../b", "")]);
    let folder = Scratch::new();
    let error = Packed::read(bytes).unwrap().unpack(folder.path()).unwrap_err();
    assert_eq!(error.to_string(), "`out-1.0.0/a/../../../b` leads out of the package");
}
