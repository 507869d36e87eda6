//! Every job ends, and no run waits behind one that nobody needs: `timeout-minutes` and `concurrency`.

use super::Context;
use crate::failure::Finding;
use crate::workflows::document::Document;

pub(super) fn check(document: &Document, _: &Context) -> Vec<Finding> {
    let Some(top) = document.top().filter(|_| document.is_workflow()) else { return Vec::new() };
    let mut findings = Vec::new();
    // A workflow that is only called runs in the group of its caller; a group of its own could wait for itself.
    let jobs = document.jobs();
    let grouped = top.at("concurrency").is_some()
        || (!jobs.is_empty() && jobs.iter().all(|job| job.node.at("concurrency").is_some()));
    if !grouped && !document.is_only_called() {
        findings.push(Finding::at(
            &document.file,
            document.line_with(1, "on:"),
            "the workflow has no concurrency group: each push adds a run to those that nobody needs any more",
            "add `concurrency: { group: ..., cancel-in-progress: ... }` on top",
        ));
    }
    for job in jobs.iter().filter(|job| !job.is_call() && job.node.at("timeout-minutes").is_none()) {
        findings.push(Finding::at(
            &document.file,
            job.line,
            format!("job `{}` has no time limit; GitHub's own is six hours", job.id),
            "add `timeout-minutes` to the job",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn endless_jobs_and_missing_groups_are_named() {
        case::check(
            super::check,
            "on: push
jobs:
  a:
    steps: []
  b:
    timeout-minutes: 5
    steps: []
  c:
    uses: ./.github/workflows/x.yml
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:2: the workflow has no concurrency group: each push adds a run to those that nobody needs any more
                  next: add `concurrency: { group: ..., cancel-in-progress: ... }` on top
                .github/workflows/xtask-ci.yml:4: job `a` has no time limit; GitHub's own is six hours
                  next: add `timeout-minutes` to the job
            "#]],
        );
    }

    #[test]
    fn a_workflow_that_is_only_called_needs_no_group() {
        case::check(super::check, "on:\n  workflow_call:\njobs: {}\n", expect![[r#""#]]);
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
