//! `cargo xtask release prepare --pr --execute`: a real remote repository, and a stand-in at the other end of the satellite's
//! pipe. (What the satellite itself does is tested where it is.)

use expect_test::expect;

use crate::prepare::{dated, workspace};
use crate::sandbox::{Done, Sandbox};

/// The satellite at the other end of the pipe: keeps the request, and answers as a forge would.
const SHIP: &str = r#"#!/bin/sh
IFS= read -r line
printf '%s\n' "$line" > "$0.request"
test "$GITHUB_TOKEN" = token-of-a-test || exit 1
printf '{"message":"done","answer":{"number":7,"url":"https://github.com/owner/name/pull/7"}}\n'
"#;

/// A workspace with a remote repository, and a front of its own with that satellite beside it.
fn remote() -> Sandbox {
    use std::os::unix::fs::PermissionsExt as _;
    let mut sandbox = workspace();
    sandbox.set("GITHUB_TOKEN", "token-of-a-test");
    sandbox.git(&["init", "--quiet", "--bare", "--initial-branch=main", "../origin.git"]);
    let origin = format!("file://{}", sandbox.root().with_file_name("origin.git").display());
    sandbox.git(&["remote", "add", "origin", &origin]);
    sandbox.git(&["push", "--quiet", "origin", "main"]);
    sandbox.write("../bin/nexus-xtask-ship", SHIP);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(sandbox.path("../bin/nexus-xtask-ship"), executable).unwrap();
    crate::satellites::copied(&sandbox.path("../bin"));
    sandbox
}

fn opened_in(sandbox: &Sandbox, folder: &str) -> Done {
    let front = sandbox.path("../bin/xtask");
    let words = ["release", "prepare", "--version", "a=0.2.0", "--pr", "--execute"];
    let mut command = sandbox.command(front.to_str().unwrap(), &words);
    sandbox.finish(command.current_dir(sandbox.path(folder)).output().unwrap())
}

#[test]
fn the_pull_request_is_opened_once_and_follows() {
    let sandbox = remote();
    expect![[r#"
        exit 0
        --- stdout
        release: a 0.2.0
        a             0.1.0 -> 0.2.0
        b             0.1.0 -> 0.2.0
        c             0.1.0 -> 0.2.0
        committed     DIGEST on release/next
        opened        https://github.com/owner/name/pull/7
    "#]]
    .assert_eq(&opened_in(&sandbox, ".").transcript());
    let pushed =
        || sandbox.git(&["ls-remote", "origin", "release/next"]).split('\t').next().unwrap().to_owned();
    let first = pushed();
    assert_eq!(first, sandbox.git(&["rev-parse", "release/next"]));
    let request: serde_json::Value =
        serde_json::from_str(&sandbox.read("../bin/nexus-xtask-ship.request")).unwrap();
    let request = &request["request"];
    assert_eq!(request["verb"], "pull_request");
    assert_eq!(
        [&request["repository"], &request["head"], &request["base"], &request["title"]],
        ["owner/name", "release/next", "main", "release: a 0.2.0"]
    );
    expect![[r#"
        Merging this makes its commit the release commit: plan, gates and publishing start from it.
        The branch follows the default branch until then; what is changed on it by hand stops that.

        ## a 0.2.0

        ### Added

        - A door.
    "#]]
    .assert_eq(request["body"].as_str().unwrap());

    // Another machine, which has only what the remote repository has: the commit is taken over, not made again.
    let origin = sandbox.git(&["remote", "get-url", "origin"]);
    sandbox.git(&["clone", "--quiet", &origin, "../clone"]);
    let again = opened_in(&sandbox, "../clone");
    assert!(again.stdout.contains("there already"), "{}", again.transcript());
    assert_eq!(pushed(), first);

    // The default branch moves on, and the branch of the release with it.
    sandbox.write("a/src/lib.rs", "//! More.\n");
    sandbox.commit("a: more");
    expect![[r#"
        exit 3
        --- stderr
        error: this commit is not on `main` of `origin`
          why:  a release is prepared from what everybody has
          next: git push origin HEAD:main
    "#]]
    .assert_eq(&opened_in(&sandbox, ".").transcript());
    sandbox.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!(opened_in(&sandbox, ".").code, 0);
    assert_ne!(pushed(), first);
    assert_eq!(sandbox.git(&["log", "--format=%s", "origin/main..origin/release/next"]), "release: a 0.2.0");
}

#[test]
fn work_of_somebody_in_the_remote_repository_is_never_overwritten() {
    let sandbox = remote();
    assert_eq!(opened_in(&sandbox, ".").code, 0);
    let origin = sandbox.git(&["remote", "get-url", "origin"]);
    sandbox.git(&["clone", "--quiet", "--branch", "release/next", &origin, "../theirs"]);
    let theirs = |words: &[&str]| {
        let output = sandbox.command("git", words).current_dir(sandbox.path("../theirs")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    theirs(&["commit", "--quiet", "--allow-empty", "--message", "docs: better words"]);
    theirs(&["push", "--quiet", "origin", "release/next"]);
    let before = sandbox.git(&["ls-remote", "origin"]);
    expect![[r#"
        exit 4
        --- stderr
        error: `release/next` has work on it that this command did not do
          why:  its commit COMMIT in the remote repository was made or changed by somebody else
          why:  nothing was changed
          next: keep it: cargo xtask release prepare --version a=0.2.0 --pr --execute --branch NAME; or give it up: git push origin --delete release/next
    "#]].assert_eq(&dated(&opened_in(&sandbox, ".")));
    assert_eq!(sandbox.git(&["ls-remote", "origin"]), before);
}
