//! Rights are given job by job, none on top, each with its reason as a comment; in our files not more than declared.

use super::Context;
use crate::failure::Finding;
use crate::workflows::document::{Document, Job, Origin};
use crate::workflows::model::{Access, Permission};
use crate::workflows::yaml::{Entry, Value};

pub(super) fn check(document: &Document, context: &Context) -> Vec<Finding> {
    let Some(top) = document.top().filter(|_| document.is_workflow()) else { return Vec::new() };
    let mut findings = Vec::new();
    match top.entry("permissions") {
        None => findings.push(Finding::at(
            &document.file,
            1,
            "the workflow does not say which rights it has; the repository's default may be all of them",
            "add `permissions: {}` on top, and to each job what it needs",
        )),
        Some(entry) => findings.extend(check_top(document, entry)),
    }
    for job in document.jobs() {
        if let Some(entry) = job.node.entry("permissions") {
            findings.extend(check_job(document, context, job, entry));
        }
    }
    findings
}

fn check_top(document: &Document, entry: &Entry) -> Option<Finding> {
    let wide = match document.origin {
        Origin::Ours => !entry.node.entries().is_empty() || entry.node.text().is_some(),
        Origin::Foreign => {
            entry.node.text() == Some("write-all")
                || entry.node.entries().iter().any(|scope| scope.node.text() == Some("write"))
        }
    };
    let problem = "every job of the workflow gets these rights, also those that need none";
    wide.then(|| {
        Finding::at(&document.file, entry.line, problem, "write `permissions: {}`, and give each job its own")
    })
}

fn check_job(document: &Document, context: &Context, job: Job, entry: &Entry) -> Vec<Finding> {
    if let Some(word) = entry.node.text() {
        let problem = format!("job `{}` has `{word}`, whatever there will be", job.id);
        let next = "name each right that it needs, with the reason as a comment";
        return vec![Finding::at(&document.file, entry.line, problem, next)];
    }
    let declared = declared(document, context, job.id);
    let scopes = match &entry.node.value {
        Value::Table(scopes) => scopes.as_slice(),
        Value::Nothing | Value::Text(_) | Value::List(_) => &[],
    };
    scopes.iter().filter_map(|scope| check_scope(document, job, scope, declared)).collect()
}

fn check_scope(
    document: &Document,
    job: Job,
    scope: &Entry,
    declared: Option<&[Permission]>,
) -> Option<Finding> {
    let (name, word) = (scope.key.as_str(), scope.node.text().unwrap_or_default());
    let actual = Access::of_word(word).unwrap_or(Access::Write);
    if let Some(declared) = declared {
        let allowed = declared
            .iter()
            .find(|permission| permission.scope == name)
            .map_or(Access::None, |permission| permission.access);
        if actual > allowed {
            let problem =
                format!("job `{}` has `{name}: {word}`, declared is `{name}: {}`", job.id, allowed.word());
            let next = format!(
                "write `{name}: {}`, or declare the right with its reason in the generator",
                allowed.word()
            );
            return Some(Finding::at(&document.file, scope.line, problem, next));
        }
    }
    // Reading what is public anyway needs no explanation in files of others.
    let explained = document.comment_at(scope.line).is_some()
        || (document.origin == Origin::Foreign && actual < Access::Write);
    let problem = format!("job `{}` does not say why it has `{name}: {word}`", job.id);
    (!explained)
        .then(|| Finding::at(&document.file, scope.line, problem, "add the reason as a comment behind it"))
}

/// The rights that the generator declares for a job; None where there is no generator.
fn declared<'a>(document: &Document, context: &Context<'a>, job: &str) -> Option<&'a [Permission]> {
    let generated = context.wanted.iter().find(|generated| generated.file == document.file)?;
    let workflow = generated.workflow.as_ref()?;
    let declared = workflow.jobs.iter().find(|declared| declared.id == job);
    Some(declared.map_or(&[], |job| &job.permissions))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn ours_have_what_is_declared_and_say_why() {
        case::check(
            super::check,
            "permissions: {contents: read}
jobs:
  ci:
    permissions:
      contents: write # to push
      actions: read
      id-token: write # for fun
  other:
    permissions: write-all
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:2: every job of the workflow gets these rights, also those that need none
                  next: write `permissions: {}`, and give each job its own
                .github/workflows/xtask-ci.yml:6: job `ci` has `contents: write`, declared is `contents: read`
                  next: write `contents: read`, or declare the right with its reason in the generator
                .github/workflows/xtask-ci.yml:7: job `ci` does not say why it has `actions: read`
                  next: add the reason as a comment behind it
                .github/workflows/xtask-ci.yml:8: job `ci` has `id-token: write`, declared is `id-token: none`
                  next: write `id-token: none`, or declare the right with its reason in the generator
                .github/workflows/xtask-ci.yml:10: job `other` has `write-all`, whatever there will be
                  next: name each right that it needs, with the reason as a comment
            "#]],
        );
    }

    #[test]
    fn others_are_warned_about_what_is_wide() {
        case::check_at(
            super::check,
            ".github/workflows/theirs.yml",
            "on: push
permissions:
  contents: write
jobs:
  a:
    permissions:
      contents: read
      packages: write
      # to tag the release
      id-token: write
",
            expect![[r#"
                .github/workflows/theirs.yml:2: every job of the workflow gets these rights, also those that need none
                  next: write `permissions: {}`, and give each job its own
                .github/workflows/theirs.yml:8: job `a` does not say why it has `packages: write`
                  next: add the reason as a comment behind it
            "#]],
        );
    }

    #[test]
    fn silence_about_rights_is_a_warning() {
        case::check_at(
            super::check,
            ".github/workflows/theirs.yml",
            "on: push\njobs: {}\n",
            expect![[r#"
                .github/workflows/theirs.yml:1: the workflow does not say which rights it has; the repository's default may be all of them
                  next: add `permissions: {}` on top, and to each job what it needs
            "#]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
