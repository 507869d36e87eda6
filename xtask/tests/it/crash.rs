//! Killed runs: a small count of what `cargo xtask acceptance crash` proves with a large one.

use crate::sandbox::Sandbox;

#[test]
#[cfg(target_os = "linux")]
fn runs_that_are_killed_lose_nothing_and_leave_nothing_behind() {
    let sandbox = Sandbox::with(&[("Cargo.toml", "[workspace]\n")]);
    let done = sandbox.xtask(&["acceptance", "crash", "--runs", "12", "--seed", "1"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    assert!(
        done.stdout.contains("failures     N\n") && done.stdout.contains("killed       N runs"),
        "{}",
        done.stdout
    );
}

#[test]
#[cfg(unix)]
fn changes_reach_exactly_the_right_steps() {
    let sandbox = Sandbox::with(&[("Cargo.toml", "[workspace]\n")]);
    let done = sandbox.xtask(&["acceptance", "mutations", "--listed"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
}
