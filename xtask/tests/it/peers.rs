//! Programs of other people judge the generated files. `scripts/peers.sh` installs them.
//!
//! Each of them must also refuse a planted fault: a peer that accepts everything shows nothing.

use std::path::{Path, PathBuf};

use crate::deploy_workflow::deployed;
use crate::release_workflows::released;
use crate::sandbox::Sandbox;
use crate::workflows::written;

/// A peer, or the printed reason why there is none. With `XTASK_PEERS_REQUIRED=1` a missing one fails.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let default = || Path::new(&std::env::var("HOME").unwrap_or_default()).join(".cache/nexus-xtask/peers");
    let peers = std::env::var("XTASK_PEERS").map_or_else(|_| default(), PathBuf::from);
    let program = peers.join("bin").join(name);
    if program.exists() {
        return Some(program);
    }
    let required = std::env::var("XTASK_PEERS_REQUIRED").is_ok_and(|value| value == "1");
    assert!(!required, "the peer `{name}` is missing; scripts/peers.sh installs it");
    println!("skipped 1 test: the peer `{name}` is missing; scripts/peers.sh installs it");
    None
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The generated files of an adopter, of one that is released, of one that is deployed, and of this repository, each in a repository of its own.
fn all() -> [Sandbox; 4] {
    let own = Sandbox::with(&[("README.md", "")]);
    for file in [
        ".github/workflows/xtask-ci.yml",
        ".github/workflows/xtask-checks.yml",
        ".github/workflows/xtask-nightly.yml",
        ".github/workflows/xtask-release.yml",
        ".github/workflows/xtask-release-pr.yml",
        ".github/actions/xtask/action.yml",
    ] {
        own.write(file, &std::fs::read_to_string(repository().join(file)).unwrap());
    }
    let all = [written(), released(), deployed(), own];
    let silenced = std::fs::read_to_string(repository().join(".github/zizmor.yml")).unwrap();
    for sandbox in &all {
        sandbox.write(".github/zizmor.yml", &silenced);
    }
    all
}

fn workflows(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(sandbox.path(".github/workflows")).unwrap();
    let mut files: Vec<_> =
        entries.map(|entry| format!(".github/workflows/{}", entry.unwrap().file_name().display())).collect();
    files.sort();
    assert!([3, 5, 6].contains(&files.len()), "{files:?}");
    files
}

/// Runs a peer; returns whether it is content, and what it said.
fn judge(sandbox: &Sandbox, program: &Path, arguments: &[&str], on_files: bool) -> (bool, String) {
    let files = if on_files { workflows(sandbox) } else { vec![".".to_owned()] };
    let mut command = sandbox.command(program.to_str().unwrap(), arguments);
    let output = command.args(&files).output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}

fn plant(sandbox: &Sandbox, before: &str, after: &str) {
    let file = ".github/workflows/xtask-checks.yml";
    let text = sandbox.read(file);
    assert!(text.contains(before), "{before}");
    sandbox.write(file, &text.replacen(before, after, 1));
}

#[test]
fn zizmor_finds_nothing_in_its_pedantic_persona() {
    let Some(zizmor) = peer("zizmor") else { return };
    let arguments = ["--offline", "--pedantic", "--no-progress", "--color=never"];
    for sandbox in all() {
        let (content, said) = judge(&sandbox, &zizmor, &arguments, false);
        assert!(content && said.contains("No findings to report"), "{said}");
        assert_eq!(said.matches("completed ./.github/").count(), workflows(&sandbox).len() + 1, "{said}");
        plant(&sandbox, "\"$JOB\"", "${{ github.head_ref }}");
        let (content, said) = judge(&sandbox, &zizmor, &arguments, false);
        assert!(!content && said.contains("template-injection"), "{said}");
    }
}

#[test]
fn actionlint_accepts_the_workflows() {
    let Some(actionlint) = peer("actionlint") else { return };
    for sandbox in all() {
        let (content, said) = judge(&sandbox, &actionlint, &["-oneline", "-no-color"], true);
        assert!(content && said.is_empty(), "{said}");
        plant(&sandbox, "needs: [plan]", "needs: [plans]");
        let (content, said) = judge(&sandbox, &actionlint, &["-oneline", "-no-color"], true);
        assert!(!content && said.contains("plans"), "{said}");
    }
}

#[test]
fn the_workflow_parser_of_github_accepts_the_workflows() {
    let Some(parser) = peer("workflow-parser") else { return };
    for sandbox in all() {
        let (content, said) = judge(&sandbox, &parser, &[], true);
        assert!(content && said.is_empty(), "{said}");
        plant(&sandbox, "contents: read", "contents: reed");
        let (content, said) = judge(&sandbox, &parser, &[], true);
        assert!(!content && said.contains("reed"), "{said}");
    }
}
