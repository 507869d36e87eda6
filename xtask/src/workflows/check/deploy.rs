//! A job that deploys runs in the environment of its stage, asks whether what it needs succeeded, names the seal that it
//! means, and is started by nobody from outside.

use super::Context;
use super::release;
use crate::failure::Finding;
use crate::workflows::document::{Document, Job};
use crate::workflows::yaml::{Entry, Node};

pub(super) fn check(document: &Document, _: &Context) -> Vec<Finding> {
    let jobs = document.jobs();
    let deploying: Vec<_> =
        jobs.iter().filter(|job| job.steps().iter().any(|step| run(step).is_some())).collect();
    if deploying.is_empty() {
        return Vec::new();
    }
    let mut findings = release::events(document, "deploys", "start it by hand (`workflow_dispatch`)");
    for job in deploying {
        findings.extend(job.steps().iter().filter_map(run).flat_map(|entry| of_run(document, *job, entry)));
        findings.extend(release::careless(document, *job));
    }
    findings
}

/// The command by which a step deploys.
fn run(step: &Node) -> Option<&Entry> {
    step.entry("run").filter(|entry| {
        let line = entry.node.text().unwrap_or_default();
        let deploys =
            ["run", "promote"].iter().any(|verb| line.contains(&format!("cargo xtask deploy {verb}")));
        deploys && line.contains("--execute")
    })
}

fn of_run(document: &Document, job: Job, entry: &Entry) -> Vec<Finding> {
    let line = entry.node.text().unwrap_or_default();
    let words: Vec<_> = line.split_whitespace().collect();
    let after =
        |flag: &str| words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1)).copied();
    let stage = after("--to").unwrap_or("STAGE");
    let mut findings = Vec::new();
    if release::environment(job) != Some(stage) {
        findings.push(Finding::at(
            &document.file,
            job.node.entry("environment").map_or(job.line, |entry| entry.line),
            format!(
                "job `{}` deploys to `{stage}` outside of the environment of that name: nobody is asked",
                job.id
            ),
            format!(
                "add `environment: {stage}`, and give that environment reviewers in the repository's settings"
            ),
        ));
    }
    if after("--seal").is_none() {
        findings.push(Finding::at(
            &document.file,
            entry.line,
            format!("job `{}` deploys whatever the folder holds", job.id),
            "name the seal that is meant: `--seal \"$SEAL\"`",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn a_workflow_that_deploys_carelessly_is_named() {
        case::check(
            super::check,
            "on:
  workflow_run:
jobs:
  staging:
    environment: staging
    steps:
      - run: exec cargo xtask deploy run --to staging --seal \"$SEAL\" --execute
  production:
    needs: [staging]
    environment: staging
    steps:
      - run: exec cargo xtask deploy promote --to production --execute
  planned:
    steps:
      - run: exec cargo xtask deploy run --to staging
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:3: `workflow_run` starts a workflow that deploys: what a stranger sent would run with its rights
                  next: start it by hand (`workflow_dispatch`)
                .github/workflows/xtask-ci.yml:11: job `production` deploys to `production` outside of the environment of that name: nobody is asked
                  next: add `environment: production`, and give that environment reviewers in the repository's settings
                .github/workflows/xtask-ci.yml:13: job `production` deploys whatever the folder holds
                  next: name the seal that is meant: `--seal "$SEAL"`
                .github/workflows/xtask-ci.yml:10: `production` does not ask whether `staging` succeeded: a skipped job counts as passed
                  next: add `needs.staging.result == 'success'` to its `if`
            "#]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
