use std::path::Path;

use expect_test::{Expect, expect};

use super::*;
use crate::tools::{config, report};

const FILE_TEXT: &str = r#"
[tools.cargo-deny]
version = "0.20.2"
install = "cargo"

[tools.typos]
version = "1.52.0"
install = "pip"

[tools.prettier]
version = "3.0.0"
install = "npm"
package = "@scope/prettier"

[tools.shellcheck]
install = "system"
command = "sudo apt-get install shellcheck"

[tools.jq]
install = "system"
command = "sudo apt-get install jq"
optional = true
"#;

fn standings(found: &[(&str, Found)]) -> Vec<Standing> {
    let declared = config::parse(FILE_TEXT).unwrap();
    let found = |name: &str| found.iter().find(|(tool, _)| *tool == name).map(|(_, found)| found.clone());
    declared
        .tools
        .into_iter()
        .map(|(name, tool)| Standing { found: found(&name).unwrap_or(Found::Missing), name, tool })
        .collect()
}

#[track_caller]
fn check(found: &[(&str, Found)], names: &[&str], expected: Expect) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let shown = match plan(&standings(found), &names, &Workspace::at(Path::new("/a b"))) {
        Ok(plan) => {
            let links = plan.actions.iter().filter_map(|action| action.link.as_ref());
            let links = links.map(|(to, at)| format!("link       {} -> {}", at.display(), to.display()));
            let by_person = plan.by_person.iter().map(|finding| format!("person     {finding}"));
            report::plan_lines(&plan)
                .into_iter()
                .chain(links)
                .chain(by_person)
                .map(|line| line + "\n")
                .collect()
        }
        Err(failure) => format!("exit {}\n{failure}\n", failure.exit.code()),
    };
    expected.assert_eq(&shown);
}

#[test]
fn everything_is_missing() {
    check(
        &[],
        &[],
        expect![[r#"
        install    cargo-deny 0.20.2  (missing)
                   cargo install --locked --root '/a b/.xtask/tools' cargo-deny@0.20.2
        install    prettier 3.0.0  (missing)
                   npm install --no-audit --no-fund --prefix '/a b/.xtask/tools/npm-prettier' @scope/prettier@3.0.0
        install    typos 1.52.0  (missing)
                   python3 -m venv --clear '/a b/.xtask/tools/venv-typos'
                   '/a b/.xtask/tools/venv-typos/bin/python' -m pip install --disable-pip-version-check --no-input typos==1.52.0
        link       /a b/.xtask/tools/bin/prettier -> /a b/.xtask/tools/npm-prettier/node_modules/.bin/prettier
        link       /a b/.xtask/tools/bin/typos -> /a b/.xtask/tools/venv-typos/bin/typos
        person     shellcheck: missing
          next: sudo apt-get install shellcheck
    "#]],
    );
}

#[test]
fn what_is_there_is_kept_and_what_is_old_is_replaced() {
    let same = Found::Same("0.20.2".into());
    let other = Found::Other("typos 1.0.0".into());
    check(
        &[("cargo-deny", same), ("typos", other)],
        &["cargo-deny", "typos"],
        expect![[r#"
        install    typos 1.52.0  (found `typos 1.0.0`)
                   python3 -m venv --clear '/a b/.xtask/tools/venv-typos'
                   '/a b/.xtask/tools/venv-typos/bin/python' -m pip install --disable-pip-version-check --no-input typos==1.52.0
        there      cargo-deny  0.20.2
        link       /a b/.xtask/tools/bin/typos -> /a b/.xtask/tools/venv-typos/bin/typos
    "#]],
    );
}

#[test]
fn nothing_is_left_to_do() {
    check(
        &[("cargo-deny", Found::Same("0.20.2".into()))],
        &["cargo-deny"],
        expect![[r#"
        there      cargo-deny  0.20.2
        nothing to do
    "#]],
    );
}

#[test]
fn an_optional_tool_that_is_asked_for_by_name_is_not_passed_over() {
    check(
        &[],
        &["jq"],
        expect![[r#"
        person     jq: missing
          next: sudo apt-get install jq
    "#]],
    );
}

#[test]
fn an_unknown_name_is_refused_with_the_known_ones() {
    check(
        &[],
        &["deny"],
        expect![[r#"
        exit 2
        error: there is no tool `deny` in release/tools.toml
          why:  it has cargo-deny, jq, prettier, shellcheck, typos
          next: add [tools.deny] to release/tools.toml, or correct the name
    "#]],
    );
}

#[test]
fn what_was_installed_and_says_something_else_is_told() {
    let before = standings(&[]);
    let plan = plan(&before, &["cargo-deny".to_owned()], &Workspace::at(Path::new("/"))).unwrap();
    let after = standings(&[("cargo-deny", Found::Other("cargo-deny 0.1".into()))]);
    expect![[r#"
        release/tools.toml: `cargo-deny`: the program says `cargo-deny 0.1`
          next: correct `program`, `ask` or `version` of [tools.cargo-deny] in release/tools.toml"#]]
    .assert_eq(&not_as_wanted(&plan, &after)[0].to_string());
    assert_eq!(not_as_wanted(&plan, &standings(&[("cargo-deny", Found::Same("0.20.2".into()))])), []);
}
