//! How the double's answers look: every field that GitHub's description requires, whether we read it or not.
//!
//! Times and names that nobody asks for are the same everywhere.

use nexus_xtask::digest::Digest;
use serde_json::{Value, json};

use super::state::{Asset, Check, Deployment, Environment, Issue, Pull, Release, Ruleset, State, Status};

/// The time of everything.
const TIME: &str = "2026-01-02T03:04:05Z";

/// Whoever does anything here.
const LOGIN: &str = "ann";

pub(super) fn release(state: &State, base: &str, release: &Release) -> Value {
    let repository = &state.repository;
    let uploads = state.uploads.as_deref().unwrap_or(base);
    let upload = format!("{uploads}/repos/{repository}/releases/{}/assets{{?name,label}}", release.id);
    let api = format!("{base}/repos/{repository}/releases/{}", release.id);
    let page = format!("{base}/{repository}/releases/tag/{}", release.tag);
    let assets: Vec<_> =
        release.assets.iter().map(|one| asset(repository, base, &release.tag, one)).collect();
    json!({
        "id": release.id, "node_id": node("RE", release.id), "url": api, "html_url": page,
        "assets_url": format!("{api}/assets"), "upload_url": upload,
        "tarball_url": format!("{base}/repos/{repository}/tarball/{}", release.tag),
        "zipball_url": format!("{base}/repos/{repository}/zipball/{}", release.tag),
        "tag_name": release.tag, "target_commitish": release.target, "name": release.name, "body": release.body,
        "draft": release.draft, "prerelease": release.prerelease, "immutable": release.immutable,
        "created_at": TIME, "updated_at": TIME, "published_at": (!release.draft).then_some(TIME),
        "author": person(base, LOGIN), "assets": assets,
    })
}

pub(super) fn asset(repository: &str, base: &str, tag: &str, asset: &Asset) -> Value {
    let digest = (asset.complete && asset.digested).then(|| format!("sha256:{}", Digest::of(&asset.bytes)));
    json!({
        "id": asset.id, "node_id": node("RA", asset.id), "name": asset.name, "label": "",
        "url": format!("{base}/repos/{repository}/releases/assets/{}", asset.id),
        "browser_download_url": format!("{base}/{repository}/releases/download/{tag}/{}", asset.name),
        "content_type": "application/octet-stream", "state": if asset.complete { "uploaded" } else { "open" },
        "size": asset.bytes.len(), "digest": digest, "download_count": 0,
        "created_at": TIME, "updated_at": TIME, "uploader": person(base, LOGIN),
    })
}

pub(super) fn reference(state: &State, base: &str, tag: &str, object: &str) -> Value {
    let api = format!("{base}/repos/{}/git", state.repository);
    let kind = if state.annotated.contains_key(object) { "tag" } else { "commit" };
    json!({
        "ref": format!("refs/tags/{tag}"), "node_id": node("REF", 1), "url": format!("{api}/refs/tags/{tag}"),
        "object": { "type": kind, "sha": object, "url": format!("{api}/{kind}s/{object}") },
    })
}

pub(super) fn annotated(state: &State, base: &str, object: &str, target: &str) -> Value {
    let api = format!("{base}/repos/{}/git", state.repository);
    let kind = if state.annotated.contains_key(target) { "tag" } else { "commit" };
    let tag = state.tags.iter().find(|(_, named)| *named == object).map_or("", |(tag, _)| tag);
    json!({
        "sha": object, "node_id": node("TA", 1), "url": format!("{api}/tags/{object}"), "tag": tag,
        "message": "annotated", "tagger": { "name": LOGIN, "email": "ann@example.com", "date": TIME },
        "object": { "type": kind, "sha": target, "url": format!("{api}/{kind}s/{target}") },
    })
}

