//! `release/tools.toml`: which tools steps need, in which version, and who installs them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::failure::{Exit, Failure, Finding, Result};
use crate::files;
use crate::workspace::Workspace;

/// The file, as people and findings name it.
pub(crate) const FILE: &str = "release/tools.toml";

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Declared {
    /// The toolkit itself, where another repository adopted it.
    pub(crate) xtask: Option<Front>,
    /// The tools by name.
    #[serde(default)]
    pub(crate) tools: BTreeMap<String, Tool>,
}

/// The pinned version of the toolkit, and where to get it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Front {
    /// The exact version.
    pub(crate) version: String,
    /// Where the version comes from.
    #[serde(default)]
    pub(crate) source: FrontSource,
}

/// Where the toolkit comes from. No key at all means the default package registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrontSource {
    /// A folder, relative to the workspace root.
    pub(crate) path: Option<String>,
    /// The address of a git repository.
    pub(crate) git: Option<String>,
    /// The commit in it.
    pub(crate) rev: Option<String>,
}

/// One tool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tool {
    /// The exact version. May be left out for a tool of the system: then any version will do.
    pub(crate) version: Option<String>,
    /// Who installs it.
    pub(crate) install: Install,
    /// The package that has it; the tool's name where nothing is said.
    pub(crate) package: Option<String>,
    /// The program it provides; the tool's name where nothing is said.
    pub(crate) program: Option<String>,
    /// The arguments that make the program say its version; `["--version"]` where nothing is said.
    pub(crate) ask: Option<Vec<String>>,
    /// For a tool of the system: the command that a person runs to install it.
    pub(crate) command: Option<String>,
    /// True when the work can be done without it.
    #[serde(default)]
    pub(crate) optional: bool,
}

/// Who installs a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Install {
    /// `cargo install --locked`, into `.xtask/tools`.
    Cargo,
    /// pip, into a virtual environment of its own below `.xtask/tools`.
    Pip,
    /// npm, into a folder of its own below `.xtask/tools`.
    Npm,
    /// A person, with the package manager of the system.
    System,
}

impl Install {
    /// The word in the file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Install::Cargo => "cargo",
            Install::Pip => "pip",
            Install::Npm => "npm",
            Install::System => "system",
        }
    }
}

/// The JSON schema of the file.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Declared)
}

/// The file with the place of each entry, so that every problem can name its line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Placed {
    xtask: Option<Spanned<toml::Value>>,
    #[serde(default)]
    tools: BTreeMap<String, Spanned<toml::Value>>,
}

/// Reads the file of a workspace; no file declares no tools.
pub(crate) fn load(workspace: &Workspace) -> Result<Declared> {
    let Some(text) = files::read_text(&workspace.declared("tools"))? else {
        return Ok(Declared::default());
    };
    parse(&text).map_err(|findings| {
        Failure::found(Exit::Usage, format!("{FILE} declares something that cannot be done"), findings)
    })
}

/// Reads the text of the file, or says everything that is wrong with it.
pub(crate) fn parse(text: &str) -> std::result::Result<Declared, Vec<Finding>> {
    let placed: Placed = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(0, |span| line_at(text, span.start));
        vec![Finding::at(FILE, line, error.message(), format!("edit line {line} of {FILE}"))]
    })?;
    let mut findings = Vec::new();
    let mut declared = Declared::default();
    if let Some(front) = placed.xtask {
        let line = line_at(text, front.span().start);
        declared.xtask = read_entry(front.into_inner(), "xtask", line, &mut findings);
        if let Some(front) = &declared.xtask {
            findings
                .extend(front_problems(front).map(|(problem, next)| Finding::at(FILE, line, problem, next)));
        }
    }
    for (name, entry) in placed.tools {
        let line = line_at(text, entry.span().start);
        let Some(tool) = read_entry::<Tool>(entry.into_inner(), &name, line, &mut findings) else { continue };
        findings.extend(
            problems(&name, &tool).into_iter().map(|(problem, next)| Finding::at(FILE, line, problem, next)),
        );
        declared.tools.insert(name, tool);
    }
    if findings.is_empty() { Ok(declared) } else { Err(findings) }
}

