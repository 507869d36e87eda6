//! What gates and people ask.

use nexus_xtask_deliver::release::protocol::forge::AskSettings;
use nexus_xtask_deliver::release::protocol::{Endpoints, PullRequest};

use super::*;

fn check(name: &str, commit: &str, event: &str) -> state::Check {
    state::Check {
        commit: commit.to_owned(),
        name: name.to_owned(),
        status: "completed".to_owned(),
        conclusion: Some("success".to_owned()),
        branch: "main".to_owned(),
        event: event.to_owned(),
    }
}

#[test]
fn checks_of_a_pull_request_are_told_apart() {
    let bench = Bench::with(|state| {
        state.page_max = 2;
        state.checks = vec![
            check("ci", COMMIT, "push"),
            check("ci", OTHER, "push"),
            check("ci", COMMIT, "pull_request"),
        ];
        state.checks.push(state::Check {
            status: "in_progress".to_owned(),
            conclusion: None,
            ..check("nightly", COMMIT, "schedule")
        });
    });
    let checks = bench.runtime.block_on(bench.forge.checks(COMMIT)).unwrap();
    let lines: Vec<_> = checks
        .iter()
        .map(|check| {
            let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
            let (app, event, branch) = (word(&check.app), word(&check.event), word(&check.branch));
            format!("{} {} {} {app} {event} {branch}", check.name, check.status, word(&check.conclusion))
        })
        .collect();
    expect![[r#"
        ci completed success github-actions push main
        ci completed success github-actions pull_request main
        nightly in_progress - github-actions schedule main"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn open_issues_with_a_label_are_no_pull_requests() {
    let issue = |number, label: &str, open, is_pull| state::Issue {
        number,
        title: format!("{label} {number}"),
        labels: vec![label.to_owned()],
        open,
        is_pull,
    };
    let bench = Bench::with(|state| {
        state.issues = vec![
            issue(1, "release blocker", true, false),
            issue(2, "release blocker", false, false),
            issue(3, "release blocker", true, true),
            issue(4, "later", true, false),
        ];
    });
    let issues = bench.runtime.block_on(bench.forge.issues("release blocker")).unwrap();
    let lines: Vec<_> =
        issues.iter().map(|issue| format!("{} {} {}", issue.number, issue.title, issue.address)).collect();
    expect!["1 release blocker 1 FORGE/ann/one/issues/1"].assert_eq(&bench.shown(&lines.join("\n")));
}

#[test]
fn a_pull_request_is_opened_once_and_then_kept_up_to_date() {
    let bench = Bench::new();
    let wanted = |title: &str| PullRequest {
        endpoints: Endpoints { forge: bench.double.base(), registry: String::new(), trusted: false },
        repository: REPOSITORY.to_owned(),
        head: "release/next".to_owned(),
        base: "main".to_owned(),
        title: title.to_owned(),
        body: "Notes.".to_owned(),
    };
    let ask = |title: &str| bench.runtime.block_on(bench.forge.pull_request(&wanted(title))).unwrap();
    let opened = ask("one");
    assert_eq!((opened.number, bench.shown(&opened.url)), (1, "FORGE/ann/one/pull/1".to_owned()));
    bench.unchanged(|| assert_eq!(ask("one"), opened));
    assert_eq!(ask("two"), opened);
    assert_eq!(bench.double.world()["pulls"][0]["title"], "two");
    assert_eq!(bench.double.world()["pulls"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_published_release_is_shown_and_a_draft_is_not() {
    let bench = Bench::new();
    let ask = || bench.runtime.block_on(bench.forge.published(TAG)).unwrap();
    assert_eq!(bench.done(&draft()), "done");
    assert_eq!(ask(), None);
    bench.release();
    let published = ask().unwrap();
    assert_eq!((published.commit.as_deref(), published.immutable), (Some(COMMIT), true));
    assert_eq!(published.files["SHA256SUMS"], Some(Digest::of("sums").to_string()));
}

#[test]
fn settings_are_read_as_they_are() {
    let bench = Bench::with(|state| {
        let environment = state::Environment {
            reviewers: vec!["bob".to_owned()],
            prevent_self_review: true,
            protected_branches: true,
        };
        state.environments.insert("release".to_owned(), environment);
        state.environments.insert("bare".to_owned(), state::Environment::default());
        state.branches.insert("main".to_owned(), vec!["deletion".to_owned(), "non_fast_forward".to_owned()]);
        let old = vec!["non_fast_forward".to_owned(), "pull_request".to_owned()];
        state.protected.insert("maintenance/1".to_owned(), old);
        let ruleset = |id, target: &str, enforcement: &str| state::Ruleset {
            id,
            name: format!("rules {id}"),
            target: target.to_owned(),
            enforcement: enforcement.to_owned(),
            include: vec!["refs/tags/v*".to_owned()],
            exclude: Vec::new(),
            rules: vec!["deletion".to_owned(), "update".to_owned()],
        };
        state.rulesets =
            vec![ruleset(1, "tag", "active"), ruleset(2, "tag", "evaluate"), ruleset(3, "branch", "active")];
        state.token_writes = true;
    });
    let wanted = AskSettings {
        forge: bench.double.base(),
        repository: REPOSITORY.to_owned(),
        environments: ["release", "bare", "missing"].map(str::to_owned).into(),
        branches: vec!["main".to_owned(), "maintenance/1".to_owned()],
    };
    let settings = bench.runtime.block_on(bench.forge.settings(&wanted)).unwrap();
    expect![[r#"
        {
          "environments": {
            "bare": {
              "reviewers": [],
              "prevents_self_review": false,
              "limits_branches": false
            },
            "missing": null,
            "release": {
              "reviewers": [
                "bob"
              ],
              "prevents_self_review": true,
              "limits_branches": true
            }
          },
          "branches": {
            "main": [
              "deletion",
              "non_fast_forward"
            ],
            "maintenance/1": [
              "non_fast_forward",
              "pull_request"
            ]
          },
          "tags": [
            {
              "name": "rules 1",
              "is_active": true,
              "include": [
                "refs/tags/v*"
              ],
              "exclude": [],
              "rules": [
                "deletion",
                "update"
              ]
            },
            {
              "name": "rules 2",
              "is_active": false,
              "include": [
                "refs/tags/v*"
              ],
              "exclude": [],
              "rules": [
                "deletion",
                "update"
              ]
            }
          ],
          "immutable": true,
          "token_writes": true
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&settings).unwrap());
    bench.double.state().immutable = false;
    assert!(!bench.runtime.block_on(bench.forge.settings(&wanted)).unwrap().immutable);
}
