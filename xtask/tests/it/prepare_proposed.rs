//! `cargo xtask release prepare` of what is proposed: versions from change files and commits, and what becomes of them.

use expect_test::expect;

use crate::sandbox::{Done, Sandbox};

/// Two packages that are released apart, one of which needs the other. Both are released.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::with(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"3\"\n"),
        (
            "a/Cargo.toml",
            "[package]\nname = \"a\"\nversion = \"1.0.0\"\nedition = \"2024\"\nrepository = \"https://github.com/o/n\"\n",
        ),
        ("a/src/lib.rs", ""),
        (
            "b/Cargo.toml",
            "[package]\nname = \"b\"\nversion = \"2.0.0\"\nedition = \"2024\"\n\n[dependencies]\na = { path = \"../a\", version = \"1\" }\n",
        ),
        ("b/src/lib.rs", ""),
        ("a/CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-01-01\n\n- The first.\n"),
        ("b/CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n"),
        (
            "release/release.toml",
            "[packages.a]\nchangelog = \"a/CHANGELOG.md\"\n\n[packages.b]\nchangelog = \"b/CHANGELOG.md\"\n",
        ),
        (".gitignore", "/target/\n/.xtask/\nCargo.lock\n"),
    ]);
    sandbox.git(&["tag", "a-v1.0.0"]);
    sandbox.git(&["tag", "b-v2.0.0"]);
    sandbox
}

fn prepare(sandbox: &Sandbox, more: &[&str]) -> Done {
    sandbox.xtask(&[&["release", "prepare"], more].concat())
}

