//! The workflow of every night: everything, from nothing.

use super::CHECKS;
use super::config::Config;
use super::model::{Concurrency, Event, Job, Work, Workflow};
use super::parts::{reads_runs, reads_sources};

pub(super) fn workflow(config: &Config) -> Workflow {
    Workflow {
        about: &[
            "Checks the default branch every night, from nothing: what only passes because of a cache, and what broke",
            "outside of this repository, shows here. Caches that are missing are written for the next day.",
            "GitHub starts it late, and not at all after 60 quiet days.",
        ],
        name: "xtask nightly",
        events: vec![Event::Schedule(config.nightly.clone()), Event::Dispatch(vec![])],
        concurrency: Some(Concurrency {
            group: "${{ github.workflow }}-${{ github.ref }}".into(),
            cancel: "false",
        }),
        environment: vec![],
        jobs: vec![Job {
            id: "nightly".into(),
            about: &[],
            name: "nightly".into(),
            needs: vec![],
            condition: None,
            environment: None,
            concurrency: None,
            permissions: vec![reads_sources(), reads_runs()],
            work: Work::Calls { workflow: CHECKS, with: vec![("cache", "renew".to_owned())] },
        }],
    }
}
