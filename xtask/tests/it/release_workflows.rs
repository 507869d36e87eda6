//! The workflows of a workspace that is released: they are there where `release/release.toml` is, and what would make them
//! unsafe is refused.

use expect_test::{Expect, expect};

use crate::sandbox::Sandbox;
use crate::workflows::{findings, written};

pub(crate) const RELEASE: &str = ".github/workflows/xtask-release.yml";
const RELEASE_PR: &str = ".github/workflows/xtask-release-pr.yml";

/// A workspace that is released, signed and with a tag of its own kind, with the generated files in it.
pub(crate) fn released() -> Sandbox {
    let sandbox = written();
    let declared = "[signing]\npublic_key = \"release/key.pub\"\n\n[packages.one]\ntag = \"rel/{version}\"\n";
    sandbox.write("release/release.toml", declared);
    let done = sandbox.xtask(&["workflows", "--write"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    sandbox
}

/// Replaces a text that is there, and checks. What only drift says is left out.
#[track_caller]
fn mutate(file: &str, before: &str, after: &str, expected: Expect) {
    let sandbox = released();
    let text = sandbox.read(file);
    assert!(text.contains(before), "{file} does not hold {before:?}");
    sandbox.write(file, &text.replacen(before, after, 1));
    let found = findings(&sandbox);
    assert!(found.contains("differs from what its generator prints"), "{found}");
    let lines: Vec<_> = found.lines().collect();
    let others = lines.chunks(2).filter(|pair| !pair[0].contains("differs from what its generator prints"));
    expected.assert_eq(&others.map(|pair| format!("{}\n{}\n", pair[0], pair[1])).collect::<String>());
    let repaired = sandbox.xtask(&["workflows", "--write"]);
    assert_eq!((repaired.code, findings(&sandbox).as_str()), (0, ""), "{}", repaired.transcript());
}

#[test]
fn they_come_and_go_with_the_declaration() {
    let sandbox = released();
    assert_eq!(findings(&sandbox), "");
    let text = sandbox.read(RELEASE);
    assert!(text.contains(r#"tags: ["v[0-9]*", "*-v[0-9]*", "rel/[0-9]*"]"#), "{text}");
    assert!(text.contains("environment: release-signing\n") && text.contains("secrets.MINISIGN_SECRET_KEY"));
    assert!(sandbox.read(".github/actions/xtask/action.yml").contains("nexus-xtask-ship@=0.1.0"));
    sandbox.write("release/release.toml", "[registry]\ntrusted = true\n");
    assert_eq!(sandbox.xtask(&["workflows", "--write"]).code, 0);
    let text = sandbox.read(RELEASE);
    assert!(!text.contains("secrets.") && !text.contains("release-signing"), "{text}");
    assert!(text.contains("id-token: write # to attest who built it, and to get the registry's token"));
    std::fs::remove_file(sandbox.path("release/release.toml")).unwrap();
    expect![[r#"
        keep    .github/workflows/xtask-ci.yml
        keep    .github/workflows/xtask-nightly.yml
        keep    .github/workflows/xtask-checks.yml
        update  .github/actions/xtask/action.yml
        remove  .github/workflows/xtask-release-pr.yml   no generator makes it any more
        remove  .github/workflows/xtask-release.yml      no generator makes it any more
    "#]]
    .assert_eq(&sandbox.xtask(&["workflows", "--write"]).stdout);
    assert!(!sandbox.read(".github/actions/xtask/action.yml").contains("ship"));
}

#[test]
fn pins_of_the_actions_are_asked_for_only_where_something_is_released() {
    let sandbox = written();
    let pins = sandbox.read("release/actions.toml");
    let older = pins.split("[actions.\"actions/download-artifact\"]").next().unwrap();
    sandbox.write("release/actions.toml", older);
    assert_eq!(findings(&sandbox), "");
    sandbox.write("release/release.toml", "");
    expect![[r#"
        exit 2
        --- stderr
        release/actions.toml: no pin for `actions/attest`, which the generated workflows use
          next: add a table `[actions."actions/attest"]` with `version` and `commit`
        release/actions.toml: no pin for `actions/download-artifact`, which the generated workflows use
          next: add a table `[actions."actions/download-artifact"]` with `version` and `commit`
        error: what is declared about workflows cannot be used
    "#]]
    .assert_eq(&sandbox.xtask(&["workflows", "--check"]).transcript());
}

#[test]
fn publishing_without_the_environment_is_refused() {
    mutate(
        RELEASE,
        "    environment: release\n",
        "",
        expect![[r#"
            .github/workflows/xtask-release.yml:145: job `publish` publishes outside of the environment `release`: nobody is asked
              next: add `environment: release`, and give that environment reviewers in the repository's settings
        "#]],
    );
    mutate(
        RELEASE,
        "    environment: release\n",
        "    environment: production\n",
        expect![[r#"
            .github/workflows/xtask-release.yml:151: job `publish` publishes outside of the environment `release`: nobody is asked
              next: add `environment: release`, and give that environment reviewers in the repository's settings
        "#]],
    );
}

#[test]
fn rights_that_reach_the_world_are_refused_in_other_jobs() {
    let outputs = "    outputs:\n";
    mutate(
        RELEASE,
        outputs,
        &format!("      id-token: write # for fun\n{outputs}"),
        expect![[r#"
        .github/workflows/xtask-release.yml:40: job `gate` has `id-token: write`, and `publish` is the job that publishes
          next: remove it, or move what needs it into `publish`
        .github/workflows/xtask-release.yml:40: job `gate` has `id-token: write`, declared is `id-token: none`
          next: write `id-token: none`, or declare the right with its reason in the generator
    "#]],
    );
    let environment = "    environment: release-signing\n    permissions:\n      contents: read";
    mutate(
        RELEASE,
        environment,
        &environment.replace("read", "write"),
        expect![[r#"
            .github/workflows/xtask-release.yml:109: job `stage` has `contents: write`, and `publish` is the job that publishes
              next: remove it, or move what needs it into `publish`
            .github/workflows/xtask-release.yml:109: job `stage` has `contents: write`, declared is `contents: read`
              next: write `contents: read`, or declare the right with its reason in the generator
        "#]],
    );
}

#[test]
fn a_cache_is_refused_in_every_job() {
    let start = |job: &str| {
        let text = released().read(RELEASE);
        let at = text.find(&format!("  {job}:\n")).unwrap();
        let cache = at + text[at..].find("cache: none").unwrap();
        text[at..cache + "cache: none".len()].to_owned()
    };
    let publish = start("publish");
    mutate(
        RELEASE,
        &publish,
        &publish.replace("cache: none", "cache: use"),
        expect![[r#"
            .github/workflows/xtask-release.yml:167: job `publish` has an environment, and restores a cache
              next: give the step `with: { cache: none }`, or do the work of the cache in another job
        "#]],
    );
    let build = start("build");
    mutate(
        RELEASE,
        &build,
        &build.replace("cache: none", "cache: use"),
        expect![[r#"
        .github/workflows/xtask-release.yml:82: job `build` restores a cache, which becomes part of what is published
          next: give the step `with: { cache: none }`
    "#]],
    );
    mutate(
        RELEASE_PR,
        "cache: none",
        "cache: use",
        expect![[r#"
        .github/workflows/xtask-release-pr.yml:44: job `prepare` has `contents: write`, and restores a cache
          next: give the step `with: { cache: none }`, or do the work of the cache in another job
    "#]],
    );
}

#[test]
fn a_job_that_takes_a_skipped_one_for_a_success_is_refused() {
    mutate(
        RELEASE,
        " && needs.stage.result == 'success'",
        "",
        expect![[r#"
            .github/workflows/xtask-release.yml:148: `publish` does not ask whether `stage` succeeded: a skipped job counts as passed
              next: add `needs.stage.result == 'success'` to its `if`
        "#]],
    );
    mutate(
        RELEASE,
        "needs.stage.result == 'success'",
        "needs.stage.result != 'failure'",
        expect![[r#"
            .github/workflows/xtask-release.yml:148: `publish` does not ask whether `stage` succeeded: a skipped job counts as passed
              next: add `needs.stage.result == 'success'` to its `if`
        "#]],
    );
}

#[test]
fn what_strangers_can_start_is_refused() {
    mutate(
        RELEASE,
        "  workflow_dispatch:\n",
        "  workflow_dispatch:\n  pull_request_target:\n",
        expect![[r#"
            .github/workflows/xtask-release.yml:13: `pull_request_target` starts a workflow that publishes: what a stranger sent would run with its rights
              next: start it by a version tag (`push: { tags: [...] }`) or by hand (`workflow_dispatch`)
        "#]],
    );
    mutate(
        RELEASE,
        "  workflow_dispatch:\n",
        "  workflow_run:\n    workflows: [xtask ci]\n",
        expect![[r#"
        .github/workflows/xtask-release.yml:12: `workflow_run` starts a workflow that publishes: what a stranger sent would run with its rights
          next: start it by a version tag (`push: { tags: [...] }`) or by hand (`workflow_dispatch`)
    "#]],
    );
}

#[test]
fn more_than_a_call_and_unpinned_actions_are_refused() {
    mutate(
        RELEASE,
        "exec cargo xtask release publish",
        "cargo publish && cargo xtask release publish",
        expect![[r#"
            .github/workflows/xtask-release.yml:186: a `run` is neither one call of `cargo xtask` nor part of the bootstrap
              next: move the command into a step in release/ci.toml, then run `cargo xtask workflows --write`
        "#]],
    );
    let text = released().read(RELEASE);
    let pinned = text.lines().find(|line| line.contains("actions/attest@")).unwrap();
    mutate(
        RELEASE,
        pinned,
        "        uses: actions/attest@v4",
        expect![[r#"
            .github/workflows/xtask-release.yml:177: `actions/attest@v4` is not pinned by a full commit
              next: pin it as `actions/attest@<40 digits> # v1.2.3`; `git ls-remote --tags https://github.com/actions/attest` shows both
        "#]],
    );
}

/// The metadata that `cargo binstall` reads names the very files that a release of this repository has.
#[test]
fn binstall_finds_the_archives_of_the_plan() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    // The manifests of this repository, in one without tags: after a release, the plan here would be empty.
    let manifests = [
        "Cargo.toml",
        "xtask/Cargo.toml",
        "xtask/deliver/Cargo.toml",
        "xtask/observe/Cargo.toml",
        "xtask/ship/Cargo.toml",
        "xtask/upkeep/Cargo.toml",
        "release/release.toml",
    ];
    // In another folder: where a satellite's manifest is in its place, the front builds it from there.
    let elsewhere = |text: &str| text.replace("\"xtask", "\"tool");
    let manifests = manifests.map(|file| {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        (file.replacen("xtask/", "tool/", 1), if file == "Cargo.toml" { elsewhere(&text) } else { text })
    });
    let sources = [
        "src/lib.rs",
        "src/main.rs",
        "src/bin/cargo-nexus-xtask.rs",
        "tests/it/main.rs",
        "deliver/src/lib.rs",
        "deliver/src/main.rs",
        "observe/src/main.rs",
        "ship/src/main.rs",
        "upkeep/src/main.rs",
    ];
    let sources = sources.map(|file| format!("tool/{file}"));
    let files = manifests.iter().map(|(file, text)| (file.as_str(), text.as_str()));
    let files: Vec<_> = files.chain(sources.iter().map(|file| (file.as_str(), ""))).collect();
    let sandbox = Sandbox::with(&files);
    let output =
        sandbox.command(crate::satellites::front(), &["--json", "release", "plan"]).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let archives: Vec<_> = plan["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|artifact| artifact["kind"] == "archive" && !artifact["release"].is_null())
        .collect();
    assert_eq!(archives.len(), 16, "{plan}");
    for archive in archives {
        let text = |key: &str| archive[key].as_str().unwrap();
        let (package, target, tag) = (text("package"), text("target"), text("release"));
        let folder = package.replacen("nexus-xtask-", "xtask/", 1).replace("nexus-xtask", "xtask");
        let manifest = std::fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let binstall = &manifest["package"]["metadata"]["binstall"];
        let own = binstall["overrides"].get(target).unwrap_or(binstall);
        let version = tag.strip_prefix('v').unwrap();
        let fill = |template: &str| {
            [("repo", "https://github.com/o/n"), ("version", version), ("name", package), ("target", target)]
                .iter()
                .fold(template.to_owned(), |text, (key, value)| text.replace(&format!("{{ {key} }}"), value))
        };
        let name = text("file").rsplit('/').next().unwrap();
        assert_eq!(
            fill(own["pkg-url"].as_str().unwrap()),
            format!("https://github.com/o/n/releases/download/{tag}/{name}")
        );
        let format = own["pkg-fmt"].as_str().unwrap();
        let ending = if format == "zip" { ".zip" } else { ".tar.gz" };
        // An archive has one folder, named as the archive is.
        assert_eq!(fill(binstall["bin-dir"].as_str().unwrap()).split('/').next(), name.strip_suffix(ending));
    }
}
