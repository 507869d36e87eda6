use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(workflows: &str, actions: &str, expected: Expect) {
    let actions = (!actions.is_empty()).then_some(actions);
    let shown = match parse(Some(workflows), actions) {
        Ok(config) => format!("{config:#?}"),
        Err(findings) => findings.iter().map(|finding| format!("{finding}\n")).collect(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn without_files_there_are_defaults_and_the_shipped_pins() {
    let config = parse(None, None).unwrap();
    assert_eq!(config.default_branch, "main");
    assert_eq!(config.nightly, "17 3 * * *");
    assert_eq!(config.checks_minutes_max, 60);
    assert_eq!(config.pins.of("actions/cache/restore"), config.pins.of("actions/cache"));
}

#[test]
fn every_problem_is_said_at_once_with_its_line() {
    check(
        "default_branch = \"a b\"\nnightly = \"daily\"\nchecks_minutes_max = 0\n",
        "[actions.\"actions/checkout\"]\nversion = \"main\"\ncommit = \"3d3c42e\"\n",
        expect![[r#"
            release/actions.toml:3: the pin of `actions/checkout` is not a full commit
              next: write the 40 digits that `git ls-remote --tags` shows for main
            release/actions.toml:2: the version of `actions/checkout` is not that of a release
              next: write the full version of the tag, for example `v7.0.1`
            release/actions.toml: no pin for `actions/cache`, which the generated workflows use
              next: add a table `[actions."actions/cache"]` with `version` and `commit`
            release/actions.toml: no pin for `actions/upload-artifact`, which the generated workflows use
              next: add a table `[actions."actions/upload-artifact"]` with `version` and `commit`
            release/workflows.toml:1: `default_branch` is not the name of a branch
              next: write the name of one branch, for example `default_branch = "main"`
            release/workflows.toml:2: `nightly` is not a cron line of five fields
              next: write minute, hour, day, month and weekday, for example `nightly = "17 3 * * *"`
            release/workflows.toml:3: `checks_minutes_max` is not between 1 and 360
              next: write how long a job of checks may run, in minutes
        "#]],
    );
}

#[test]
fn an_unknown_key_is_named() {
    check(
        "branch = \"main\"\n",
        "",
        expect![[r#"
        release/workflows.toml:1: unknown field `branch`, expected one of `default_branch`, `nightly`, `checks_minutes_max`
          next: edit release/workflows.toml
    "#]],
    );
}
