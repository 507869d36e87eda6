//! What is wrong gets a clear error and a next step, and nothing is lost.

use expect_test::{Expect, expect};

use crate::sandbox::{Sandbox, package, steps};

/// Runs a command that cannot do what it is asked: what it says, and that nothing changed for it.
#[track_caller]
pub(crate) fn check(sandbox: &Sandbox, arguments: &[&str], expected: Expect) {
    let before = kept(sandbox);
    let done = sandbox.xtask(arguments);
    expected.assert_eq(&done.transcript());
    assert_eq!(kept(sandbox), before, "receipts, journal and tree are as they were");
}

/// The files of receipts, journal and tree, with their contents.
pub(crate) fn kept(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let mut kept = Vec::new();
    let mut folders = vec![sandbox.root().to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = path.strip_prefix(sandbox.root()).unwrap().display().to_string();
            let counts = !name.starts_with(".git/")
                && !name.starts_with("target")
                && (!name.starts_with(".xtask/")
                    || name.starts_with(".xtask/receipts")
                    || name.starts_with(".xtask/journal"));
            if path.is_dir() && counts && name != ".git" {
                folders.push(path);
            } else if counts && path.is_file() {
                let content = std::fs::read(&path).unwrap();
                kept.push((name, content));
            }
        }
    }
    kept.sort();
    kept
}

/// Runs a command that can do something.
#[track_caller]
pub(crate) fn check_run(sandbox: &Sandbox, arguments: &[&str], expected: Expect) {
    expected.assert_eq(&sandbox.xtask(arguments).transcript());
}

