//! The job that judges runs always, waits for every other job, and is told the truth about them.

use super::Context;
use crate::failure::Finding;
use crate::workflows::document::{Document, Job};
use crate::workflows::yaml::Node;

const NEXT: &str = "cargo xtask workflows --write";

pub(super) fn check(document: &Document, _: &Context) -> Vec<Finding> {
    let jobs = document.jobs();
    let judges =
        jobs.iter().filter_map(|job| Some((*job, job.steps().iter().find(|step| is_verdict(step))?)));
    judges.flat_map(|(job, step)| problems(document, &jobs, job, step)).collect()
}

fn is_verdict(step: &Node) -> bool {
    step.text_at("run").is_some_and(|run| run.contains("cargo xtask ci verdict"))
}

fn problems(document: &Document, jobs: &[Job], judge: Job, step: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut refuse = |line, problem: String| findings.push(Finding::at(&document.file, line, problem, NEXT));
    if judge.node.text_at("if") != Some("always()") {
        let line = judge.node.entry("if").map_or(judge.line, |entry| entry.line);
        refuse(
            line,
            format!(
                "`{}` does not run always: without `if: always()` it is skipped when a job fails, and a skipped check counts as passed",
                judge.id
            ),
        );
    }
    let needs = judge.needs();
    let line = judge.node.entry("needs").map_or(judge.line, |entry| entry.line);
    for other in jobs.iter().filter(|other| other.id != judge.id && !needs.contains(&other.id)) {
        refuse(line, format!("`{}` does not wait for `{}`, whose result it must know", judge.id, other.id));
    }
    let told = step.at("env");
    for (name, wanted) in [("NEEDS", "${{ toJSON(needs) }}"), ("PLAN", "${{ needs.plan.outputs.plan }}")] {
        let actual = told.and_then(|told| told.entry(name));
        if actual.and_then(|entry| entry.node.text()) != Some(wanted) {
            let line = actual.map_or(step.line, |entry| entry.line);
            refuse(line, format!("`{}` is not told `{name}: {wanted}`", judge.id));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn a_verdict_that_can_be_fooled_is_named() {
        case::check(
            super::check,
            "jobs:
  plan:
    steps: []
  checks:
    steps: []
  verdict:
    needs: [checks]
    if: success()
    steps:
      - run: exec cargo xtask ci verdict
        env:
          NEEDS: \"{}\"
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:9: `verdict` does not run always: without `if: always()` it is skipped when a job fails, and a skipped check counts as passed
                  next: cargo xtask workflows --write
                .github/workflows/xtask-ci.yml:8: `verdict` does not wait for `plan`, whose result it must know
                  next: cargo xtask workflows --write
                .github/workflows/xtask-ci.yml:13: `verdict` is not told `NEEDS: ${{ toJSON(needs) }}`
                  next: cargo xtask workflows --write
                .github/workflows/xtask-ci.yml:11: `verdict` is not told `PLAN: ${{ needs.plan.outputs.plan }}`
                  next: cargo xtask workflows --write
            "#]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
