//! A case of a rule: the text of a file, and the findings as text.

use expect_test::Expect;

use super::super::document::Document;
use super::super::tests::whole;
use super::super::{CI, Front, HEADER, parts, wanted};
use super::Context;
use crate::failure::Finding;

/// Checks a workflow of ours that has this text after the header, under the name of the generated CI workflow.
#[track_caller]
pub(super) fn check(rule: fn(&Document, &Context) -> Vec<Finding>, text: &str, expected: Expect) {
    check_at(rule, CI, &format!("{HEADER}\n{text}"), expected);
}

/// Checks a file of any name and origin.
#[track_caller]
pub(super) fn check_at(
    rule: fn(&Document, &Context) -> Vec<Finding>,
    file: &str,
    text: &str,
    expected: Expect,
) {
    let config = whole();
    let documents = [Document::new(file, text)];
    let context = Context {
        jobs: &["lint".to_owned(), "test".to_owned()],
        wanted: &wanted(&config, &Front::Here),
        bootstrap: &parts::bootstrap(&Front::Here),
        documents: &documents,
    };
    let shown: String = rule(&documents[0], &context).iter().map(|finding| format!("{finding}\n")).collect();
    expected.assert_eq(&shown);
}

/// Every generated file passes a rule.
#[track_caller]
pub(super) fn passes_on_what_is_generated(rule: fn(&Document, &Context) -> Vec<Finding>) {
    let config = whole();
    let wanted = wanted(&config, &Front::Here);
    let documents: Vec<_> = wanted.iter().map(|file| Document::new(file.file, file.text.clone())).collect();
    let context = Context {
        jobs: &["lint".to_owned(), "test".to_owned()],
        wanted: &wanted,
        bootstrap: &parts::bootstrap(&Front::Here),
        documents: &documents,
    };
    let findings: Vec<_> = documents.iter().flat_map(|document| rule(document, &context)).collect();
    assert_eq!(findings, []);
}
