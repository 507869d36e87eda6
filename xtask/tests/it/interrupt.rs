//! Interrupts, limits, and programs that do not want to end: real processes, real signals.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};

use crate::sandbox::{Sandbox, running, steps};

/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// `cargo xtask ci` as a process of its own, with a place for what it prints.
fn start(sandbox: &Sandbox) -> Child {
    let talk = std::fs::File::create(sandbox.path("../talk")).unwrap();
    let mut command = sandbox.command(crate::satellites::front(), &["ci"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(talk).spawn().unwrap()
}

fn signal(sandbox: &Sandbox, name: &str, child: &Child) {
    let killed = sandbox.command("kill", &["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

/// The end of a run: its exit code and what it printed.
#[track_caller]
fn end(sandbox: &Sandbox, child: &mut Child) -> String {
    let mut status = None;
    until("the run ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let code = status.and_then(|status| status.code()).unwrap_or(-1);
    format!("exit {code}\n{}", sandbox.normal(&sandbox.read("../talk")))
}

#[track_caller]
fn ends(sandbox: &Sandbox, child: &mut Child, expected: Expect) {
    expected.assert_eq(&end(sandbox, child));
}

const POLITE: &str = "[steps.first]\ncommand = [\"true\"]\n[steps.long]\ncommand = [\"sh\", \"scripts/long.sh\"]\nneeds = [\"first\"]\n[steps.after]\ncommand = [\"true\"]\nneeds = [\"long\"]\n";

/// A step that says goodbye when it is asked to end.
fn polite() -> Sandbox {
    let sandbox = steps(POLITE);
    sandbox.write(
        "scripts/long.sh",
        "exec 2> /dev/null\ntest -e ../quick && exit 0\ntrap 'echo goodbye; touch ../goodbye; exit 3' TERM\ntouch ../started\nwhile :; do sleep 0.05; done\n",
    );
    sandbox.commit("ci: a step that can say goodbye");
    sandbox
}

/// What a run says that is asked to stop by this signal, after what passed was seen to be kept.
fn asked_to_stop(name: &str) -> String {
    let sandbox = polite();
    let mut child = start(&sandbox);
    until("the step runs", || sandbox.path("../started").exists());
    until("the step before is recorded", || sandbox.read("../talk").contains("passed      first"));
    signal(&sandbox, name, &child);
    let said = end(&sandbox, &mut child);
    assert!(sandbox.path("../goodbye").exists(), "the step was asked politely");
    std::fs::write(sandbox.path("../quick"), "").unwrap();
    let again = sandbox.xtask(&["ci", "--rerun", "failed"]);
    assert_eq!(again.code, 0, "{}", again.transcript());
    assert!(again.stderr.starts_with("proven      first  passed N ago\n"), "{}", again.stderr);
    let verified = sandbox.xtask(&["journal", "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.transcript());
    said
}

#[test]
fn an_interrupt_stops_politely_and_what_passed_is_kept() {
    expect![[r#"
        exit 130
        run         first  no pass is recorded
        passed      first  TIME
        run         long   no pass is recorded
        interrupted stopping: N running are told to end; interrupt again to kill them
        not run     after  the run was interrupted
        interrupted long   TIME
            goodbye
            log      .xtask/runs/RUN/long.log
            rerun    cargo xtask ci --step long
        result      interrupted: N passed, N interrupted, N not run in TIME
        time        TIMES
        next        cargo xtask ci --rerun failed
    "#]]
    .assert_eq(&asked_to_stop("INT"));
}

#[test]
fn a_termination_stops_as_politely() {
    expect![[r#"
        exit 130
        run         first  no pass is recorded
        passed      first  TIME
        run         long   no pass is recorded
        interrupted stopping: N running are told to end; interrupt again to kill them
        not run     after  the run was interrupted
        interrupted long   TIME
            goodbye
            log      .xtask/runs/RUN/long.log
            rerun    cargo xtask ci --step long
        result      interrupted: N passed, N interrupted, N not run in TIME
        time        TIMES
        next        cargo xtask ci --rerun failed
    "#]]
    .assert_eq(&asked_to_stop("TERM"));
}

const DEAF: &str = "[steps.deaf]\ncommand = [\"sh\", \"scripts/deaf.sh\"]\n";

/// A step that does not listen, and has a child that does not either, in a session of its own.
fn deaf(test: u8, more: &str) -> (Sandbox, String) {
    let mark = format!("71{test}{}", std::process::id());
    let sandbox = steps(&format!("{DEAF}{more}"));
    sandbox.write(
        "scripts/deaf.sh",
        &format!(
            "trap '' TERM INT HUP\nsetsid sleep {mark} &\ntouch ../started\nwhile :; do sleep 0.05; done\n"
        ),
    );
    sandbox.commit("ci: a step that does not listen");
    (sandbox, mark)
}

#[test]
fn a_second_interrupt_kills() {
    let (sandbox, mark) = deaf(1, "");
    let mut child = start(&sandbox);
    until("the step runs", || sandbox.path("../started").exists());
    signal(&sandbox, "INT", &child);
    until("the first is noticed", || sandbox.read("../talk").contains("interrupt"));
    assert!(child.try_wait().unwrap().is_none());
    let asked = Instant::now();
    signal(&sandbox, "INT", &child);
    ends(
        &sandbox,
        &mut child,
        expect![[r#"
            exit 130
            run         deaf  no pass is recorded
            interrupted stopping: N running are told to end; interrupt again to kill them
            interrupted killing: N running
            interrupted deaf  TIME
                log      .xtask/runs/RUN/deaf.log
                rerun    cargo xtask ci --step deaf
            result      interrupted: N interrupted in TIME
            time        TIMES
            next        cargo xtask ci --rerun failed
        "#]],
    );
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "it did not wait for the grace to pass: {:?}",
        asked.elapsed()
    );
    assert_eq!(running(&mark), Vec::<String>::new());
}

#[test]
fn a_step_that_does_not_listen_is_killed_after_the_grace() {
    let (sandbox, mark) = deaf(2, "");
    let mut child = start(&sandbox);
    until("the step runs", || sandbox.path("../started").exists());
    signal(&sandbox, "TERM", &child);
    ends(
        &sandbox,
        &mut child,
        expect![[r#"
            exit 130
            run         deaf  no pass is recorded
            interrupted stopping: N running are told to end; interrupt again to kill them
            interrupted deaf  TIME
                log      .xtask/runs/RUN/deaf.log
                rerun    cargo xtask ci --step deaf
            result      interrupted: N interrupted in TIME
            time        TIMES
            next        cargo xtask ci --rerun failed
        "#]],
    );
    assert_eq!(running(&mark), Vec::<String>::new());
}

#[test]
fn a_limit_ends_a_step_that_does_not_listen_too() {
    let (sandbox, mark) = deaf(3, "timeout = \"1s\"\n");
    let mut child = start(&sandbox);
    ends(
        &sandbox,
        &mut child,
        expect![[r#"
            exit 1
            run         deaf  no pass is recorded
            timed out   deaf  limit TIME, TIME
                log      .xtask/runs/RUN/deaf.log
                rerun    cargo xtask ci --step deaf
            result      failed: N timed out in TIME
            time        TIMES
            rerun       cargo xtask ci --step deaf
            next        cargo xtask ci --step deaf
        "#]],
    );
    assert_eq!(running(&mark), Vec::<String>::new());
}

#[test]
fn a_step_that_leaves_a_daemon_behind_ends_with_it() {
    let mark = format!("72{}", std::process::id());
    let sandbox = steps(&format!(
        "[steps.daemon]\ncommand = [\"sh\", \"-c\", \"(setsid sh -c 'cd / && exec sleep {mark}' > /dev/null 2>&1 &); echo done\"]\n"
    ));
    let mut child = start(&sandbox);
    ends(
        &sandbox,
        &mut child,
        expect![[r#"
            exit 0
            run         daemon  no pass is recorded
            passed      daemon  TIME
            result      passed: N passed in TIME
            time        TIMES
        "#]],
    );
    assert_eq!(running(&mark), Vec::<String>::new());
}

#[test]
fn a_step_that_kills_its_guardian_is_ended_and_is_no_pass() {
    let mark = format!("73{}", std::process::id());
    let sandbox = steps(&format!(
        "[steps.rebel]\ncommand = [\"sh\", \"-c\", \"sleep 0.2; kill -9 $PPID; exec sleep {mark}\"]\n"
    ));
    let mut child = start(&sandbox);
    ends(
        &sandbox,
        &mut child,
        expect![[r#"
            exit 1
            run         rebel  no pass is recorded
            killed      rebel  signal 9, TIME
                log      .xtask/runs/RUN/rebel.log
                rerun    cargo xtask ci --step rebel
            result      failed: N killed in TIME
            time        TIMES
            rerun       cargo xtask ci --step rebel
            next        cargo xtask ci --step rebel
        "#]],
    );
    until("it is gone", || running(&mark).is_empty());
}
