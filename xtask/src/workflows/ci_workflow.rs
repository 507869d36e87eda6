//! The workflow of every change: pull request, merge queue, push to the default branch.

use super::CHECKS;
use super::config::Config;
use super::model::{Concurrency, Event, Job, Work, Workflow};
use super::parts::{reads_runs, reads_sources};

pub(super) fn workflow(config: &Config) -> Workflow {
    Workflow {
        about: &[
            "Checks every pull request, every group of the merge queue, and every push to the default branch.",
            "The check to require in branch protection is `ci / verdict`, and no other.",
        ],
        name: "xtask ci",
        events: vec![
            Event::PullRequest,
            Event::MergeGroup,
            Event::Push { branch: config.default_branch.clone() },
        ],
        // A new push to a pull request makes the run before it worthless. Every other commit has a group of its own:
        // in a shared one, GitHub drops all waiting runs but the newest.
        concurrency: Some(Concurrency {
            group: "${{ github.workflow }}-${{ github.event.pull_request.number || github.sha }}".into(),
            cancel: "${{ github.event_name == 'pull_request' }}",
        }),
        environment: vec![],
        jobs: vec![Job {
            id: "ci".into(),
            about: &[],
            name: "ci".into(),
            needs: vec![],
            condition: None,
            environment: None,
            concurrency: None,
            permissions: vec![reads_sources(), reads_runs()],
            work: Work::Calls { workflow: CHECKS, with: vec![("cache", "use".to_owned())] },
        }],
    }
}
