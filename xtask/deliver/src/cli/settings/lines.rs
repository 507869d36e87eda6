//! Is the repository set up on GitHub so that a release is what it seems? Pure: what was found in, a line for each check
//! out.
//!
//! The token of a workflow can read none of this, so a maintainer looks with a token of their own. What a release relies on is
//! required; what makes it better is optional.

use std::collections::BTreeMap;

use nexus_xtask::doctor::report::{Line, State};

/// How the repository is set up, and what is wanted of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// `owner/name`.
    pub(crate) repository: String,
    /// The environments that releases pass through; `None` for one that is not there.
    pub(crate) environments: BTreeMap<String, Option<Environment>>,
    /// The branches that releases are made from, and the types of the rules that hold for each.
    pub(crate) branches: BTreeMap<String, Vec<String>>,
    /// The tags that releases make.
    pub(crate) tags: Vec<String>,
    /// The sets of rules for tags.
    pub(crate) tag_rules: Vec<Rules>,
    /// Whether releases are immutable, and whether they are to be.
    pub(crate) immutable: bool,
    pub(crate) immutable_wanted: bool,
    /// True where the token of a workflow that says nothing may write.
    pub(crate) token_writes: bool,
}

/// An environment of workflows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) reviewers: Vec<String>,
    pub(crate) prevents_self_review: bool,
    pub(crate) limits_branches: bool,
}

/// A set of rules for tags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) is_active: bool,
    /// Patterns of references, as GitHub writes them: `refs/tags/v*`, `~ALL`.
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) rules: Vec<String>,
}

/// The checks.
pub(crate) fn lines(setup: &Setup) -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, environment) in &setup.environments {
        lines.extend(self::environment(setup, name, environment.as_ref()));
    }
    if setup.branches.is_empty() {
        let detail = "no branch that releases are made from is known of `origin`";
        lines.push(Line::not(State::Missing, "branch", detail, "git fetch origin"));
    }
    for (name, rules) in &setup.branches {
        lines.extend(branch(setup, name, rules));
    }
    lines.extend(setup.tags.iter().map(|tag| self::tag(setup, tag)));
    lines.push(immutable(setup));
    lines.push(if setup.token_writes {
        let detail = "a workflow that says nothing about its rights may write";
        Line::not(State::Low, "token", detail, setup.place("settings/actions", "Workflow permissions: read"))
    } else {
        Line::ok("token", "a workflow that says nothing about its rights may only read")
    });
    lines
}

impl Setup {
    /// Where a person changes a setting.
    fn place(&self, page: &str, what: &str) -> String {
        format!("https://github.com/{}/{page}: {what}", self.repository)
    }
}

fn environment(setup: &Setup, name: &str, found: Option<&Environment>) -> Vec<Line> {
    let what = format!("environment {name}");
    let place = |what: &str| setup.place("settings/environments", what);
    let Some(found) = found else {
        let detail = "is not there, and the first job that names it makes it without any protection";
        return vec![Line::not(
            State::Missing,
            &what,
            detail,
            place(&format!("add `{name}` with reviewers")),
        )];
    };
    if found.reviewers.is_empty() {
        let detail = "nobody has to agree before a release goes on";
        return vec![Line::not(State::Low, &what, detail, place("required reviewers"))];
    }
    let mut lines =
        vec![Line::ok(&what, format!("one of these has to agree: {}", found.reviewers.join(", ")))];
    if !found.prevents_self_review {
        let detail = "whoever starts a release may agree to it";
        lines.push(Line::not(State::Low, &what, detail, place("prevent self-review")).optional());
    }
    if !found.limits_branches {
        let detail = "a workflow of any branch may ask for it";
        lines.push(Line::not(State::Low, &what, detail, place("selected branches and tags")).optional());
    }
    lines
}

