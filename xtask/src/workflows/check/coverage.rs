//! Every job of `cargo xtask ci` is run by some job of a workflow: through the matrix that the plan prints, or by name;
//! and some job judges.
//!
//! The findings stand at the workflow that pull requests start.

use super::Context;
use crate::failure::Finding;
use crate::workflows::document::{Document, Job};
use crate::workflows::yaml::Node;

pub(super) fn check(document: &Document, context: &Context) -> Vec<Finding> {
    if document.file != crate::workflows::CI {
        return Vec::new();
    }
    let reached = reached(document, context.documents);
    let any = |is: &dyn Fn(&Document) -> bool| reached.iter().any(|document| is(document));
    let whole = any(&runs_the_plan);
    let jobs = context.jobs.iter().filter(|job| !whole && !any(&|document| names(document, job)));
    let jobs = jobs.map(|job| format!("cargo xtask ci --job {job}"));
    let judged = any(&|document| document.steps().into_iter().any(|step| is_run(step, VERDICT)));
    let judge = (!judged).then(|| VERDICT.to_owned());
    jobs.chain(judge)
        .map(|call| {
            let line = document.line_with(1, "jobs:");
            let problem = format!("no job runs `{call}`");
            Finding::at(&document.file, line, problem, "cargo xtask workflows --write")
        })
        .collect()
}

const VERDICT: &str = "cargo xtask ci verdict";

/// A workflow and those that it calls.
fn reached<'a>(document: &'a Document, documents: &'a [Document]) -> Vec<&'a Document> {
    let called: Vec<_> =
        document.jobs().into_iter().filter_map(|job| job.node.text_at("uses")?.strip_prefix("./")).collect();
    let called = documents.iter().filter(|other| called.contains(&other.file.as_str()));
    std::iter::once(document).chain(called).collect()
}

/// True when a job runs every row of the matrix that another job took from `ci plan`.
fn runs_the_plan(document: &Document) -> bool {
    let jobs = document.jobs();
    jobs.iter().any(|job| {
        let matrix =
            job.node.at("strategy").and_then(|strategy| strategy.text_at("matrix")).unwrap_or_default();
        let planned = jobs
            .iter()
            .find(|plan| matrix == format!("${{{{ fromJSON(needs.{}.outputs.matrix) }}}}", plan.id));
        planned.is_some_and(|plan| prints_the_plan(*plan)) && job.steps().iter().any(runs_its_row)
    })
}

fn prints_the_plan(plan: Job) -> bool {
    let output = plan.node.at("outputs").and_then(|outputs| outputs.text_at("matrix")).unwrap_or_default();
    plan.steps().iter().any(|step| {
        let id = step.text_at("id").unwrap_or_default();
        is_run(step, "cargo xtask ci plan --github")
            && output == format!("${{{{ steps.{id}.outputs.matrix }}}}")
    })
}

fn runs_its_row(step: &Node) -> bool {
    let job = step.at("env").and_then(|environment| environment.text_at("JOB"));
    is_run(step, "cargo xtask ci --job \"$JOB\"")
        && job == Some("${{ matrix.job }}")
        && step.at("if").is_none()
}

fn is_run(step: &Node, call: &str) -> bool {
    let run = step.text_at("run").unwrap_or_default();
    run.strip_prefix("exec ").unwrap_or(run).starts_with(call)
}

fn names(document: &Document, job: &str) -> bool {
    let call = format!("cargo xtask ci --job {job}");
    document.steps().into_iter().any(|step| {
        let run = step.text_at("run").unwrap_or_default().trim_end();
        step.at("if").is_none() && run.strip_prefix("exec ").unwrap_or(run) == call
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn a_job_that_nothing_runs_is_named() {
        case::check(
            super::check,
            "on: push
jobs:
  lint:
    steps:
      - run: exec cargo xtask ci --job lint
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:3: no job runs `cargo xtask ci --job test`
                  next: cargo xtask workflows --write
                .github/workflows/xtask-ci.yml:3: no job runs `cargo xtask ci verdict`
                  next: cargo xtask workflows --write
            "#]],
        );
    }

    #[test]
    fn a_matrix_that_is_not_the_plan_counts_for_nothing() {
        case::check(
            super::check,
            "jobs:
  plan:
    outputs:
      matrix: ${{ steps.other.outputs.matrix }}
    steps:
      - id: plan
        run: exec cargo xtask ci plan --github
  checks:
    strategy:
      matrix: ${{ fromJSON(needs.plan.outputs.matrix) }}
    steps:
      - run: exec cargo xtask ci --job \"$JOB\"
        env:
          JOB: ${{ matrix.job }}
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:2: no job runs `cargo xtask ci --job lint`
                  next: cargo xtask workflows --write
                .github/workflows/xtask-ci.yml:2: no job runs `cargo xtask ci --job test`
                  next: cargo xtask workflows --write
                .github/workflows/xtask-ci.yml:2: no job runs `cargo xtask ci verdict`
                  next: cargo xtask workflows --write
            "#]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
