//! A checkout does not leave the job's token in the work tree, where every later step and every uploaded artifact
//! would find it.

use super::Context;
use crate::failure::Finding;
use crate::workflows::document::Document;

pub(super) fn check(document: &Document, _: &Context) -> Vec<Finding> {
    let steps = document.steps().into_iter();
    let checkouts =
        steps.filter(|step| step.text_at("uses").is_some_and(|uses| uses.starts_with("actions/checkout@")));
    checkouts
        .filter(|step| step.at("with").and_then(|with| with.text_at("persist-credentials")) != Some("false"))
        .map(|step| {
            Finding::at(
                &document.file,
                step.entry("uses").map_or(step.line, |entry| entry.line),
                "the checkout leaves the job's token in the work tree",
                "give it `with: { persist-credentials: false }`",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn a_kept_token_is_named() {
        case::check(
            super::check,
            "jobs:
  a:
    steps:
      - uses: actions/checkout@v7
      - uses: actions/checkout@v7
        with:
          persist-credentials: true
      - uses: actions/checkout@v7
        with:
          persist-credentials: false
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:5: the checkout leaves the job's token in the work tree
                  next: give it `with: { persist-credentials: false }`
                .github/workflows/xtask-ci.yml:6: the checkout leaves the job's token in the work tree
                  next: give it `with: { persist-credentials: false }`
            "#]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