fn branch(setup: &Setup, name: &str, rules: &[String]) -> Vec<Line> {
    let what = format!("branch {name}");
    let place = |what: &str| setup.place("settings/rules", what);
    let missing = missing(&["deletion", "non_fast_forward"], rules);
    if !missing.is_empty() {
        let detail = format!("its history can be rewritten: no rule {}", missing.join(", "));
        return vec![Line::not(State::Low, &what, detail, place("restrict deletions, block force pushes"))];
    }
    let mut lines = vec![Line::ok(&what, "its history cannot be rewritten")];
    if !rules.iter().any(|rule| rule == "pull_request") {
        let detail = "a commit reaches it without a pull request";
        lines.push(Line::not(State::Low, &what, detail, place("require a pull request")).optional());
    }
    lines
}

fn tag(setup: &Setup, tag: &str) -> Line {
    let what = format!("tag {tag}");
    let reference = format!("refs/tags/{tag}");
    let matches = |patterns: &[String]| {
        patterns.iter().any(|pattern| pattern == "~ALL" || fast_glob::glob_match(pattern, &reference))
    };
    let holding =
        setup.tag_rules.iter().filter(|set| set.is_active && matches(&set.include) && !matches(&set.exclude));
    let rules: Vec<String> = holding.flat_map(|set| set.rules.iter().cloned()).collect();
    let missing = missing(&["deletion", "update"], &rules);
    if missing.is_empty() {
        return Line::ok(&what, "cannot be moved or removed");
    }
    let detail =
        format!("can be moved or removed until its release is published: no rule {}", missing.join(", "));
    Line::not(
        State::Low,
        &what,
        detail,
        setup.place("settings/rules", "a tag ruleset: restrict updates, deletions"),
    )
}

fn immutable(setup: &Setup) -> Line {
    let what = "releases";
    match (setup.immutable, setup.immutable_wanted) {
        (true, _) => Line::ok(what, "cannot be changed once they are published"),
        (false, false) => Line::ok(what, "can be changed, as release/release.toml says"),
        (false, true) => {
            let detail = "can be changed after they are published";
            let place = setup.place("settings", "Releases: enable release immutability");
            Line::not(State::Low, what, detail, format!("{place}; or say `forge.immutable = false`"))
        }
    }
}