pub(super) fn check(state: &State, base: &str, index: usize, check: &Check) -> Value {
    let api = format!("{base}/repos/{}/check-runs/{index}", state.repository);
    json!({
        "id": index, "node_id": node("CR", index as u64), "head_sha": check.commit, "name": check.name, "url": api,
        "html_url": format!("{base}/{}/runs/{index}", state.repository), "details_url": null,
        "external_id": "", "status": check.status, "conclusion": check.conclusion, "started_at": TIME,
        "completed_at": check.conclusion.as_ref().map(|_| TIME), "check_suite": { "id": index + 1000 },
        "output": {
            "title": null, "summary": null, "text": null, "annotations_count": 0,
            "annotations_url": format!("{api}/annotations"),
        },
        "app": {
            "id": 15368, "node_id": node("A", 15368), "slug": "github-actions", "name": "GitHub Actions",
            "owner": person(base, "github"), "description": null, "external_url": base, "html_url": base,
            "created_at": TIME, "updated_at": TIME, "permissions": {}, "events": [],
        },
        "pull_requests": [],
    })
}

pub(super) fn run(state: &State, base: &str, index: usize, check: &Check) -> Value {
    let api = format!("{base}/repos/{}/actions/runs/{index}", state.repository);
    let link = |rest: &str| format!("{api}/{rest}");
    let repository = repository(&state.repository, base, false);
    json!({
        "id": index, "node_id": node("WFR", index as u64), "name": "ci", "display_title": "ci", "run_number": 1,
        "event": check.event, "status": check.status, "conclusion": check.conclusion, "workflow_id": 1,
        "head_branch": check.branch, "head_sha": check.commit, "path": ".github/workflows/ci.yml",
        "url": api, "html_url": format!("{base}/{}/actions/runs/{index}", state.repository),
        "check_suite_id": index + 1000, "created_at": TIME, "updated_at": TIME, "pull_requests": [],
        "jobs_url": link("jobs"), "logs_url": link("logs"), "check_suite_url": link("check-suite"),
        "artifacts_url": link("artifacts"), "cancel_url": link("cancel"), "rerun_url": link("rerun"),
        "workflow_url": link("workflow"), "repository": repository, "head_repository": repository,
        "head_commit": {
            "id": check.commit, "tree_id": check.commit, "message": "one", "timestamp": TIME,
            "author": { "name": LOGIN, "email": "ann@example.com" },
            "committer": { "name": LOGIN, "email": "ann@example.com" },
        },
    })
}

pub(super) fn issue(state: &State, base: &str, issue: &Issue) -> Value {
    let repository = format!("{base}/repos/{}", state.repository);
    let api = format!("{repository}/issues/{}", issue.number);
    let page = format!("{base}/{}/issues/{}", state.repository, issue.number);
    let labels: Vec<_> = issue.labels.iter().map(|label| json!({ "name": label })).collect();
    let mut value = json!({
        "id": issue.number, "node_id": node("I", issue.number), "number": issue.number, "title": issue.title,
        "state": if issue.open { "open" } else { "closed" }, "labels": labels, "locked": false, "comments": 0,
        "url": api, "html_url": page, "repository_url": repository, "comments_url": format!("{api}/comments"),
        "events_url": format!("{api}/events"), "labels_url": format!("{api}/labels{{/name}}"),
        "assignee": null, "milestone": null, "user": person(base, LOGIN),
        "created_at": TIME, "updated_at": TIME, "closed_at": (!issue.open).then_some(TIME),
    });
    if issue.is_pull {
        value["pull_request"] = json!({ "url": api, "html_url": page, "diff_url": page, "patch_url": page });
    }
    value
}

