//! What the repository says, open and shut.

use expect_test::expect;

use super::*;
use crate::release::gates::Evidence;
use crate::release::gates::tests::{COMMIT, check, version};

#[test]
fn gates_clean_tree() {
    let tree = |head: &str, changed: &[&str], hidden: &[&str]| {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Evidence::Tree(Tree { head: head.to_owned(), changed: list(changed), hidden: list(hidden) })
    };
    let many = [" M a", " M b", " M c", " M d", "?? e", "?? f"];
    check(
        "kind = 'clean_tree'",
        vec![
            ("clean", tree(COMMIT, &[], &[])),
            ("changed", tree(COMMIT, &many, &[])),
            ("hidden", tree(COMMIT, &[], &["src/lib.rs"])),
            ("another commit", tree(&"f".repeat(40), &[], &[])),
        ],
        expect![[r#"
            clean: Pass
                the work tree is commit 0123456789ab
            changed: Fail
                the work tree is not the commit: `M a`, `M b`, `M c`, `M d`, `?? e` and 1 more
                next: git stash --include-untracked, or commit what belongs to the release
            hidden: Fail
                git is told not to look at `src/lib.rs`
                next: git update-index --no-assume-unchanged --no-skip-worktree PATH, then look again
            another commit: Fail
                the plan is of 0123456789ab, and ffffffffffff is checked out
                next: git checkout 0123456789abcdef0123456789abcdef01234567
        "#]],
    );
}

#[test]
fn gates_branch() {
    let branch = |checked_out: Option<&str>, containing: &[&str], shallow| {
        Evidence::Branch(Branch {
            allowed: vec!["main".to_owned(), "maintenance/*".to_owned()],
            checked_out: checked_out.map(str::to_owned),
            containing: containing.iter().map(|name| (*name).to_owned()).collect(),
            shallow,
        })
    };
    check(
        "kind = 'branch'",
        vec![
            ("allowed", branch(Some("main"), &[], false)),
            ("by pattern", branch(Some("maintenance/1.x"), &[], false)),
            ("another", branch(Some("feature"), &["main"], false)),
            ("deeper than the pattern", branch(Some("maintenance/1.x/try"), &[], false)),
            ("detached, in a branch", branch(None, &["feature", "main"], false)),
            ("detached, elsewhere", branch(None, &["feature"], false)),
            ("detached, shallow", branch(None, &[], true)),
        ],
        expect![[r#"
            allowed: Pass
                `main` is checked out
            by pattern: Pass
                `maintenance/1.x` is checked out
            another: Fail
                `feature` is checked out, and releases are made from main, maintenance/*
                next: git switch to one of them, or name it in `branches` of release/release.toml
            deeper than the pattern: Fail
                `maintenance/1.x/try` is checked out, and releases are made from main, maintenance/*
                next: git switch to one of them, or name it in `branches` of release/release.toml
            detached, in a branch: Pass
                the head is detached, and `origin/main` holds its commit
            detached, elsewhere: Fail
                the head is detached, and no branch of origin among main, maintenance/* holds its commit
                next: git fetch origin, then look again; or name the branch in `branches` of release/release.toml
            detached, shallow: Error
                the head is detached, and a shallow clone does not know which branches hold its commit
                next: git fetch --unshallow origin (in a workflow: `fetch-depth: 0`)
        "#]],
    );
}

#[test]
fn gates_version() {
    let unit = |text: &str, taken: Option<&str>, before: Option<&str>| UnitVersion {
        version: version(text),
        tag: format!("v{text}"),
        taken: taken.map(str::to_owned),
        before: before.map(|before| (version(before), format!("v{before}"))),
    };
    let of = |shallow, units| Evidence::Versions(Versions { shallow, commit: COMMIT.to_owned(), units });
    let other = "f".repeat(40);
    check(
        "kind = 'version'",
        vec![
            ("free and rising", of(false, vec![unit("1.2.0", None, Some("1.1.0"))])),
            ("on this commit", of(false, vec![unit("1.2.0", Some(COMMIT), Some("1.1.0"))])),
            ("first", of(false, vec![unit("0.1.0", None, None)])),
            ("taken", of(false, vec![unit("1.2.0", Some(&other), Some("1.1.0"))])),
            (
                "one of two is due",
                of(false, vec![unit("1.2.0", Some(&other), None), unit("2.0.0", None, None)]),
            ),
            ("falling", of(false, vec![unit("1.0.5", None, Some("1.1.0"))])),
            ("a pre-release after its release", of(false, vec![unit("1.2.0-rc.1", None, Some("1.2.0"))])),
            (
                "a pre-release lower than the last",
                of(false, vec![unit("1.2.0-rc.1", None, Some("1.2.0-rc.2"))]),
            ),
            ("only the build part differs", of(false, vec![unit("1.2.0+b", None, Some("1.2.0+a"))])),
            ("shallow", of(true, vec![unit("1.2.0", None, None)])),
            ("no package", of(false, vec![])),
        ],
        expect![[r#"
            free and rising: Pass
                `v1.2.0` is free, and 1.2.0 follows 1.1.0
            on this commit: Pass
                `v1.2.0` is on this commit, and 1.2.0 follows 1.1.0
            first: Pass
                `v0.1.0` is free, and is the first of its kind
            taken: Fail
                there is nothing to release: `v1.2.0` is on commit ffffffffffff
                next: cargo xtask release prepare
            one of two is due: Pass
                `v2.0.0` is free, and is the first of its kind
            falling: Fail
                1.0.5 does not come after 1.1.0, which `v1.1.0` names
                next: cargo xtask release prepare
            a pre-release after its release: Fail
                1.2.0-rc.1 does not come after 1.2.0, which `v1.2.0` names
                next: cargo xtask release prepare
            a pre-release lower than the last: Fail
                1.2.0-rc.1 does not come after 1.2.0-rc.2, which `v1.2.0-rc.2` names
                next: cargo xtask release prepare
            only the build part differs: Fail
                1.2.0+b does not come after 1.2.0+a, which `v1.2.0+a` names
                next: cargo xtask release prepare
            shallow: Error
                a shallow clone does not have all tags
                next: git fetch --unshallow --tags origin (in a workflow: `fetch-depth: 0`)
            no package: Fail
                there is nothing to release: no package is
                next: cargo xtask release prepare
        "#]],
    );
}

#[test]
fn gates_changelog() {
    let noted = |text: Option<&str>| {
        Evidence::Changelog(vec![Noted {
            version: "1.2.0".to_owned(),
            file: "CHANGELOG.md".to_owned(),
            text: text.map(str::to_owned),
        }])
    };
    check(
        "kind = 'changelog'",
        vec![
            ("said", noted(Some("\n### Added\n\n- Something.\n"))),
            ("no entry", noted(None)),
            ("only headings", noted(Some("\n### Added\n\n<!-- soon -->\n"))),
            ("nothing is released", Evidence::Changelog(vec![])),
        ],
        expect![[r#"
            said: Pass
                CHANGELOG.md tells of 1.2.0
            no entry: Fail
                CHANGELOG.md has no entry `## [1.2.0]`
                next: cargo xtask release prepare
            only headings: Fail
                the entry `## [1.2.0]` of CHANGELOG.md says nothing
                next: cargo xtask release prepare
            nothing is released: Fail
                there is nothing to release
                next: cargo xtask release prepare
        "#]],
    );
}
