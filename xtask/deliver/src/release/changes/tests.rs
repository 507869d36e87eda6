use expect_test::{Expect, expect};

use super::*;
use crate::release::facts::Package;

fn facts() -> Facts {
    let package = |name: &str| Package {
        name: name.to_owned(),
        version: semver::Version::new(1, 0, 0),
        folder: name.to_owned(),
        registries: None,
        repository: None,
        binaries: Vec::new(),
        library: true,
        dependencies: Vec::new(),
    };
    Facts { packages: vec![package("alpha"), package("beta-x")], ..Facts::default() }
}

#[track_caller]
fn check(text: &str, expected: Expect) {
    let said = match parse("release/changes/a.md", text, &facts()) {
        Ok(change) => {
            let asked: Vec<_> =
                change.packages.iter().map(|(name, bump)| format!("{name}={}", bump.word())).collect();
            format!("{}\n{}\n", asked.join(" "), change.text)
        }
        Err(findings) => {
            findings.iter().map(|finding| format!("{}: {}\n", finding.line, finding.problem)).collect()
        }
    };
    expected.assert_eq(&said);
}

#[test]
fn a_change_file_says_packages_and_text() {
    check(
        "---\nalpha: minor\n\"beta-x\": patch\n---\n\n# Dates are read\n\nMore.\n",
        expect![[r#"
        alpha=minor beta-x=patch
        Dates are read

        More.
    "#]],
    );
    check(
        "---\r\nalpha: major\r\n---\r\nGone.\r\n",
        expect![[r#"
        alpha=major
        Gone.
    "#]],
    );
}

#[test]
fn everything_that_is_wrong_is_said_with_its_line() {
    check(
        "Dates are read\n",
        expect![[r#"
        1: it does not say which packages it changes
    "#]],
    );
    check(
        "---\nalpha: huge\ngamma: minor\n---\n",
        expect![[r#"
        2: `huge` is not `patch`, `minor` or `major`
        3: no package of the workspace is named `gamma`
        0: it does not say what changed
    "#]],
    );
    check(
        "---\n---\nx\n",
        expect![[r#"
        1: it does not say which packages it changes
    "#]],
    );
    check(
        "---\n- alpha\n---\nx\n",
        expect![[r#"
        2: it does not say which packages it changes
    "#]],
    );
    check(
        "---\nalpha: [minor\n---\nx\n",
        expect![[r#"
        3: while parsing a flow sequence, expected ',' or ']'
    "#]],
    );
}
