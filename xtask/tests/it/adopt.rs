//! `cargo xtask adopt` and the baseline, on small real workspaces.

use expect_test::{Expect, expect};

use crate::sandbox::Sandbox;

const MANIFEST: &str = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n";
const CLEAN: &str = "//! One.\n\n/// Two.\npub fn two() -> u32 {\n    2\n}\n";
/// Two findings of clippy and one of rustdoc.
const FINDINGS: &str = "//! One, see <a href=\"x\">x.\n\n/// Two.\npub fn two() -> u32 {\n    return 2;\n}\n\n/// Three.\npub fn three() -> u32 {\n    return 3;\n}\n";

fn package(library: &str, more: &[(&str, &str)]) -> Sandbox {
    let files = [
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", LOCK),
        ("src/lib.rs", library),
        (".gitignore", "/target/\n"),
    ];
    Sandbox::with(&[&files, more].concat())
}

/// A package whose findings are counted already: adopting compiles nothing.
fn counted(more: &[(&str, &str)]) -> Sandbox {
    package(CLEAN, &[&[("release/baseline.toml", "")], more].concat())
}

#[track_caller]
fn check(sandbox: &Sandbox, arguments: &[&str], expected: Expect) {
    expected.assert_eq(&sandbox.xtask(arguments).transcript());
}

/// Every file that git sees as changed or new, with its text.
fn changes(sandbox: &Sandbox) -> String {
    sandbox.git(&["add", "--all", "--intent-to-add"]);
    sandbox.git(&["diff"])
}

