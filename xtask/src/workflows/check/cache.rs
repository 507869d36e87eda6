//! A job with secrets, an environment or a right to write restores no cache: what an earlier run wrote there would
//! run with these rights.

use super::Context;
use crate::failure::Finding;
use crate::workflows::ACTION;
use crate::workflows::document::{Document, Job};
use crate::workflows::yaml::Node;

pub(super) fn check(document: &Document, _: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    for job in document.jobs() {
        let Some(power) = power(job) else { continue };
        for step in job.steps().iter().filter(|step| restores(step)) {
            findings.push(Finding::at(
                &document.file,
                step.entry("uses").map_or(step.line, |entry| entry.line),
                format!("job `{}` has {power}, and restores a cache", job.id),
                "give the step `with: { cache: none }`, or do the work of the cache in another job",
            ));
        }
    }
    findings
}

/// What a job can do that a cache must not reach.
pub(super) fn power(job: Job) -> Option<String> {
    if job.node.at("environment").is_some() {
        return Some("an environment".to_owned());
    }
    let scopes = job.node.at("permissions").map(Node::entries).unwrap_or_default();
    if let Some(scope) = scopes.iter().find(|scope| scope.node.text() == Some("write")) {
        return Some(format!("`{}: write`", scope.key));
    }
    if job.node.text_at("permissions") == Some("write-all") {
        return Some("every right".to_owned());
    }
    let secret = |text: &str| text.contains("secrets.") && text.contains("${{");
    job.node.any_text(&secret).then(|| "secrets".to_owned())
}

pub(super) fn restores(step: &Node) -> bool {
    let uses = step.text_at("uses").unwrap_or_default();
    let refused = step.at("with").and_then(|with| with.text_at("cache")) == Some("none");
    uses.starts_with("actions/cache@")
        || uses.starts_with("actions/cache/restore@")
        || uses.starts_with("Swatinem/rust-cache@")
        || (uses == ACTION && !refused)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn power_and_caches_exclude_each_other() {
        case::check(
            super::check,
            "jobs:
  secret:
    steps:
      - uses: ./.github/actions/xtask
      - run: cargo xtask publish
        env:
          TOKEN: ${{ secrets.TOKEN }}
  environment:
    environment: production
    steps:
      - uses: actions/cache/restore@55cc8345863c7cc4c66a329aec7e433d2d1c52a9 # v6.1.0
  writer:
    permissions:
      contents: write # to tag
    steps:
      - uses: ./.github/actions/xtask
        with:
          cache: none
  reader:
    permissions:
      contents: read # to check out
    steps:
      - uses: ./.github/actions/xtask
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:5: job `secret` has secrets, and restores a cache
                  next: give the step `with: { cache: none }`, or do the work of the cache in another job
                .github/workflows/xtask-ci.yml:12: job `environment` has an environment, and restores a cache
                  next: give the step `with: { cache: none }`, or do the work of the cache in another job
            "#]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
