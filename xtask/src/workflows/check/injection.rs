//! `${{ }}` inside `run` is pasted into the script before any shell reads it: a branch name can become a command.

use super::Context;
use crate::failure::Finding;
use crate::workflows::document::Document;

pub(super) fn check(document: &Document, _: &Context) -> Vec<Finding> {
    let runs = document.steps().into_iter().filter_map(|step| step.entry("run"));
    let pasted = runs.filter(|entry| entry.node.text().is_some_and(|text| text.contains("${{")));
    pasted
        .map(|entry| {
            Finding::at(
                &document.file,
                document.line_with(entry.line, "${{"),
                "an expression is pasted into a script",
                "give it to the step as a variable: `env: { VALUE: ${{ ... }} }`, and write \"$VALUE\" in the script",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn the_line_of_the_expression_is_named() {
        case::check(
            super::check,
            "jobs:
  a:
    steps:
      - run: |
          true
          echo ${{ github.head_ref }}
      - run: echo \"$NAME\"
        env:
          NAME: ${{ github.head_ref }}
",
            expect![[r#"
                .github/workflows/xtask-ci.yml:7: an expression is pasted into a script
                  next: give it to the step as a variable: `env: { VALUE: ${{ ... }} }`, and write "$VALUE" in the script
            "#]],
        );
    }

    #[test]
    fn an_action_is_read_too() {
        case::check_at(
            super::check,
            ".github/actions/theirs/action.yml",
            "runs:\n  using: composite\n  steps:\n    - run: echo ${{ inputs.x }}\n      shell: bash\n",
            expect![[r#"
                .github/actions/theirs/action.yml:4: an expression is pasted into a script
                  next: give it to the step as a variable: `env: { VALUE: ${{ ... }} }`, and write "$VALUE" in the script
            "#]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
