use expect_test::{Expect, expect};

use super::*;
use crate::adopt::origin::Origin;

fn wanted() -> Wanted {
    Wanted {
        version: semver::Version::new(0, 1, 0),
        origin: Origin::Path("../toolkit/xtask".into()),
        alias: "xtask".into(),
        bump: false,
        files: vec![(".github/workflows/xtask-ci.yml".into(), "on: push\n".into())],
    }
}

/// Files that are there, by name and text.
fn facts(there: &[(&str, &str)]) -> Facts {
    Facts {
        texts: there.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        there: there.iter().map(|(name, _)| (*name).to_owned()).collect(),
        not_ignored: vec!["/.xtask/"],
        lock_tracked: true,
        ..Facts::default()
    }
}

#[track_caller]
fn check(facts: &Facts, wanted: &Wanted, expected: Expect) {
    let shown = match plan(facts, wanted) {
        Ok(plan) => {
            let next = plan.next.iter().map(|next| format!("next    {next}"));
            lines(&plan).into_iter().chain(next).map(|line| line + "\n").collect()
        }
        Err(failure) => format!("exit {}\n{failure}\n", failure.exit.code()),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_fresh_workspace_gets_everything() {
    check(
        &facts(&[]),
        &wanted(),
        expect![[r#"
            count   release/baseline.toml           clippy and docs findings, if there are any: the baseline
            create  .cargo/config.toml              alias `cargo xtask`
            create  .gitignore                      what is made here is no part of the tree
            create  release/ci.toml                 a template, all of it comments
            create  CHANGELOG.md                    its newest entry is the next release's notes
            create  .github/workflows/xtask-ci.yml  calls of the same commands
            create  release/tools.toml              pins the toolkit to 0.1.0
            note    `../toolkit/xtask` is outside of the repository: a workflow cannot install the toolkit from there
            next    cargo install --locked --path ../toolkit/xtask
            next    cargo xtask ci
        "#]],
    );
}

#[test]
fn what_is_there_is_kept_and_three_files_get_a_line() {
    let there = [
        (".cargo/config.toml", "[build]\njobs = 2\n"),
        (".gitignore", "/target\n"),
        (".github/workflows/xtask-ci.yml", "name: ours\n"),
        ("release/ci.toml", "remove = [\"doc\"]\n"),
        ("release/tools.toml", "[tools.just]\nversion = \"1.0.0\"\ninstall = \"cargo\"\n"),
    ];
    let facts = Facts { changelog: Some("CHANGES".into()), lock_tracked: false, ..facts(&there) };
    check(
        &facts,
        &wanted(),
        expect![[r#"
            count   release/baseline.toml           clippy and docs findings, if there are any: the baseline
            change  .cargo/config.toml              alias `cargo xtask`
                    --- .cargo/config.toml (there)
                    +++ .cargo/config.toml (wanted)
                    @@ -1,2 +1,5 @@
                     [build]
                     jobs = 2
                    +
                    +[alias]
                    +xtask = "nexus-xtask"
            change  .gitignore                      what is made here is no part of the tree
                    --- .gitignore (there)
                    +++ .gitignore (wanted)
                    @@ -1 +1,2 @@
                     /target
                    +/.xtask/
            keep    release/ci.toml                 there already
            keep    CHANGES                         there already
            keep    .github/workflows/xtask-ci.yml  there already
            change  release/tools.toml              pins the toolkit to 0.1.0
                    --- release/tools.toml (there)
                    +++ release/tools.toml (wanted)
                    @@ -1,3 +1,7 @@
                     [tools.just]
                     version = "1.0.0"
                     install = "cargo"
                    +
                    +[xtask]
                    +version = "0.1.0"
                    +source = { path = "../toolkit/xtask" }
            note    `../toolkit/xtask` is outside of the repository: a workflow cannot install the toolkit from there
            note    Cargo.lock is not tracked: dependencies are resolved anew on each machine
            next    cargo install --locked --path ../toolkit/xtask
            next    cargo xtask ci
        "#]],
    );
}

#[test]
fn the_second_time_nothing_is_left_to_do() {
    let first = plan(&facts(&[]), &wanted()).unwrap();
    let there: Vec<_> = first
        .actions
        .iter()
        .filter_map(|action| match &action.deed {
            Deed::Create(text) => Some((action.path.as_str(), text.as_str())),
            Deed::Change { .. } | Deed::Keep | Deed::Offer => None,
        })
        .collect();
    let facts = Facts {
        changelog: Some("CHANGELOG.md".into()),
        not_ignored: Vec::new(),
        front_installed: true,
        ..facts(&there)
    };
    check(
        &facts,
        &wanted(),
        expect![[r#"
            keep    .cargo/config.toml              there already
            keep    .gitignore                      there already
            keep    release/ci.toml                 there already
            keep    CHANGELOG.md                    there already
            keep    .github/workflows/xtask-ci.yml  there already
            keep    release/tools.toml              pins 0.1.0 already
            note    `../toolkit/xtask` is outside of the repository: a workflow cannot install the toolkit from there
            nothing to do
            next    cargo xtask ci
        "#]],
    );
}

#[test]
fn the_file_with_the_old_name_gets_the_alias_where_it_is_there() {
    let facts =
        facts(&[(".cargo/config", "[net]\nretry = 1\n"), (".cargo/config.toml", "[build]\njobs = 2\n")]);
    let plan = plan(&facts, &wanted()).unwrap();
    assert_eq!(plan.actions[0].path, ".cargo/config");
}

#[test]
fn an_alias_that_is_taken_stops_everything() {
    check(
        &facts(&[(".cargo/config.toml", "[alias]\nxtask = \"run -p xtask --\"\n")]),
        &wanted(),
        expect![[r#"
            exit 4
            error: `xtask` is an alias for something else here
              why:  --- .cargo/config.toml (there)
                    +++ .cargo/config.toml (wanted)
                    @@ -1,2 +1,2 @@
                     [alias]
                    -xtask = "run -p xtask --"
                    +xtask = "nexus-xtask"
              next: cargo nexus-xtask adopt --alias NAME, with a name that is free
        "#]],
    );
}

#[test]
fn an_older_pin_is_moved_only_when_asked() {
    let facts = facts(&[("release/tools.toml", "[xtask]\nversion = \"0.0.9\"\n")]);
    let deed = |bump| {
        let plan = plan(&facts, &Wanted { bump, ..wanted() }).unwrap();
        assert!(!plan.count, "an adopter is counted once");
        let pin = plan.actions.last().unwrap().clone();
        (pin.reason, matches!(pin.deed, Deed::Change { .. }))
    };
    assert_eq!(deed(false), ("pins 0.0.9; `--bump` moves it to 0.1.0".to_owned(), false));
    assert_eq!(deed(true), ("moves the pin from 0.0.9 to 0.1.0".to_owned(), true));
}
