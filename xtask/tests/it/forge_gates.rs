//! The gates that ask the forge: against a double of it on loopback, by the real satellite, and where nobody answers.

use expect_test::expect;
use serde_json::{Value, json};

use crate::gates::{check, released};
use crate::github::Forge;
use crate::sandbox::Sandbox;

const GATES: &str = "remove = [\"branch\", \"changelog\", \"ci\", \"clean-tree\", \"version\"]\n[gates.issues]\nkind = \"issues\"\nlabel = \"blocker\"\n[gates.ci]\nkind = \"ci\"\nsource = \"github\"\n";

/// Asks with these checks on the release commit, and these issues.
fn asking(checks: &[Value], issues: &[Value], each: impl Fn(&Sandbox)) {
    let mut sandbox = released(GATES);
    let commit = sandbox.git(&["rev-parse", "HEAD"]);
    let of_commit = |check: &Value| {
        let mut check = check.clone();
        check["commit"] = commit.clone().into();
        check
    };
    let checks: Vec<_> = checks.iter().map(of_commit).collect();
    let forge = Forge::serve(&json!({
        "repository": "o/one", "token": "a token", "checks": checks, "issues": issues,
    }));
    sandbox.set("GITHUB_API_URL", &forge.address);
    sandbox.set("GITHUB_TOKEN", "a token");
    each(&sandbox);
}

fn run(event: &str, branch: &str, conclusion: Option<&str>) -> Value {
    let status = if conclusion.is_some() { "completed" } else { "in_progress" };
    json!({
        "name": "ci / verdict", "status": status, "conclusion": conclusion, "event": event, "branch": branch,
    })
}

#[test]
fn gates_ci_by_the_forge() {
    let good = || run("push", "main", Some("success"));
    for (checks, verdict, evidence) in [
        (vec![good()], "pass", "`ci / verdict` succeeded, push of main"),
        (vec![run("push", "main", Some("failure"))], "fail", "ended with `failure`"),
        (vec![run("push", "main", Some("skipped"))], "fail", "ended with `skipped`"),
        (vec![run("push", "main", None)], "pending", "is `in_progress`"),
        (vec![run("pull_request", "main", Some("success"))], "pending", "only: event pull_request"),
        (vec![run("push", "feature", Some("success"))], "pending", "branch feature"),
        (vec![], "pending", "there is none"),
    ] {
        asking(&checks, &[], |sandbox| check(sandbox, "ci", verdict, evidence));
    }
    asking(&[good()], &[], |sandbox| {
        sandbox.git(&["commit", "--quiet", "--allow-empty", "--message", "release: another commit"]);
        check(sandbox, "ci", "pending", "there is none");
    });
}

#[test]
fn gates_issues() {
    let issue = |labels: &[&str], open: bool, is_pull: bool| json!({ "number": 7, "title": "it burns", "labels": labels, "open": open, "is_pull": is_pull });
    for (issues, verdict, evidence) in [
        (vec![], "pass", "no open issue is labelled `blocker`"),
        (vec![issue(&["blocker"], true, false)], "fail", "#7 it burns"),
        (vec![issue(&["blocker"], false, false)], "pass", "no open issue"),
        (vec![issue(&["other"], true, false)], "pass", "no open issue"),
        (vec![issue(&["blocker"], true, true)], "pass", "no open issue"),
    ] {
        asking(&[], &issues, |sandbox| check(sandbox, "issues", verdict, evidence));
    }
}

#[test]
fn gates_that_ask_the_forge_are_shut_where_it_gives_no_answer() {
    let mut sandbox = released(GATES);
    let forge = Forge::serve(&json!({ "repository": "o/one", "token": "a token" }));
    sandbox.set("GITHUB_API_URL", &forge.address);
    sandbox.set("GITHUB_TOKEN", "another token");
    for gate in ["ci", "issues"] {
        check(&sandbox, gate, "error", "the forge does not take the token");
    }
    // Nobody listens at the address any more.
    drop(forge);
    for gate in ["ci", "issues"] {
        check(&sandbox, gate, "error", "");
    }
}

#[test]
fn gates_that_ask_the_forge_are_shut_where_it_cannot_be_asked() {
    // The satellite that sends is not beside the binary of this test, and not on PATH: the tool is missing.
    let mut sandbox = released(GATES);
    let xtask = crate::satellites::copied(&sandbox.path("../elsewhere"));
    sandbox.set("GITHUB_TOKEN", "a-token-that-nobody-gave");
    let output = sandbox.command(&xtask.display().to_string(), &["release", "gate"]).output().unwrap();
    expect![[r#"
        exit 1
        --- stdout
        ci      Error    `nexus-xtask-ship` is not installed
                         it is neither `BASE/elsewhere/nexus-xtask-ship` nor on PATH
                         next: cargo install nexus-xtask-ship --version 0.1.0
                         next: put right what is named here, then: cargo xtask release gate
        issues  Error    `nexus-xtask-ship` is not installed
                         it is neither `BASE/elsewhere/nexus-xtask-ship` nor on PATH
                         next: cargo install nexus-xtask-ship --version 0.1.0
                         next: put right what is named here, then: cargo xtask release gate
        N of N gates are open
        --- stderr
        error: N gates do not open
          next: put right what is named here, then: cargo xtask release gate
    "#]]
    .assert_eq(&sandbox.finish(output).transcript());
}
