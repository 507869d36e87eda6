//! `release/tidy.toml`: what the house rules must be told.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

/// The file, as people see it.
pub(super) const NAME: &str = "release/tidy.toml";

/// The house rules of this repository
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "release/tidy.toml")]
pub(super) struct Config {
    /// Which module plays which part.
    pub(super) house: House,
    /// What a commit's subject looks like.
    pub(super) commits: Commits,
    /// What the package that everybody compiles may depend on.
    pub(super) front: Front,
    /// How long a function and a file may be.
    pub(super) sizes: Sizes,
}

/// Which module plays which part.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct House {
    /// Top-level modules that everybody may use. Each one that is neither here nor in `free` is a domain.
    pub(super) spine: Vec<String>,
    /// Top-level modules that may use everything: the command line, and what tests alone use.
    pub(super) free: Vec<String>,
    /// Names of files that take values and return values, and touch no door.
    pub(super) pure: Vec<String>,
}

/// What a commit's subject looks like: `area: what changes`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Commits {
    /// The areas. The list is closed.
    pub(super) areas: Vec<String>,
}

/// What the package that everybody compiles may depend on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Front {
    /// The package.
    pub(super) package: String,
    /// A build compiles fewer packages than this, itself included.
    pub(super) packages_below: usize,
    /// Packages that a build never compiles.
    pub(super) forbidden: Vec<String>,
}

/// How long a function and a file may be, and which ones are longer. An exception is exactly as large as needed, so the
/// list can only shrink.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sizes {
    /// Lines of a function, from `fn` to the closing brace.
    pub(super) function_lines_max: usize,
    /// Lines of a file.
    pub(super) file_lines_max: usize,
    /// Longer functions, as `path::name`, with their lines.
    pub(super) functions: BTreeMap<String, usize>,
    /// Longer files, by path, with their lines.
    pub(super) files: BTreeMap<String, usize>,
}

/// The JSON schema of the file.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Config)
}

pub(super) fn load(workspace: &Workspace) -> Result<Config> {
    let text = files::read_text(&workspace.declared("tidy"))?.unwrap_or_default();
    parse(&text).map_err(|findings| {
        Failure::found(Exit::Usage, "`release/tidy.toml` cannot be used", findings)
            .see("docs/CONTRIBUTING.md")
    })
}

pub(super) fn parse(text: &str) -> std::result::Result<Config, Vec<Finding>> {
    let config: Config = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        vec![Finding::at(NAME, before.matches('\n').count() + 1, error.message(), "")]
    })?;
    let lists = [
        ("house.spine", &config.house.spine),
        ("house.free", &config.house.free),
        ("house.pure", &config.house.pure),
        ("commits.areas", &config.commits.areas),
        ("front.forbidden", &config.front.forbidden),
    ];
    let mut findings = Vec::new();
    for (key, list) in lists {
        for (index, name) in list.iter().enumerate() {
            if list[..index].contains(name) {
                findings.push(Finding::at(
                    NAME,
                    0,
                    format!("`{key}` names `{name}` twice"),
                    "remove one of them",
                ));
            }
        }
    }
    if findings.is_empty() { Ok(config) } else { Err(findings) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_file_is_refused_with_its_line() {
        let findings = parse("[house]\nspine = []\n\n[comits]\nareas = []\n").unwrap_err();
        expect_test::expect![[
            "release/tidy.toml:4: unknown field `comits`, expected one of `house`, `commits`, `front`, `sizes`"
        ]]
        .assert_eq(&findings[0].to_string());
    }

    #[test]
    fn a_name_twice_is_refused_every_time() {
        let findings = parse("[house]\nspine = ['a', 'a']\npure = ['plan', 'plan']\n").unwrap_err();
        assert_eq!(findings.len(), 2);
    }
}
