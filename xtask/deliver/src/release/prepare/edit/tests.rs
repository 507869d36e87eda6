use expect_test::{Expect, expect};

use super::*;

/// Edits a manifest for `one` 0.2.0 and `two` 1.3.2, and shows the lines that differ.
#[track_caller]
fn check(text: &str, expected: Expect) {
    let (one, two) = (Version::new(0, 2, 0), Version::new(1, 3, 2));
    let new = New { packages: [("one", &one), ("two", &two)].into(), inherited: Some(&one) };
    let manifest = Manifest::parse("a/Cargo.toml".to_owned(), text.to_owned()).unwrap();
    match manifest.with(&new) {
        Ok(edited) => {
            assert_eq!(edited.split('\n').count(), text.split('\n').count());
            let differing = text.split('\n').zip(edited.split('\n')).filter(|(old, new)| old != new);
            let shown: String = differing.map(|(_, new)| format!("{new:?}\n")).collect();
            expected.assert_eq(&shown);
        }
        Err(findings) => {
            expected.assert_eq(&findings.iter().map(|finding| format!("{finding}\n")).collect::<String>());
        }
    }
}

#[test]
fn every_place_that_names_a_version_is_edited_and_nothing_else() {
    check(
        r#"# A comment.
[package]
name    = 'one'   # kept
version = '0.1.0' # kept too
description = "0.1.0"

[workspace.package]
version = "0.1.0"

[workspace.dependencies]
one = { path = "one", version = "0.1" }
two = { version = "1.2.9", path = "two", features = [ "a" ] } # why

[dependencies]
serde = "1"
one = "0.1"
renamed = { package = "two", path = "../two", version = "=1.2.9" }
other = { path = "../other", version = "1.2.9" }

[dependencies.two]
path = "../two"
version = "1"

[dev-dependencies]
one = { path = "../one" }

[build-dependencies]
one = { path = "../one", version = "~0.1.0" }

[target.'cfg(unix)'.dependencies]
two = { path = "../two", version = "^ 1.2" }

[target.x86_64-unknown-linux-gnu.dev-dependencies]
t.path = "../two"
t.package = "two"
t.version = "1.2.*"
"#,
        expect![[r#"
            "version = '0.2.0' # kept too"
            "version = \"0.2.0\""
            "one = { path = \"one\", version = \"0.2\" }"
            "two = { version = \"1.3.2\", path = \"two\", features = [ \"a\" ] } # why"
            "renamed = { package = \"two\", path = \"../two\", version = \"=1.3.2\" }"
            "version = \"1.3.2\""
            "one = { path = \"../one\", version = \"~0.2.0\" }"
            "two = { path = \"../two\", version = \"^ 1.3.2\" }"
            "t.version = \"1.3.*\""
        "#]],
    );
}

#[test]
fn an_inherited_version_stays_inherited() {
    check("[package]\nname = \"one\"\nversion.workspace = true\n", expect![[""]]);
    check("[package]\nname = \"one\"\nversion = { workspace = true }\n", expect![[""]]);
    check(
        "[package]\r\nname = \"one\"\r\nversion = \"0.1.0\"\r\n",
        expect![[r#"
        "version = \"0.2.0\"\r"
    "#]],
    );
}

#[test]
fn a_requirement_that_cannot_be_raised_without_guessing_is_named_with_its_line() {
    check(
        "[dependencies]\none = { path = \"../one\", version = \">=0.1, <0.2\" }\ntwo = { path = \"../two\", version = \"one\" }\n",
        expect![[r#"
            a/Cargo.toml:2: `one` asks for `>=0.1, <0.2`, and `one` becomes 0.2.0: they do not fit
              next: write a requirement that 0.2.0 meets, for example `version = "0.2.0"`
            a/Cargo.toml:3: `two` asks for `one`, and `two` becomes 1.3.2: it cannot be read
              next: write a requirement that 1.3.2 meets, for example `version = "1.3.2"`
        "#]],
    );
}

#[test]
fn requirements_keep_their_form_and_never_admit_less_than_the_new_version() {
    let cases = [
        ("1", "2.0.0"),
        ("1", "1.3.0"),
        ("1", "1.3.2"),
        ("1.2", "2.0.0"),
        ("1.2.0", "2.0.0"),
        ("=1.2.0", "1.3.0"),
        ("= 1.2", "1.3.0"),
        ("~1.2", "1.3.0"),
        ("~1.2", "1.3.1"),
        ("^0.1", "0.2.0-rc.1"),
        ("0.2.0-rc.1", "0.2.0"),
        ("*", "2.0.0"),
        ("1.*", "1.9.0"),
        ("1.*", "2.0.0"),
        ("1.2.*", "2.1.0"),
        (">=1", "2.0.0"),
        (">=1, <3", "2.0.0"),
        (">=1, <2", "2.0.0"),
        ("1.2.0", "1.2.0"),
        ("<1", "1.0.0"),
    ];
    let shown: String = cases
        .iter()
        .map(|(old, to)| format!("{old} | {to} | {:?}\n", requirement(old, &to.parse().unwrap())))
        .collect();
    expect![[r#"
        1 | 2.0.0 | Ok(Some("2"))
        1 | 1.3.0 | Ok(Some("1.3"))
        1 | 1.3.2 | Ok(Some("1.3.2"))
        1.2 | 2.0.0 | Ok(Some("2.0"))
        1.2.0 | 2.0.0 | Ok(Some("2.0.0"))
        =1.2.0 | 1.3.0 | Ok(Some("=1.3.0"))
        = 1.2 | 1.3.0 | Ok(Some("= 1.3.0"))
        ~1.2 | 1.3.0 | Ok(Some("~1.3"))
        ~1.2 | 1.3.1 | Ok(Some("~1.3.1"))
        ^0.1 | 0.2.0-rc.1 | Ok(Some("^0.2.0-rc.1"))
        0.2.0-rc.1 | 0.2.0 | Ok(Some("0.2.0"))
        * | 2.0.0 | Ok(None)
        1.* | 1.9.0 | Ok(None)
        1.* | 2.0.0 | Ok(Some("2.*"))
        1.2.* | 2.1.0 | Ok(Some("2.1.*"))
        >=1 | 2.0.0 | Ok(None)
        >=1, <3 | 2.0.0 | Ok(None)
        >=1, <2 | 2.0.0 | Err("they do not fit")
        1.2.0 | 1.2.0 | Ok(None)
        <1 | 1.0.0 | Err("they do not fit")
    "#]]
    .assert_eq(&shown);
}

#[test]
fn a_manifest_that_is_no_toml_is_named_with_its_line() {
    let finding = Manifest::parse("Cargo.toml".to_owned(), "[package]\nname = \n".to_owned()).unwrap_err();
    assert_eq!((finding.file.as_str(), finding.line), ("Cargo.toml", 2));
}
