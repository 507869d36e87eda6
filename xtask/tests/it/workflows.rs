//! `cargo xtask workflows` on a workspace that adopted the toolkit.

use expect_test::{Expect, expect};

use crate::sandbox::Sandbox;

pub(crate) const CI: &str = ".github/workflows/xtask-ci.yml";
const CHECKS: &str = ".github/workflows/xtask-checks.yml";
const ACTION: &str = ".github/actions/xtask/action.yml";

/// A small package with the generated files in it.
pub(crate) fn written() -> Sandbox {
    let sandbox = Sandbox::with(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
        ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n"),
        (".gitignore", "/target/\n/.xtask/\n"),
        ("src/lib.rs", ""),
    ]);
    let written = sandbox.xtask(&["workflows", "--write"]);
    assert_eq!(written.code, 0, "{}", written.transcript());
    sandbox
}

/// The commit that a workflow's text pins an action to.
pub(crate) fn pinned<'a>(text: &'a str, action: &str) -> &'a str {
    let line = text.lines().find(|line| line.contains(action)).unwrap();
    line.split_once('@').unwrap().1.split(' ').next().unwrap()
}

/// What `--check` finds, one line each: the place, the first line of the problem, the next step.
pub(crate) fn findings(sandbox: &Sandbox) -> String {
    let checked =
        sandbox.command(crate::satellites::front(), &["--json", "workflows", "--check"]).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(checked.status.code() == Some(1), said.get("error").is_some(), "{said}");
    let findings = said["error"]["findings"].as_array().cloned().unwrap_or_default();
    let line = |finding: &serde_json::Value| {
        let problem = finding["problem"].as_str().unwrap().lines().next().unwrap();
        let file = finding["file"].as_str().unwrap();
        format!("{file}:{}: {problem}\n  next: {}\n", finding["line"], finding["next"].as_str().unwrap())
    };
    findings.iter().map(line).collect()
}

/// Replaces a text that is there exactly once, and checks.
#[track_caller]
fn mutate(file: &str, before: &str, after: &str, expected: Expect) {
    let sandbox = written();
    let text = sandbox.read(file);
    assert!(text.contains(before), "{file} does not hold {before:?}");
    sandbox.write(file, &text.replacen(before, after, 1));
    expected.assert_eq(&findings(&sandbox));
    let repaired = sandbox.xtask(&["workflows", "--write"]);
    assert_eq!((repaired.code, findings(&sandbox).as_str()), (0, ""), "{}", repaired.transcript());
}

