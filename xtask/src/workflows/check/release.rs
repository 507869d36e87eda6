//! A workflow that publishes: one job has the rights for it, a person lets it start, nothing restored gets into what is
//! published, and no job takes a skipped one for a success.

use super::Context;
use super::cache;
use crate::failure::Finding;
use crate::workflows::ENVIRONMENT;
use crate::workflows::document::{Document, Job};
use crate::workflows::yaml::Node;

/// Events that run with this repository's rights on what a stranger sent.
const STRANGERS: &[&str] = &["pull_request", "pull_request_target", "workflow_run", "issue_comment"];

/// Rights that let a job change what people download, or speak for this repository.
const REACHING: &[&str] = &["attestations", "contents", "id-token", "packages"];

const BY_TAG: &str = "start it by a version tag (`push: { tags: [...] }`) or by hand (`workflow_dispatch`)";

pub(super) fn check(document: &Document, _: &Context) -> Vec<Finding> {
    let jobs = document.jobs();
    let is_publisher = |job: &&Job| job.steps().iter().any(publishes);
    let Some(publisher) = jobs.iter().find(is_publisher) else { return Vec::new() };
    let mut findings = events(document, "publishes", BY_TAG);
    for job in &jobs {
        if is_publisher(&job) {
            findings.extend(without_environment(document, *job));
        } else {
            findings.extend(reaching(document, *job, publisher.id));
        }
        findings.extend(restoring(document, *job));
        findings.extend(careless(document, *job));
    }
    findings
}

fn publishes(step: &Node) -> bool {
    let run = step.text_at("run").unwrap_or_default();
    run.contains("cargo xtask release publish") && run.contains("--execute")
}

/// Events by which a stranger starts a workflow that does this.
pub(super) fn events(document: &Document, does: &str, next: &str) -> Vec<Finding> {
    let started = document.events();
    let strange = STRANGERS.iter().filter(|event| started.contains(*event));
    let line = document.top().and_then(|top| top.entry("on")).map_or(1, |entry| entry.line);
    strange
        .map(|event| {
            Finding::at(
                &document.file,
                document.line_with(line, event),
                format!(
                    "`{event}` starts a workflow that {does}: what a stranger sent would run with its rights"
                ),
                next,
            )
        })
        .collect()
}

/// The environment of a job.
pub(super) fn environment(job: Job<'_>) -> Option<&str> {
    let environment = job.node.at("environment");
    environment.and_then(|node| node.text().or_else(|| node.text_at("name")))
}

fn without_environment(document: &Document, job: Job) -> Option<Finding> {
    let line = job.node.entry("environment").map_or(job.line, |entry| entry.line);
    (environment(job) != Some(ENVIRONMENT)).then(|| {
        Finding::at(
            &document.file,
            line,
            format!("job `{}` publishes outside of the environment `{ENVIRONMENT}`: nobody is asked", job.id),
            format!("add `environment: {ENVIRONMENT}`, and give that environment reviewers in the repository's settings"),
        )
    })
}

fn reaching(document: &Document, job: Job, publisher: &str) -> Vec<Finding> {
    let scopes = job.node.at("permissions").map(Node::entries).unwrap_or_default();
    scopes
        .iter()
        .filter(|scope| scope.node.text() == Some("write") && REACHING.contains(&scope.key.as_str()))
        .map(|scope| {
            Finding::at(
                &document.file,
                scope.line,
                format!(
                    "job `{}` has `{}: write`, and `{publisher}` is the job that publishes",
                    job.id, scope.key
                ),
                format!("remove it, or move what needs it into `{publisher}`"),
            )
        })
        .collect()
}

fn restoring(document: &Document, job: Job) -> Vec<Finding> {
    // Where a job has rights or secrets, the rule about caches speaks already.
    if cache::power(job).is_some() {
        return Vec::new();
    }
    job.steps()
        .iter()
        .filter(|step| cache::restores(step))
        .map(|step| {
            Finding::at(
                &document.file,
                step.entry("uses").map_or(step.line, |entry| entry.line),
                format!("job `{}` restores a cache, which becomes part of what is published", job.id),
                "give the step `with: { cache: none }`",
            )
        })
        .collect()
}

/// What a job needs without asking whether it succeeded.
pub(super) fn careless(document: &Document, job: Job) -> Vec<Finding> {
    let condition = job.node.text_at("if").unwrap_or_default();
    let asked = |need: &str| format!("needs.{need}.result == 'success'");
    let line =
        ["if", "needs"].iter().find_map(|key| job.node.entry(key)).map_or(job.line, |entry| entry.line);
    job.needs()
        .into_iter()
        .filter(|need| !condition.contains(&asked(need)))
        .map(|need| {
            Finding::at(
                &document.file,
                line,
                format!(
                    "`{}` does not ask whether `{need}` succeeded: a skipped job counts as passed",
                    job.id
                ),
                format!("add `{}` to its `if`", asked(need)),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn a_workflow_that_publishes_carelessly_is_named() {
        case::check(
            super::check,
            "on:
  workflow_run:
  pull_request_target:
jobs:
  build:
    permissions:
      id-token: write # for fun
    steps:
      - uses: ./.github/actions/xtask
  stage:
    needs: [build]
    steps:
      - uses: ./.github/actions/xtask
  publish:
    needs: [build, stage]
    if: always() && needs.build.result == 'success'
    permissions:
      contents: write # to publish
    steps:
      - run: exec cargo xtask release publish --staging x --execute
  again:
    environment: production
    steps:
      - run: exec cargo xtask release publish --staging x --execute
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:4: `pull_request_target` starts a workflow that publishes: what a stranger sent would run with its rights
                  next: start it by a version tag (`push: { tags: [...] }`) or by hand (`workflow_dispatch`)
                .github/workflows/xtask-ci.yml:3: `workflow_run` starts a workflow that publishes: what a stranger sent would run with its rights
                  next: start it by a version tag (`push: { tags: [...] }`) or by hand (`workflow_dispatch`)
                .github/workflows/xtask-ci.yml:8: job `build` has `id-token: write`, and `publish` is the job that publishes
                  next: remove it, or move what needs it into `publish`
                .github/workflows/xtask-ci.yml:14: job `stage` restores a cache, which becomes part of what is published
                  next: give the step `with: { cache: none }`
                .github/workflows/xtask-ci.yml:12: `stage` does not ask whether `build` succeeded: a skipped job counts as passed
                  next: add `needs.build.result == 'success'` to its `if`
                .github/workflows/xtask-ci.yml:15: job `publish` publishes outside of the environment `release`: nobody is asked
                  next: add `environment: release`, and give that environment reviewers in the repository's settings
                .github/workflows/xtask-ci.yml:17: `publish` does not ask whether `stage` succeeded: a skipped job counts as passed
                  next: add `needs.stage.result == 'success'` to its `if`
                .github/workflows/xtask-ci.yml:23: job `again` publishes outside of the environment `release`: nobody is asked
                  next: add `environment: release`, and give that environment reviewers in the repository's settings
            "#]],
        );
    }

    #[test]
    fn a_workflow_that_publishes_nothing_is_none_of_its_business() {
        case::check(
            super::check,
            "on: workflow_run\njobs:\n  a:\n    steps:\n      - run: exec cargo xtask release publish --staging x\n",
            expect![[""]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
