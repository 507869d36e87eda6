//! The pinned version of the toolkit in `release/tools.toml`: written once, moved only when asked.

use toml_edit::{DocumentMut, Item, Table, value};

use crate::failure::{Exit, Failure, Finding, Result};

use super::Wanted;

const FILE: &str = "release/tools.toml";

const HEAD: &str = "\
# The toolkit, in the version that works on this repository, and the tools that steps need.
# `cargo xtask tools install` installs the tools below .xtask/tools; `cargo xtask doctor` says what is missing.

";

/// What the pin is, and what would become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pin {
    /// There is none: the text with it.
    New(String),
    /// It is this version already.
    Same,
    /// It is an older version: which one, and the text with the newer one.
    Older { pinned: String, bumped: String },
    /// It is a newer version, or none that can be compared.
    Other(String),
}

/// Looks for the pin in the text of the file; an empty text is no file.
pub(crate) fn look(text: &str, wanted: &Wanted) -> Result<Pin> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let line = error
            .span()
            .map_or(0, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        let finding = Finding::at(FILE, line, error.message().to_owned(), "correct the line");
        Failure::found(Exit::Usage, format!("`{FILE}` cannot be understood"), vec![finding])
    })?;
    let pinned = document
        .get("xtask")
        .map(|front| front.get("version").and_then(Item::as_str).unwrap_or_default().to_owned());
    let version = wanted.version.to_string();
    if pinned.as_ref() == Some(&version) {
        return Ok(Pin::Same);
    }
    let is_new = text.trim().is_empty();
    let mut front = Table::new();
    front["version"] = value(&version);
    if let Some(source) = wanted.origin.toml() {
        front["source"] = value(source);
    }
    if let Some(before) = document.get("xtask").and_then(Item::as_table) {
        *front.decor_mut() = before.decor().clone();
        front.set_position(before.position());
    }
    document["xtask"] = Item::Table(front);
    if is_new {
        document.decor_mut().set_prefix(HEAD);
    }
    let rendered = document.to_string();
    Ok(match pinned {
        None => Pin::New(rendered),
        Some(pinned) => match semver::Version::parse(&pinned) {
            Ok(before) if before < wanted.version => Pin::Older { pinned, bumped: rendered },
            Ok(_) | Err(_) => Pin::Other(pinned),
        },
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::adopt::origin::Origin;

    #[track_caller]
    fn check(text: &str, origin: Origin, expected: Expect) {
        let wanted = Wanted {
            version: semver::Version::new(0, 2, 0),
            origin,
            alias: "xtask".into(),
            bump: false,
            files: Vec::new(),
        };
        let shown = match look(text, &wanted) {
            Ok(Pin::New(text)) => text,
            Ok(Pin::Older { pinned, bumped }) => format!("older: {pinned}\n{bumped}"),
            Ok(pin) => format!("{pin:?}\n"),
            Err(failure) => format!("{failure}\n"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn no_file_becomes_a_file_with_a_pin() {
        check(
            "",
            Origin::Registry,
            expect![[r##"
            # The toolkit, in the version that works on this repository, and the tools that steps need.
            # `cargo xtask tools install` installs the tools below .xtask/tools; `cargo xtask doctor` says what is missing.

            [xtask]
            version = "0.2.0"
        "##]],
        );
        check(
            "",
            Origin::Path("../toolkit/xtask".into()),
            expect![[r##"
            # The toolkit, in the version that works on this repository, and the tools that steps need.
            # `cargo xtask tools install` installs the tools below .xtask/tools; `cargo xtask doctor` says what is missing.

            [xtask]
            version = "0.2.0"
            source = { path = "../toolkit/xtask" }
        "##]],
        );
        let git = Origin::Git { url: "https://example.org/x.git".into(), rev: "abc".into() };
        check(
            "",
            git,
            expect![[r##"
            # The toolkit, in the version that works on this repository, and the tools that steps need.
            # `cargo xtask tools install` installs the tools below .xtask/tools; `cargo xtask doctor` says what is missing.

            [xtask]
            version = "0.2.0"
            source = { git = "https://example.org/x.git", rev = "abc" }
        "##]],
        );
    }

    #[test]
    fn tools_that_are_declared_stay_as_they_are() {
        check(
            "# ours\n[tools.just]\nversion = \"1.59.0\" # good\ninstall = \"cargo\"\n",
            Origin::Registry,
            expect![[r##"
                # ours
                [tools.just]
                version = "1.59.0" # good
                install = "cargo"

                [xtask]
                version = "0.2.0"
            "##]],
        );
    }

    #[test]
    fn the_same_version_stays_and_a_newer_one_too() {
        check(
            "[xtask]\nversion = \"0.2.0\"\n",
            Origin::Registry,
            expect![[r#"
            Same
        "#]],
        );
        check(
            "[xtask]\nversion = \"0.3.0\"\n",
            Origin::Registry,
            expect![[r#"
            Other("0.3.0")
        "#]],
        );
    }

    #[test]
    fn an_older_version_can_be_moved_and_keeps_its_place() {
        check(
            "# one\n[tools.just]\nversion = \"1.0.0\"\ninstall = \"cargo\"\n\n# two\n[xtask]\nversion = \"0.1.0\"\n\n[tools.typos]\nversion = \"1.0.0\"\ninstall = \"pip\"\n",
            Origin::Registry,
            expect![[r#"
                older: 0.1.0
                # one
                [tools.just]
                version = "1.0.0"
                install = "cargo"

                # two
                [xtask]
                version = "0.2.0"

                [tools.typos]
                version = "1.0.0"
                install = "pip"
            "#]],
        );
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        check(
            "[xtask\n",
            Origin::Registry,
            expect![[r#"
            release/tools.toml:1: unclosed table, expected `]`
              next: correct the line
            error: `release/tools.toml` cannot be understood
        "#]],
        );
    }
}
