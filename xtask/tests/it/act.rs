//! The generated workflows, run from plan to verdict by `act` on this machine.
//!
//! act is green without having checked anything in several cases: it ignores `timeout-minutes`, skips jobs whose
//! runner it does not know and steps with `services`, enforces no rights and no environments. So its exit code alone
//! counts for nothing here: each test reads what each job said. A time limit is tested by the step's own, which
//! `cargo xtask ci` enforces. `actions/checkout` is replaced by act itself; caches and artifacts by the stand-ins below.
//!
//! The workflow that deploys runs here to a local stage. Each job has a folder of its own, as at GitHub a machine, so the hosts
//! of one job are not there in the next: one stage is all that can be shown.
//!
//! Nor does act's log hold all that a failed step printed: it closes the step's terminal without reading it to the end
//! (`exec` in its `pkg/container/host_environment.go`, 0.2.89). So what the commands say is kept in files of their own.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::deploy::{World, end_hosts};
use crate::deploy_workflow::{DEPLOY, deployed, seal};
use crate::peers::peer;
use crate::sandbox::Sandbox;
use crate::workflows::{CI, pinned};

static NEXT: AtomicU32 = AtomicU32::new(0);

const LIB: &str = "//! One function.

/// Doubles.
pub fn double(number: i32) -> i32 {
    number * 2
}

#[cfg(test)]
mod tests {
    #[test]
    fn doubles() {
        assert_eq!(super::double(2), 4);
    }
}
";

/// A cache that has what is asked for: the binary that is on `PATH` already.
const RESTORE: &str = r#"name: restore
description: Says that it restored
inputs:
  path: { description: What to restore, required: true }
  key: { description: Its name, required: true }
  restore-keys: { description: Other names, default: "" }
  lookup-only: { description: Whether to restore nothing, default: "false" }
outputs:
  cache-hit: { description: Whether it was there, value: "true" }
  cache-primary-key: { description: Its name, value: "${{ inputs.key }}" }
runs: { using: composite, steps: [{ shell: bash, run: "true" }] }
"#;

const SAVE: &str = r#"name: save
description: Says that it saved
inputs:
  path: { description: What to save, required: true }
  key: { description: Its name, required: true }
runs: { using: composite, steps: [{ shell: bash, run: "echo stand-in: saved" }] }
"#;

const UPLOAD: &str = r#"name: upload
description: Names the recordings that it would upload
inputs:
  name: { description: Its name, required: true }
  path: { description: What to upload, required: true }
runs:
  using: composite
  steps:
    - { shell: bash, env: { FOLDER: "${{ inputs.path }}" }, run: "find \"$FOLDER\" -name events.jsonl >> \"$SAID/test\"" }
"#;

/// An artifact of another run: what the test has staged.
const DOWNLOAD: &str = r#"name: download
description: Copies what is staged
inputs:
  name: { description: Its name, required: true }
  path: { description: Where to, required: true }
  run-id: { description: Whose it is, required: true }
  github-token: { description: Who asks, required: true }
runs:
  using: composite
  steps:
    - { shell: bash, env: { TO: "${{ inputs.path }}", RUN: "${{ inputs.run-id }}" }, run: "test \"$RUN\" = 77 && mkdir -p \"$TO\" && cp -r \"$STAGED/.\" \"$TO\"" }
"#;

