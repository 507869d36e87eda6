//! The workflow that deploys: a job for each stage, in the order of promotion, started by hand with a seal.
//!
//! - Each job plans and runs one stage by the commands of a laptop. A run that died is repaired by the same job again.
//! - What is deployed is the staging folder of a run of the release workflow; whoever starts it says the seal that is meant,
//!   so it does not matter who else could leave an artifact of that name.
//! - The group of a stage is a courtesy: it spares a job that would find the lock of the hosts held. The lock decides.
//! - Each job names the results that it needs, for GitHub counts a skipped job as a success.

use super::config::Config;
use super::model::{Access, Concurrency, Event, Job, Permission, Question, Step, Work, Workflow};
use super::parts::{RUNNER, checkout_all, environment, front_to_release, reads_sources};
use super::release_workflow::STAGING;
use super::{Front, config};
use crate::failure::Finding;

/// Where it is declared which stages there are.
pub(crate) const STAGES: &str = "release/stages.toml";

/// The minutes of a job where nothing is said.
pub(crate) const MINUTES_MAX: u32 = 120;

/// The secrets of a stage's environment: the text of the key, and lines as of `known_hosts`.
const SECRETS: [(&str, &str); 2] = [
    ("XTASK_SSH_PRIVATE_KEY", "${{ secrets.XTASK_SSH_PRIVATE_KEY }}"),
    ("XTASK_SSH_HOST_KEYS", "${{ secrets.XTASK_SSH_HOST_KEYS }}"),
];

/// How a workflow of this workspace is to deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deploy {
    /// How long the job of a stage may run.
    pub(crate) minutes_max: u32,
    /// True where GitHub shows what is deployed.
    pub(crate) is_shown: bool,
    /// The stages, in any order.
    pub(crate) stages: Vec<Stage>,
}

/// What a workflow must know of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) name: String,
    /// The stages that must have the same bytes before.
    pub(crate) after: Vec<String>,
    /// True where its hosts are on the machine that deploys.
    pub(crate) is_local: bool,
}

pub(super) fn workflow(config: &Config, front: &Front, deploy: &Deploy) -> Workflow {
    let stages = ordered(&deploy.stages);
    let names = stages.iter().map(|stage| stage.name.clone()).collect();
    Workflow {
        about: &[
            "Brings what a run of the release workflow staged to one stage after the other, up to the last one that is wanted.",
            "A job that died or was refused is repaired by the same job again: what is confirmed already is left.",
            "The groups are a courtesy; who may change a host is decided by its lock.",
        ],
        name: "xtask deploy",
        events: vec![Event::Dispatch(vec![
            Question {
                name: "run",
                about: "The run of the release workflow that staged it - the number in its address",
                options: vec![],
            },
            Question {
                name: "seal",
                about: "The seal that it printed, and that was approved",
                options: vec![],
            },
            Question { name: "to", about: "The last stage to go to", options: names },
        ])],
        concurrency: None,
        environment: environment(),
        jobs: stages.iter().map(|stage| job(config, front, deploy, &stages, stage)).collect(),
    }
}

