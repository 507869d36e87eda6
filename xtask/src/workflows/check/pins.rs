//! An action of others is pinned by its full commit, with its version as a comment on the same line: a tag can be
//! moved to other code, and a comment elsewhere is not kept by bots.

use super::Context;
use crate::failure::Finding;
use crate::workflows::config::{is_commit, is_version, repository};
use crate::workflows::document::Document;
use crate::workflows::yaml::Node;

pub(super) fn check(document: &Document, _: &Context) -> Vec<Finding> {
    let jobs = document.jobs();
    let used = jobs.iter().map(|job| job.node).chain(document.steps());
    used.filter_map(|node| problem(document, node)).collect()
}

fn problem(document: &Document, node: &Node) -> Option<Finding> {
    let entry = node.entry("uses")?;
    let used = entry.node.text()?;
    // `./` and `$/` are files of this repository, at this very commit.
    if used.starts_with("./") || used.starts_with("$/") {
        return None;
    }
    if let Some(image) = used.strip_prefix("docker://") {
        let next = "name the image by its digest: `docker://image@sha256:...`";
        let problem = format!("`{image}` is not pinned by its digest");
        return (!image.contains("@sha256:")).then(|| Finding::at(&document.file, entry.line, problem, next));
    }
    let (action, reference) = used.split_once('@').unwrap_or((used, ""));
    let tags = format!("git ls-remote --tags https://github.com/{}", repository(action));
    if !is_commit(reference) {
        let problem = format!("`{used}` is not pinned by a full commit");
        let next = format!("pin it as `{action}@<40 digits> # v1.2.3`; `{tags}` shows both");
        return Some(Finding::at(&document.file, entry.line, problem, next));
    }
    let version = document.line(entry.line).split_once(" #").map(|(_, comment)| comment.trim());
    if !version.is_some_and(is_version) {
        let problem = format!("the pin of `{action}` does not say its version");
        let next = format!("add ` # v1.2.3` behind it; `{tags}` shows which one it is");
        return Some(Finding::at(&document.file, entry.line, problem, next));
    }
    None
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn tags_short_commits_and_missing_versions_are_refused() {
        case::check(
            super::check,
            "jobs:
  a:
    steps:
      - uses: actions/checkout@v7
      - uses: actions/checkout@3d3c42e
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # latest
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: ./.github/actions/xtask
      - uses: docker://alpine:3
      - uses: docker://alpine@sha256:0000
  b:
    uses: owner/name/.github/workflows/x.yml@main
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:14: `owner/name/.github/workflows/x.yml@main` is not pinned by a full commit
                  next: pin it as `owner/name/.github/workflows/x.yml@<40 digits> # v1.2.3`; `git ls-remote --tags https://github.com/owner/name` shows both
                .github/workflows/xtask-ci.yml:5: `actions/checkout@v7` is not pinned by a full commit
                  next: pin it as `actions/checkout@<40 digits> # v1.2.3`; `git ls-remote --tags https://github.com/actions/checkout` shows both
                .github/workflows/xtask-ci.yml:6: `actions/checkout@3d3c42e` is not pinned by a full commit
                  next: pin it as `actions/checkout@<40 digits> # v1.2.3`; `git ls-remote --tags https://github.com/actions/checkout` shows both
                .github/workflows/xtask-ci.yml:7: the pin of `actions/checkout` does not say its version
                  next: add ` # v1.2.3` behind it; `git ls-remote --tags https://github.com/actions/checkout` shows which one it is
                .github/workflows/xtask-ci.yml:8: the pin of `actions/checkout` does not say its version
                  next: add ` # v1.2.3` behind it; `git ls-remote --tags https://github.com/actions/checkout` shows which one it is
                .github/workflows/xtask-ci.yml:11: `alpine:3` is not pinned by its digest
                  next: name the image by its digest: `docker://image@sha256:...`
            "#]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
