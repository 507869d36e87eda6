use expect_test::{Expect, expect};

use super::*;

fn healthy() -> Facts {
    let said = |text: &str| Some(text.to_owned());
    Facts {
        channel: said("1.95.0"),
        rustc: said("rustc 1.95.0 (59807616e 2026-04-14)"),
        cargo: said("cargo 1.95.0 (f2d3ce0bd 2026-03-21)"),
        clippy: said("clippy 0.1.95"),
        rustfmt: said("rustfmt 1.8.0"),
        nextest: said("cargo-nextest 0.9.143"),
        git: said("git version 2.39.5"),
        repository: Some(Ok(Repository { is_shallow: false, has_commits: true, ignores_state: true })),
        disk_free: Some(77 << 30),
        used: vec![("target".into(), 5 << 30, false), (".xtask".into(), 3 << 20, true)],
        state_broken: None,
    }
}

#[track_caller]
fn check(facts: Facts, expected: Expect) {
    let lines = lines(&facts);
    let sick: Vec<_> = lines.iter().filter(|line| line.is_sick()).map(|line| line.what.as_str()).collect();
    let shown = text(&lines).join("\n");
    expected.assert_eq(&format!("{shown}\nsick: {}\n", sick.join(", ")));
}

#[test]
fn a_healthy_machine_has_one_line_a_check() {
    check(
        healthy(),
        expect![[r#"
        ok       rustc    rustc 1.95.0 (59807616e 2026-04-14), as the toolchain file wants (1.95.0)
        ok       cargo    cargo 1.95.0 (f2d3ce0bd 2026-03-21)
        ok       clippy   clippy 0.1.95
        ok       rustfmt  rustfmt 1.8.0
        ok       nextest  cargo-nextest 0.9.143
        ok       git      git version 2.39.5
        ok       commits  there is a commit
        ok       history  complete
        ok       ignored  git ignores .xtask
        ok       disk     77.0 GiB free; target more than 5.0 GiB, .xtask 3 MiB
        ok       state    .xtask can be written to
        sick: 
    "#]],
    );
}

#[test]
fn a_machine_with_nothing_is_told_everything_at_once() {
    check(
        Facts { state_broken: Some("cannot write".into()), ..Facts::default() },
        expect![[r#"
        missing  rustc    there is no Rust compiler
                          next: install rustup (https://rustup.rs), then `rustup toolchain install stable`
        missing  cargo    is not there for the toolchain that counts here
                          next: rustup toolchain install stable
        missing  clippy   is not there for the toolchain that counts here
                          next: rustup component add clippy
        missing  rustfmt  is not there for the toolchain that counts here
                          next: rustup component add rustfmt
        missing  nextest  tests run with plain cargo: no retries of single tests, no shards (optional)
                          next: cargo install --locked cargo-nextest
        missing  git      there is no git: nothing can be skipped safely
                          next: install git with the package manager of this system
        ok       disk     this system does not say what is free; nothing used yet
        missing  state    cannot write
                          next: make the folder .xtask writable for this user
        sick: rustc, cargo, clippy, rustfmt, git, state
    "#]],
    );
}

#[test]
fn a_fresh_shallow_clone_on_a_full_disk() {
    let repository = Repository { is_shallow: true, has_commits: false, ignores_state: false };
    check(
        Facts { repository: Some(Ok(repository)), disk_free: Some(900 << 20), nextest: None, ..healthy() },
        expect![[r#"
            ok       rustc    rustc 1.95.0 (59807616e 2026-04-14), as the toolchain file wants (1.95.0)
            ok       cargo    cargo 1.95.0 (f2d3ce0bd 2026-03-21)
            ok       clippy   clippy 0.1.95
            ok       rustfmt  rustfmt 1.8.0
            missing  nextest  tests run with plain cargo: no retries of single tests, no shards (optional)
                              next: cargo install --locked cargo-nextest
            ok       git      git version 2.39.5
            missing  commits  no commit yet: no base to compare with (optional)
                              next: git commit
            low      history  a shallow clone: `--affected` finds no merge base and takes everything (optional)
                              next: git fetch --unshallow
            missing  ignored  git sees the state folder (optional)
                              next: echo /.xtask/ >> .gitignore
            low      disk     900 MiB free; target more than 5.0 GiB, .xtask 3 MiB
                              next: cargo clean
            ok       state    .xtask can be written to
            sick: disk
        "#]],
    );
}

#[test]
fn another_compiler_than_the_toolchain_file_wants_is_old() {
    check(
        Facts {
            channel: Some("1.96.0".into()),
            repository: Some(Err("not a git repository".into())),
            ..healthy()
        },
        expect![[r#"
            old      rustc       rustc 1.95.0 (59807616e 2026-04-14), and the toolchain file wants 1.96.0
                                 next: rustup toolchain install 1.96.0
            ok       cargo       cargo 1.95.0 (f2d3ce0bd 2026-03-21)
            ok       clippy      clippy 0.1.95
            ok       rustfmt     rustfmt 1.8.0
            ok       nextest     cargo-nextest 0.9.143
            ok       git         git version 2.39.5
            missing  repository  not a git repository
                                 next: git init
            ok       disk        77.0 GiB free; target more than 5.0 GiB, .xtask 3 MiB
            ok       state       .xtask can be written to
            sick: rustc, repository
        "#]],
    );
}

#[test]
fn a_channel_is_answered_by_any_compiler_it_can_mean() {
    for (channel, version) in [
        ("1.95.0", "rustc 1.95.0 (abc)"),
        ("1.95", "rustc 1.95.2 (abc)"),
        ("1.95.0-x86_64-unknown-linux-gnu", "rustc 1.95.0"),
        ("stable", "rustc 1.95.0"),
        ("nightly-2026-01-01", "rustc 1.97.0-nightly (abc)"),
        ("own", "rustc 1.95.0-dev"),
    ] {
        assert!(answers(channel, version), "{channel} {version}");
    }
    for (channel, version) in [
        ("1.9", "rustc 1.95.0"),
        ("1.95.0", "rustc 1.95.1"),
        ("nightly", "rustc 1.95.0 (abc)"),
        ("1.95.0", ""),
    ] {
        assert!(!answers(channel, version), "{channel} {version}");
    }
}