/// A pull request; `whole` has what only the answer about a single one has.
pub(super) fn pull(state: &State, base: &str, pull: &Pull, whole: bool) -> Value {
    let repository_api = format!("{base}/repos/{}", state.repository);
    let api = format!("{repository_api}/pulls/{}", pull.number);
    let issue = format!("{repository_api}/issues/{}", pull.number);
    let page = format!("{base}/{}/pull/{}", state.repository, pull.number);
    let owner = state.repository.split('/').next().unwrap_or_default();
    let side = |branch: &str| {
        json!({
            "label": format!("{owner}:{branch}"), "ref": branch, "sha": "0".repeat(40),
            "user": person(base, owner), "repo": repository(&state.repository, base, true),
        })
    };
    let link = |address: &str| json!({ "href": address });
    let mut value = json!({
        "id": pull.number, "node_id": node("PR", pull.number), "number": pull.number, "url": api,
        "html_url": page, "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"),
        "issue_url": issue, "commits_url": format!("{api}/commits"), "comments_url": format!("{issue}/comments"),
        "review_comments_url": format!("{api}/comments"), "statuses_url": format!("{api}/statuses"),
        "review_comment_url": format!("{api}/comments{{/number}}"), "title": pull.title, "body": pull.body,
        "state": if pull.open { "open" } else { "closed" }, "locked": false, "labels": [], "user": person(base, LOGIN),
        "created_at": TIME, "updated_at": TIME, "closed_at": null, "merged_at": null, "merge_commit_sha": null,
        "assignee": null, "milestone": null, "author_association": "MEMBER", "auto_merge": null,
        "head": side(&pull.head), "base": side(&pull.base),
        "_links": {
            "self": link(&api), "html": link(&page), "issue": link(&issue), "comments": link(&issue),
            "review_comments": link(&api), "review_comment": link(&api), "commits": link(&api),
            "statuses": link(&api),
        },
    });
    if whole {
        let more = json!({
            "additions": 1, "deletions": 0, "changed_files": 1, "commits": 1, "comments": 0, "review_comments": 0,
            "mergeable": null, "mergeable_state": "unknown", "merged": false, "merged_by": null,
            "maintainer_can_modify": false,
        });
        add(&mut value, more);
    }
    value
}

pub(super) fn deployment(state: &State, base: &str, deployment: &Deployment) -> Value {
    let repository = format!("{base}/repos/{}", state.repository);
    let api = format!("{repository}/deployments/{}", deployment.id);
    json!({
        "id": deployment.id, "node_id": node("DE", deployment.id), "url": api, "sha": deployment.sha,
        "ref": deployment.sha, "task": deployment.task, "payload": deployment.payload,
        "original_environment": deployment.environment, "environment": deployment.environment,
        "description": deployment.description, "creator": person(base, LOGIN), "created_at": TIME,
        "updated_at": TIME, "statuses_url": format!("{api}/statuses"), "repository_url": repository,
        "transient_environment": deployment.transient, "production_environment": deployment.production,
    })
}

pub(super) fn status(state: &State, base: &str, deployment: &Deployment, status: &Status) -> Value {
    let repository = format!("{base}/repos/{}", state.repository);
    let api = format!("{repository}/deployments/{}", deployment.id);
    json!({
        "id": status.id, "node_id": node("DES", status.id), "url": format!("{api}/statuses/{}", status.id),
        "state": status.state, "creator": person(base, LOGIN), "description": status.description,
        "environment": deployment.environment, "target_url": status.log_url, "log_url": status.log_url,
        "environment_url": status.environment_url, "created_at": TIME, "updated_at": TIME,
        "deployment_url": api, "repository_url": repository,
    })
}

pub(super) fn environment(state: &State, base: &str, name: &str, environment: &Environment) -> Value {
    let reviewers: Vec<_> = environment
        .reviewers
        .iter()
        .map(|login| json!({ "type": "User", "reviewer": person(base, login) }))
        .collect();
    let mut rules = Vec::new();
    if !reviewers.is_empty() {
        rules.push(json!({
            "id": 1, "node_id": node("GA", 1), "type": "required_reviewers", "reviewers": reviewers,
            "prevent_self_review": environment.prevent_self_review,
        }));
    }
    let policy = environment
        .protected_branches
        .then(|| json!({ "protected_branches": true, "custom_branch_policies": false }));
    json!({
        "id": 1, "node_id": node("EN", 1), "name": name,
        "url": format!("{base}/repos/{}/environments/{name}", state.repository),
        "html_url": format!("{base}/{}/deployments/activity_log", state.repository),
        "created_at": TIME, "updated_at": TIME, "protection_rules": rules, "deployment_branch_policy": policy,
    })
}

/// The protection of a branch, as it was before there were rules.
pub(super) fn protection(state: &State, base: &str, branch: &str, rules: &[String]) -> Value {
    let api = format!("{base}/repos/{}/branches/{branch}/protection", state.repository);
    let allows = |rule: &str| json!({ "enabled": !rules.iter().any(|known| known == rule) });
    let mut value = json!({
        "url": api, "allow_force_pushes": allows("non_fast_forward"), "allow_deletions": allows("deletion"),
        "enforce_admins": { "url": format!("{api}/enforce_admins"), "enabled": false },
    });
    if rules.iter().any(|known| known == "pull_request") {
        value["required_pull_request_reviews"] = json!({
            "url": format!("{api}/required_pull_request_reviews"), "dismiss_stale_reviews": false,
            "require_code_owner_reviews": false, "required_approving_review_count": 1,
        });
    }
    value
}

