//! `cargo xtask tools`: installers are fake programs that do what the real ones do with files.

use expect_test::{Expect, expect};

use crate::sandbox::Sandbox;

const MANIFEST: &str = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

/// A fake tool that says a version, as a line of shell that writes it to `$1`.
const MAKE: &str = "make() { mkdir -p \"$(dirname \"$1\")\"; printf '#!/bin/sh\\necho \"%s %s\"\\n' \"$2\" \"$3\" > \"$1\"; chmod +x \"$1\"; }\n";

/// A workspace with these tools declared, and fake installers in front on PATH.
fn sandbox(tools: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(&[
        ("Cargo.toml", MANIFEST),
        ("src/lib.rs", ""),
        (".gitignore", "/.xtask/\n/bin/\n"),
        ("release/tools.toml", tools),
    ]);
    // cargo install --locked --root ROOT NAME@VERSION
    program(
        &sandbox,
        "cargo",
        "[ \"$1 $2 $3\" = 'install --locked --root' ] || exit 9\necho \"  Installing $5\"\nmake \"$4/bin/${5%@*}\" \"${5%@*}\" \"${5#*@}\"\n",
    );
    // python3 -m venv --clear FOLDER, and then FOLDER/bin/python -m pip install ... NAME==VERSION
    program(
        &sandbox,
        "python3",
        "[ \"$1 $2 $3\" = '-m venv --clear' ] || exit 9\nmkdir -p \"$4/bin\"\ncp \"$(dirname \"$0\")/pip-python\" \"$4/bin/python\"\n",
    );
    program(
        &sandbox,
        "pip-python",
        "for last; do :; done\nmake \"$(dirname \"$0\")/${last%==*}\" \"${last%==*}\" \"${last#*==}\"\n",
    );
    // npm install ... --prefix FOLDER NAME@VERSION
    program(
        &sandbox,
        "npm",
        "[ \"$4\" = --prefix ] || exit 9\nmake \"$5/node_modules/.bin/${6%@*}\" \"${6%@*}\" \"${6#*@}\"\n",
    );
    let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
    sandbox.set("PATH", &path);
    sandbox
}

fn program(sandbox: &Sandbox, name: &str, body: &str) {
    let path = format!("bin/{name}");
    sandbox.write(&path, &format!("#!/bin/sh\n{MAKE}{body}"));
    let status = sandbox.command("/bin/chmod", &["+x", &path]).status().unwrap();
    assert!(status.success());
}

#[track_caller]
fn check(sandbox: &Sandbox, arguments: &[&str], expected: Expect) {
    expected.assert_eq(&sandbox.xtask(arguments).transcript());
}

const TOOLS: &str = "\
[tools.alpha]\nversion = \"1.2.3\"\ninstall = \"cargo\"\n
[tools.beta]\nversion = \"2.0.0\"\ninstall = \"pip\"\n
[tools.gamma]\nversion = \"3.0.0\"\ninstall = \"npm\"\n";

