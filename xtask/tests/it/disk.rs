//! A full disk and a tree that cannot be written to: real file systems, which only root can make. Linux.

#![cfg(target_os = "linux")]

use expect_test::expect;

use crate::bad_input::{check_run, kept, recorded};
use crate::sandbox::Sandbox;

/// `.xtask` on a file system of its own that holds 256 KiB.
const SMALL_DISK: &str = "mount -t tmpfs -o size=256k none ../small && cp -a .xtask/. ../small && mount --bind ../small .xtask && ";

#[test]
fn a_disk_that_becomes_full() {
    let sandbox = recorded("[steps.a-loud]\ncommand = [\"head\", \"-c\", \"400000\", \"/dev/zero\"]\n");
    let script = "\"$XTASK\" \"$@\"; code=$?; rm .xtask/runs/*/a-loud.log; cp -a .xtask ../after; exit $code";
    let arguments = ["ci", "--parallel", "1", "--keep-going"];
    let Some(done) = isolated(&sandbox, &format!("{SMALL_DISK}{script}"), &arguments) else { return };
    assert!(!done.starts_with("exit 0"), "{done}");
    assert!(done.contains("No space left on device"), "{done}");
    assert!(!done.contains("defect in xtask"), "{done}");
    let before = kept(&sandbox);
    std::fs::remove_dir_all(sandbox.path(".xtask")).unwrap();
    std::fs::rename(sandbox.path("../after/.xtask"), sandbox.path(".xtask")).unwrap();
    let after = kept(&sandbox);
    for (name, content) in before {
        let now = after.iter().find(|(other, _)| *other == name).map(|(_, content)| content);
        assert!(now.is_some_and(|now| now.starts_with(&content)), "{name} was lost");
    }
    let verified = sandbox.xtask(&["journal", "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.transcript());
    check_run(
        &sandbox,
        &["ci", "--parallel", "1"],
        expect![[r#"
            exit 0
            --- stderr
            run         a-loud  no pass is recorded
            passed      a-loud  TIME
            run         good    file `release/ci.toml` changed
            passed      good    TIME (last TIME)
            result      passed: N passed in TIME
            time        TIMES
        "#]],
    );
}

#[test]
fn a_disk_that_is_full_from_the_start() {
    let sandbox = recorded("");
    let script = "{ head -c 400000 /dev/zero > .xtask/filler 2> /dev/null || true; } && \"$XTASK\" \"$@\"";
    let Some(done) = isolated(&sandbox, &format!("{SMALL_DISK}{script}"), &["ci"]) else { return };
    expect![[r#"
        exit 3
        --- stderr
        error: cannot write the events of run `RUN`
          why:  No space left on device (os error 28)
          next: free disk space (`cargo xtask doctor` shows what is used), then run the same command again
    "#]]
    .assert_eq(&done);
}

#[test]
fn a_tree_that_cannot_be_written_to() {
    let sandbox = recorded("");
    let script = "mount --bind . . && cd . && mount -o remount,bind,ro . && cd \"$PWD\" && \"$XTASK\" \"$@\"";
    let Some(done) = isolated(&sandbox, script, &["ci"]) else { return };
    expect![[r#"
        exit 3
        --- stderr
        error: cannot create `ROOT/.xtask/runs/RUN/
          why:  Read-only file system (os error 30)
          next: make the folder named above writable, then run the same command again
    "#]]
    .assert_eq(&done);
    for (arguments, expected) in [
        (
            &["ci", "--list"][..],
            expect![[r#"
            exit 0
            --- stdout
            proven       good  lint  true
                                     passed on the same inputs N ago
        "#]],
        ),
        (
            &["journal", "verify"],
            expect![[r#"
            exit 0
            --- stdout
            journal   N lines, N broken
            receipts  N prove themselves, N do not
        "#]],
        ),
        (
            &["ci", "replay"],
            expect![[r#"
                exit 0
                --- stderr
                run         good  no pass is recorded
                passed      good  TIME
                result      passed: N passed in TIME
                time        TIMES
            "#]],
        ),
    ] {
        expected.assert_eq(&isolated(&sandbox, script, arguments).unwrap());
    }
}

/// A command in file systems of its own, which only root can make on Linux; `None`, said aloud, where that is not so.
fn isolated(sandbox: &Sandbox, script: &str, arguments: &[&str]) -> Option<String> {
    let can =
        sandbox.command("unshare", &["--mount", "true"]).output().is_ok_and(|output| output.status.success());
    if !can {
        println!("skipped 1 test: file systems of its own need `unshare --mount`, which needs root");
        return None;
    }
    for folder in ["small", "after"] {
        std::fs::create_dir_all(sandbox.path("..").join(folder)).unwrap();
    }
    let words: Vec<_> = ["--mount", "sh", "-c", script, "sh"].iter().chain(arguments).copied().collect();
    let mut command = sandbox.command("unshare", &words);
    command.env("XTASK", crate::satellites::front());
    Some(sandbox.finish(command.output().unwrap()).transcript())
}
