//! Domains do not import each other, and the spine imports no domain: they meet in the journal and in receipts.
//!
//! A domain is a top-level module that `release/tidy.toml` names neither as spine nor as free.

use std::collections::BTreeSet;

use super::code::resolved;
use super::config::{Config, NAME};
use super::facts::{Facts, Source};
use nexus_xtask::failure::Finding;

/// What to do instead of an import.
const NEXT: &str = "pass a plain value down from `cli/`; what everybody may use is named in `house.spine` of release/tidy.toml";

/// Where the modules of the house are: of the front, and of the satellites that go on with its library.
pub(super) const HOUSE: &[&str] =
    &["xtask/src/", "xtask/deliver/src/", "xtask/observe/src/", "xtask/upkeep/src/"];

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let modules: BTreeSet<&str> = facts
        .files
        .iter()
        .filter_map(module_of_house)
        .filter(|module| module.len() == 1)
        .map(|module| module[0])
        .collect();
    let house = &config.house;
    let mut findings: Vec<_> = house
        .spine
        .iter()
        .chain(&house.free)
        .filter(|name| !modules.contains(name.as_str()))
        .map(|name| Finding::at(NAME, 0, format!("there is no module `{name}`"), "remove it from `house`"))
        .collect();
    let domains: Vec<&str> = modules
        .into_iter()
        .filter(|name| !house.spine.iter().chain(&house.free).any(|known| known == name))
        .collect();
    for file in &facts.files {
        findings.extend(judge(config, &domains, file));
    }
    findings
}

fn module_of_house(file: &Source) -> Option<Vec<&str>> {
    HOUSE.iter().any(|folder| file.path.starts_with(folder)).then(|| file.module()).flatten()
}

fn judge(config: &Config, domains: &[&str], file: &Source) -> Vec<Finding> {
    let (Some(code), Some(module)) = (&file.code, module_of_house(file)) else { return Vec::new() };
    let Some(own) = module.first().filter(|own| !config.house.free.iter().any(|free| free == *own)) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for mention in resolved(&module, &code.code) {
        let mut names = mention.path.split("::");
        let (Some("crate"), Some(other)) = (names.next(), names.next()) else { continue };
        if other == *own || !domains.contains(&other) {
            continue;
        }
        let who = if domains.contains(own) { "domain" } else { "spine module" };
        findings.push(Finding::at(
            &file.path,
            mention.line,
            format!("the {who} `{own}` uses the domain `{other}`"),
            NEXT,
        ));
    }
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    const CONFIG: &str = "[house]\nspine = ['files']\nfree = ['cli']\n";

    #[test]
    fn a_domain_and_the_spine_may_not_use_another_domain() {
        let files = [
            ("xtask/src/ci.rs", "use crate::{files, tidy::Report};\n"),
            ("xtask/src/cli.rs", ""),
            ("xtask/src/files.rs", "fn read() {\n    crate::ci::run();\n}\n"),
            ("xtask/src/tidy.rs", ""),
            ("xtask/src/tidy/docs.rs", "use super::super::ci;\n"),
        ];
        expect_test::expect![[r#"
            xtask/src/ci.rs:1: the domain `ci` uses the domain `tidy`
              next: pass a plain value down from `cli/`; what everybody may use is named in `house.spine` of release/tidy.toml
            xtask/src/files.rs:2: the spine module `files` uses the domain `ci`
              next: pass a plain value down from `cli/`; what everybody may use is named in `house.spine` of release/tidy.toml
            xtask/src/tidy/docs.rs:1: the domain `tidy` uses the domain `ci`
              next: pass a plain value down from `cli/`; what everybody may use is named in `house.spine` of release/tidy.toml
        "#]]
        .assert_eq(&findings(check, CONFIG, &files));
    }

    #[test]
    fn a_domain_uses_itself_and_the_spine_and_the_command_line_uses_all() {
        let files = [
            ("xtask/src/ci.rs", "use crate::files;\nuse crate::ci::plan; // crate::tidy\n"),
            ("xtask/src/cli/ci.rs", "use crate::{ci, tidy};\n"),
            ("xtask/src/cli.rs", ""),
            ("xtask/src/files.rs", ""),
            ("xtask/src/tidy.rs", ""),
        ];
        assert_eq!(findings(check, CONFIG, &files), "");
    }

    #[test]
    fn a_module_that_is_gone_is_removed_from_the_list() {
        expect_test::expect![[r#"
            release/tidy.toml: there is no module `cli`
              next: remove it from `house`
        "#]]
        .assert_eq(&findings(check, CONFIG, &[("xtask/src/files.rs", "")]));
    }
}