#[test]
fn without_a_flag_the_plan_is_printed_and_nothing_written() {
    let sandbox = Sandbox::with(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\n"),
        ("src/lib.rs", ""),
    ]);
    expect![[r#"
        exit 0
        --- stdout
        create  .github/workflows/xtask-ci.yml
        create  .github/workflows/xtask-nightly.yml
        create  .github/workflows/xtask-checks.yml
        create  .github/actions/xtask/action.yml
        create  release/actions.toml
        --- stderr
        next: cargo xtask workflows --write
    "#]]
    .assert_eq(&sandbox.xtask(&["workflows"]).transcript());
    assert!(!sandbox.path(".github").exists());
    expect![[r#"
        .github/actions/xtask/action.yml:0: a generated file is missing
          next: cargo xtask workflows --write
        .github/workflows/xtask-checks.yml:0: a generated file is missing
          next: cargo xtask workflows --write
        .github/workflows/xtask-ci.yml:0: a generated file is missing
          next: cargo xtask workflows --write
        .github/workflows/xtask-nightly.yml:0: a generated file is missing
          next: cargo xtask workflows --write
    "#]]
    .assert_eq(&findings(&sandbox));
}

#[test]
fn what_is_written_passes_the_check_and_is_not_written_again() {
    let sandbox = written();
    sandbox.commit("ci: add workflows");
    expect![[r#"
        exit 0
        --- stdout
        ours     .github/workflows/xtask-checks.yml
        ours     .github/workflows/xtask-ci.yml
        ours     .github/workflows/xtask-nightly.yml
        ours     .github/actions/xtask/action.yml
    "#]]
    .assert_eq(&sandbox.xtask(&["workflows", "--check"]).transcript());
    assert_eq!(sandbox.xtask(&["workflows", "--write"]).code, 0);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn declared_values_reach_the_files() {
    let sandbox = written();
    let declared = "default_branch = \"trunk\"\nnightly = \"5 4 * * *\"\nchecks_minutes_max = 90\n";
    sandbox.write("release/workflows.toml", declared);
    assert_eq!(sandbox.xtask(&["workflows", "--write"]).code, 0);
    assert!(sandbox.read(CI).contains("branches: [trunk]"));
    assert!(sandbox.read(".github/workflows/xtask-nightly.yml").contains("cron: \"5 4 * * *\""));
    assert!(sandbox.read(CHECKS).contains("timeout-minutes: 90"));
}

#[test]
fn a_declaration_that_cannot_be_used_is_named() {
    let sandbox = written();
    sandbox.write("release/workflows.toml", "nightly = \"at night\"\nbranch = 1\n");
    expect![[r#"
        exit 2
        --- stderr
        release/workflows.toml:2: unknown field `branch`, expected one of `default_branch`, `nightly`, `checks_minutes_max`
          next: edit release/workflows.toml
        error: what is declared about workflows cannot be used
    "#]].assert_eq(&sandbox.xtask(&["workflows", "--check"]).transcript());
}

#[test]
fn a_raw_run_is_refused() {
    let after = "      - name: More\n        run: cargo test --workspace\n      - name: Check\n";
    mutate(
        CHECKS,
        "      - name: Check\n",
        after,
        expect![[r#"
        .github/workflows/xtask-checks.yml:84: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
        .github/workflows/xtask-checks.yml:85: a `run` is neither one call of `cargo xtask` nor part of the bootstrap
          next: move the command into a step in release/ci.toml, then run `cargo xtask workflows --write`
    "#]],
    );
}

#[test]
fn an_expression_in_a_run_is_refused() {
    mutate(
        CHECKS,
        "--job \"$JOB\"",
        "--job ${{ matrix.job }}",
        expect![[r#"
        .github/workflows/xtask-checks.yml:88: a `run` is neither one call of `cargo xtask` nor part of the bootstrap
          next: move the command into a step in release/ci.toml, then run `cargo xtask workflows --write`
        .github/workflows/xtask-checks.yml:88: an expression is pasted into a script
          next: give it to the step as a variable: `env: { VALUE: ${{ ... }} }`, and write "$VALUE" in the script
        .github/workflows/xtask-checks.yml:88: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
        .github/workflows/xtask-ci.yml:21: no job runs `cargo xtask ci --job lint`
          next: cargo xtask workflows --write
        .github/workflows/xtask-ci.yml:21: no job runs `cargo xtask ci --job test`
          next: cargo xtask workflows --write
    "#]],
    );
}

#[test]
fn a_removed_job_is_refused() {
    let text = written().read(CHECKS);
    let start = text.find("  # The only check to require").unwrap();
    mutate(
        CHECKS,
        &text[start..],
        "",
        expect![[r#"
        .github/workflows/xtask-checks.yml:110: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
        .github/workflows/xtask-ci.yml:21: no job runs `cargo xtask ci verdict`
          next: cargo xtask workflows --write
    "#]],
    );
    let start = text.find("  # Skipped only where").unwrap();
    let end = text.find("  # The only check to require").unwrap();
    mutate(
        CHECKS,
        &text[start..end],
        "",
        expect![[r#"
        .github/workflows/xtask-checks.yml:57: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
        .github/workflows/xtask-ci.yml:21: no job runs `cargo xtask ci --job lint`
          next: cargo xtask workflows --write
        .github/workflows/xtask-ci.yml:21: no job runs `cargo xtask ci --job test`
          next: cargo xtask workflows --write
    "#]],
    );
}

#[test]
fn an_unpinned_action_is_refused() {
    let text = written().read(CHECKS);
    let pinned = text.lines().find(|line| line.contains("actions/checkout@")).unwrap();
    mutate(
        CHECKS,
        pinned,
        "        uses: actions/checkout@v7",
        expect![[r#"
        .github/workflows/xtask-checks.yml:41: `actions/checkout@v7` is not pinned by a full commit
          next: pin it as `actions/checkout@<40 digits> # v1.2.3`; `git ls-remote --tags https://github.com/actions/checkout` shows both
        .github/workflows/xtask-checks.yml:41: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
    "#]],
    );
    let without_version = pinned.split(" #").next().unwrap();
    mutate(
        CHECKS,
        pinned,
        without_version,
        expect![[r#"
        .github/workflows/xtask-checks.yml:41: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
        .github/workflows/xtask-checks.yml:41: the pin of `actions/checkout` does not say its version
          next: add ` # v1.2.3` behind it; `git ls-remote --tags https://github.com/actions/checkout` shows which one it is
    "#]],
    );
}

#[test]
fn a_widened_permission_is_refused() {
    mutate(
        CHECKS,
        "contents: read",
        "contents: write",
        expect![[r#"
        .github/workflows/xtask-checks.yml:34: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
        .github/workflows/xtask-checks.yml:34: job `plan` has `contents: write`, declared is `contents: read`
          next: write `contents: read`, or declare the right with its reason in the generator
        .github/workflows/xtask-checks.yml:48: job `plan` has `contents: write`, and restores a cache
          next: give the step `with: { cache: none }`, or do the work of the cache in another job
    "#]],
    );
    mutate(
        CI,
        "permissions: {}",
        "permissions: write-all",
        expect![[r#"
        .github/workflows/xtask-ci.yml:15: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
        .github/workflows/xtask-ci.yml:15: every job of the workflow gets these rights, also those that need none
          next: write `permissions: {}`, and give each job its own
    "#]],
    );
}

#[test]
fn a_verdict_that_does_not_run_always_is_refused() {
    mutate(
        CHECKS,
        "    if: always()\n",
        "",
        expect![[r#"
        .github/workflows/xtask-checks.yml:111: `verdict` does not run always: without `if: always()` it is skipped when a job fails, and a skipped check counts as passed
          next: cargo xtask workflows --write
        .github/workflows/xtask-checks.yml:114: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
    "#]],
    );
}

#[test]
fn missing_limits_are_refused() {
    mutate(
        CHECKS,
        "    timeout-minutes: 60\n",
        "",
        expect![[r#"
        .github/workflows/xtask-checks.yml:58: job `checks` has no time limit; GitHub's own is six hours
          next: add `timeout-minutes` to the job
        .github/workflows/xtask-checks.yml:63: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
    "#]],
    );
    let text = written().read(CI);
    let start = text.find("concurrency:").unwrap();
    let end = text.find("jobs:").unwrap();
    mutate(
        CI,
        &text[start..end],
        "",
        expect![[r#"
        .github/workflows/xtask-ci.yml:8: the workflow has no concurrency group: each push adds a run to those that nobody needs any more
          next: add `concurrency: { group: ..., cancel-in-progress: ... }` on top
        .github/workflows/xtask-ci.yml:17: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
    "#]],
    );
}

#[test]
fn a_hand_edit_is_refused_with_its_diff() {
    mutate(
        ACTION,
        "name: Set up the toolchain",
        "name: Set up a toolchain",
        expect![[r#"
        .github/actions/xtask/action.yml:28: differs from what its generator prints
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
    "#]],
    );
    let sandbox = written();
    let edited = sandbox.read(ACTION).replace("name: Name the compiler", "name: Name a compiler");
    sandbox.write(ACTION, &edited);
    expect![[r#"
        exit 1
        --- stdout
        ours     .github/workflows/xtask-checks.yml
        ours     .github/workflows/xtask-ci.yml
        ours     .github/workflows/xtask-nightly.yml
        ours     .github/actions/xtask/action.yml
        --- stderr
        .github/actions/xtask/action.yml:31: differs from what its generator prints
        --- .github/actions/xtask/action.yml (there)
        +++ .github/actions/xtask/action.yml (wanted)
        @@ -28,7 +28,7 @@
             - name: Set up the toolchain
               shell: bash
               run: rustup show active-toolchain || rustup toolchain install
        -    - name: Name a compiler
        +    - name: Name the compiler
               id: compiler
               shell: bash
               run: echo "compiler=$(rustc --version | tr ' ()' '___')" >> "$GITHUB_OUTPUT"
          next: cargo xtask workflows --write (what you added belongs into release/ci.toml)
        error: the workflow files are not what they should be
    "#]]
    .assert_eq(&sandbox.xtask(&["workflows", "--check"]).transcript());
}

#[test]
fn a_removed_file_is_refused() {
    let sandbox = written();
    std::fs::remove_file(sandbox.path(CHECKS)).unwrap();
    expect![[r#"
        .github/workflows/xtask-checks.yml:0: a generated file is missing
          next: cargo xtask workflows --write
        .github/workflows/xtask-ci.yml:21: no job runs `cargo xtask ci --job lint`
          next: cargo xtask workflows --write
        .github/workflows/xtask-ci.yml:21: no job runs `cargo xtask ci --job test`
          next: cargo xtask workflows --write
        .github/workflows/xtask-ci.yml:21: no job runs `cargo xtask ci verdict`
          next: cargo xtask workflows --write
    "#]]
    .assert_eq(&findings(&sandbox));
}

#[test]
fn an_orphan_is_refused_and_removed_by_the_next_write() {
    let sandbox = written();
    let header = sandbox.read(CI).lines().next().unwrap().to_owned();
    let orphan = ".github/workflows/xtask-old.yml";
    let text = "on: push\npermissions: {}\nconcurrency: old\njobs: {}\n";
    sandbox.write(orphan, &format!("{header}\n{text}"));
    expect![[r#"
        .github/workflows/xtask-old.yml:1: carries the header of a generated file, and no generator makes it
          next: cargo xtask workflows --write (removes it), or delete its first line to keep it as your own
    "#]]
    .assert_eq(&findings(&sandbox));
    expect![[r#"
        exit 0
        --- stdout
        keep    .github/workflows/xtask-ci.yml
        keep    .github/workflows/xtask-nightly.yml
        keep    .github/workflows/xtask-checks.yml
        keep    .github/actions/xtask/action.yml
        remove  .github/workflows/xtask-old.yml          no generator makes it any more
    "#]]
    .assert_eq(&sandbox.xtask(&["workflows", "--write"]).transcript());
    assert!(!sandbox.path(orphan).exists());
}

#[test]
fn files_of_other_origin_are_listed_and_warned_about_and_never_touched() {
    let sandbox = written();
    let theirs = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: echo ${{ github.head_ref }}\n";
    sandbox.write(".github/workflows/theirs.yml", theirs);
    expect![[r#"
        exit 0
        --- stdout
        ours     .github/workflows/xtask-checks.yml
        ours     .github/workflows/xtask-ci.yml
        ours     .github/workflows/xtask-nightly.yml
        ours     .github/actions/xtask/action.yml
        foreign  .github/workflows/theirs.yml
        --- stderr
        warning: .github/workflows/theirs.yml:1: the workflow does not say which rights it has; the repository's default may be all of them
          next: add `permissions: {}` on top, and to each job what it needs
        warning: .github/workflows/theirs.yml:1: the workflow has no concurrency group: each push adds a run to those that nobody needs any more
          next: add `concurrency: { group: ..., cancel-in-progress: ... }` on top
        warning: .github/workflows/theirs.yml:3: job `a` has no time limit; GitHub's own is six hours
          next: add `timeout-minutes` to the job
        warning: .github/workflows/theirs.yml:6: `actions/checkout@v4` is not pinned by a full commit
          next: pin it as `actions/checkout@<40 digits> # v1.2.3`; `git ls-remote --tags https://github.com/actions/checkout` shows both
        warning: .github/workflows/theirs.yml:6: the checkout leaves the job's token in the work tree
          next: give it `with: { persist-credentials: false }`
        warning: .github/workflows/theirs.yml:7: an expression is pasted into a script
          next: give it to the step as a variable: `env: { VALUE: ${{ ... }} }`, and write "$VALUE" in the script
    "#]].assert_eq(&sandbox.xtask(&["workflows", "--check"]).transcript());
    assert_eq!(sandbox.xtask(&["workflows", "--write"]).code, 0);
    assert_eq!(sandbox.read(".github/workflows/theirs.yml"), theirs);
}

#[test]
fn a_file_of_other_origin_in_the_place_of_ours_stops_the_write() {
    let sandbox = Sandbox::with(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\n"),
        (CI, "on: push\njobs: {}\n"),
    ]);
    expect![[r#"
        exit 4
        --- stderr
        .github/workflows/xtask-ci.yml:1: a file of other origin stands where a generated one belongs
          next: rename it, then run `cargo xtask workflows --write`
        error: nothing was written
    "#]]
    .assert_eq(&sandbox.xtask(&["workflows", "--write"]).transcript());
    assert_eq!(sandbox.read(CI), "on: push\njobs: {}\n");
    assert!(!sandbox.path(CHECKS).exists());
}

#[test]
fn a_bots_bump_is_adopted_with_one_command() {
    let sandbox = written();
    let commit = "0123456789012345678901234567890123456789";
    let bump = |file: &str| {
        let bumped: Vec<_> = sandbox.read(file).lines().map(|line| bumped(line, commit)).collect();
        sandbox.write(file, &(bumped.join("\n") + "\n"));
    };
    // The bot of one ecosystem bumps workflows alone; the action follows from the pins.
    bump(CHECKS);
    expect![[r#"
        .github/workflows/xtask-checks.yml:100: differs from what its generator prints
          next: cargo xtask workflows --adopt-pins (takes these pins over), or cargo xtask workflows --write (takes those of release/actions.toml)
    "#]].assert_eq(&findings(&sandbox));
    expect![[r#"
        exit 0
        --- stdout
        actions/cache v6.1.0 -> v99.0.0 (DIGEST)
    "#]]
    .assert_eq(&sandbox.xtask(&["workflows", "--adopt-pins"]).transcript());
    assert_eq!(findings(&sandbox), "");
    assert!(sandbox.read(ACTION).contains(&format!("actions/cache/restore@{commit} # v99.0.0")));
    let declared = sandbox.read("release/actions.toml");
    assert!(declared.starts_with("# The actions of other people") && declared.contains(commit));
    expect![[r#"
        exit 0
        --- stderr
        no pin differs from release/actions.toml
    "#]]
    .assert_eq(&sandbox.xtask(&["workflows", "--adopt-pins"]).transcript());
}

fn bumped(line: &str, commit: &str) -> String {
    match line.split_once("actions/cache/save@") {
        Some((start, _)) => format!("{start}actions/cache/save@{commit} # v99.0.0"),
        None => line.to_owned(),
    }
}

#[test]
fn a_bump_with_more_in_it_is_not_adopted() {
    let sandbox = written();
    let text = sandbox.read(CHECKS);
    let pinned = text.lines().find(|line| line.contains("actions/checkout@")).unwrap();
    let other = "        uses: actions/checkout@0123456789012345678901234567890123456789 # v99.0.0";
    sandbox.write(CHECKS, &text.replace(pinned, other).replace("timeout-minutes: 60", "timeout-minutes: 61"));
    expect![[r#"
        exit 4
        --- stderr
        .github/workflows/xtask-checks.yml: differs from what its generator prints in more than pins
          next: cargo xtask workflows --check shows it; cargo xtask workflows --write undoes it
        error: the pins in the workflow files cannot be adopted
    "#]]
    .assert_eq(&sandbox.xtask(&["workflows", "--adopt-pins"]).transcript());
}

#[test]
fn the_workflows_of_this_repository_are_what_their_generators_say() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sandbox = Sandbox::bare();
    let mut command = sandbox.command(crate::satellites::front(), &["workflows", "--check"]);
    let checked = command.current_dir(root).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