fn shown(sandbox: &Sandbox, file: &str) -> String {
    let text = sandbox.git(&["show", &format!("release/next:{file}")]);
    let line = |line: &str| {
        line.split_once("] - 202").map_or(line.to_owned(), |(start, _)| format!("{start}] - DAY"))
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn what_is_due_is_prepared_with_its_change_files_and_commits() {
    let sandbox = workspace();
    expect![[r#"
        exit 0
        --- stdout
        nothing is due
        --- stderr
        why: cargo xtask release propose
    "#]]
    .assert_eq(&prepare(&sandbox, &["--write"]).transcript());
    sandbox.write("a/src/lib.rs", "//! One.\n");
    sandbox.write("release/changes/one.md", "---\na: minor\n---\nA window.\n");
    sandbox.write("release/changes/README.md", "What a change asks for.\n");
    sandbox.commit("a: a window");
    sandbox.write("b/src/lib.rs", "//! Two.\n");
    sandbox.commit("fix(b): no ::error:: in [the](https://evil.example) walls");
    let done = prepare(&sandbox, &["--write"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    expect![[r#"
        release: a 1.1.0, b 2.0.1
        a             1.0.0 -> 1.1.0
        b             2.0.0 -> 2.0.1
        committed     DIGEST on release/next
    "#]]
    .assert_eq(&done.stdout);
    assert_eq!(
        sandbox.git(&["diff", "--name-status", "main", "release/next"]).replace('\t', " "),
        "M a/CHANGELOG.md\nM a/Cargo.toml\nM b/CHANGELOG.md\nM b/Cargo.toml\nD release/changes/one.md"
    );
    expect![[r#"
        # Changelog

        ## [Unreleased]

        ## [1.1.0] - DAY

        ### Added

        - A window.

        ## [1.0.0] - DAY

        - The first.
    "#]]
    .assert_eq(&shown(&sandbox, "a/CHANGELOG.md"));
    expect![[r#"
        # Changelog

        ## [Unreleased]

        ## [2.0.1] - DAY

        ### Fixed

        - b: no ::error:: in \[the\](https://evil.example) walls
    "#]]
    .assert_eq(&shown(&sandbox, "b/CHANGELOG.md"));
    assert!(shown(&sandbox, "b/Cargo.toml").contains("version = \"1.1\" }"));

    // The merged commit is the release commit: there is nothing more to prepare.
    sandbox.git(&["merge", "--quiet", "--ff-only", "release/next"]);
    sandbox.git(&["branch", "--quiet", "-D", "release/next"]);
    let done = prepare(&sandbox, &["--write"]);
    assert!(done.stdout.contains("this commit is prepared already"), "{}", done.transcript());
    assert_eq!(sandbox.git(&["branch", "--list", "release/next"]), "");
}

#[test]
fn a_change_file_of_two_packages_waits_for_the_other_one() {
    let sandbox = workspace();
    sandbox.write("a/src/lib.rs", "//! One.\n");
    sandbox.write("b/src/lib.rs", "//! Two.\n");
    sandbox.write("release/changes/both.md", "---\na: minor\nb: patch\n---\nFor both.\n");
    sandbox.commit("a, b: both");
    let done = prepare(&sandbox, &["--version", "b=2.0.1", "--write"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    assert_eq!(shown(&sandbox, "release/changes/both.md"), "---\na: minor\n---\nFor both.\n");
    assert!(shown(&sandbox, "b/CHANGELOG.md").contains("### Fixed\n\n- For both.\n"));
    assert!(!shown(&sandbox, "a/CHANGELOG.md").contains("For both."));
}

#[test]
fn a_maintenance_branch_keeps_its_line() {
    let sandbox = workspace();
    sandbox.git(&["switch", "--quiet", "--create", "maintenance/1.0.x"]);
    sandbox.write("a/src/lib.rs", "//! One.\n");
    sandbox.commit("feat(a): too much for this line");
    let done = prepare(&sandbox, &["--write"]);
    assert_eq!(done.code, 2, "{}", done.transcript());
    assert!(done.stderr.contains("1.0.x"), "{}", done.transcript());
}

#[test]
fn each_unit_has_its_own_changelog_or_a_heading_of_its_own() {
    let sandbox = Sandbox::with(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"3\"\n"),
        ("a/Cargo.toml", "[package]\nname = \"a\"\nversion = \"1.0.0\"\nedition = \"2024\"\n"),
        ("a/src/lib.rs", ""),
        (
            "b/Cargo.toml",
            "[package]\nname = \"b\"\nversion = \"2.0.0\"\nedition = \"2024\"\nrepository = \"https://github.com/o/n\"\n",
        ),
        ("b/src/lib.rs", ""),
        ("b/CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n- B's own.\n"),
        ("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n- Of a.\n"),
        ("release/release.toml", "[packages.b]\nchangelog = \"b/CHANGELOG.md\"\n"),
        (".gitignore", "/target/\n/.xtask/\nCargo.lock\n"),
    ]);
    let arguments = ["--version", "a=1.1.0", "--version", "b=2.1.0", "--write"];
    let done = prepare(&sandbox, &arguments);
    assert_eq!(done.code, 0, "{}", done.transcript());
    assert_eq!(sandbox.git(&["log", "-1", "--format=%s", "release/next"]), "release: a 1.1.0, b 2.1.0");
    assert_eq!(
        sandbox.git(&["diff", "--name-only", "main", "release/next"]).replace('\n', " "),
        "CHANGELOG.md a/Cargo.toml b/CHANGELOG.md b/Cargo.toml"
    );
    // The notes of the plan are what the changelogs say.
    sandbox.git(&["switch", "--quiet", "release/next"]);
    let plan = sandbox.command(crate::satellites::front(), &["--json", "release", "plan"]).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    let notes: Vec<_> = plan["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|release| format!("{}: {}", release["tag"], release["notes"]))
        .collect();
    assert_eq!(notes, ["\"a-v1.1.0\": \"- Of a.\"", "\"b-v2.1.0\": \"- B's own.\""]);

    // Without its own file, b shares that of the workspace: a heading is then the tag, and Unreleased is nobody's.
    sandbox.git(&["switch", "--quiet", "main"]);
    sandbox.write("release/release.toml", "");
    sandbox.commit("b: no changelog");
    expect![[r#"
        exit 2
        --- stderr
        CHANGELOG.md: what is under Unreleased could belong to any of the units that are released together
          next: give each a changelog of its own (`packages.a.changelog` in release/release.toml)
        CHANGELOG.md: what is under Unreleased could belong to any of the units that are released together
          next: give each a changelog of its own (`packages.b.changelog` in release/release.toml)
        error: this release cannot be prepared
    "#]]
    .assert_eq(&prepare(&sandbox, &arguments).transcript());
    let done = prepare(&sandbox, &["--version", "b=2.1.0"]);
    assert!(done.stdout.contains("+## [b-v2.1.0] - 20"), "{}", done.transcript());
}
