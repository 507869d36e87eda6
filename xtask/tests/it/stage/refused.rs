//! What is not staged, and what is refused once it is.

use std::process::Stdio;

use expect_test::{Expect, expect};

use super::{assets, files, host, staged, staging, workspace};
use crate::sandbox::Sandbox;

#[track_caller]
fn check(sandbox: &Sandbox, words: &[&str], expected: Expect) {
    expected.assert_eq(&sandbox.xtask(words).transcript().replace(&host(), "HOST"));
}

#[test]
fn a_changed_byte_of_any_file_is_refused_by_publish() {
    let sandbox = staged("", &[], &[]);
    let mut refused = 0;
    for (name, path) in files(&staging(&sandbox)) {
        let whole = std::fs::read(&path).unwrap();
        for index in [0, whole.len() / 2, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let done = sandbox.xtask(&["release", "publish", "--execute"]);
            assert_eq!(done.code, 3, "byte {index} of {name}: {}", done.transcript());
            refused += 1;
        }
        std::fs::write(&path, &whole).unwrap();
    }
    // Eleven files, three bytes each; and as it was staged, it is not refused for its bytes.
    assert_eq!(refused, 33);
    assert_eq!(sandbox.xtask(&["release", "smoke"]).code, 0);
}

#[test]
fn whatever_is_not_the_staged_commit_is_refused() {
    let sandbox = staged("", &[], &[]);
    sandbox.write("README.md", "More.\n");
    check(
        &sandbox,
        &["release", "smoke"],
        expect![[r#"
        exit 3
        --- stderr
        the work tree is not the commit: `?? README.md`
          next: git status; commit what belongs to the release, put the rest aside
        error: `ROOT/.xtask/release/staging` is not what was staged
          why:  a release is published as it was staged, or not at all
    "#]],
    );
    std::fs::remove_file(sandbox.path("README.md")).unwrap();
    let first = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.write("release/release.toml", "[artifacts]\nsmoke = [\"--help\"]\n");
    sandbox.commit("release: another way to try");
    check(
        &sandbox,
        &["release", "publish", "--execute"],
        expect![[r#"
        exit 3
        --- stderr
        commit `DIGEST` is checked out, and `DIGEST` was staged
          next: git checkout DIGEST
        error: `ROOT/.xtask/release/staging` is not what was staged
          why:  a release is published as it was staged, or not at all
    "#]],
    );
    sandbox.git(&["checkout", "--quiet", &first]);
    let path = staging(&sandbox).join("more");
    std::fs::write(&path, "").unwrap();
    check(
        &sandbox,
        &["release", "smoke"],
        expect![[r#"
        exit 3
        --- stderr
        more: is in the folder, and nobody staged it
          next: cargo xtask release stage
        error: `ROOT/.xtask/release/staging` is not what was staged
          why:  a release is published as it was staged, or not at all
    "#]],
    );
}

#[test]
fn what_is_missing_is_said_before_anything_is_packed() {
    let declared =
        "[artifacts]\ntargets = [\"HOST\", \"wasm32-unknown-none\"]\ninclude = [\"../key\", \"README.md\"]\n";
    let sandbox = workspace(&declared.replace("HOST", &host()), &[]);
    check(
        &sandbox,
        &["release", "build"],
        expect![[r#"
        exit 3
        --- stderr
        error: the toolchain cannot build for wasm32-unknown-none
          why:  their standard libraries are not installed; a linker for each is needed as well
          next: rustup target add wasm32-unknown-none; or build each on a machine of its own: cargo xtask release build --target T
    "#]],
    );
    check(
        &sandbox,
        &["release", "build", "--target", "other"],
        expect![[r#"
        exit 2
        --- stderr
        error: the plan has no target `other`
          why:  it has: HOST, wasm32-unknown-none
          next: add it to `artifacts.targets` in release/release.toml
    "#]],
    );
    check(
        &sandbox,
        &["release", "stage"],
        expect![[r#"
        exit 3
        --- stderr
        nothing was built for wasm32-unknown-none
          next: cargo xtask release build --target wasm32-unknown-none
        nothing was built for HOST
          next: cargo xtask release build --target HOST
        error: the binaries of this plan are not all there
    "#]],
    );
    sandbox.write("README.md", "");
    check(
        &sandbox,
        &["release", "build"],
        expect![[r#"
        exit 3
        --- stderr
        the work tree is not the commit: `?? README.md`
          next: git status; commit what belongs to the release, put the rest aside
        error: a release is made of a commit alone
    "#]],
    );
}

#[test]
fn binaries_of_another_plan_or_with_other_bytes_are_not_staged() {
    let sandbox = workspace("", &[]);
    assert_eq!(sandbox.xtask(&["release", "build"]).code, 0);
    let program = sandbox.path(&format!(".xtask/release/builds/{}/fx-tool/fx-tool", host()));
    std::fs::write(program, "other").unwrap();
    check(
        &sandbox,
        &["release", "stage"],
        expect![[r#"
        exit 3
        --- stderr
        HOST/fx-tool/fx-tool: is not what was built
          next: cargo xtask release build --target HOST
        error: the binaries of this plan are not all there
    "#]],
    );
    sandbox.write("release/release.toml", "[artifacts]\nsmoke = [\"--help\"]\n");
    sandbox.commit("release: another plan");
    check(
        &sandbox,
        &["release", "stage"],
        expect![[r#"
        exit 3
        --- stderr
        HOST/built.json: was written for another plan
          next: cargo xtask release build --target HOST
        error: the binaries of this plan are not all there
    "#]],
    );
}

#[test]
fn a_program_that_does_not_answer_is_no_pass() {
    let sandbox = workspace("[artifacts]\nsmoke = [\"run\"]\n", &[]);
    assert_eq!(sandbox.xtask(&["release", "build"]).code, 0);
    let done = sandbox.xtask(&["release", "stage"]);
    let error = done.stderr.replace(&host(), "HOST");
    let shown = error.split_once("error: ").unwrap().1;
    expect![[r#"
        exit 1
        error: a staged program does not answer
          why:  `fx-tool-0.2.0-HOST/fx-tool run` did not end with N
          next: correct the program, or `artifacts.smoke` in release/release.toml; then stage again
    "#]]
    .assert_eq(&format!("exit {}\nerror: {shown}", done.code));
}

#[test]
fn a_killed_stage_leaves_the_old_folder_whole() {
    let sandbox = staged("", &[], &[]);
    let before = std::fs::read(staging(&sandbox).join("manifest.json")).unwrap();
    let partial = sandbox.path(".xtask/release/staging.partial");
    let mut command = sandbox.command(crate::satellites::front(), &["release", "stage"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Until it writes, or has ended, which would show nothing.
    while !partial.exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The satellite ends with the front; until then it may still finish its work, and that is whole as well.
    let done = sandbox.xtask(&["release", "stage"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    assert_eq!(std::fs::read(staging(&sandbox).join("manifest.json")).unwrap(), before);
    assert!(!partial.exists());
    assert!(assets(&sandbox).join("SHA256SUMS").exists());
}
