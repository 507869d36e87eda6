//! A file that is no YAML is checked by nobody, and GitHub does not run it.

use super::Context;
use crate::failure::Finding;
use crate::workflows::document::Document;

pub(super) fn check(document: &Document, _: &Context) -> Vec<Finding> {
    let unreadable = document.root.as_ref().err();
    let finding = unreadable.map(|unreadable| {
        let problem = format!("is no YAML: {}", unreadable.why);
        Finding::at(
            &document.file,
            unreadable.line,
            problem,
            "correct the line; nothing else in it was checked",
        )
    });
    finding.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::case;

    #[test]
    fn broken_text_is_named() {
        case::check(
            super::check,
            "jobs:\n  a: [\n",
            expect![[r#"
            .github/workflows/xtask-ci.yml:4: is no YAML: while parsing a node, did not find expected node content
              next: correct the line; nothing else in it was checked
        "#]],
        );
    }

    #[test]
    fn what_is_generated_passes() {
        case::passes_on_what_is_generated(super::check);
    }
}
