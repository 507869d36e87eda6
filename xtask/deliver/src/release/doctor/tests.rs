use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::*;
use crate::release::protocol::forge::Published;

fn whole() -> (Past, Inspected) {
    let past = Past {
        tag: "v1.2.0".to_owned(),
        commit: "aaaa".to_owned(),
        packages: vec![("one".to_owned(), Version::new(1, 2, 0)), ("two".to_owned(), Version::new(1, 2, 0))],
    };
    let published = Published {
        commit: Some("aaaa".to_owned()),
        immutable: true,
        files: BTreeMap::from([("SHA256SUMS".to_owned(), None)]),
        url: String::new(),
    };
    let packages = vec![Registered::There, Registered::Yanked];
    (past, Inspected { commit: Some("aaaa".to_owned()), published: Some(published), packages })
}

#[track_caller]
fn check(change: impl FnOnce(&mut Inspected), expected: Expect) {
    let (past, mut found) = whole();
    change(&mut found);
    let problems: Vec<_> = defects(&past, &found).into_iter().map(|finding| finding.problem).collect();
    expected.assert_eq(&problems.join("\n"));
}

#[test]
fn a_release_is_whole_or_says_what_is_missing() {
    check(|_| {}, expect![""]);
    check(|found| found.commit = None, expect!["the forge has no such tag"]);
    check(
        |found| found.commit = Some("bbbb".to_owned()),
        expect!["the tag leads to bbbb at the forge, and to aaaa here"],
    );
    check(|found| found.published = None, expect!["no release is published"]);
    check(
        |found| found.published.as_mut().unwrap().files.clear(),
        expect!["the published release has no `SHA256SUMS`"],
    );
    check(|found| found.packages[1] = Registered::Missing, expect!["`two` 1.2.0 is not in the registry"]);
}
