//! The checks, callable by other workflows of the same repository: plan, a job per row of the plan, verdict.
//!
//! The verdict is the only check that branch protection should require. It runs always, also after a cancellation,
//! and believes nobody: GitHub lets a skipped job count as a success for whoever asks carelessly.

use super::config::Config;
use super::model::{Event, Job, Step, Work, Workflow};
use super::parts::{
    RUNNER, WRITES_CACHE, cache_input, checkout, environment, front, reads_runs, reads_sources,
};

/// Minutes for a job that builds the front at worst, and asks.
const SHORT_MINUTES_MAX: u32 = 20;

pub(super) fn workflow(config: &Config) -> Workflow {
    Workflow {
        about: &[
            "The checks of this workspace: `plan` says which jobs there are, each of them runs",
            "`cargo xtask ci --job NAME`, and `verdict` says whether all that was planned passed.",
            "Other workflows call this file; a step added to release/ci.toml needs no change here.",
        ],
        name: "xtask checks",
        events: vec![Event::Call(vec![cache_input()])],
        concurrency: None,
        environment: environment(),
        jobs: vec![plan(config), checks(config), verdict(config)],
    }
}

fn plan(config: &Config) -> Job {
    Job {
        id: "plan".into(),
        about: &[],
        name: "plan".into(),
        needs: vec![],
        condition: None,
        environment: None,
        concurrency: None,
        permissions: vec![reads_sources(), reads_runs()],
        work: Work::Steps {
            runs_on: RUNNER,
            timeout_minutes: SHORT_MINUTES_MAX,
            matrix: None,
            outputs: vec![
                ("matrix", "${{ steps.plan.outputs.matrix }}".to_owned()),
                ("plan", "${{ steps.plan.outputs.plan }}".to_owned()),
            ],
            steps: vec![
                checkout(config, true),
                front(""),
                Step::run("Plan", "exec cargo xtask ci plan --github")
                    .id("plan")
                    .with("GITHUB_TOKEN", "${{ github.token }}"),
            ],
        },
    }
}

fn checks(config: &Config) -> Job {
    let record = [
        ("name", "xtask-run-${{ strategy.job-index }}-${{ github.run_attempt }}"),
        ("path", ".xtask/runs"),
        ("include-hidden-files", "true"),
        ("if-no-files-found", "ignore"),
        ("retention-days", "7"),
    ];
    let save =
        [("path", super::action::DEPENDENCIES), ("key", "${{ steps.xtask.outputs.dependencies-key }}")];
    Job {
        id: "checks".into(),
        about: &["Skipped only where the plan plans nothing; the verdict asks the plan whether that is so."],
        name: "${{ matrix.name }}".into(),
        needs: vec!["plan".into()],
        condition: Some(NOT_EMPTY.into()),
        environment: None,
        concurrency: None,
        permissions: vec![reads_sources()],
        work: Work::Steps {
            runs_on: "${{ matrix.os }}",
            timeout_minutes: config.checks_minutes_max,
            matrix: Some("${{ fromJSON(needs.plan.outputs.matrix) }}"),
            outputs: vec![],
            steps: vec![
                checkout(config, true),
                front("${{ matrix.job }}"),
                Step::run("Install tools", "exec cargo xtask tools install"),
                Step::run("Check", r#"exec cargo xtask ci --job "$JOB" --shard "$SHARD""#)
                    .with("JOB", "${{ matrix.job }}")
                    .with("SHARD", "${{ matrix.shard }}"),
                Step::pinned(&config.pins, "Keep the record of the run", "actions/upload-artifact", &record)
                    .when("failure()"),
                Step::pinned(&config.pins, "Save dependencies", "actions/cache/save", &save).when(format!(
                    "inputs.cache != 'none' && steps.xtask.outputs.dependencies-hit != 'true' && {WRITES_CACHE}"
                )),
            ],
        },
    }
}

/// The plan writes exactly this matrix where it plans nothing; GitHub itself refuses a matrix without rows.
pub(crate) const NOT_EMPTY: &str = r#"needs.plan.outputs.matrix != '{"include":[]}'"#;

fn verdict(config: &Config) -> Job {
    Job {
        id: "verdict".into(),
        about: &["The only check to require: it passes when every planned job succeeded."],
        name: "verdict".into(),
        needs: vec!["plan".into(), "checks".into()],
        condition: Some("always()".into()),
        environment: None,
        concurrency: None,
        permissions: vec![reads_sources()],
        work: Work::Steps {
            runs_on: RUNNER,
            timeout_minutes: SHORT_MINUTES_MAX,
            matrix: None,
            outputs: vec![],
            steps: vec![
                checkout(config, false),
                front(""),
                Step::run("Judge", "exec cargo xtask ci verdict")
                    .with("NEEDS", "${{ toJSON(needs) }}")
                    .with("PLAN", "${{ needs.plan.outputs.plan }}"),
            ],
        },
    }
}
