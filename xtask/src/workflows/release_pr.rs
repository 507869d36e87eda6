//! The workflow that keeps the release pull request up to date.

use super::Front;
use super::config::Config;
use super::model::{Access, Concurrency, Event, Job, Permission, Step, Work, Workflow};
use super::parts::{RUNNER, checkout_all, environment, front_to_release};

/// Minutes to build the front and to prepare.
const MINUTES_MAX: u32 = 30;

pub(super) fn workflow(config: &Config, front: &Front) -> Workflow {
    let writes = |scope, why| Permission { scope, access: Access::Write, why };
    Workflow {
        about: &[
            "Keeps the pull request of the next release up to date: versions, lock file and changelog as one commit on",
            "`release/next`. The repository must let GitHub Actions create pull requests. What the token of a workflow",
            "pushes starts no other workflow: close and reopen the pull request to have it checked, or merge by a queue.",
        ],
        name: "xtask release pr",
        events: vec![Event::Push { branch: config.default_branch.clone() }],
        // Only the newest commit counts: of those that wait, GitHub keeps that one.
        concurrency: Some(Concurrency { group: "${{ github.workflow }}".into(), cancel: "false" }),
        environment: environment(),
        jobs: vec![Job {
            id: "prepare".into(),
            about: &[],
            name: "prepare".into(),
            needs: vec![],
            condition: None,
            environment: None,
            concurrency: None,
            permissions: vec![
                writes("contents", "to push the branch of the release"),
                writes("pull-requests", "to open its pull request, and to change its text"),
            ],
            work: Work::Steps {
                runs_on: RUNNER,
                timeout_minutes: MINUTES_MAX,
                matrix: None,
                outputs: vec![],
                steps: vec![
                    checkout_all(config),
                    front_to_release(front),
                    Step::run("Prepare", "exec cargo xtask release prepare --pr --execute")
                        .with("GITHUB_TOKEN", "${{ github.token }}"),
                ],
            },
        }],
    }
}
