//! `cargo xtask ci` on small real workspaces.

use expect_test::{Expect, expect};

use crate::sandbox::{Sandbox, package, running, steps};

#[track_caller]
fn check(sandbox: &Sandbox, arguments: &[&str], expected: Expect) {
    expected.assert_eq(&sandbox.xtask(arguments).transcript());
}

#[test]
fn a_package_without_configuration_is_linted_built_and_tested_and_then_proven() {
    let sandbox = package(&[]);
    let first = sandbox.xtask(&["ci", "--parallel", "1"]);
    assert_eq!(first.code, 0, "{}", first.transcript());
    for step in ["fmt", "clippy", "build", "test", "doctest", "doc", "lock"] {
        assert!(
            first
                .stderr
                .lines()
                .any(|line| line.starts_with("passed ") && line.contains(&format!(" {step} "))),
            "{step}: {}",
            first.stderr
        );
    }
    check(
        &sandbox,
        &["ci"],
        expect![[r#"
        exit 0
        --- stderr
        proven      fmt      passed N ago
        proven      lock     passed N ago
        proven      clippy   passed N ago
        proven      build    passed N ago
        proven      test     passed N ago
        proven      doctest  passed N ago
        proven      doc      passed N ago
        result      passed: N proven in TIME
    "#]],
    );
    let verified = sandbox.xtask(&["journal", "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.transcript());
}

#[test]
fn a_failure_ends_with_one_line_that_runs_just_that_step() {
    let sandbox = steps(
        "[steps.good]\ncommand = [\"true\"]\n[steps.bad]\ncommand = [\"sh\", \"-c\", \"echo out; echo err >&2; exit 3\"]\nneeds = [\"good\"]\n[steps.after]\ncommand = [\"true\"]\nneeds = [\"bad\"]\n",
    );
    check(
        &sandbox,
        &["ci"],
        expect![[r#"
            exit 1
            --- stderr
            run         good   no pass is recorded
            passed      good   TIME
            run         bad    no pass is recorded
            failed      bad    exit 3, TIME
                out
                err
                log      .xtask/runs/RUN/bad.log
                rerun    cargo xtask ci --step bad
            not run     after  it needs `bad`: failed
            result      failed: N passed, N failed, N not run in TIME
            time        TIMES
            rerun       cargo xtask ci --step bad
            next        cargo xtask ci --step bad
        "#]],
    );
    check(
        &sandbox,
        &["ci", "--step", "bad"],
        expect![[r#"
            exit 1
            --- stderr
            proven      good  passed N ago
            run         bad   no pass is recorded
            failed      bad   exit 3, TIME
                out
                err
                log      .xtask/runs/RUN/bad.log
                rerun    cargo xtask ci --step bad
            result      failed: N proven, N failed in TIME
            time        TIMES
            rerun       cargo xtask ci --step bad
            next        cargo xtask ci --step bad
        "#]],
    );
    sandbox.write("release/ci.toml", &sandbox.read("release/ci.toml").replace("exit 3", "exit 0"));
    check(
        &sandbox,
        &["ci", "--rerun", "failed"],
        expect![[r#"
            exit 0
            --- stderr
            run         good  file `release/ci.toml` changed
            passed      good  TIME (last TIME)
            run         bad   no pass is recorded
            passed      bad   TIME
            result      passed: N passed in TIME
            time        TIMES
        "#]],
    );
}

#[test]
fn a_pass_on_retry_is_flaky_and_never_plain_green() {
    let sandbox = steps(
        "[steps.shaky]\ncommand = [\"sh\", \"-c\", \"test -e .xtask/tried || { touch .xtask/tried; exit 1; }\"]\nretries = 2\n",
    );
    check(
        &sandbox,
        &["ci"],
        expect![[r#"
            exit 0
            --- stderr
            run         shaky  no pass is recorded
            retried     shaky  try N failed: exit N
            run         shaky  try N
            flaky       shaky  passed only at try 2, TIME
            result      passed: N flaky in TIME
            flaky       shaky passed only at try N
            time        TIMES
        "#]],
    );
}

#[test]
fn a_missing_tool_is_unavailable_and_never_a_pass() {
    let optional = "[steps.spell]\ncommand = [\"no-such-speller\", \"--all\"]\nrequired = false\n[steps.good]\ncommand = [\"true\"]\n";
    check(
        &steps(optional),
        &["ci"],
        expect![[r#"
            exit 0
            --- stderr
            unavailable spell  `no-such-speller` is not installed, optional
                install  install `no-such-speller` and put it on PATH
            run         good   no pass is recorded
            passed      good   TIME
            result      incomplete: N passed, N unavailable in TIME
            unavailable spell, install with: install `no-such-speller` and put it on PATH
            time        TIMES
            next        install `no-such-speller` and put it on PATH
        "#]],
    );
    check(
        &steps(&optional.replace("required = false", "")),
        &["ci"],
        expect![[r#"
            exit 3
            --- stderr
            unavailable spell  `no-such-speller` is not installed
                install  install `no-such-speller` and put it on PATH
            run         good   no pass is recorded
            passed      good   TIME
            result      unavailable: N passed, N unavailable in TIME
            unavailable spell, install with: install `no-such-speller` and put it on PATH
            time        TIMES
            next        install `no-such-speller` and put it on PATH
        "#]],
    );
}

#[test]
fn a_step_that_runs_too_long_is_ended_with_everything_it_started() {
    let sandbox = steps(
        "[steps.slow]\ncommand = [\"sh\", \"-c\", \"setsid sleep 613 & sleep 614\"]\ntimeout = \"1s\"\n",
    );
    check(
        &sandbox,
        &["ci"],
        expect![[r#"
            exit 1
            --- stderr
            run         slow  no pass is recorded
            timed out   slow  limit TIME, TIME
                log      .xtask/runs/RUN/slow.log
                rerun    cargo xtask ci --step slow
            result      failed: N timed out in TIME
            time        TIMES
            rerun       cargo xtask ci --step slow
            next        cargo xtask ci --step slow
        "#]],
    );
    for marker in ["613", "614"] {
        assert_eq!(running(marker), Vec::<String>::new());
    }
}

#[test]
fn nothing_of_the_outer_cargo_reaches_a_step() {
    let mut sandbox = steps("[steps.environment]\ncommand = [\"env\"]\npass_environment = [\"WANTED\"]\n");
    for (name, value) in [
        ("CARGO_MANIFEST_DIR", "leak"),
        ("CARGO_PKG_NAME", "leak"),
        ("RUSTUP_TOOLCHAIN", "stable"),
        ("SOMETHING", "leak"),
        ("WANTED", "yes"),
    ] {
        sandbox.set(name, value);
    }
    let done = sandbox.xtask(&["ci"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    let run = std::fs::read_dir(sandbox.path(".xtask/runs")).unwrap().next().unwrap().unwrap().path();
    let log = std::fs::read_to_string(run.join("environment.log")).unwrap();
    assert!(log.contains("WANTED=yes"), "{log}");
    assert!(!log.contains("leak") && !log.contains("RUSTUP_TOOLCHAIN"), "{log}");
}

/// Three packages, of which `app` depends on `core`, and a page that lies in none.
fn three_packages() -> Sandbox {
    let manifest = |name: &str, more: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}")
    };
    let sandbox = Sandbox::with(&[
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"core\", \"app\", \"tool\"]\n"),
        ("core/Cargo.toml", &manifest("core", "")),
        ("core/src/lib.rs", "//! Core.\n"),
        ("app/Cargo.toml", &manifest("app", "[dependencies]\ncore = { path = \"../core\" }\n")),
        ("app/src/lib.rs", "//! App.\n"),
        ("tool/Cargo.toml", &manifest("tool", "")),
        ("tool/src/lib.rs", "//! Tool.\n"),
        ("docs/page.md", "Page\n"),
        (
            "release/ci.toml",
            "remove = [\"test\", \"doctest\", \"doc\", \"lock\"]\naffected.ignore = [\"docs/**\"]\n[steps.links]\ncommand = [\"true\"]\ninputs = [\"docs/**\"]\n",
        ),
        (".gitignore", "/target/\n/.xtask/\n"),
    ]);
    sandbox.git(&["checkout", "--quiet", "-b", "change"]);
    sandbox
}

#[test]
fn affected_runs_what_a_change_can_reach_and_says_why() {
    let sandbox = three_packages();
    let list = &["ci", "--affected", "--base", "main", "--list"];
    check(
        &sandbox,
        list,
        expect![[r#"
        exit 0
        --- stdout
        skipped      fmt     lint  cargo fmt --all --check
                                   the change reaches none of its inputs
        skipped      clippy  lint  cargo clippy --workspace --all-targets -- -D warnings
                                   the change reaches no package
        skipped      build   test  cargo build --workspace --all-targets
                                   the change reaches no package
        skipped      links   lint  true
                                   the change reaches none of its inputs
        --- stderr
        affected: no package
    "#]],
    );
    sandbox.write("core/src/lib.rs", "//! Core, changed.\n");
    sandbox.commit("core: change");
    sandbox.write("docs/new.md", "New\n");
    check(
        &sandbox,
        list,
        expect![[r#"
        exit 0
        --- stdout
        run          fmt     lint  cargo fmt --all --check
                                   no pass is recorded
        run          clippy  lint  cargo clippy --package app --package core --all-targets -- -D warnings
                                   no pass is recorded
        run          build   test  cargo build --package app --package core --all-targets
                                   no pass is recorded
        run          links   lint  true
                                   no pass is recorded
        --- stderr
        affected: app, because depends on `core`
        affected: core, because `core/src/lib.rs` changed
    "#]],
    );
    sandbox.write("loose.txt", "in no package\n");
    check(
        &sandbox,
        list,
        expect![[r#"
        exit 0
        --- stdout
        run          fmt     lint  cargo fmt --all --check
                                   no pass is recorded
        run          clippy  lint  cargo clippy --workspace --all-targets -- -D warnings
                                   no pass is recorded
        run          build   test  cargo build --workspace --all-targets
                                   no pass is recorded
        run          links   lint  true
                                   no pass is recorded
        --- stderr
        affected: everything, because `loose.txt` lies in no package; if it reaches none, add it to `affected.ignore` in release/ci.toml
    "#]],
    );
    check(
        &sandbox,
        &["ci", "--affected", "--base", "nowhere", "--list"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no revision `nowhere` here
          why:  git does not know it; a shallow clone may lack it
          next: git fetch origin nowhere
    "#]],
    );
}

#[test]
fn a_change_that_reaches_nothing_is_said_and_is_no_silent_green() {
    check(
        &three_packages(),
        &["ci", "--affected", "--base", "main"],
        expect![[r#"
        exit 0
        --- stderr
        note        affected: no package
        skipped     fmt     the change reaches none of its inputs
        skipped     clippy  the change reaches no package
        skipped     build   the change reaches no package
        skipped     links   the change reaches none of its inputs
        result      nothing to do: N skipped in TIME
    "#]],
    );
}

#[test]
fn without_a_merge_base_everything_runs_and_the_output_says_so() {
    let sandbox = three_packages();
    sandbox.git(&["checkout", "--quiet", "--orphan", "unrelated"]);
    sandbox.commit("begin: anew");
    check(
        &sandbox,
        &["ci", "--affected", "--base", "main", "--list", "--step", "links"],
        expect![[r#"
        exit 0
        --- stdout
        run          links  lint  true
                                  no pass is recorded
        --- stderr
        affected: everything, because there is no merge base with `main` here: the clone is shallow, or the histories are unrelated
    "#]],
    );
}

#[test]
fn explain_names_the_first_thing_that_differs() {
    let mut sandbox =
        steps("[steps.a]\ncommand = [\"true\"]\ninputs = [\"src/**\"]\npass_environment = [\"MODE\"]\n");
    let explained = |sandbox: &Sandbox| {
        sandbox.xtask(&["ci", "--explain", "a"]).stdout.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(explained(&sandbox), "run  a: no pass is recorded");
    assert_eq!(sandbox.xtask(&["ci"]).code, 0);
    assert!(
        explained(&sandbox).starts_with("proven  a: passed on the same inputs"),
        "{}",
        explained(&sandbox)
    );
    sandbox.write("src/lib.rs", "//! Other.\n");
    assert_eq!(explained(&sandbox), "run  a: file `src/lib.rs` changed");
    sandbox.git(&["checkout", "--quiet", "src/lib.rs"]);
    sandbox.set("MODE", "fast");
    assert_eq!(explained(&sandbox), "run  a: variable MODE changed");
    sandbox.set("MODE", "");
    assert!(explained(&sandbox).starts_with("proven"), "{}", explained(&sandbox));
}

#[test]
fn a_recorded_run_is_shown_as_it_was() {
    let sandbox = steps(
        "[steps.a]\ncommand = [\"true\"]\n[steps.b]\ncommand = [\"sh\", \"-c\", \"echo no; exit 4\"]\nneeds = [\"a\"]\n",
    );
    let run = sandbox.xtask(&["ci"]);
    let replay = sandbox.xtask(&["ci", "replay"]);
    assert_eq!((replay.code, &replay.stderr), (0, &run.stderr));
    let json = sandbox.xtask(&["ci", "--json", "--step", "a"]);
    let events: Vec<serde_json::Value> =
        json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.first().unwrap()["event"], "run-started");
    assert_eq!(events.last().unwrap()["status"], "passed");
}

#[test]
fn the_parts_of_the_tests_are_disjoint_and_together_all_tests() {
    if std::process::Command::new("cargo")
        .args(["nextest", "--version"])
        .output()
        .is_ok_and(|output| !output.status.success())
    {
        println!("skipped: cargo-nextest is missing");
        return;
    }
    let tests: String =
        (0..7).map(|index| format!("#[test]\nfn t{index}() {{\n    println!(\"\");\n}}\n")).collect();
    let sandbox = package(&[("tests/many.rs", &format!("//! Many.\n\n{tests}"))]);
    // A whole run first: from then on there are durations, which differ from run to run.
    let kept = sandbox.xtask(&["test", "--keep-durations"]);
    assert_eq!(kept.code, 0, "{}", kept.transcript());
    assert_eq!(sandbox.read("release/durations.json").matches("t0").count(), 1);
    std::fs::remove_file(sandbox.path("release/durations.json")).unwrap();
    let mut seen = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let done = sandbox.xtask(&["test", "--shard", part]);
        assert_eq!(done.code, 0, "{}", done.transcript());
        let run = std::fs::read_dir(sandbox.path(".xtask/runs"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .max()
            .unwrap();
        let log = std::fs::read_to_string(run.join("test.log")).unwrap();
        seen.extend(
            log.lines()
                .filter(|line| line.trim_start().starts_with("PASS"))
                .map(|line| line.split_whitespace().last().unwrap().to_owned()),
        );
    }
    seen.sort();
    assert_eq!(seen, ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "tests::doubles"]);
    check(
        &sandbox,
        &["test", "--shard", "4/3"],
        expect![[r#"
        exit 2
        --- stderr
        error: `4/3` names no part of the tests: they are counted from N
          next: write `--shard 1/3`, or `--shard 1/auto`
    "#]],
    );
}
