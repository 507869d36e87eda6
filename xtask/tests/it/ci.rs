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