fn read_entry<T: serde::de::DeserializeOwned>(
    entry: toml::Value,
    name: &str,
    line: usize,
    findings: &mut Vec<Finding>,
) -> Option<T> {
    match entry.try_into() {
        Ok(entry) => Some(entry),
        Err(error) => {
            let error: toml::de::Error = error;
            let problem = format!("`{name}`: {}", error.message());
            findings.push(Finding::at(FILE, line, problem, format!("edit `{name}` in {FILE}")));
            None
        }
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn front_problems(front: &Front) -> impl Iterator<Item = (String, String)> {
    let version = semver::Version::parse(&front.version).err().map(|error| {
        (
            format!("`xtask` is pinned to `{}`, which is no exact version: {error}", front.version),
            "write all three numbers, for example \"0.1.0\"".to_owned(),
        )
    });
    let FrontSource { path, git, rev } = &front.source;
    let source = (path.is_some() && git.is_some() || git.is_some() != rev.is_some()).then(|| {
        (
            "`xtask` comes from one place: `path`, or `git` with `rev`, or none of them".to_owned(),
            "edit `source` below [xtask]".to_owned(),
        )
    });
    version.into_iter().chain(source)
}

/// What is wrong with a tool, and the remedy.
fn problems(name: &str, tool: &Tool) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let mut add =
        |problem: String, next: &str| problems.push((format!("`{name}` {problem}"), next.to_owned()));
    let is_system = tool.install == Install::System;
    match &tool.version {
        None if !is_system => add("has no version".into(), "pin one: version = \"1.2.3\""),
        Some(version) if !is_exact(version) => {
            add(
                format!("is pinned to `{version}`, which is no exact version"),
                "write one version, no range",
            );
        }
        Some(_) | None => {}
    }
    for (key, value) in [("name", Some(name)), ("program", tool.program.as_deref())] {
        if value.is_some_and(|value| !is_file_name(value)) {
            add(format!("has a {key} that cannot be a file name"), "use letters, digits, `-`, `_` and `.`");
        }
    }
    if tool.package.as_deref().is_some_and(|package| !is_package(package)) {
        add("has a package that no registry can have".into(), "name the package without version or options");
    }
    if is_system != tool.command.is_some() {
        add(
            "has `command` and `install` that do not fit".into(),
            "`command` is what a person runs for install = \"system\", and only there",
        );
    }
    problems
}

/// A version as registries write one: it begins with a digit and cannot be read as a range or an option.
fn is_exact(version: &str) -> bool {
    version.starts_with(|first: char| first.is_ascii_digit())
        && version.chars().all(|c| c.is_ascii_alphanumeric() || ".+-_!".contains(c))
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['-', '.'])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// npm packages may have a scope: `@scope/name`.
fn is_package(name: &str) -> bool {
    match name.strip_prefix('@').and_then(|scoped| scoped.split_once('/')) {
        Some((scope, name)) => is_file_name(scope) && is_file_name(name),
        None => is_file_name(name),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let shown = match parse(text) {
            Ok(declared) => format!("{declared:#?}\n"),
            Err(findings) => findings.iter().map(|finding| format!("{finding}\n")).collect(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_tool_needs_little() {
        check(
            "[tools.just]\nversion = \"1.59.0\"\ninstall = \"cargo\"\n",
            expect![[r#"
            Declared {
                xtask: None,
                tools: {
                    "just": Tool {
                        version: Some(
                            "1.59.0",
                        ),
                        install: Cargo,
                        package: None,
                        program: None,
                        ask: None,
                        command: None,
                        optional: false,
                    },
                },
            }
        "#]],
        );
    }

    #[test]
    fn all_problems_are_told_at_once_with_their_lines() {
        check(
            r#"
[xtask]
version = "0.1"
source = { git = "https://example.org/x.git" }

[tools.just]
version = "^1"
install = "cargo"

[tools.typos]
install = "pip"

[tools.shellcheck]
install = "system"

[tools.prettier]
version = "3.0.0"
install = "npm"
program = "../prettier"
package = "--global"
command = "npm install --global prettier"

[tools.deny]
version = "1.0.0"
install = "brew"

[tools.hack]
version = "1.0.0"
install = "cargo"
verison = "1"
"#,
            expect![[r#"
                release/tools.toml:2: `xtask` is pinned to `0.1`, which is no exact version: unexpected end of input while parsing minor version number
                  next: write all three numbers, for example "0.1.0"
                release/tools.toml:2: `xtask` comes from one place: `path`, or `git` with `rev`, or none of them
                  next: edit `source` below [xtask]
                release/tools.toml:23: `deny`: unknown variant `brew`, expected one of `cargo`, `pip`, `npm`, `system`
                  next: edit `deny` in release/tools.toml
                release/tools.toml:27: `hack`: unknown field `verison`, expected one of `version`, `install`, `package`, `program`, `ask`, `command`, `optional`
                  next: edit `hack` in release/tools.toml
                release/tools.toml:6: `just` is pinned to `^1`, which is no exact version
                  next: write one version, no range
                release/tools.toml:16: `prettier` has a program that cannot be a file name
                  next: use letters, digits, `-`, `_` and `.`
                release/tools.toml:16: `prettier` has a package that no registry can have
                  next: name the package without version or options
                release/tools.toml:16: `prettier` has `command` and `install` that do not fit
                  next: `command` is what a person runs for install = "system", and only there
                release/tools.toml:13: `shellcheck` has `command` and `install` that do not fit
                  next: `command` is what a person runs for install = "system", and only there
                release/tools.toml:10: `typos` has no version
                  next: pin one: version = "1.2.3"
            "#]],
        );
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        check(
            "[tools.just\n",
            expect![[r#"
            release/tools.toml:1: unclosed table, expected `]`
              next: edit line 1 of release/tools.toml
        "#]],
        );
        check(
            "[tool.just]\nversion = \"1\"\n",
            expect![[r#"
            release/tools.toml:1: unknown field `tool`, expected `xtask` or `tools`
              next: edit line 1 of release/tools.toml
        "#]],
        );
    }
}