/// A workspace with one recorded pass, so that there is something to lose.
pub(crate) fn recorded(text: &str) -> Sandbox {
    let sandbox = steps("[steps.good]\ncommand = [\"true\"]\n");
    let done = sandbox.xtask(&["ci"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    let steps = sandbox.read("release/ci.toml");
    sandbox.write("release/ci.toml", &format!("{steps}{text}"));
    sandbox
}

#[test]
fn steps_that_need_each_other() {
    let text = "[steps.a]\ncommand = [\"true\"]\nneeds = [\"c\"]\n[steps.b]\ncommand = [\"true\"]\nneeds = [\"a\"]\n[steps.c]\ncommand = [\"true\"]\nneeds = [\"b\"]\n";
    check(
        &recorded(text),
        &["ci"],
        expect![[r#"
        exit 2
        --- stderr
        release/ci.toml: the steps need each other in a circle: a -> c -> b -> a
          next: remove one of these `needs`
        error: release/ci.toml has N problem
    "#]],
    );
}

#[test]
fn every_problem_of_the_file_at_once() {
    let text = "[steps.a]\ncommand = [\"true\"]\ncolour = \"red\"\ntimeout = \"soon\"\n[steps.B]\ncommand = []\n[steps.c]\nfolder = \"../up\"\nneeds = [\"nobody\"]\n";
    check(
        &recorded(text),
        &["ci"],
        expect![[r#"
            exit 2
            --- stderr
            release/ci.toml:6: unknown field `colour`, expected one of `command`, `job`, `needs`, `inputs`, `outputs`, `folder`, `pass_environment`, `set_environment`, `platforms`, `timeout`, `retries`, `required`, `network`, `tools`, `lane`
              next: correct it; docs/ci.md of nexus-xtask shows every key
            release/ci.toml:8: `B` is no id of a step: at most N lower-case letters, digits, `-`, `_` and `.`
              next: rename the step
            release/ci.toml:8: `command` of step `B` is empty
              next: write the program and its arguments: `["npm", "test"]`
            release/ci.toml:10: step `c` names `../up`, which is no path inside the workspace
              next: write it from the root, with `/`, without `..`
            error: release/ci.toml has N problems
        "#]],
    );
}

#[test]
fn a_step_without_a_command_and_a_need_that_does_not_exist() {
    check(
        &recorded("[steps.a]\nneeds = [\"nobody\"]\n"),
        &["ci"],
        expect![[r#"
        exit 2
        --- stderr
        release/ci.toml: step `a` has no `command`
          next: add `command = ["program", "argument"]`; only built-in steps have one of their own
        error: release/ci.toml has N problem
    "#]],
    );
}

#[test]
fn a_file_that_is_no_toml() {
    check(
        &recorded("[steps.a\n"),
        &["ci"],
        expect![[r#"
        exit 2
        --- stderr
        release/ci.toml:4: unclosed table, expected `]`
          next: correct the line; https://toml.io has the syntax
        error: release/ci.toml has N problem
    "#]],
    );
}

#[test]
fn a_file_that_is_not_utf_8() {
    let sandbox = recorded("");
    std::fs::write(sandbox.path("release/ci.toml"), b"parallel = 2 # caf\xe9\n").unwrap();
    check(
        &sandbox,
        &["ci"],
        expect![[r#"
            exit 2
            --- stderr
            error: `ROOT/release/ci.toml` is not UTF-8
              why:  invalid utf-8 sequence of N bytes from index N
              next: save the file named above as UTF-8
        "#]],
    );
}

#[test]
fn names_that_do_not_exist() {
    let sandbox = recorded("");
    check(
        &sandbox,
        &["ci", "--step", "nobody"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no step `nobody`
          why:  the steps are: good
          next: cargo xtask ci --list
    "#]],
    );
    check(
        &sandbox,
        &["ci", "--job", "nobody"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no job `nobody`
          why:  the jobs are: lint
          next: cargo xtask ci --list
    "#]],
    );
    check(
        &sandbox,
        &["ci", "--explain", "nobody"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no step `nobody`
          next: cargo xtask ci --list
    "#]],
    );
    check(
        &sandbox,
        &["test", "--shard", "4/3"],
        expect![[r#"
        exit 2
        --- stderr
        error: `4/3` names no part of the tests: they are counted from N
          next: write `--shard 1/3`, or `--shard 1/auto`
    "#]],
    );
    check(
        &sandbox,
        &["test", "--shard", "some"],
        expect![[r#"
        exit 2
        --- stderr
        error: `some` names no part of the tests
          next: write `--shard 1/3`, or `--shard 1/auto`
    "#]],
    );
    check(
        &sandbox,
        &["ci", "--affected", "--base", "nobody"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no revision `nobody` here
          why:  git does not know it; a shallow clone may lack it
          next: git fetch origin nobody
    "#]],
    );
    check(
        &sandbox,
        &["ci", "replay", "nonsense"],
        expect![[r#"
        exit 2
        --- stderr
        error: no recorded run is named `nonsense`
          why:  RUN
          next: name one of these, or `last`: cargo xtask ci replay RUN
    "#]],
    );
}

#[test]
fn nothing_recorded_yet() {
    let sandbox = steps("[steps.good]\ncommand = [\"true\"]\n");
    check(
        &sandbox,
        &["ci", "replay"],
        expect![[r#"
        exit 3
        --- stderr
        error: no run is recorded yet
          why:  `.xtask/runs` holds none
          next: cargo xtask ci
    "#]],
    );
    check(
        &sandbox,
        &["ci", "--rerun", "failed"],
        expect![[r#"
        exit 3
        --- stderr
        error: no run is recorded yet
          why:  `.xtask/runs` holds none
          next: cargo xtask ci
    "#]],
    );
}

#[test]
fn a_run_that_was_killed_before_its_plan_is_no_run_that_passed() {
    let sandbox = recorded("");
    sandbox.write(".xtask/runs/29990101T000000Z-0000/events.jsonl", "{\"v\":1,\"at\":\"29");
    check(
        &sandbox,
        &["ci", "--rerun", "failed"],
        expect![[r#"
        exit 3
        --- stderr
        error: the last run was killed before its plan was written down
          next: cargo xtask ci
    "#]],
    );
    check(
        &sandbox,
        &["ci", "replay"],
        expect![[r#"
        exit 0
        --- stderr
        result      interrupted while nothing was running; after TIME: no steps
    "#]],
    );
}

#[test]
fn a_recording_that_is_broken_in_the_middle() {
    let sandbox = recorded("");
    sandbox.write(".xtask/runs/29990101T000000Z-0000/events.jsonl", "nonsense\n{}\n");
    check(
        &sandbox,
        &["ci", "replay"],
        expect![[r#"
            exit 3
            --- stderr
            error: the recording of run `29990101T000000Z-0000` cannot be read
              why:  `.xtask/runs/RUN/events.jsonl`: line N is no event: expected ident at line N column N
              next: look at the line; without this recording the run before it is the last: rm -r .xtask/runs/RUN/
        "#]],
    );
}

#[test]
fn programs_that_cannot_be_run() {
    let sandbox = recorded("[steps.absent]\ncommand = [\"scripts/absent.sh\"]\n");
    sandbox.write("scripts/plain.txt", "no program\n");
    let more = "[steps.folder]\ncommand = [\"true\"]\nfolder = \"nowhere\"\n[steps.plain]\ncommand = [\"scripts/plain.txt\"]\n";
    sandbox.write("release/ci.toml", &format!("{}{more}", sandbox.read("release/ci.toml")));
    check_run(
        &sandbox,
        &["ci", "--step", "absent"],
        expect![[r#"
            exit 3
            --- stderr
            run         absent  no pass is recorded
            unavailable absent  `scripts/absent.sh` is not installed, TIME
                install  make `scripts/absent.sh`, or correct `command` of step `absent` in release/ci.toml
                log      .xtask/runs/RUN/absent.log
                rerun    cargo xtask ci --step absent
            result      unavailable: N unavailable in TIME
            unavailable absent, install with: make `scripts/absent.sh`, or correct `command` of step `absent` in release/ci.toml
            time        TIMES
            rerun       cargo xtask ci --step absent
            next        make `scripts/absent.sh`, or correct `command` of step `absent` in release/ci.toml
        "#]],
    );
    check_run(
        &sandbox,
        &["ci", "--step", "folder"],
        expect![[r#"
            exit 1
            --- stderr
            broken      folder  there is no folder `ROOT/nowhere` to run it in
                log      .xtask/runs/RUN/folder.log
                rerun    cargo xtask ci --step folder
            result      failed: N broken in TIME
            rerun       cargo xtask ci --step folder
            next        cargo xtask ci --step folder
        "#]],
    );
    check_run(
        &sandbox,
        &["ci", "--step", "plain"],
        expect![[r#"
            exit 1
            --- stderr
            run         plain  no pass is recorded
            broken      plain  `scripts/plain.txt` Permission denied (os error 13), TIME
                log      .xtask/runs/RUN/plain.log
                rerun    cargo xtask ci --step plain
            result      failed: N broken in TIME
            time        TIMES
            rerun       cargo xtask ci --step plain
            next        cargo xtask ci --step plain
        "#]],
    );
}

#[test]
fn a_step_that_prints_a_megabyte_of_binary() {
    let text = "[steps.binary]\ncommand = [\"sh\", \"-c\", \"head -c 1048576 /dev/urandom; exit 1\"]\n";
    let sandbox = recorded(text);
    let done = sandbox.xtask(&["ci", "--step", "binary"]);
    assert_eq!(done.code, 1);
    assert!(done.stderr.len() < 64 * 1024, "{} bytes were printed", done.stderr.len());
    assert!(
        done.stderr.chars().all(|character| "\n\t".contains(character) || !character.is_control()),
        "nothing steers a terminal"
    );
    assert!(done.stderr.contains("rerun    cargo xtask ci --step binary\n"));
    let log = std::fs::metadata(newest_run(&sandbox).join("binary.log")).unwrap().len();
    assert_eq!(log, 1024 * 1024, "the log has every byte");
    let replayed = sandbox.xtask(&["ci", "replay"]);
    assert_eq!((replayed.code, replayed.stderr.len() < 64 * 1024), (0, true));
    let events = std::fs::metadata(newest_run(&sandbox).join("events.jsonl")).unwrap().len();
    assert!(events < 256 * 1024, "the events take {events} bytes");
}

fn newest_run(sandbox: &Sandbox) -> std::path::PathBuf {
    let mut runs: Vec<_> =
        std::fs::read_dir(sandbox.path(".xtask/runs")).unwrap().map(|run| run.unwrap().path()).collect();
    runs.sort();
    runs.pop().unwrap()
}

#[test]
fn a_package_whose_build_fails_says_so_and_keeps_the_rest() {
    let sandbox = package(&[]);
    sandbox.write("src/lib.rs", "//! One.\npub fn twice(number: u32) -> u32 { number }}\n");
    let done = sandbox.xtask(&["ci", "--step", "build"]);
    assert_eq!(done.code, 1, "{}", done.transcript());
    assert!(done.stderr.contains("unexpected closing delimiter"), "{}", done.stderr);
}
