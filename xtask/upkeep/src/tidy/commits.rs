//! A commit's subject is `area: what changes`, with an area of the closed list in `release/tidy.toml`: the history is read
//! by area, and a commit that needs two areas is two commits.

use super::config::Config;
use super::facts::Facts;
use nexus_xtask::failure::Finding;

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let areas = &config.commits.areas;
    facts
        .commits
        .iter()
        .filter_map(|commit| {
            let problem = problem(areas, &commit.subject)?;
            let next = format!("git rebase, and reword {}; areas are {}", commit.id, areas.join(", "));
            Some(Finding::at("", 0, format!("commit {} `{}`: {problem}", commit.id, commit.subject), next))
        })
        .collect()
}

fn problem(areas: &[String], subject: &str) -> Option<String> {
    let Some((area, change)) = subject.split_once(": ") else {
        return Some("the subject is not `area: what changes`".to_owned());
    };
    if !areas.iter().any(|known| known == area) {
        return Some(format!("`{area}` is no area"));
    }
    if change.trim().is_empty() {
        return Some("it does not say what changes".to_owned());
    }
    change.ends_with('.').then(|| "a subject has no final period".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::config::parse;
    use crate::tidy::facts::Commit;

    fn findings(subjects: &[&str]) -> String {
        let config = parse("[commits]\nareas = ['ci', 'docs']\n").unwrap();
        let mut facts = Facts::of(&[]);
        let commit = |subject: &&str| Commit { id: "1a2b3c".to_owned(), subject: (*subject).to_owned() };
        facts.commits = subjects.iter().map(commit).collect();
        check(&config, &facts).iter().map(|finding| format!("{finding}\n")).collect()
    }

    #[test]
    fn a_subject_without_a_known_area_is_found() {
        expect_test::expect![[r#"
            commit 1a2b3c `update`: the subject is not `area: what changes`
              next: git rebase, and reword 1a2b3c; areas are ci, docs
            commit 1a2b3c `fixup! ci: x`: `fixup! ci` is no area
              next: git rebase, and reword 1a2b3c; areas are ci, docs
            commit 1a2b3c `ci: x.`: a subject has no final period
              next: git rebase, and reword 1a2b3c; areas are ci, docs
        "#]]
        .assert_eq(&findings(&["update", "fixup! ci: x", "ci: x."]));
    }

    #[test]
    fn a_subject_with_an_area_is_silent() {
        assert_eq!(findings(&["ci: explain what differs", "docs: a: b"]), "");
    }
}