fn missing<'a>(wanted: &[&'a str], rules: &[String]) -> Vec<&'a str> {
    wanted.iter().copied().filter(|wanted| !rules.iter().any(|rule| rule == wanted)).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use nexus_xtask::doctor::report;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// A repository in which all is well.
    fn good() -> Setup {
        let environment = Environment {
            reviewers: words(&["ann", "bob"]),
            prevents_self_review: true,
            limits_branches: true,
        };
        Setup {
            repository: "ann/one".to_owned(),
            environments: BTreeMap::from([("release".to_owned(), Some(environment))]),
            branches: BTreeMap::from([(
                "main".to_owned(),
                words(&["deletion", "non_fast_forward", "pull_request"]),
            )]),
            tags: words(&["v1.0.0"]),
            tag_rules: vec![Rules {
                is_active: true,
                include: words(&["refs/tags/v*"]),
                exclude: Vec::new(),
                rules: words(&["deletion", "update"]),
            }],
            immutable: true,
            immutable_wanted: true,
            token_writes: false,
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Setup), is_sick: bool, expected: Expect) {
        let mut setup = good();
        change(&mut setup);
        let lines = lines(&setup);
        let before = super::lines(&good());
        let new: Vec<_> = lines.iter().filter(|line| !before.contains(line)).cloned().collect();
        assert_eq!(lines.iter().any(Line::is_sick), is_sick, "{lines:#?}");
        expected.assert_eq(&report::text(&new).join("\n"));
    }

    #[test]
    fn all_is_well() {
        expect![[r#"
            ok       environment release  one of these has to agree: ann, bob
            ok       branch main          its history cannot be rewritten
            ok       tag v1.0.0           cannot be moved or removed
            ok       releases             cannot be changed once they are published
            ok       token                a workflow that says nothing about its rights may only read"#]]
        .assert_eq(&report::text(&lines(&good())).join("\n"));
    }

    #[test]
    fn an_environment_that_is_missing_or_without_reviewers_is_sick() {
        check(
            |setup| drop(setup.environments.insert("release".to_owned(), None)),
            true,
            expect![[r#"
            missing  environment release  is not there, and the first job that names it makes it without any protection
                                          next: https://github.com/ann/one/settings/environments: add `release` with reviewers"#]],
        );
        let bare = |setup: &mut Setup| {
            setup.environments.insert("release".to_owned(), Some(Environment::default()));
        };
        check(
            bare,
            true,
            expect![[r#"
            low      environment release  nobody has to agree before a release goes on
                                          next: https://github.com/ann/one/settings/environments: required reviewers"#]],
        );
        let open = |setup: &mut Setup| {
            let one = Environment { reviewers: words(&["ann"]), ..Environment::default() };
            setup.environments.insert("release".to_owned(), Some(one));
        };
        check(
            open,
            false,
            expect![[r#"
            ok       environment release  one of these has to agree: ann
            low      environment release  whoever starts a release may agree to it (optional)
                                          next: https://github.com/ann/one/settings/environments: prevent self-review
            low      environment release  a workflow of any branch may ask for it (optional)
                                          next: https://github.com/ann/one/settings/environments: selected branches and tags"#]],
        );
    }

    #[test]
    fn a_branch_that_can_be_rewritten_is_sick() {
        let rules = |rules: &'static [&'static str]| {
            move |setup: &mut Setup| drop(setup.branches.insert("main".to_owned(), words(rules)))
        };
        check(
            rules(&["deletion"]),
            true,
            expect![[r#"
            low      branch main  its history can be rewritten: no rule non_fast_forward
                                  next: https://github.com/ann/one/settings/rules: restrict deletions, block force pushes"#]],
        );
        check(
            rules(&["deletion", "non_fast_forward"]),
            false,
            expect![[r#"
            low      branch main  a commit reaches it without a pull request (optional)
                                  next: https://github.com/ann/one/settings/rules: require a pull request"#]],
        );
        check(
            |setup| setup.branches.clear(),
            true,
            expect![[r#"
            missing  branch  no branch that releases are made from is known of `origin`
                             next: git fetch origin"#]],
        );
    }

    #[test]
    fn a_tag_is_kept_by_an_active_rule_that_names_it() {
        let expected = expect![[r#"
            low      tag v1.0.0  can be moved or removed until its release is published: no rule deletion, update
                                 next: https://github.com/ann/one/settings/rules: a tag ruleset: restrict updates, deletions"#]];
        check(|setup| setup.tag_rules[0].is_active = false, true, expected);
        check(
            |setup| setup.tag_rules[0].include = words(&["refs/tags/release-*"]),
            true,
            expect![[r#"
            low      tag v1.0.0  can be moved or removed until its release is published: no rule deletion, update
                                 next: https://github.com/ann/one/settings/rules: a tag ruleset: restrict updates, deletions"#]],
        );
        check(
            |setup| setup.tag_rules[0].exclude = words(&["refs/tags/v1*"]),
            true,
            expect![[r#"
            low      tag v1.0.0  can be moved or removed until its release is published: no rule deletion, update
                                 next: https://github.com/ann/one/settings/rules: a tag ruleset: restrict updates, deletions"#]],
        );
        check(
            |setup| setup.tag_rules[0].rules = words(&["deletion"]),
            true,
            expect![[r#"
            low      tag v1.0.0  can be moved or removed until its release is published: no rule update
                                 next: https://github.com/ann/one/settings/rules: a tag ruleset: restrict updates, deletions"#]],
        );
        check(|setup| setup.tag_rules[0].include = words(&["~ALL"]), false, expect![[r#""#]]);
    }

    #[test]
    fn releases_that_can_be_changed_and_a_token_that_may_write_are_sick() {
        check(
            |setup| setup.immutable = false,
            true,
            expect![[r#"
            low      releases  can be changed after they are published
                               next: https://github.com/ann/one/settings: Releases: enable release immutability; or say `forge.immutable = false`"#]],
        );
        let declared = |setup: &mut Setup| (setup.immutable, setup.immutable_wanted) = (false, false);
        check(declared, false, expect!["ok       releases  can be changed, as release/release.toml says"]);
        check(
            |setup| setup.token_writes = true,
            true,
            expect![[r#"
            low      token  a workflow that says nothing about its rights may write
                            next: https://github.com/ann/one/settings/actions: Workflow permissions: read"#]],
        );
    }
}
