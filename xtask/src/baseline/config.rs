//! `release/baseline.toml`: how many findings were there, by package and lint.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml_edit::{DocumentMut, Item, Table, value};

use crate::failure::{Exit, Failure, Finding, Result};
use crate::files;
use crate::workspace::Workspace;

use super::facts::Kind;

/// The file, as people and findings name it.
pub(crate) const FILE: &str = "release/baseline.toml";

const HEAD: &str = "\
# Findings that were there when the toolkit was adopted, counted by package and lint.
# The numbers may only become lower: `cargo xtask baseline update` lowers them. Without this file
# every finding is an error.

";

/// Number of findings by package, then by lint.
pub(crate) type Counts = BTreeMap<String, BTreeMap<String, u64>>;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Baseline {
    /// The compiler that the numbers were counted with: another one has other lints.
    pub(crate) compiler: Option<String>,
    /// True where the benches need a nightly compiler: clippy leaves them out.
    pub(crate) benches_need_nightly: bool,
    /// Findings of `cargo clippy`.
    pub(crate) clippy: Counts,
    /// Findings of `cargo doc`.
    pub(crate) doc: Counts,
}

impl Baseline {
    pub(crate) fn of(&self, kind: Kind) -> &Counts {
        match kind {
            Kind::Clippy => &self.clippy,
            Kind::Doc => &self.doc,
        }
    }

    pub(crate) fn of_mut(&mut self, kind: Kind) -> &mut Counts {
        match kind {
            Kind::Clippy => &mut self.clippy,
            Kind::Doc => &mut self.doc,
        }
    }

    /// The numbers alone.
    pub(crate) fn counts(&self) -> [&Counts; 2] {
        Kind::ALL.map(|kind| self.of(kind))
    }

    /// True when findings of this kind are counted although there is none: clippy must know which targets to leave out.
    fn is_counted(&self, kind: Kind) -> bool {
        self.benches_need_nightly && kind == Kind::Clippy && self.clippy.values().all(BTreeMap::is_empty)
    }

    /// True when the file would say nothing that a missing one does not.
    pub(crate) fn is_empty(&self) -> bool {
        !self.benches_need_nightly
            && self.counts().iter().all(|counts| counts.values().all(BTreeMap::is_empty))
    }
}

/// The JSON schema of the file.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Baseline)
}

/// Reads the file; `None` where there is none.
pub(crate) fn load(workspace: &Workspace) -> Result<Option<Baseline>> {
    let Some(text) = files::read_text(&workspace.declared("baseline"))? else { return Ok(None) };
    parse(&text)
        .map(Some)
        .map_err(|finding| Failure::found(Exit::Usage, format!("{FILE} cannot be understood"), vec![finding]))
}

fn parse(text: &str) -> std::result::Result<Baseline, Finding> {
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map_or(0, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        Finding::at(FILE, line, error.message(), format!("git checkout -- {FILE}, or correct the line"))
    })
}

/// The text of the file.
pub(crate) fn render(baseline: &Baseline) -> String {
    let mut document = DocumentMut::new();
    document.decor_mut().set_prefix(HEAD);
    if let Some(compiler) = &baseline.compiler {
        document["compiler"] = value(compiler.as_str());
    }
    if baseline.benches_need_nightly {
        document["benches_need_nightly"] = value(true);
    }
    for kind in Kind::ALL {
        let mut packages = Table::new();
        // A table that is there says that this kind is counted, also when there is nothing in it.
        packages.set_implicit(!baseline.is_counted(kind));
        for (package, lints) in baseline.of(kind).iter().filter(|(_, lints)| !lints.is_empty()) {
            let mut table = Table::new();
            for (lint, count) in lints {
                // A number of findings that does not fit would take longer to count than the sun shines.
                table[lint] = value(i64::try_from(*count).unwrap_or(i64::MAX));
            }
            packages[package] = Item::Table(table);
        }
        if baseline.is_counted(kind) || !packages.is_empty() {
            document[kind.word()] = Item::Table(packages);
        }
    }
    document.to_string()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn counts(all: &[(&str, &str, u64)]) -> Counts {
        let mut counts = Counts::new();
        for (package, lint, count) in all {
            counts.entry((*package).into()).or_default().insert((*lint).into(), *count);
        }
        counts
    }

    #[test]
    fn what_is_written_is_read_again() {
        let baseline = Baseline {
            compiler: Some("rustc 1.95.0".into()),
            benches_need_nightly: true,
            clippy: counts(&[
                ("one", "clippy::needless_return", 3),
                ("one", "dead_code", 1),
                ("two.x", "a", 9),
            ]),
            doc: counts(&[("one", "rustdoc::bare_urls", 1)]),
        };
        let text = render(&baseline);
        expect![[r##"
            # Findings that were there when the toolkit was adopted, counted by package and lint.
            # The numbers may only become lower: `cargo xtask baseline update` lowers them. Without this file
            # every finding is an error.

            compiler = "rustc 1.95.0"
            benches_need_nightly = true

            [clippy.one]
            "clippy::needless_return" = 3
            dead_code = 1

            [clippy."two.x"]
            a = 9

            [doc.one]
            "rustdoc::bare_urls" = 1
        "##]]
        .assert_eq(&text);
        assert_eq!(parse(&text).unwrap(), baseline);
    }

    #[test]
    fn benches_that_need_nightly_make_clippy_a_counted_kind() {
        let baseline = Baseline { benches_need_nightly: true, ..Baseline::default() };
        let text = render(&baseline);
        expect![[r#"
            benches_need_nightly = true

            [clippy]
        "#]]
        .assert_eq(text.trim_start_matches(HEAD));
        assert_eq!(parse(&text).unwrap(), baseline);
    }

    #[test]
    fn a_number_that_is_none_is_told_with_its_line() {
        let finding = parse("[clippy.one]\n\"dead_code\" = -1\n").unwrap_err();
        expect![[r#"
            release/baseline.toml:2: invalid value: integer `-1`, expected u64
              next: git checkout -- release/baseline.toml, or correct the line"#]]
        .assert_eq(&finding.to_string());
    }
}
