use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use expect_test::{Expect, expect};

use super::*;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::scratch::Scratch;
use crate::shell::Shell;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

const COMMIT: &str = "0123456789012345678901234567890123456789";
const WORKFLOW: &str = ".github/workflows/xtask-ci.yml";

fn run(changes: &[(&str, &str)]) -> String {
    let mut run = serde_json::json!({
        "id": 7, "head_sha": COMMIT, "path": WORKFLOW, "event": "merge_group", "status": "completed",
        "conclusion": "success", "html_url": "https://example.invalid/runs/7",
    });
    for (key, value) in changes {
        run[*key] = serde_json::json!(value);
    }
    serde_json::json!({ "total_count": 1, "workflow_runs": [run] }).to_string()
}

#[test]
fn only_a_whole_proof_is_a_proof() {
    let proven = Answer::Proven("https://example.invalid/runs/7".to_owned());
    assert_eq!(decide(&run(&[]), COMMIT, WORKFLOW), proven);
    let with_reference = format!("{WORKFLOW}@refs/heads/gh-readonly-queue/main/pr-1");
    assert_eq!(decide(&run(&[("path", &with_reference)]), COMMIT, WORKFLOW), proven);
    for change in [
        ("head_sha", "f123456789012345678901234567890123456789"),
        ("path", ".github/workflows/other.yml"),
        ("event", "pull_request"),
        ("status", "in_progress"),
        ("conclusion", "failure"),
        ("conclusion", "skipped"),
    ] {
        assert_eq!(decide(&run(&[change]), COMMIT, WORKFLOW), Answer::NotProven, "{change:?}");
    }
    assert_eq!(decide(r#"{"workflow_runs":[]}"#, COMMIT, WORKFLOW), Answer::NotProven);
}

#[test]
fn an_answer_that_is_not_understood_is_unknown() {
    for answer in ["", "null", "{}", "<html>", r#"{"message":"Not Found"}"#, r#"{"workflow_runs":[{}]}"#] {
        assert!(matches!(decide(answer, COMMIT, WORKFLOW), Answer::Unknown(_)), "{answer}");
    }
}

/// Asks a server on this machine that gives one answer; returns what is shown and what the server was asked.
fn ask_server(status: &str, body: &str, variables: &[(&str, &str)]) -> (String, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    let response =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(&stream).lines().map(Result::unwrap);
        let asked: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        (&stream).write_all(response.as_bytes()).unwrap();
        asked
    });
    let answer = ask_api(&api, variables);
    (answer.sentence().unwrap().replace(&api, "API"), server.join().unwrap())
}

fn ask_api(api: &str, variables: &[(&str, &str)]) -> Answer {
    let scratch = Scratch::new();
    let reference = format!("owner/name/{WORKFLOW}@refs/heads/main");
    let mut all = vec![
        ("PATH", "/usr/bin:/bin"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_REPOSITORY", "owner/name"),
        ("GITHUB_WORKFLOW_REF", &reference),
        ("GITHUB_SHA", COMMIT),
        ("GITHUB_TOKEN", "s3cret\"token"),
        ("GITHUB_API_URL", api),
    ];
    all.extend(variables);
    let environment = Environment::of(&all, scratch.path());
    let doors = Doors {
        workspace: Workspace::at(scratch.path()),
        shell: Shell::new(scratch.path(), &environment),
        clock: Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap()),
        terminal: Terminal::of_process(&environment, false),
        environment,
    };
    ask(&doors, "main")
}

#[track_caller]
fn check(status: &str, body: &str, expected: Expect) {
    expected.assert_eq(&ask_server(status, body, &[]).0);
}

#[test]
fn the_question_names_commit_and_workflow_and_carries_the_token() {
    let (_, asked) = ask_server("200 OK", &run(&[]), &[]);
    let asked: Vec<_> = asked.iter().filter(|line| !line.starts_with("Host:")).cloned().collect();
    expect![[r#"
        GET /repos/owner/name/actions/workflows/xtask-ci.yml/runs?event=merge_group&status=success&head_sha=0123456789012345678901234567890123456789 HTTP/1.1
        User-Agent: nexus-xtask
        Accept: application/vnd.github+json
        X-GitHub-Api-Version: 2022-11-28
        Authorization: Bearer s3cret"token"#]].assert_eq(&asked.join("\n"));
}

#[test]
fn answers_of_a_server() {
    check("200 OK", &run(&[]), expect!["the merge queue proved this commit: https://example.invalid/runs/7"]);
    check(
        "200 OK",
        r#"{"workflow_runs":[]}"#,
        expect!["the merge queue did not prove this commit: everything is planned"],
    );
    check(
        "200 OK",
        &run(&[("head_sha", "other")]),
        expect!["the merge queue did not prove this commit: everything is planned"],
    );
    check(
        "200 OK",
        "garbage",
        expect![
            "whether the merge queue proved this commit is unknown (the answer is not understood: expected value at line 1 column 1): everything is planned"
        ],
    );
    check(
        "500 Internal Server Error",
        "",
        expect![
            "whether the merge queue proved this commit is unknown (curl ended with exit 22: curl: (22) The requested URL returned error: 500): everything is planned"
        ],
    );
    check(
        "403 Forbidden",
        r#"{"message":"rate limit"}"#,
        expect![
            "whether the merge queue proved this commit is unknown (curl ended with exit 22: curl: (22) The requested URL returned error: 403): everything is planned"
        ],
    );
}

#[test]
fn nobody_there_is_unknown() {
    // A port that was free a moment ago: nobody listens on it.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(matches!(ask_api(&format!("http://127.0.0.1:{port}"), &[]), Answer::Unknown(_)));
}

#[test]
fn elsewhere_than_on_the_default_branch_nothing_is_asked() {
    assert_eq!(ask_api("http://127.0.0.1:1", &[("GITHUB_EVENT_NAME", "merge_group")]), Answer::NotAsked);
    assert_eq!(ask_api("http://127.0.0.1:1", &[("GITHUB_EVENT_NAME", "pull_request")]), Answer::NotAsked);
    assert_eq!(ask_api("http://127.0.0.1:1", &[("GITHUB_REF_NAME", "topic")]), Answer::NotAsked);
}

#[test]
fn a_missing_variable_is_named() {
    assert_eq!(
        ask_api("http://127.0.0.1:1", &[("GITHUB_TOKEN", "")]),
        Answer::Unknown("`GITHUB_TOKEN` is not set".to_owned())
    );
}
