//! `cargo xtask doctor` on healthy and sick clones.

use crate::sandbox::Sandbox;

const MANIFEST: &str = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

/// The word that a line of the report begins with, and all lines for the message of an assertion.
#[track_caller]
fn check(sandbox: &Sandbox, code: i32, words: &[(&str, &str)]) {
    let done = sandbox.xtask(&["doctor"]);
    for (what, word) in words {
        let line = done.stdout.lines().find(|line| line.split_whitespace().nth(1) == Some(what));
        let said = line.and_then(|line| line.split_whitespace().next());
        assert_eq!(said, Some(*word), "{what}: {}", done.transcript());
    }
    assert_eq!(done.code, code, "{}", done.transcript());
}

#[test]
fn a_healthy_clone_needs_nothing() {
    let sandbox =
        Sandbox::with(&[("Cargo.toml", MANIFEST), ("src/lib.rs", ""), (".gitignore", "/.xtask/\n")]);
    let words =
        ["rustc", "cargo", "clippy", "rustfmt", "git", "commits", "history", "ignored", "disk", "state"];
    check(&sandbox, 0, &words.map(|what| (what, "ok")));
    let json = sandbox.xtask(&["--json", "doctor"]);
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["healthy"], true);
    assert_eq!(value["checks"][0]["what"], "rustc");
}

#[test]
fn a_shallow_clone_and_one_without_commits_are_told() {
    let sandbox =
        Sandbox::with(&[("Cargo.toml", MANIFEST), ("src/lib.rs", ""), (".gitignore", "/.xtask/\n")]);
    sandbox.write("src/lib.rs", "//! Two.\n");
    sandbox.commit("two");
    let from = format!("file://{}", sandbox.root().display());
    let into = sandbox.path("../clone").display().to_string();
    sandbox.git(&["clone", "--quiet", "--depth", "1", &from, &into]);
    let shallow = sandbox.xtask_in("../clone", &["doctor"]);
    assert!(shallow.stdout.contains("low      history"), "{}", shallow.transcript());
    assert!(shallow.stdout.contains("next: git fetch --unshallow"), "{}", shallow.transcript());
    let empty = Sandbox::bare();
    empty.write("Cargo.toml", MANIFEST);
    empty.write("src/lib.rs", "");
    empty.git(&["init", "--quiet"]);
    check(&empty, 0, &[("commits", "missing"), ("ignored", "missing")]);
}

#[test]
fn a_folder_without_git_and_without_a_tool_is_sick_and_says_what_to_run() {
    let sandbox = Sandbox::bare();
    sandbox.write("Cargo.toml", MANIFEST);
    sandbox.write("src/lib.rs", "");
    sandbox.write("release/tools.toml", "[tools.omega]\nversion = \"1.0.0\"\ninstall = \"cargo\"\n");
    check(&sandbox, 3, &[("repository", "missing"), ("omega", "missing")]);
    let done = sandbox.xtask(&["doctor"]);
    for next in ["next: git init", "next: cargo xtask tools install omega"] {
        assert!(done.stderr.contains(next), "{}", done.transcript());
    }
}

#[test]
fn a_toolchain_that_is_not_installed_is_told_with_its_command() {
    let mut sandbox = Sandbox::with(&[
        ("Cargo.toml", MANIFEST),
        ("src/lib.rs", ""),
        (".gitignore", "/.xtask/\n"),
        ("rust-toolchain.toml", "[toolchain]\nchannel = \"0.0.1\"\n"),
    ]);
    // Otherwise rustup would look for it in the network.
    sandbox.set("RUSTUP_AUTO_INSTALL", "0");
    if sandbox.command("rustup", &["--version"]).output().is_err() {
        eprintln!("skipped: there is no rustup, so no toolchain is chosen by the file");
        return;
    }
    check(&sandbox, 3, &[("rustc", "missing")]);
    assert!(sandbox.xtask(&["doctor"]).stdout.contains("next: rustup toolchain install 0.0.1"));
}

#[test]
fn the_version_that_runs_stands_beside_the_pinned_one() {
    let pin = |version: &str| format!("[xtask]\nversion = \"{version}\"\n");
    let sandbox = Sandbox::with(&[
        ("Cargo.toml", MANIFEST),
        ("src/lib.rs", ""),
        ("release/tools.toml", &pin("99.0.0")),
    ]);
    check(&sandbox, 3, &[("toolkit", "old")]);
    sandbox.write("release/tools.toml", &pin(env!("CARGO_PKG_VERSION")));
    check(&sandbox, 0, &[("toolkit", "ok")]);
}