/// A rule of a branch, with the set that it comes from.
pub(super) fn rule(state: &State, rule: &str) -> Value {
    json!({
        "type": rule, "ruleset_source_type": "Repository", "ruleset_source": state.repository, "ruleset_id": 1,
    })
}

/// A set of rules; `whole` has what only the answer about a single one has.
pub(super) fn ruleset(state: &State, set: &Ruleset, whole: bool) -> Value {
    let mut value = json!({
        "id": set.id, "node_id": node("RRS", set.id), "name": set.name, "target": set.target,
        "source_type": "Repository", "source": state.repository, "enforcement": set.enforcement,
        "created_at": TIME, "updated_at": TIME,
    });
    if whole {
        let rules: Vec<_> = set.rules.iter().map(|rule| json!({ "type": rule })).collect();
        let names = json!({ "ref_name": { "include": set.include, "exclude": set.exclude } });
        add(&mut value, json!({ "rules": rules, "conditions": names }));
    }
    value
}

fn person(base: &str, login: &str) -> Value {
    let api = format!("{base}/users/{login}");
    let mut value = json!({
        "login": login, "id": 1, "node_id": node("U", 1), "avatar_url": format!("{base}/avatars/1"),
        "gravatar_id": "", "url": api, "html_url": format!("{base}/{login}"), "type": "User", "site_admin": false,
    });
    let links = [
        "followers",
        "organizations",
        "received_events",
        "repos",
        "subscriptions",
        "events",
        "following",
        "gists",
        "starred",
    ];
    add(
        &mut value,
        links.iter().map(|name| (format!("{name}_url"), json!(format!("{api}/{name}")))).collect(),
    );
    value
}

/// The repository; `whole` has what the short form leaves out.
fn repository(name: &str, base: &str, whole: bool) -> Value {
    let api = format!("{base}/repos/{name}");
    let (owner, short) = name.split_once('/').unwrap_or(("", name));
    let mut value = json!({
        "id": 1, "node_id": node("R", 1), "name": short, "full_name": name, "owner": person(base, owner),
        "private": false, "fork": false, "description": null, "url": api, "html_url": format!("{base}/{name}"),
    });
    let links = [
        "archive",
        "assignees",
        "blobs",
        "branches",
        "collaborators",
        "comments",
        "commits",
        "compare",
        "contents",
        "contributors",
        "deployments",
        "downloads",
        "events",
        "forks",
        "git_commits",
        "git_refs",
        "git_tags",
        "hooks",
        "issue_comment",
        "issue_events",
        "issues",
        "keys",
        "labels",
        "languages",
        "merges",
        "milestones",
        "notifications",
        "pulls",
        "releases",
        "stargazers",
        "statuses",
        "subscribers",
        "subscription",
        "tags",
        "teams",
        "trees",
    ];
    add(
        &mut value,
        links.iter().map(|name| (format!("{name}_url"), json!(format!("{api}/{name}")))).collect(),
    );
    if whole {
        let page = format!("{base}/{name}");
        add(
            &mut value,
            json!({
                "clone_url": format!("{page}.git"), "git_url": format!("{page}.git"), "ssh_url": format!("{page}.git"),
                "svn_url": page, "mirror_url": null, "homepage": null, "language": null, "license": null,
                "default_branch": "main", "forks": 0, "forks_count": 0, "open_issues": 0, "open_issues_count": 0,
                "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "size": 1, "has_downloads": true,
                "has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false,
                "archived": false, "disabled": false, "created_at": TIME, "updated_at": TIME, "pushed_at": TIME,
            }),
        );
    }
    value
}

/// Adds fields to an object.
fn add(value: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, more) {
        fields.extend(more);
    }
}

/// The name of an object in the forge's other API.
fn node(kind: &str, id: u64) -> String {
    format!("{kind}_{id}")
}