fn job(config: &Config, front: &Front, deploy: &Deploy, stages: &[&Stage], stage: &Stage) -> Job {
    let name = &stage.name;
    let reads_runs =
        Permission { scope: "actions", access: Access::Read, why: "to get what the release workflow staged" };
    let shows = Permission { scope: "deployments", access: Access::Write, why: "to show what is deployed" };
    let permissions =
        [reads_sources(), reads_runs].into_iter().chain(deploy.is_shown.then_some(shows)).collect();
    let staged = [
        ("name", "staging"),
        ("path", STAGING),
        ("run-id", "${{ inputs.run }}"),
        ("github-token", "${{ github.token }}"),
    ];
    let line = |verb: &str, more: &str| {
        format!(r#"exec cargo xtask deploy {verb} --to {name} --staging {STAGING} --seal "$SEAL"{more}"#)
    };
    let with_secrets = |step: Step| {
        let step = step.with("SEAL", "${{ inputs.seal }}");
        SECRETS.into_iter().fold(step, |step, (name, value)| step.with(name, value))
    };
    let with_token = |step: Step| match deploy.is_shown {
        true => step.with("GITHUB_TOKEN", "${{ github.token }}"),
        false => step,
    };
    Job {
        id: id(name),
        about: &[],
        name: name.clone(),
        needs: stage.after.iter().map(|before| id(before)).collect(),
        condition: condition(stages, stage),
        environment: Some(name.clone()),
        concurrency: Some(Concurrency { group: id(name), cancel: "false" }),
        permissions,
        work: Work::Steps {
            runs_on: RUNNER,
            timeout_minutes: deploy.minutes_max,
            matrix: None,
            outputs: vec![],
            steps: vec![
                checkout_all(config),
                front_to_release(front),
                Step::pinned(&config.pins, "Get the staging folder", "actions/download-artifact", &staged),
                with_secrets(Step::run("Plan", line("plan", ""))),
                with_token(with_secrets(Step::run("Deploy", line("run", " --execute")))),
            ],
        },
    }
}

/// The job of a stage. With a word in front: a job's name must begin with a letter, a stage's may not.
fn id(stage: &str) -> String {
    format!("deploy-{stage}")
}

/// When the job of a stage runs: after those before it succeeded, where it is the last one wanted or on the way there.
fn condition(stages: &[&Stage], stage: &Stage) -> Option<String> {
    let leads: Vec<_> = stages.iter().filter(|last| is_on_the_way(stages, stage, last)).collect();
    let mut all: Vec<_> =
        stage.after.iter().map(|before| format!("needs.{}.result == 'success'", id(before))).collect();
    if leads.len() < stages.len() {
        let wanted: Vec<_> = leads.iter().map(|last| format!("inputs.to == '{}'", last.name)).collect();
        all.push(if wanted.len() > 1 { format!("({})", wanted.join(" || ")) } else { wanted.concat() });
    }
    (!all.is_empty()).then(|| all.join(" && "))
}

/// True where whoever wants `last` must pass `stage`. The stages are in their order, so this ends.
fn is_on_the_way(stages: &[&Stage], stage: &Stage, last: &Stage) -> bool {
    let before = stages.iter().filter(|other| last.after.contains(&other.name));
    last.name == stage.name || before.into_iter().any(|other| is_on_the_way(stages, stage, other))
}

/// The stages in the order of promotion, by name where nothing else decides. Those in a circle are left out.
fn ordered(stages: &[Stage]) -> Vec<&Stage> {
    let mut rest: Vec<_> = stages.iter().collect();
    rest.sort_by_key(|stage| &stage.name);
    let mut order: Vec<&Stage> = Vec::new();
    let is_next = |order: &[&Stage], stage: &Stage| {
        stage.after.iter().all(|before| order.iter().any(|known| known.name == *before))
    };
    while let Some(at) = rest.iter().position(|stage| is_next(&order, stage)) {
        order.push(rest.remove(at));
    }
    order
}

/// Why no workflow can deploy to these stages.
pub(super) fn problems(deploy: &Deploy, is_released: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut refuse = |problem: String, next: &str| findings.push(Finding::at(STAGES, 0, problem, next));
    let off = "set `workflow = false` under `[github]`";
    if !is_released {
        let next = format!("write release/release.toml, or {off}");
        refuse("`github.workflow` deploys what the release workflow staged, and there is none".into(), &next);
    }
    if !(1..=config::JOB_MINUTES_MAX).contains(&deploy.minutes_max) {
        let problem = format!("`github.minutes_max` is not between 1 and {}", config::JOB_MINUTES_MAX);
        refuse(problem, "write how long the job of a stage may run, in minutes");
    }
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    for stage in &deploy.stages {
        let name = &stage.name;
        if !is_name(name) {
            refuse(format!("`{}` is no name for a stage", name.escape_debug()), "use a-z, 0-9 and `-`");
        }
        if [super::ENVIRONMENT, super::SIGNING].contains(&name.as_str()) {
            let problem =
                format!("`{name}` is the environment of a release, and its secrets are not for a stage");
            refuse(problem, "give the stage another name");
        }
        if stage.is_local {
            let problem = format!("`{name}` is local, and the machine of a job is gone when the job ends");
            refuse(problem, &format!("use the driver `ssh`, or {off}"));
        }
    }
    if ordered(&deploy.stages).len() < deploy.stages.len() || deploy.stages.is_empty() {
        refuse("the stages have no order".into(), "cargo xtask deploy status");
    }
    findings
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(stages: &[(&str, &[&str])], expected: Expect) {
        let stages: Vec<_> = stages
            .iter()
            .map(|(name, after)| Stage {
                name: (*name).to_owned(),
                after: after.iter().map(|before| (*before).to_owned()).collect(),
                is_local: false,
            })
            .collect();
        let order = ordered(&stages);
        let lines = order.iter().map(|stage| {
            format!("{}: {}\n", stage.name, condition(&order, stage).unwrap_or_else(|| "always".to_owned()))
        });
        let lines: String = lines.collect();
        let refused = problems(&Deploy { minutes_max: 1, is_shown: false, stages: stages.clone() }, true);
        let refused: String = refused.iter().map(|finding| format!("{finding}\n")).collect();
        expected.assert_eq(&(lines + &refused));
    }

    #[test]
    fn a_stage_is_passed_by_whoever_wants_a_later_one() {
        check(
            &[("staging", &[])],
            expect![[r#"
            staging: always
        "#]],
        );
        check(
            &[("production", &["canary"]), ("canary", &["staging"]), ("staging", &[])],
            expect![[r#"
            staging: always
            canary: needs.deploy-staging.result == 'success' && (inputs.to == 'canary' || inputs.to == 'production')
            production: needs.deploy-canary.result == 'success' && inputs.to == 'production'
        "#]],
        );
        check(
            &[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"])],
            expect![[r#"
            a: always
            b: needs.deploy-a.result == 'success' && (inputs.to == 'b' || inputs.to == 'd')
            c: needs.deploy-a.result == 'success' && (inputs.to == 'c' || inputs.to == 'd')
            d: needs.deploy-b.result == 'success' && needs.deploy-c.result == 'success' && inputs.to == 'd'
        "#]],
        );
    }

    #[test]
    fn stages_that_no_workflow_can_have_are_refused() {
        check(
            &[("a", &["b"]), ("b", &["a"]), ("c", &[])],
            expect![[r#"
            c: always
            release/stages.toml: the stages have no order
              next: cargo xtask deploy status
        "#]],
        );
        check(
            &[("release", &[]), ("x' || 'y", &["release"])],
            expect![[r#"
            release: always
            x' || 'y: needs.deploy-release.result == 'success' && inputs.to == 'x' || 'y'
            release/stages.toml: `release` is the environment of a release, and its secrets are not for a stage
              next: give the stage another name
            release/stages.toml: `x\' || \'y` is no name for a stage
              next: use a-z, 0-9 and `-`
        "#]],
        );
    }
}
