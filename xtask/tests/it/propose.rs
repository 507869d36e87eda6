//! `release propose` on real repositories: each case is a history, written line by line, and what is proposed for it.
//!
//! ```text
//! packages alpha=1.2.0 beta=0.3.0:alpha   a workspace, and who needs whom; committed as its beginning
//! commit alpha,beta | feat: x\n\nbody     a change in these folders (`.` is the root), with its message
//! write PATH | text                       a file, not committed
//! revert NAME                             git revert of a commit, by a name of git; of a merge with `-m1` before it
//! version alpha 1.3.0                     the version in the manifest, committed
//! tag NAME, branch NAME, checkout NAME, merge NAME
//! ```

mod lines;

use expect_test::{Expect, expect};

use crate::sandbox::Sandbox;

/// Plays a history.
fn play(script: &str) -> Sandbox {
    let sandbox = Sandbox::with(&[(".gitignore", "/target/\n/.xtask/\n")]);
    for (number, line) in script.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let (verb, rest) = line.split_once(' ').unwrap();
        let (what, text) = rest.split_once(" | ").unwrap_or((rest, ""));
        let text = text.replace("\\n", "\n");
        match verb {
            "packages" => packages(&sandbox, what),
            "commit" => {
                for folder in what.split(',') {
                    sandbox.write(&format!("{folder}/src/change{number}.rs"), &format!("// {number}\n"));
                }
                sandbox.commit(&text);
            }
            "write" => sandbox.write(what, &text),
            "version" => {
                let (package, version) = what.split_once(' ').unwrap();
                let file = format!("{package}/Cargo.toml");
                let old = sandbox.read(&file);
                let line = old.lines().find(|line| line.starts_with("version = ")).unwrap();
                sandbox.write(&file, &old.replace(line, &format!("version = \"{version}\"")));
                sandbox.commit(&format!("chore: {package} {version}"));
            }
            "revert" => {
                drop(sandbox.git(&[&["revert", "--no-edit"], &*what.split(' ').collect::<Vec<_>>()].concat()))
            }
            "tag" => drop(sandbox.git(&["tag", what])),
            "branch" => drop(sandbox.git(&["checkout", "--quiet", "-b", what])),
            "checkout" => drop(sandbox.git(&["checkout", "--quiet", what])),
            "merge" => drop(sandbox.git(&["merge", "--quiet", "--no-ff", what])),
            _ => panic!("{line}"),
        }
    }
    sandbox
}

/// Writes a workspace: `NAME=VERSION` or `NAME=VERSION:NEEDED`, each in a folder of its name.
fn packages(sandbox: &Sandbox, list: &str) {
    let mut members = Vec::new();
    for package in list.split(' ') {
        let (name, rest) = package.split_once('=').unwrap();
        let (version, needed) = rest.split_once(':').unwrap_or((rest, ""));
        let mut manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\n\n[dependencies]\n"
        );
        for needed in needed.split('+').filter(|needed| !needed.is_empty()) {
            manifest.push_str(&format!("{needed} = {{ path = \"../{needed}\" }}\n"));
        }
        sandbox.write(&format!("{name}/Cargo.toml"), &manifest);
        sandbox.write(&format!("{name}/src/lib.rs"), "");
        members.push(format!("\"{name}\""));
    }
    let members = members.join(", ");
    sandbox.write("Cargo.toml", &format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n"));
    sandbox.commit("chore: begin");
}

/// What the command says, without the lines that are the same for each history.
fn said(sandbox: &Sandbox, more: &[&str]) -> String {
    let words = [&["release", "propose"], more].concat();
    let output = sandbox.command(crate::satellites::front(), &words).output().unwrap();
    let mut text = match output.status.code() {
        Some(0) => String::new(),
        code => format!("exit {code:?}\n"),
    };
    for part in [output.stdout, output.stderr] {
        for line in String::from_utf8(part).unwrap().lines() {
            let same = ["publish: ", "note: whether APIs", "next: cargo xtask release prepare"];
            if !same.iter().any(|start| line.starts_with(start)) {
                text.push_str(&format!("{line}\n"));
            }
        }
    }
    text
}