#[test]
fn tools_are_installed_once_and_then_there_is_nothing_to_do() {
    let sandbox = sandbox(TOOLS);
    check(
        &sandbox,
        &["tools", "check"],
        expect![[r#"
        exit 3
        --- stdout
        missing  alpha  1.2.3 (cargo)
        missing  beta   2.0.0 (pip)
        missing  gamma  3.0.0 (npm)
        --- stderr
        release/tools.toml: `alpha` is missing
          next: cargo xtask tools install alpha
        release/tools.toml: `beta` is missing
          next: cargo xtask tools install beta
        release/tools.toml: `gamma` is missing
          next: cargo xtask tools install gamma
        error: a tool that is needed is not there
    "#]],
    );
    check(
        &sandbox,
        &["tools", "install"],
        expect![[r#"
        exit 0
        --- stderr
        install    alpha 1.2.3  (missing)
                   cargo install --locked --root 'ROOT/.xtask/tools' alpha@1.2.3
        install    beta 2.0.0  (missing)
                   python3 -m venv --clear 'ROOT/.xtask/tools/venv-beta'
                   'ROOT/.xtask/tools/venv-beta/bin/python' -m pip install --disable-pip-version-check --no-input beta==2.0.0
        install    gamma 3.0.0  (missing)
                   npm install --no-audit --no-fund --prefix 'ROOT/.xtask/tools/npm-gamma' gamma@3.0.0
            Installing alpha@1.2.3
        installed  alpha 1.2.3  TIME
        installed  beta 2.0.0  TIME
        installed  gamma 3.0.0  TIME
    "#]],
    );
    check(
        &sandbox,
        &["tools", "install"],
        expect![[r#"
        exit 0
        --- stderr
        there      alpha  1.2.3
        there      beta  2.0.0
        there      gamma  3.0.0
        nothing to do
    "#]],
    );
    check(
        &sandbox,
        &["tools", "check"],
        expect![[r#"
        exit 0
        --- stdout
        ok       alpha  1.2.3 (cargo)
        ok       beta   2.0.0 (pip)
        ok       gamma  3.0.0 (npm)
    "#]],
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "", "the system and the tree stay as they were");
}

#[test]
fn another_version_is_replaced() {
    let sandbox = sandbox(TOOLS);
    assert_eq!(sandbox.xtask(&["tools", "install", "beta"]).code, 0);
    sandbox.write("release/tools.toml", &TOOLS.replace("2.0.0", "2.1.0"));
    check(
        &sandbox,
        &["tools", "install", "beta"],
        expect![[r#"
        exit 0
        --- stderr
        install    beta 2.1.0  (found `beta 2.0.0`)
                   python3 -m venv --clear 'ROOT/.xtask/tools/venv-beta'
                   'ROOT/.xtask/tools/venv-beta/bin/python' -m pip install --disable-pip-version-check --no-input beta==2.1.0
        installed  beta 2.1.0  TIME
    "#]],
    );
}

#[test]
fn an_installer_that_fails_is_shown_with_its_last_words() {
    let sandbox = sandbox("[tools.alpha]\nversion = \"1.2.3\"\ninstall = \"cargo\"\n");
    program(&sandbox, "cargo", "echo 'error: no such package' >&2\nexit 101\n");
    check(
        &sandbox,
        &["tools", "install"],
        expect![[r#"
        exit 3
        --- stderr
        install    alpha 1.2.3  (missing)
                   cargo install --locked --root 'ROOT/.xtask/tools' alpha@1.2.3
          error: no such package
        error: `alpha` 1.2.3 could not be installed: exit N
          why:  error: no such package
          next: cargo install --locked --root 'ROOT/.xtask/tools' alpha@1.2.3
    "#]],
    );
}

#[test]
fn a_tool_that_says_another_version_than_the_installed_one_is_not_taken_for_it() {
    let sandbox = sandbox("[tools.alpha]\nversion = \"1.2.3\"\ninstall = \"cargo\"\n");
    program(&sandbox, "cargo", "make \"$4/bin/alpha\" alpha 1.2.4\n");
    check(
        &sandbox,
        &["tools", "install"],
        expect![[r#"
        exit 3
        --- stderr
        install    alpha 1.2.3  (missing)
                   cargo install --locked --root 'ROOT/.xtask/tools' alpha@1.2.3
        installed  alpha 1.2.3  TIME
        release/tools.toml: `alpha`: the program says `alpha 1.2.4`
          next: correct `program`, `ask` or `version` of [tools.alpha] in release/tools.toml
        error: a tool was installed and is not the pinned one
    "#]],
    );
}

#[test]
fn what_a_person_installs_is_named_with_its_command() {
    let sandbox = sandbox("[tools.omega]\ninstall = \"system\"\ncommand = \"sudo apt-get install omega\"\n");
    check(
        &sandbox,
        &["tools", "install"],
        expect![[r#"
        exit 3
        --- stderr
        omega: missing
          next: sudo apt-get install omega
        error: some tools are installed by a person
    "#]],
    );
    check(
        &sandbox,
        &["--json", "tools", "check"],
        expect![[r#"
        exit 3
        --- stdout
        {"tools":[{"found":null,"install":"system","name":"omega","next":"sudo apt-get install omega","optional":false,"program":"omega","state":"missing","version":null}]}
    "#]],
    );
}

#[test]
fn a_broken_file_is_told_with_all_its_problems() {
    let sandbox = sandbox(
        "[tools.alpha]\nversion = \"latest\"\ninstall = \"cargo\"\n\n[tools.beta]\ninstall = \"brew\"\n",
    );
    check(
        &sandbox,
        &["tools", "list"],
        expect![[r#"
        exit 2
        --- stderr
        release/tools.toml:1: `alpha` is pinned to `latest`, which is no exact version
          next: write one version, no range
        release/tools.toml:5: `beta`: unknown variant `brew`, expected one of `cargo`, `pip`, `npm`, `system`
          next: edit `beta` in release/tools.toml
        error: release/tools.toml declares something that cannot be done
    "#]],
    );
}

#[test]
fn another_version_of_the_toolkit_than_the_pinned_one_is_refused() {
    let sandbox = sandbox("[xtask]\nversion = \"99.0.0\"\n");
    check(
        &sandbox,
        &["tools", "list"],
        expect![[r#"
        exit 3
        --- stderr
        error: this is version 0.1.0 of the toolkit, and 99.0.0 is pinned
          why:  release/tools.toml pins the version, so that a laptop and CI do the same work
          why:  `cargo xtask adopt` of the newer version moves the pin
          next: cargo install --locked nexus-xtask@=99.0.0
    "#]],
    );
}
