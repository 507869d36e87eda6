//! A step: one unit of work of `cargo xtask ci`, fully described.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::shell::Command;

/// The pattern that stands for every file that git sees.
pub(crate) const WHOLE_TREE: &str = "**";

/// The lane of the steps that share cargo's build folder: cargo holds a lock on it, so they would only wait.
pub(crate) const CARGO_LANE: &str = "cargo";

/// What becomes `--workspace`, or `--package NAME` for each affected package.
pub(crate) const PACKAGES: &str = "{packages}";

/// What becomes the state folder, when the command runs.
pub(crate) const STATE: &str = "{state}";

/// What becomes cargo's build folder, when the command runs.
pub(crate) const TARGET: &str = "{target}";

/// The name of a step: lower-case letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StepId(String);

impl StepId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StepId {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<StepId> {
        let good = |character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || "-_.".contains(character)
        };
        anyhow::ensure!(
            !text.is_empty() && text.len() <= 60 && text.chars().all(good) && !text.starts_with(['.', '-']),
            "`{text}` is no id of a step: at most 60 lower-case letters, digits, `-`, `_` and `.`"
        );
        Ok(StepId(text.to_owned()))
    }
}

/// One unit of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) id: StepId,
    /// The group that one job of a workflow runs.
    pub(crate) job: String,
    /// The program and its arguments, with placeholders.
    pub(crate) command: Vec<String>,
    pub(crate) needs: Vec<StepId>,
    /// Patterns from the root.
    pub(crate) inputs: Vec<String>,
    /// Paths from the root.
    pub(crate) outputs: Vec<String>,
    /// The folder the command runs in, from the root; empty for the root.
    pub(crate) folder: String,
    pub(crate) pass_environment: Vec<String>,
    pub(crate) set_environment: BTreeMap<String, String>,
    /// Empty means everywhere.
    pub(crate) platforms: Vec<String>,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) required: bool,
    pub(crate) network: bool,
    /// Why a receipt never answers for it, beside the network.
    pub(crate) unanswered: Option<&'static str>,
    /// Programs besides the step's own.
    pub(crate) tools: Vec<String>,
    pub(crate) lane: Option<String>,
    /// True when it uses cargo though its program is another: its build folder and its compiler count.
    pub(crate) cargo: bool,
    /// True when it compiles: what compilations read counts, also where no tree shows it.
    pub(crate) compiles: bool,
    /// A toolchain besides the active one: what it is called, whether it is there, the command that installs it.
    pub(crate) toolchain: Option<(String, bool, String)>,
    /// Why the step is left out here, where that is known from the start.
    pub(crate) left_out: Option<String>,
    /// Sentences that belong to every report of the step.
    pub(crate) notes: Vec<String>,
}

impl Step {
    /// A step with everything at its default.
    pub(crate) fn new(id: StepId, job: &str, command: Vec<String>) -> Step {
        let lane = (command.first().map(String::as_str) == Some("cargo") && !is_own(&command))
            .then(|| CARGO_LANE.to_owned());
        Step {
            id,
            job: job.to_owned(),
            command,
            needs: Vec::new(),
            inputs: vec![WHOLE_TREE.to_owned()],
            outputs: Vec::new(),
            folder: String::new(),
            pass_environment: Vec::new(),
            set_environment: BTreeMap::new(),
            platforms: Vec::new(),
            timeout: super::config::TIMEOUT,
            retries: 0,
            required: true,
            network: false,
            unanswered: None,
            tools: Vec::new(),
            cargo: lane.is_some(),
            compiles: lane.is_some(),
            lane,
            toolchain: None,
            left_out: None,
            notes: Vec::new(),
        }
    }

    /// True when the step's result belongs to packages, so that `--affected` can narrow it.
    pub(crate) fn is_by_package(&self) -> bool {
        self.command.iter().any(|word| word == PACKAGES)
    }

    /// The command with `{packages}` replaced; an empty selection stands for the whole workspace.
    pub(crate) fn selected(&self, packages: &[String]) -> Vec<String> {
        let mut words = Vec::new();
        for word in &self.command {
            if word != PACKAGES {
                words.push(word.clone());
            } else if packages.is_empty() {
                words.push("--workspace".to_owned());
            } else {
                words.extend(packages.iter().flat_map(|name| ["--package".to_owned(), name.clone()]));
            }
        }
        words
    }

    /// The command as a person types it from the root.
    pub(crate) fn typed(&self, words: &[String]) -> String {
        let (program, arguments) = words.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
        let command =
            Command { variables: self.set_environment.clone(), ..Command::new(program, arguments.to_vec()) };
        let shown = command.to_string();
        match self.folder.as_str() {
            "" => shown,
            folder => format!("(cd {} && {shown})", crate::shell::quoted(folder)),
        }
    }
}

/// True for `cargo xtask ...`: the running binary does that itself, without a second cargo.
pub(crate) fn is_own(command: &[String]) -> bool {
    command.first().map(String::as_str) == Some("cargo")
        && command.get(1).map(String::as_str) == Some("xtask")
}

/// A step's program as the root sees it: a name stays a name and is found on PATH, a path is one from the folder that
/// the step runs in.
pub(crate) fn program_from_root(folder: &str, program: &str) -> String {
    if folder.is_empty() || program.starts_with('/') || !program.contains('/') {
        return program.to_owned();
    }
    format!("{}/{}", folder.trim_end_matches('/'), program.trim_start_matches("./"))
}

/// True when a path from the root matches one of the patterns. A pattern without wildcards also covers a folder.
pub(crate) fn matches(patterns: &[String], path: &str) -> bool {
    patterns.iter().any(|pattern| {
        if pattern == WHOLE_TREE {
            return true;
        }
        if let Some(name) = pattern.strip_prefix("**/").filter(|name| !name.contains(['*', '?', '[', '{'])) {
            // The common case, without the matcher: a tree may have 50,000 files.
            return path.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
        }
        if !pattern.contains(['*', '?', '[', '{']) {
            return covers(pattern, path);
        }
        fast_glob::glob_match(pattern, path)
    })
}

/// True when a path is this file, or lies in this folder.
pub(crate) fn covers(file_or_folder: &str, path: &str) -> bool {
    let file_or_folder = file_or_folder.trim_end_matches('/');
    path.strip_prefix(file_or_folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_people_expect() {
        for (pattern, path, expected) in [
            ("**", "any/thing", true),
            ("**/Cargo.toml", "Cargo.toml", true),
            ("**/Cargo.toml", "a/b/Cargo.toml", true),
            ("**/Cargo.toml", "a/NotCargo.toml", false),
            ("web", "web/src/x.ts", true),
            ("web/", "web/src/x.ts", true),
            ("web", "website/x.ts", false),
            ("web/**", "web/src/x.ts", true),
            ("**/*.sh", "scripts/a.sh", true),
            ("**/*.sh", "a.sh", true),
            ("*.md", "docs/a.md", false),
            ("*.{toml,lock}", "Cargo.lock", true),
        ] {
            assert_eq!(matches(&[pattern.to_owned()], path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn ids_are_safe_as_file_names() {
        for good in ["fmt", "web-lint", "a.b_c1"] {
            assert!(good.parse::<StepId>().is_ok(), "{good}");
        }
        for bad in ["", "Up", "a b", "../x", ".", "-x", "é", &"x".repeat(61)] {
            assert!(bad.parse::<StepId>().is_err(), "{bad}");
        }
    }
}
