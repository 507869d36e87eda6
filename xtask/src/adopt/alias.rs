//! The alias in cargo's configuration: one line, merged into what is there.
//! Source: <https://doc.rust-lang.org/cargo/reference/config.html#alias>.

use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use crate::failure::{Exit, Failure, Finding, Result};
use crate::files;

/// What the alias runs: the installed front, as cargo's subcommand.
pub(crate) const RUNS: &str = "nexus-xtask";

/// The text with the alias in it; `None` when it is there already. An alias of that name that runs something else is a
/// conflict.
pub(crate) fn merge(file: &str, text: &str, alias: &str) -> Result<Option<String>> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let line = error
            .span()
            .map_or(0, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        let finding = Finding::at(file, line, error.message().to_owned(), "correct the line");
        Failure::found(Exit::Usage, format!("`{file}` cannot be understood"), vec![finding])
    })?;
    let table = document.entry("alias").or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = table.as_table_like_mut() else {
        let finding = Finding::at(file, 0, "`alias` is no table", "write `[alias]`");
        return Err(Failure::found(Exit::Usage, format!("`{file}` cannot be understood"), vec![finding]));
    };
    if table.get(alias).is_some_and(runs_the_front) {
        return Ok(None);
    }
    let is_taken = table.contains_key(alias);
    set(table, alias);
    let merged = document.to_string();
    if is_taken {
        return Err(Failure::new(Exit::Conflict, format!("`{alias}` is an alias for something else here"))
            .why(files::diff(file, text, &merged))
            .next("cargo nexus-xtask adopt --alias NAME, with a name that is free"));
    }
    Ok(Some(merged))
}

fn set(table: &mut dyn TableLike, alias: &str) {
    table.insert(alias, value(RUNS));
}

/// Cargo reads a string as words, and a list as words.
fn runs_the_front(item: &Item) -> bool {
    match item.as_array() {
        Some(words) => words.len() == 1 && words.get(0).and_then(|word| word.as_str()) == Some(RUNS),
        None => item.as_str().map(str::trim) == Some(RUNS),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let shown = match merge(".cargo/config.toml", text, "xtask") {
            Ok(Some(merged)) => merged,
            Ok(None) => "nothing to do\n".to_owned(),
            Err(failure) => format!("exit {}\n{failure}\n", failure.exit.code()),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn no_file_becomes_a_file_with_one_alias() {
        check(
            "",
            expect![[r#"
            [alias]
            xtask = "nexus-xtask"
        "#]],
        );
    }

    #[test]
    fn what_is_there_keeps_its_form() {
        check(
            "# ours\n[build]\njobs = 4 # few\n\n[alias] # short\nb   = \"build\"\n\n[net]\nretry = 1\n",
            expect![[r##"
                # ours
                [build]
                jobs = 4 # few

                [alias] # short
                b   = "build"
                xtask = "nexus-xtask"

                [net]
                retry = 1
            "##]],
        );
        check(
            "alias = { b = \"build\" }\n",
            expect![[r#"
            alias = { b = "build" , xtask = "nexus-xtask" }
        "#]],
        );
        check(
            "alias.b = \"build\"\n",
            expect![[r#"
            alias.b = "build"
            alias.xtask = "nexus-xtask"
        "#]],
        );
    }

    #[test]
    fn the_same_alias_is_nothing_to_do() {
        check(
            "[alias]\nxtask = \"nexus-xtask\"\n",
            expect![[r#"
            nothing to do
        "#]],
        );
        check(
            "[alias]\nxtask = [\"nexus-xtask\"]\n",
            expect![[r#"
            nothing to do
        "#]],
        );
    }

    #[test]
    fn another_alias_is_a_conflict_with_its_difference() {
        check(
            "[alias]\nxtask = \"run --package xtask --\"\n",
            expect![[r#"
            exit 4
            error: `xtask` is an alias for something else here
              why:  --- .cargo/config.toml (there)
                    +++ .cargo/config.toml (wanted)
                    @@ -1,2 +1,2 @@
                     [alias]
                    -xtask = "run --package xtask --"
                    +xtask = "nexus-xtask"
              next: cargo nexus-xtask adopt --alias NAME, with a name that is free
        "#]],
        );
        check(
            "[alias]\nxtask = [\"run\", \"--package\", \"xtask\"]\n",
            expect![[r#"
            exit 4
            error: `xtask` is an alias for something else here
              why:  --- .cargo/config.toml (there)
                    +++ .cargo/config.toml (wanted)
                    @@ -1,2 +1,2 @@
                     [alias]
                    -xtask = ["run", "--package", "xtask"]
                    +xtask = "nexus-xtask"
              next: cargo nexus-xtask adopt --alias NAME, with a name that is free
        "#]],
        );
    }

    #[test]
    fn what_is_no_configuration_is_told_with_its_line() {
        check(
            "[build]\njobs = \n",
            expect![[r#"
            exit 2
            .cargo/config.toml:2: string values must be quoted, expected literal string
              next: correct the line
            error: `.cargo/config.toml` cannot be understood
        "#]],
        );
        check(
            "alias = 1\n",
            expect![[r#"
            exit 2
            .cargo/config.toml: `alias` is no table
              next: write `[alias]`
            error: `.cargo/config.toml` cannot be understood
        "#]],
        );
    }
}