#[track_caller]
fn check(script: &str, expected: Expect) {
    expected.assert_eq(&said(&play(script), &[]));
}

#[track_caller]
fn check_changelog(script: &str, expected: Expect) {
    expected.assert_eq(&said(&play(script), &["--changelog"]));
}

/// Two packages with a release each.
const RELEASED: &str = "packages alpha=1.2.0 beta=0.3.0:alpha gamma=2.0.0\ntag alpha-v1.2.0\ntag beta-v0.3.0\ntag gamma-v2.0.0\n";

#[test]
fn no_tags_at_all_is_a_first_release_of_what_the_manifests_say() {
    check(
        "packages alpha=0.1.0 beta=0.1.0:alpha\ncommit alpha | feat!: x\n",
        expect![[r#"
            1 of 1 release unit due, by 3 commits
              workspace  0.1.0         first release
            outside: 1 commit in no package; a change file says if one should count
        "#]],
    );
    check(
        "packages alpha=0.1.0 beta=0.2.0:alpha\ncommit alpha | feat: x\n",
        expect![[r#"
            2 of 2 release units due, by 3 commits
              alpha  0.1.0         first release
              beta   0.2.0         first release
            outside: 1 commit in no package; a change file says if one should count
        "#]],
    );
}

#[test]
fn a_proposal_fits_a_screen() {
    let script = "packages alpha=1.2.0 beta-of-a-long-name=0.3.0:alpha\ntag alpha-v1.2.0\ntag beta-of-a-long-name-v0.3.0\n\
                  commit alpha | feat: read dates\ncommit alpha | fix: an empty line is no entry\n";
    let output = play(script).command(crate::satellites::front(), &["release", "propose"]).output().unwrap();
    expect![[r#"
        2 of 2 release units due, by 2 commits
          alpha                1.2.0 -> 1.3.0  minor  1 feature, 1 fix
          beta-of-a-long-name  0.3.0 -> 0.3.1  patch  needs alpha 1.3.0
        publish: 2 packages, no wait for the registry's limits
        note: whether APIs stay compatible was not asked: `--api` asks cargo-semver-checks
        next: cargo xtask release prepare
    "#]]
    .assert_eq(&String::from_utf8(output.stdout).unwrap());
}

#[test]
fn nothing_due_is_said() {
    check(
        RELEASED,
        expect![[r#"
        nothing is due: 0 commits looked at
        not due: unchanged: alpha, beta, gamma
    "#]],
    );
    check(
        &format!("{RELEASED}commit alpha | docs: more\ncommit . | fix: the root\n"),
        expect![[r#"
        nothing is due: 2 commits looked at
        not due: nothing that its users notice: alpha
        not due: unchanged: beta, gamma
        outside: 1 commit in no package; a change file says if one should count
    "#]],
    );
}

#[test]
fn commits_choose_the_version_and_dependants_follow() {
    check(
        &format!("{RELEASED}commit alpha | feat: x\n"),
        expect![[r#"
            2 of 3 release units due, by 1 commit
              alpha  1.2.0 -> 1.3.0  minor  1 feature
              beta   0.3.0 -> 0.3.1  patch  needs alpha 1.3.0
            not due: unchanged: gamma
        "#]],
    );
    check(
        &format!("{RELEASED}commit beta | fix!: x\ncommit gamma | perf: y\ncommit gamma | Tidy\n"),
        expect![[r#"
            2 of 3 release units due, by 3 commits
              beta   0.3.0 -> 0.4.0  major  1 breaking change
              gamma  2.0.0 -> 2.0.1  patch  1 fix, 1 other change
            not due: unchanged: alpha
        "#]],
    );
    check(
        &format!(
            "{RELEASED}commit alpha,gamma | chore: x\\n\\nBREAKING CHANGE: `y` is gone,\\nuse z\\nRefs: 1\n"
        ),
        expect![[r#"
            3 of 3 release units due, by 1 commit
              alpha  1.2.0 -> 2.0.0  major  1 breaking change
              beta   0.3.0 -> 0.3.1  patch  needs alpha 2.0.0
              gamma  2.0.0 -> 3.0.0  major  1 breaking change
        "#]],
    );
    check(
        &format!("{RELEASED}commit gamma | parser: other words\n"),
        expect![[r#"
        1 of 3 release units due, by 1 commit
          gamma  2.0.0 -> 2.0.1  patch  1 other change
        not due: unchanged: alpha, beta
    "#]],
    );
}

#[test]
fn each_package_counts_from_its_own_release() {
    let script = "packages alpha=1.0.0 beta=2.0.0\ntag alpha-v1.0.0\ntag beta-v2.0.0\ncommit alpha,beta | feat: one\n\
                  version alpha 1.1.0\ntag alpha-v1.1.0\ncommit alpha | fix: two\n";
    check(
        script,
        expect![[r#"
            2 of 2 release units due, by 3 commits
              alpha  1.1.0 -> 1.1.1  patch  1 fix
              beta   2.0.0 -> 2.1.0  minor  1 feature
        "#]],
    );
}

#[test]
fn merges_say_nothing_and_bring_what_was_merged() {
    let script = format!(
        "{RELEASED}branch side\ncommit gamma | feat: from the side\ncheckout main\ncommit gamma | fix: y\nmerge side\n"
    );
    check(
        &script,
        expect![[r#"
        1 of 3 release units due, by 3 commits
          gamma  2.0.0 -> 2.1.0  minor  1 feature, 1 fix
        not due: unchanged: alpha, beta
    "#]],
    );
    // The side began before the release and came after it.
    let script = "packages alpha=1.0.0\nbranch side\ncommit alpha | feat: late\ncheckout main\ncommit alpha | fix: early\n\
                  tag v1.0.0\nmerge side\n";
    check(
        script,
        expect![[r#"
        1 of 1 release unit due, by 2 commits
          alpha  1.0.0 -> 1.1.0  minor  1 feature
    "#]],
    );
}

#[test]
fn what_was_taken_back_counts_for_nothing() {
    let one = format!("{RELEASED}commit gamma | feat!: x\ncommit gamma | fix: y\nrevert HEAD~1\n");
    check(
        &one,
        expect![[r#"
        1 of 3 release units due, by 3 commits
          gamma  2.0.0 -> 2.0.1  patch  1 fix
        not due: unchanged: alpha, beta
    "#]],
    );
    check(
        &format!("{RELEASED}commit gamma | feat!: x\nrevert HEAD\n"),
        expect![[r#"
        nothing is due: 2 commits looked at
        not due: unchanged: alpha, beta, gamma
    "#]],
    );
    check(
        &format!("{RELEASED}commit gamma | feat: x\nrevert HEAD\nrevert HEAD\n"),
        expect![[r#"
        1 of 3 release units due, by 3 commits
          gamma  2.0.0 -> 2.1.0  minor  1 feature
        not due: unchanged: alpha, beta
    "#]],
    );
    let merged = "branch side\ncommit gamma | feat: x\ncheckout main\nmerge side\nrevert -m1 HEAD\ncommit gamma | fix: y\n";
    check(
        &format!("{RELEASED}{merged}"),
        expect![[r#"
        1 of 3 release units due, by 4 commits
          gamma  2.0.0 -> 2.0.1  patch  1 fix
        not due: unchanged: alpha, beta
    "#]],
    );
    // Taken back after it was released: that is a change.
    let released = "packages alpha=1.0.0\ncommit alpha | feat: x\ntag v1.0.0\nrevert HEAD\n";
    check(
        released,
        expect![[r#"
        1 of 1 release unit due, by 1 commit
          alpha  1.0.0 -> 1.0.1  patch  1 revert
    "#]],
    );
}

#[test]
fn change_files_come_first() {
    let file = "write release/changes/one.md | ---\\ngamma: minor\\n---\\nReads **dates**.\\n::error::x\n";
    check(
        &format!("{RELEASED}commit gamma | feat!: x\n{file}"),
        expect![[r#"
            1 of 3 release units due, by 1 commit
              gamma  2.0.0 -> 2.1.0  minor  release/changes/one.md
            not due: unchanged: alpha, beta
            note: 1 path differs from the commit: not counted, but for change files, changelogs and configuration
            note: `gamma`: its commits say major, its change files minor; the change files decide
        "#]],
    );
    check_changelog(
        &format!("{RELEASED}commit gamma | feat!: x\n{file}"),
        expect![[r#"
        ## [2.1.0]

        ### Added

        - Reads **dates**.
          \::error::x
    "#]],
    );
    let wrong = "write release/changes/one.md | ---\\ndelta: minor\\n---\\nx\n";
    check(
        &format!("{RELEASED}{wrong}"),
        expect![[r#"
        exit Some(2)
        release/changes/one.md:2: no package of the workspace is named `delta`
          next: begin the file with `---`, a line `PACKAGE: patch` (or `minor`, `major`) for each package, and `---`
        error: a change file cannot be read
    "#]],
    );
}

#[test]
fn headings_speak_where_commits_do_not() {
    let changelog = "write CHANGELOG.md | # Changelog\\n\\n## [Unreleased]\\n\\n### Fixed\\n\\n### Added\\n\\n- Dates.\\n\\n## [1.0.0] - 2026-01-01\\n\\n### Removed\\n\\n- x\n";
    check(
        &format!("{RELEASED}commit gamma | parser: read dates\n{changelog}"),
        expect![[r#"
            1 of 3 release units due, by 1 commit
              gamma  2.0.0 -> 2.1.0  minor  1 other change, `Added` under Unreleased
            not due: unchanged: alpha, beta
            note: 1 path differs from the commit: not counted, but for change files, changelogs and configuration
        "#]],
    );
    check(
        &format!("{RELEASED}commit gamma | fix: read dates\n{changelog}"),
        expect![[r#"
            1 of 3 release units due, by 1 commit
              gamma  2.0.0 -> 2.0.1  patch  1 fix
            not due: unchanged: alpha, beta
            note: 1 path differs from the commit: not counted, but for change files, changelogs and configuration
        "#]],
    );
}

#[test]
fn hostile_titles_are_shown_and_do_nothing() {
    let script = "packages alpha=1.0.0\ntag v1.0.0\ncommit alpha | fix: $(touch planted) `id`; ::error::x ##[error]y\n\
                  commit alpha | feat: \u{1b}]0;t\u{7}<img src=x> [a](b) @all #1 (#2)\ncommit alpha | ::error file=a::planted\n";
    let sandbox = play(script);
    expect![[r#"
        ## [1.1.0]

        ### Added

        - \]0;t &lt;img src=x\> \[a\](b) @&#8203;all #&#8203;1 (#2)

        ### Changed

        - \::error file=a::planted

        ### Fixed

        - \$(touch planted) `id`; ::error::x #&#8203;#&#8203;\[error\]y
    "#]]
    .assert_eq(&said(&sandbox, &["--changelog"]));
    expect![[r#"
        1 of 1 release unit due, by 3 commits
          alpha  1.0.0 -> 1.1.0  minor  1 feature, 1 fix, 1 other change
    "#]]
    .assert_eq(&said(&sandbox, &[]));
    let json = said(&sandbox, &["--json"]);
    assert!(json.contains("##\\u005berror]y") && !json.contains("##["), "{json}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        value["releases"][0]["packages"][0]["why"][2]["text"],
        "$(touch planted) `id`; ::error::x ##[error]y"
    );
    assert!(!sandbox.path("planted").exists());
}

#[test]
fn groups_move_together() {
    let group = "write release/release.toml | [groups.core]\\npackages = ['alpha', 'beta']\n";
    let script = "packages alpha=1.2.0 beta=1.2.0 gamma=1.2.0:beta\ntag core-v1.2.0\ntag gamma-v1.2.0\ncommit alpha | feat: x\n";
    check(
        &format!("{script}{group}"),
        expect![[r#"
            2 of 2 release units due, by 1 commit
              core   1.2.0 -> 1.3.0  minor  1 feature
              gamma  1.2.0 -> 1.2.1  patch  needs beta 1.3.0
            note: 1 path differs from the commit: not counted, but for change files, changelogs and configuration
        "#]],
    );
    // A package that came into the group after its release is new to the registry.
    let script = "packages alpha=1.2.0\ntag v1.2.0\npackages alpha=1.2.0 beta=1.2.0\n";
    let sandbox = play(script);
    let json: serde_json::Value = serde_json::from_str(&said(&sandbox, &["--json"])).unwrap();
    assert_eq!(json["limits"]["new_packages"], serde_json::json!(["beta"]));
    assert_eq!(json["releases"][0]["next"], "1.2.1");
}

#[test]
fn bad_histories_get_a_clear_error() {
    let sandbox = play("packages alpha=1.0.0\ntag v1.0.0\ncommit alpha | fix: x\n");
    let clone = sandbox.root().parent().unwrap().join("clone");
    let from = format!("file://{}", sandbox.root().display());
    sandbox.git(&["clone", "--quiet", "--depth=1", &from, clone.to_str().unwrap()]);
    let mut command = sandbox.command(crate::satellites::front(), &["release", "propose"]);
    let done = sandbox.finish(command.current_dir(&clone).output().unwrap());
    expect![[r#"
        exit 3
        --- stderr
        error: the history is cut off, so nobody can say what changed
          why:  this is a shallow clone: commits and tags before the cut are not here
          next: git fetch --unshallow --tags
    "#]]
    .assert_eq(&done.transcript());

    let tags = "write release/release.toml | [packages.alpha]\\ntag = 'v{version}'\\n[packages.beta]\\ntag = 'v{version}'\n";
    check(
        &format!("packages alpha=1.0.0 beta=2.0.0\n{tags}"),
        expect![[r#"
        exit Some(2)
        release/release.toml: `alpha` and `beta` have the same tag, `v{version}`
          next: give each a tag of its own (`packages.NAME.tag`), or put them into one group
        error: nothing can be proposed
    "#]],
    );
}

#[test]
fn the_verdict_on_the_api_is_a_floor_and_a_broken_tool_is_no_verdict() {
    for (exit, expected) in [
        (
            0,
            expect![[r#"
        1 of 3 release units due, by 1 commit
          gamma  2.0.0 -> 2.0.1  patch  1 fix
        not due: unchanged: alpha, beta
        note: cargo-semver-checks does not see every break, such as another type of a parameter
        asking whether the API of gamma is compatible with gamma-v2.0.0
    "#]],
        ),
        (
            100,
            expect![[r#"
        1 of 3 release units due, by 1 commit
          gamma  2.0.0 -> 3.0.0  major  1 fix, its API breaks
        not due: unchanged: alpha, beta
        note: cargo-semver-checks does not see every break, such as another type of a parameter
        asking whether the API of gamma is compatible with gamma-v2.0.0
    "#]],
        ),
        (
            101,
            expect![[r#"
        exit Some(3)
        asking whether the API of gamma is compatible with gamma-v2.0.0
        error: whether the API of `gamma` is compatible is not known
          why:  cargo-semver-checks itself failed with exit 101
          why:  asked: semver-checks --package gamma --baseline-rev gamma-v2.0.0 --release-type minor
          next: cargo semver-checks --package gamma --baseline-rev gamma-v2.0.0 --release-type minor
    "#]],
        ),
    ] {
        let mut sandbox = play(&format!("{RELEASED}commit gamma | fix: x\n"));
        let tool = sandbox.path(".xtask/fake/cargo-semver-checks");
        sandbox.write(
            ".xtask/fake/cargo-semver-checks",
            &format!("#!/bin/sh\necho \"asked: $*\" >&2\nexit {exit}\n"),
        );
        std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", tool.parent().unwrap().display(), sandbox.variable("PATH"));
        sandbox.set("PATH", &path);
        expected.assert_eq(&said(&sandbox, &["--api"]));
    }
    let sandbox = play(RELEASED);
    assert!(
        said(&sandbox, &["--api"])
            .starts_with("exit Some(3)\nerror: there is no `cargo-semver-checks` to ask")
    );
}