#[test]
fn a_package_adopts_once_and_the_second_time_changes_nothing() {
    let sandbox = package(CLEAN, &[]);
    check(
        &sandbox,
        &["adopt", "--plan"],
        expect![[r#"
            exit 0
            --- stderr
            adopt   ROOT
            count   release/baseline.toml                clippy and docs findings, if there are any: the baseline
            create  .cargo/config.toml                   alias `cargo xtask`
            change  .gitignore                           what is made here is no part of the tree
                    --- .gitignore (there)
                    +++ .gitignore (wanted)
                    @@ -1 +1,2 @@
                     /target/
                    +/.xtask/
            create  release/ci.toml                      a template, all of it comments
            create  CHANGELOG.md                         its newest entry is the next release's notes
            create  .github/workflows/xtask-ci.yml       calls of the same commands
            create  .github/workflows/xtask-nightly.yml  calls of the same commands
            create  .github/workflows/xtask-checks.yml   calls of the same commands
            create  .github/actions/xtask/action.yml     calls of the same commands
            create  release/actions.toml                 calls of the same commands
            create  release/tools.toml                   pins the toolkit to 0.1.0
            next: cargo install --locked nexus-xtask@=0.1.0
            next: cargo xtask ci
        "#]],
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "", "a plan writes nothing but local state");
    check(
        &sandbox,
        &["adopt"],
        expect![[r#"
            exit 0
            --- stderr
            adopt   ROOT
            count   release/baseline.toml                clippy and docs findings, if there are any: the baseline
            create  .cargo/config.toml                   alias `cargo xtask`
            change  .gitignore                           what is made here is no part of the tree
                    --- .gitignore (there)
                    +++ .gitignore (wanted)
                    @@ -1 +1,2 @@
                     /target/
                    +/.xtask/
            create  release/ci.toml                      a template, all of it comments
            create  CHANGELOG.md                         its newest entry is the next release's notes
            create  .github/workflows/xtask-ci.yml       calls of the same commands
            create  .github/workflows/xtask-nightly.yml  calls of the same commands
            create  .github/workflows/xtask-checks.yml   calls of the same commands
            create  .github/actions/xtask/action.yml     calls of the same commands
            create  release/actions.toml                 calls of the same commands
            create  release/tools.toml                   pins the toolkit to 0.1.0
            count   this compiles the workspace
            note    no findings: every future one is an error
            done
            next: cargo install --locked nexus-xtask@=0.1.0
            next: cargo xtask ci
        "#]],
    );
    let before = changes(&sandbox);
    check(
        &sandbox,
        &["adopt"],
        expect![[r#"
            exit 0
            --- stderr
            adopt   ROOT
            keep    .cargo/config.toml                   there already
            keep    .gitignore                           there already
            keep    release/ci.toml                      there already
            keep    CHANGELOG.md                         there already
            keep    .github/workflows/xtask-ci.yml       there already
            keep    .github/workflows/xtask-nightly.yml  there already
            keep    .github/workflows/xtask-checks.yml   there already
            keep    .github/actions/xtask/action.yml     there already
            keep    release/actions.toml                 there already
            keep    release/tools.toml                   pins 0.1.0 already
            nothing to do
            next: cargo install --locked nexus-xtask@=0.1.0
            next: cargo xtask ci
        "#]],
    );
    assert_eq!(changes(&sandbox), before);
    assert!(!sandbox.path("release/baseline.toml").exists(), "without findings there is no baseline");
}

#[test]
fn the_alias_runs_the_installed_front() {
    let mut sandbox = counted(&[]);
    assert_eq!(sandbox.xtask(&["adopt"]).code, 0);
    let bin = sandbox.path("../bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cargo-nexus-xtask"), bin.join("cargo-nexus-xtask"))
        .unwrap();
    let path = format!("{}:{}", bin.display(), sandbox.variable("PATH"));
    sandbox.set("PATH", &path);
    let output = sandbox.command("cargo", &["xtask", "tools", "list"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "no tools are declared in release/tools.toml\n");
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let ours = [
        (".cargo/config.toml", "# ours\n[build]\njobs = 2\n"),
        ("release/ci.toml", "remove = [\"doc\"]\n"),
        ("CHANGELOG.md", "# Ours\n"),
    ];
    let sandbox = counted(&ours);
    assert_eq!(sandbox.xtask(&["adopt"]).code, 0);
    expect![[r##"
        # ours
        [build]
        jobs = 2

        [alias]
        xtask = "nexus-xtask"
    "##]]
    .assert_eq(&sandbox.read(".cargo/config.toml"));
    for (name, text) in &ours[1..] {
        assert_eq!(sandbox.read(name), *text);
    }
}

#[test]
fn an_alias_for_something_else_is_a_conflict_and_nothing_is_written() {
    let sandbox = counted(&[(".cargo/config.toml", "[alias]\nxtask = \"run --package tasks --\"\n")]);
    check(
        &sandbox,
        &["adopt"],
        expect![[r#"
        exit 4
        --- stderr
        error: `xtask` is an alias for something else here
          why:  --- .cargo/config.toml (there)
                +++ .cargo/config.toml (wanted)
                @@ -1,2 +1,2 @@
                 [alias]
                -xtask = "run --package tasks --"
                +xtask = "nexus-xtask"
          next: cargo nexus-xtask adopt --alias NAME, with a name that is free
    "#]],
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    assert_eq!(sandbox.xtask(&["adopt", "--alias", "nexus"]).code, 0);
    assert!(sandbox.read(".cargo/config.toml").contains("nexus = \"nexus-xtask\""));
}

#[test]
fn another_folder_adopts_with_a_relative_path_to_the_toolkit() {
    let sandbox = counted(&[]);
    sandbox.write("../toolkit/xtask/Cargo.toml", "[package]\nname = \"nexus-xtask\"\nversion = \"0.1.0\"\n");
    sandbox.write("../toolkit/Cargo.toml", "[workspace]\nmembers = [\"xtask\"]\n");
    let done = sandbox.xtask_in("../toolkit", &["adopt", "--into", "../work space", "--source", "path"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    expect![[r##"
        # The toolkit, in the version that works on this repository, and the tools that steps need.
        # `cargo xtask tools install` installs the tools below .xtask/tools; `cargo xtask doctor` says what is missing.

        [xtask]
        version = "0.1.0"
        source = { path = "../toolkit/xtask" }
    "##]].assert_eq(&sandbox.read("release/tools.toml"));
    let own = sandbox.xtask_in("../toolkit", &["adopt", "--source", "path"]);
    expect![[r#"
        exit 3
        --- stderr
        error: this repository builds the toolkit itself
          why:  its alias runs what it builds; there is nothing to adopt
          next: cargo xtask adopt --into PATH
    "#]]
    .assert_eq(&own.transcript());
    let nowhere = sandbox.xtask(&["adopt", "--into", "../nowhere"]);
    expect![[r#"
        exit 2
        --- stderr
        error: there is no `ROOT/../nowhere`
          why:  `--into` names the folder of the workspace that adopts
          next: cargo xtask adopt --into PATH, with a folder that is there
    "#]]
    .assert_eq(&nowhere.transcript());
}

#[test]
fn findings_are_counted_and_may_only_become_fewer() {
    let sandbox = package(FINDINGS, &[]);
    assert_eq!(sandbox.xtask(&["adopt"]).code, 0);
    let counted = sandbox.read("release/baseline.toml");
    let counted = counted.lines().filter(|line| !line.starts_with("compiler")).collect::<Vec<_>>().join("\n");
    expect![[r##"
        # Findings that were there when the toolkit was adopted, counted by package and lint.
        # The numbers may only become lower: `cargo xtask baseline update` lowers them. Without this file
        # every finding is an error.


        [clippy.one]
        "clippy::needless_return" = 2

        [doc.one]
        "rustdoc::invalid_html_tags" = 1"##]]
    .assert_eq(&counted);
    check(
        &sandbox,
        &["baseline", "check", "clippy"],
        expect![[r#"
        exit 0
        --- stderr
        clippy: findings of the baseline that are still there: N
    "#]],
    );
    check(
        &sandbox,
        &["baseline", "check", "doc"],
        expect![[r#"
        exit 0
        --- stderr
        doc: findings of the baseline that are still there: N
    "#]],
    );

    sandbox
        .write("src/lib.rs", &format!("{FINDINGS}\n/// Four.\npub fn four() -> u32 {{\n    return 4;\n}}\n"));
    let more = sandbox.xtask(&["baseline", "check", "clippy"]);
    assert_eq!(more.code, 1, "{}", more.transcript());
    for line in [
        "src/lib.rs:5: `one` has N of clippy::needless_return, the baseline counts N",
        "  --> src/lib.rs:15:5",
        "  next: correct N of them",
        "error: clippy findings are more than release/baseline.toml counts",
    ] {
        assert!(more.stderr.lines().any(|said| said == line), "{line}: {}", more.transcript());
    }
    assert_eq!(sandbox.xtask(&["baseline", "update"]).code, 1, "a baseline never grows");

    sandbox.write("src/lib.rs", &FINDINGS.replace("return 2;", "2"));
    check(
        &sandbox,
        &["baseline", "check", "clippy"],
        expect![[r#"
        exit 0
        --- stderr
        fewer  one clippy::needless_return  N -> N
        clippy: findings of the baseline that are still there: N
        the baseline can be lowered: cargo xtask baseline update
    "#]],
    );
    check(
        &sandbox,
        &["baseline", "update"],
        expect![[r#"
            exit 0
            --- stderr
            fewer  one clippy::needless_return  N -> N
            clippy: findings of the baseline that are still there: N
            doc: findings of the baseline that are still there: N
            wrote      release/baseline.toml
        "#]],
    );
    check(
        &sandbox,
        &["baseline", "update"],
        expect![[r#"
        exit 0
        --- stderr
        clippy: findings of the baseline that are still there: N
        doc: findings of the baseline that are still there: N
        nothing to do: no number became lower
    "#]],
    );

    sandbox.write("src/lib.rs", CLEAN);
    check(
        &sandbox,
        &["baseline", "update"],
        expect![[r#"
            exit 0
            --- stderr
            fewer  one clippy::needless_return  N -> N
            clippy: findings of the baseline that are still there: N
            fewer  one rustdoc::invalid_html_tags  N -> N
            doc: findings of the baseline that are still there: N
            removed    release/baseline.toml  nothing is left, every finding is an error now
        "#]],
    );
    assert!(!sandbox.path("release/baseline.toml").exists());
}

#[test]
fn code_that_does_not_compile_is_no_finding() {
    let sandbox = package(FINDINGS, &[]);
    assert_eq!(sandbox.xtask(&["adopt"]).code, 0);
    sandbox.write(
        "src/lib.rs",
        &format!("{FINDINGS}\n/// Bad.\npub fn bad() -> u32 {{\n    \"no number\"\n}}\n"),
    );
    check(
        &sandbox,
        &["baseline", "check", "clippy"],
        expect![[r#"
        exit 1
        --- stderr
        src/lib.rs:15: mismatched types
        error: clippy cannot count: the code does not compile
          next: cargo clippy --workspace --message-format=json --quiet --all-targets -- --cap-lints warn
    "#]],
    );
}

#[test]
fn a_part_that_is_no_rust_gets_the_steps_it_states_itself() {
    let web = r#"{"scripts":{"test":"node --test"},"devDependencies":{"left":"1"}}"#;
    let sandbox = package(CLEAN, &[("web/package.json", web), ("scripts/go.sh", "true\n")]);
    let done = sandbox.xtask(&["--json", "adopt", "--plan"]);
    let plan: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let ci = plan["actions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|action| action["path"] == "release/ci.toml")
        .unwrap();
    assert_eq!(ci["reason"], "with steps for what is no Rust: npm-install-web, npm-test-web");
}
