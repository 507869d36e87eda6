use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(text: &str, expected: Expect) {
    let findings = match parse(text) {
        Ok(_) => "no findings".to_owned(),
        Err(mut findings) => {
            findings.sort();
            findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
    };
    expected.assert_eq(&findings);
}

#[test]
fn nothing_and_everything_are_fine() {
    check("", expect!["no findings"]);
    check(
        r#"
        remove = ["doc"]
        parallel = 3
        [affected]
        ignore = ["docs/**"]
        [test]
        shards = 4
        [steps.clippy]
        timeout = "20m"
        [steps.web-lint]
        command = ["npm", "run", "lint"]
        job = "web"
        needs = ["web-install"]
        inputs = ["web/**"]
        outputs = ["web/dist"]
        folder = "web"
        pass_environment = ["NODE_ENV"]
        set_environment = { CI = "1" }
        platforms = ["linux", "macos"]
        timeout = "90s"
        retries = 2
        required = false
        network = true
        tools = ["node"]
        lane = "web"
        "#,
        expect!["no findings"],
    );
}

#[test]
fn all_problems_are_reported_at_once_each_with_its_line() {
    check(
        r#"colour = "red"
parallel = "two"
[steps.lint]
comand = ["npm"]
[steps."Bad Id"]
command = []
timeout = "soon"
platforms = ["amiga"]
folder = "../elsewhere"
outputs = ["**"]
"#,
        expect![[r#"
            release/ci.toml:1: unknown key `colour`
              next: remove it, or name one of: `affected`, `parallel`, `remove`, `steps`, `test`
            release/ci.toml:2: invalid type: string "two", expected usize
              next: correct it; docs/ci.md of nexus-xtask shows every key
            release/ci.toml:4: unknown field `comand`, expected one of `command`, `job`, `needs`, `inputs`, `outputs`, `folder`, `pass_environment`, `set_environment`, `platforms`, `timeout`, `retries`, `required`, `network`, `tools`, `lane`
              next: correct it; docs/ci.md of nexus-xtask shows every key
            release/ci.toml:5: `Bad Id` is no id of a step: at most 60 lower-case letters, digits, `-`, `_` and `.`
              next: rename the step
            release/ci.toml:5: `command` of step `Bad Id` is empty
              next: write the program and its arguments: `["npm", "test"]`
            release/ci.toml:5: `timeout` of step `Bad Id` is no duration: `soon`
              next: write a number and a unit: `90s`, `10m`, `2h`
            release/ci.toml:5: step `Bad Id` declares the whole tree as its output
              next: name the files and folders that it makes
            release/ci.toml:5: step `Bad Id` names `../elsewhere`, which is no path inside the workspace
              next: write it from the root, with `/`, without `..`
            release/ci.toml:5: step `Bad Id` names an unknown platform `amiga`
              next: use `linux`, `macos` or `windows`"#]],
    );
}

#[test]
fn a_file_that_is_no_toml_says_where() {
    check(
        "[steps\n",
        expect![[r#"
        release/ci.toml:1: unclosed table, expected `]`
          next: correct the line; https://toml.io has the syntax"#]],
    );
}
