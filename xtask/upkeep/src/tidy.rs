//! The rules of this house, as a check: `cargo xtask tidy`.
//!
//! config (`release/tidy.toml`) -> facts (files, commits, the front's packages) -> rules (pure) -> findings
//!
//! Every rule is asked, and all findings are shown together. The rules hold in this repository alone: a workspace that
//! adopted the toolkit has no `release/tidy.toml`, and there `tidy` is refused.
//!
//! To add a rule: a file in `tidy/` with `check` and its tests (one bad case, one good), a line in [`RULES`], and a row
//! in the table of `docs/STYLE.md`. A test here holds the three together.

mod config;
mod facts;
mod code;
mod purity;
mod domains;
mod sizes;
mod leftovers;
mod changelog;
mod docs;
mod machine;
mod commits;
mod front;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};

use config::Config;
pub(crate) use config::schema;
use facts::Facts;

/// A rule: its name, and the question it asks.
struct Rule {
    name: &'static str,
    check: fn(&Config, &Facts) -> Vec<Finding>,
}

/// Every rule, in the order in which a reader meets them in `docs/STYLE.md`.
const RULES: &[Rule] = &[
    Rule { name: "purity", check: purity::check },
    Rule { name: "domains", check: domains::check },
    Rule { name: "sizes", check: sizes::check },
    Rule { name: "leftovers", check: leftovers::check },
    Rule { name: "changelog", check: changelog::check },
    Rule { name: "docs", check: docs::check },
    Rule { name: "generated", check: |_, facts| facts.given.generated.clone() },
    Rule { name: "machine", check: machine::check },
    Rule { name: "commits", check: commits::check },
    Rule { name: "front", check: front::check },
];

/// What only the command line knows, handed in by it.
pub(crate) struct Given {
    /// Generated documents that are not what their generator prints.
    pub(crate) generated: Vec<Finding>,
    /// Says what is wrong with the words after `cargo xtask`.
    pub(crate) parses: fn(&[String]) -> std::result::Result<(), String>,
}

/// What was looked at, when nothing was found.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Report {
    /// Rules asked, by name.
    pub(crate) rules: Vec<&'static str>,
    /// Files read.
    pub(crate) files: usize,
    /// Commits whose subject was read, and where they come from.
    pub(crate) commits: usize,
    /// The commits that were meant, as git names them.
    pub(crate) range: String,
    /// Packages that a build of the front compiles on this machine.
    pub(crate) packages: usize,
}

/// Refuses to work in a repository that has no house rules.
pub(crate) fn require_house(doors: &Doors) -> Result<()> {
    if doors.workspace.declared("tidy").is_file() {
        return Ok(());
    }
    Err(Failure::refused("this workspace has no house rules")
        .why(
            "there is no `release/tidy.toml`: `tidy` and `docs` are for the repository of the toolkit itself",
        )
        .next("cargo xtask ci"))
}

/// Asks every rule. `commits` is a range in git's words; without it those that the default branch does not have.
pub(crate) fn run(doors: &Doors, commits: Option<&str>, given: Given) -> Result<Report> {
    require_house(doors)?;
    let config = config::load(&doors.workspace)?;
    let facts = facts::gather(doors, &config, commits, given)?;
    let findings: Vec<_> = RULES.iter().flat_map(|rule| (rule.check)(&config, &facts)).collect();
    if findings.is_empty() {
        return Ok(Report {
            rules: RULES.iter().map(|rule| rule.name).collect(),
            files: facts.files.len(),
            commits: facts.commits.len(),
            packages: facts.packages.len(),
            range: facts.range,
        });
    }
    let places = match findings.len() {
        1 => "1 place is".to_owned(),
        count => format!("{count} places are"),
    };
    let problem = format!("{places} against the rules of the house");
    Err(Failure::found(Exit::No, problem, findings).see("docs/STYLE.md"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What each rule's own tests use: findings of one rule about these files, as people see them.
    #[track_caller]
    pub(super) fn findings(
        check: fn(&Config, &Facts) -> Vec<Finding>,
        config: &str,
        files: &[(&str, &str)],
    ) -> String {
        let config = config::parse(config).expect("the test's configuration is right");
        let mut found = check(&config, &Facts::of(files));
        found.sort();
        found.iter().map(|finding| format!("{finding}\n")).collect()
    }

    #[test]
    fn every_rule_has_a_row_in_the_style_guide() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/STYLE.md");
        let guide = nexus_xtask::files::read_text(&path).unwrap().expect("docs/STYLE.md is there");
        let (_, table) = guide.split_once("## What is checked").expect("the guide has the section");
        let rows: Vec<_> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name))
            .collect();
        let names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(rows, names);
    }
}