/// Cargo, which finds installed what it is asked to install.
const CARGO: &str = r#"#!/bin/sh
case "$1" in +stable) exit 0 ;; esac
cargo=$(PATH=${PATH#*:} command -v cargo)
exec "$cargo" "$@"
"#;

/// The installed front; what it says is kept under the name of the job.
const FRONT: &str = r#"#!/bin/sh
"$FRONT" "$@" >> "$SAID/${JOB:-$GITHUB_JOB}" 2>&1
"#;

/// What a run said: act of its steps, and the commands of what they did.
struct Said {
    succeeded: bool,
    log: String,
    beside: Sandbox,
}

/// A package that adopted the toolkit, with these files besides, run as a push. None where act is missing.
fn push(files: &[(&str, &str)]) -> Option<Said> {
    let act = peer("act")?;
    Some(run(&act, &adopted(files)))
}

fn adopted(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::with(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
        ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n"),
        (".cargo/config.toml", "[alias]\nxtask = \"nexus-xtask\"\n"),
        (".gitignore", "/target/\n/.xtask/\n"),
        ("src/lib.rs", LIB),
    ]);
    assert_eq!(sandbox.xtask(&["workflows", "--write"]).code, 0);
    for (path, text) in files {
        sandbox.write(path, text);
    }
    sandbox.commit("ci: adopt");
    sandbox.git(&["remote", "add", "origin", "https://example.invalid/owner/one.git"]);
    sandbox
}

fn run(act: &Path, sandbox: &Sandbox) -> Said {
    let beside = beside();
    let checks = sandbox.read(".github/workflows/xtask-checks.yml");
    let more = [
        stand_in(&beside, &checks, "actions/cache", "cache"),
        stand_in(&beside, &checks, "actions/upload-artifact", "upload"),
    ];
    started(act, sandbox, beside, &["push", "-W", CI], &more)
}

/// The stand-ins, and room for what commands say.
fn beside() -> Sandbox {
    let beside = Sandbox::bare();
    beside.write("cache/restore/action.yml", RESTORE);
    beside.write("cache/save/action.yml", SAVE);
    beside.write("upload/action.yml", UPLOAD);
    beside.write("said/README", "What the commands of each job said.\n");
    beside.write("bin/cargo-nexus-xtask", FRONT);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(beside.path("bin/cargo-nexus-xtask"), executable).unwrap();
    beside
}

/// A folder in the place of an action, by its pin in a workflow's text.
fn stand_in(beside: &Sandbox, text: &str, action: &str, name: &str) -> (&'static str, String) {
    let folder = beside.path(name).display().to_string();
    ("--local-repository", format!("{action}@{}={folder}", pinned(text, action)))
}

/// Runs act, with what is said before and after what every run needs.
fn started(
    act: &Path,
    sandbox: &Sandbox,
    beside: Sandbox,
    event: &[&str],
    more: &[(&'static str, String)],
) -> Said {
    let folder = |name: &str| beside.path(name).display().to_string();
    let mut arguments: Vec<String> = event.iter().map(|word| (*word).to_owned()).collect();
    arguments.extend(["-P", "ubuntu-latest=-self-hosted", "--no-cache-server"].map(String::from));
    let every = [
        ("--env", format!("RUSTUP_HOME={}", sandbox.variable("RUSTUP_HOME"))),
        ("--env", format!("CARGO_HOME={}", sandbox.variable("CARGO_HOME"))),
        ("--env", format!("FRONT={}", env!("CARGO_BIN_EXE_cargo-nexus-xtask"))),
        ("--env", format!("SAID={}", folder("said"))),
        ("--env", "CARGO_NET_OFFLINE=true".to_owned()),
        ("--env", "NO_COLOR=1".to_owned()),
        // Nobody listens there: whether the merge queue proved the commit stays unknown, and everything is planned.
        ("--env", "GITHUB_API_URL=http://127.0.0.1:1".to_owned()),
    ];
    for (name, value) in every.iter().chain(more) {
        arguments.extend([(*name).to_owned(), value.clone()]);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let path = format!("{}:{}", folder("bin"), sandbox.variable("PATH"));
    // act calls its scripts by a path below this folder, and does not quote it.
    let plain = std::env::temp_dir().join(format!(
        "xtask-act-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    let mut command = sandbox.command(act.to_str().unwrap(), &arguments);
    let output = command.env("PATH", path).env("XDG_CACHE_HOME", &plain).output().unwrap();
    end_hosts(&plain.display().to_string());
    std::fs::remove_dir_all(&plain).ok();
    let log =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Said { succeeded: output.status.success(), log, beside }
}

impl Said {
    /// How the one step of a job that does its work ended; None where it never ran. (What act says of a whole job of
    /// a matrix is no evidence: one that failed makes it say so of all.)
    fn ended(&self, job: &str) -> Option<bool> {
        let step = match job {
            "plan" => "Plan",
            "verdict" => "Judge",
            _ => "Check",
        };
        let start = format!("[ci/xtask checks/{job}");
        let ends = |word: &str| {
            let end = format!("{word} - Main {step} [");
            self.log.lines().any(|line| line.starts_with(&start) && line.contains(&end))
        };
        match (ends("Success"), ends("Failure")) {
            (false, false) => None,
            (succeeded, failed) => {
                assert_ne!(succeeded, failed, "{job} ended twice:\n{}", self.log);
                Some(succeeded)
            }
        }
    }

    /// Fails unless a line that a command of the job said holds all of these, in this order.
    #[track_caller]
    fn said(&self, job: &str, words: &[&str]) {
        let holds = |line: &str| {
            let mut rest = line;
            words.iter().all(|word| {
                rest.find(word).is_some_and(|at| {
                    rest = &rest[at + word.len()..];
                    true
                })
            })
        };
        let said = self.beside.read(&format!("said/{job}"));
        assert!(said.lines().any(holds), "{job} did not say {words:?}:\n{said}\n{}", self.log);
    }

    /// Fails unless the run was red, and the verdict with it.
    #[track_caller]
    fn is_red(&self) {
        assert_eq!((self.ended("verdict"), self.succeeded), (Some(false), false), "{}", self.log);
    }
}

#[test]
fn a_good_commit_is_green_from_plan_to_verdict() {
    let Some(said) = push(&[]) else { return };
    for job in ["plan", "lint", "test", "verdict"] {
        assert_eq!(said.ended(job), Some(true), "{job}:\n{}", said.log);
    }
    for (job, step) in
        [("lint", "fmt"), ("lint", "clippy"), ("lint", "doc"), ("test", "test"), ("test", "doctest")]
    {
        said.said(job, &["passed", step]);
    }
    said.said("plan", &["is unknown", "everything is planned"]);
    said.said("verdict", &["planned  lint (ubuntu-latest)"]);
    said.said("verdict", &["planned  test (ubuntu-latest)"]);
    said.said("verdict", &["verdict  pass"]);
    assert!(said.succeeded, "{}", said.log);
}

#[test]
fn a_planted_failing_test_is_red() {
    let broken = LIB.replace("number * 2", "number * 3");
    let Some(said) = push(&[("src/lib.rs", &broken)]) else { return };
    assert_eq!((said.ended("lint"), said.ended("test")), (Some(true), Some(false)), "{}", said.log);
    said.said("test", &["failed", "test"]);
    said.said("test", &[".xtask/runs/", "events.jsonl"]);
    said.said("verdict", &["`checks` failed"]);
    said.is_red();
}

#[test]
fn a_step_that_exceeds_its_planted_limit_is_red() {
    let slow = "[steps.slow]\njob = \"lint\"\ncommand = [\"sleep\", \"300\"]\ntimeout = \"1s\"\n";
    let Some(said) = push(&[("release/ci.toml", slow)]) else { return };
    assert_eq!((said.ended("lint"), said.ended("test")), (Some(false), Some(true)), "{}", said.log);
    said.said("lint", &["timed out", "slow"]);
    said.said("verdict", &["`checks` failed"]);
    said.is_red();
}

#[test]
fn a_broken_plan_job_is_red_although_everything_after_it_is_skipped() {
    let Some(said) = push(&[("release/ci.toml", "[steps.slow]\ncomand = [\"true\"]\n")]) else { return };
    assert_eq!(said.ended("plan"), Some(false), "{}", said.log);
    assert_eq!((said.ended("lint"), said.ended("test")), (None, None), "{}", said.log);
    said.said("verdict", &["`plan` failed"]);
    said.said("verdict", &["there is no plan"]);
    said.is_red();
}

/// Runs the workflow that deploys in a world with local stages, up to `staging`.
fn deploy(act: &Path, world: &World, seal: &str) -> Said {
    let staged = deployed();
    let action = ".github/actions/xtask/action.yml";
    for file in [DEPLOY, action] {
        world.0.write(file, &staged.read(file));
    }
    world.0.write(".cargo/config.toml", "[alias]\nxtask = \"nexus-xtask\"\n");
    world.0.git(&["add", "--all"]);
    let beside = beside();
    beside.write("download/action.yml", DOWNLOAD);
    beside.write("bin/cargo", CARGO);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(beside.path("bin/cargo"), executable).unwrap();
    let input = |name: &str, value: &str| ("--input", format!("{name}={value}"));
    let more = [
        stand_in(&beside, &staged.read(DEPLOY), "actions/download-artifact", "download"),
        stand_in(&beside, &staged.read(action), "actions/cache", "cache"),
        ("--env", format!("STAGED={}", world.0.path(".xtask/release/staging").display())),
        ("--env", "TMPDIR=/tmp".to_owned()),
        input("run", "77"),
        input("seal", seal),
        input("to", "staging"),
    ];
    started(act, &world.0, beside, &["workflow_dispatch", "-W", DEPLOY], &more)
}

#[test]
fn a_stage_is_deployed_by_its_job_and_no_further_one() {
    let Some(act) = peer("act") else { return };
    let world = World::new();
    world.0.git(&["remote", "add", "origin", "https://example.invalid/owner/one.git"]);
    let seal = seal(&world);
    // The hosts of the job have the same addresses.
    end_hosts(&world.0.root().display().to_string());

    let said = deploy(&act, &world, &"0".repeat(64));
    said.said("deploy-staging", &["the staged files have another seal"]);
    assert!(!said.succeeded, "{}", said.log);

    let said = deploy(&act, &world, &seal);
    said.said("deploy-staging", &["is confirmed on every host"]);
    assert!(said.succeeded && !said.beside.path("said/deploy-production").exists(), "{}", said.log);
}
