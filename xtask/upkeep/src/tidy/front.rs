//! The front stays light: every person on every fresh machine compiles it before the first answer.

use super::config::{Config, NAME};
use super::facts::Facts;
use nexus_xtask::failure::Finding;

const MANIFEST: &str = "xtask/Cargo.toml";

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let front = &config.front;
    let mut findings = Vec::new();
    if front.package.is_empty() {
        return findings;
    }
    for name in &front.forbidden {
        let is_there = facts.packages.iter().any(|package| package.split(' ').next() == Some(name));
        if is_there {
            let next = format!("cargo tree --package {} --invert {name}", front.package);
            findings.push(Finding::at(MANIFEST, 0, format!("`{}` compiles `{name}`", front.package), next));
        }
    }
    let count = facts.packages.len();
    if count >= front.packages_below {
        let problem = format!("a build of `{}` compiles {count} packages", front.package);
        let next = format!("stay below {} ({NAME}), or move the work into a satellite", front.packages_below);
        findings.push(Finding::at(MANIFEST, 0, problem, next));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::config::parse;

    fn findings(packages: &[&str]) -> String {
        let config =
            parse("[front]\npackage = 'front'\npackages_below = 3\nforbidden = ['tokio']\n").unwrap();
        let mut facts = Facts::of(&[]);
        facts.packages = packages.iter().map(|package| (*package).to_owned()).collect();
        check(&config, &facts).iter().map(|finding| format!("{finding}\n")).collect()
    }

    #[test]
    fn a_forbidden_package_and_too_many_are_found() {
        expect_test::expect![[r#"
            xtask/Cargo.toml: `front` compiles `tokio`
              next: cargo tree --package front --invert tokio
            xtask/Cargo.toml: a build of `front` compiles 3 packages
              next: stay below 3 (release/tidy.toml), or move the work into a satellite
        "#]]
        .assert_eq(&findings(&["front v1", "tokio v1", "x v1"]));
    }

    #[test]
    fn a_light_tree_is_silent() {
        assert_eq!(findings(&["front v1", "tokio-like v1"]), "");
    }
}
