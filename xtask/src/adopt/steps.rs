//! The steps that a workspace needs besides the built-in ones: those of what is no Rust, found by the files that say how
//! to build and test it, and a build without benches where those need a nightly compiler.
//!
//! Only what a project states itself becomes a step: a script in `package.json`, test requirements in
//! `pyproject.toml`. What it could do besides (`shellcheck` of its shell scripts) is a suggestion in a comment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::facts::Facts;

/// Folders of things that only look like a part of the project.
const PASSED_OVER: &[&str] = &[
    "node_modules",
    "vendor",
    "third_party",
    "fixtures",
    "fixture",
    "testdata",
    "test-data",
    "templates",
    "target",
];

/// The folder that the steps of Python keep their environment in.
const PYTHON: &str = ".xtask/python";

/// A step, as release/ci.toml declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) id: String,
    /// A comment above it.
    pub(crate) comment: String,
    /// Empty for a built-in step that is changed: it stays in its job.
    pub(crate) job: String,
    pub(crate) command: Vec<String>,
    pub(crate) folder: String,
    pub(crate) needs: Vec<String>,
    pub(crate) network: bool,
    /// True when it is only suggested: then it is optional too.
    pub(crate) suggested: bool,
    pub(crate) set_environment: Vec<(String, String)>,
    pub(crate) lane: Option<String>,
}

/// The steps for everything that is found.
pub(crate) fn find(facts: &Facts) -> Vec<Step> {
    let mut steps: Vec<_> = stable_build(facts).into_iter().collect();
    for (name, text) in &facts.texts {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        if folder.split('/').any(|part| PASSED_OVER.contains(&part)) {
            continue;
        }
        match file {
            "package.json" => steps.extend(node(folder, text, &facts.names)),
            "pyproject.toml" => steps.extend(python(folder, text, &facts.names)),
            _ => {}
        }
    }
    steps.extend(shell(&facts.names));
    steps
}

/// The built-in step without benches, where a stable compiler cannot build them. Cargo has no flag for "all but one", and
/// refuses `--lib` where no package has a library.
fn stable_build(facts: &Facts) -> Option<Step> {
    let has_library = facts.names.iter().any(|name| name == "src/lib.rs" || name.ends_with("/src/lib.rs"));
    let library = has_library.then_some("--lib");
    let locked = facts.lock_tracked.then_some("--locked");
    let words = ["cargo", "build", "{packages}"].into_iter().chain(library);
    let words = words.chain(["--bins", "--tests", "--examples"]).chain(locked);
    facts.benches_need_nightly.then(|| Step {
        id: "build".into(),
        comment: "The benches need a nightly compiler (`#![feature]`): they are left out.".into(),
        command: words.map(str::to_owned).collect(),
        ..Step::default()
    })
}

#[derive(Deserialize)]
struct NodeProject {
    #[serde(default)]
    scripts: BTreeMap<String, String>,
    #[serde(default)]
    dependencies: BTreeMap<String, serde_json::Value>,
    #[serde(default, rename = "devDependencies")]
    development: BTreeMap<String, serde_json::Value>,
}

fn node(folder: &str, text: &str, names: &BTreeSet<String>) -> Vec<Step> {
    // A file that is no description of a project (a fixture, a template) makes no steps.
    let Ok(project) = serde_json::from_str::<NodeProject>(text) else { return Vec::new() };
    let beside = |file: &str| names.contains(&inside(folder, file)) || names.contains(file);
    let (manager, install): (&str, &[&str]) = if beside("pnpm-lock.yaml") {
        ("pnpm", &["install", "--frozen-lockfile"])
    } else if beside("yarn.lock") {
        ("yarn", &["install", "--frozen-lockfile"])
    } else if names.contains(&inside(folder, "package-lock.json")) {
        ("npm", &["ci", "--no-audit", "--no-fund"])
    } else {
        ("npm", &["install", "--no-audit", "--no-fund", "--no-package-lock"])
    };
    let id = |verb: &str| identifier(manager, verb, folder);
    let step = |verb: &str, words: &[&str]| Step {
        id: id(verb),
        job: "node".into(),
        command: std::iter::once(manager).chain(words.iter().copied()).map(str::to_owned).collect(),
        folder: folder.to_owned(),
        ..Step::default()
    };
    let mut steps = Vec::new();
    let mut installed = Vec::new();
    let scripts: Vec<_> = ["lint", "build", "test"]
        .into_iter()
        .filter(|script| {
            project.scripts.get(*script).is_some_and(|command| !command.contains("no test specified"))
        })
        .collect();
    let mut comment = format!("The scripts of {}.", inside(folder, "package.json"));
    let needs_packages = !project.dependencies.is_empty() || !project.development.is_empty();
    if needs_packages && !scripts.is_empty() {
        steps.push(Step { network: true, comment: std::mem::take(&mut comment), ..step("install", install) });
        installed.push(id("install"));
    }
    for script in &scripts {
        let mut needs = installed.clone();
        if *script == "test" && scripts.contains(&"build") {
            needs.push(id("build"));
        }
        let comment = std::mem::take(&mut comment);
        steps.push(Step { needs, comment, ..step(script, &["run", script]) });
    }
    steps
}

fn python(folder: &str, text: &str, names: &BTreeSet<String>) -> Vec<Step> {
    let Ok(project) = text.parse::<toml::Table>() else { return Vec::new() };
    let requirements = test_requirements(&project);
    let tests = inside(folder, "tests/");
    let is_test = |name: &String| name.starts_with(&tests) && name.ends_with(".py");
    if !requirements.iter().any(|name| name.starts_with("pytest")) || !names.iter().any(is_test) {
        return Vec::new();
    }
    let id = |verb: &str| identifier("python", verb, folder);
    let environment = inside_state(folder);
    let program = format!("{environment}/bin/python");
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut install = words(&[&program, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]);
    install.push(if folder.is_empty() { ".".to_owned() } else { format!("./{folder}") });
    install.extend(requirements);
    let test = words(&[&program, "-m", "pytest", "-p", "no:cacheprovider", &inside(folder, "tests")]);
    let made = Step { job: "python".into(), network: true, ..Step::default() };
    vec![
        Step {
            id: id("environment"),
            comment: format!("The tests of {}.", inside(folder, "pyproject.toml")),
            command: words(&["python3", "-m", "venv", &environment]),
            ..made.clone()
        },
        Step {
            id: id("install"),
            command: install,
            needs: vec![id("environment")],
            // It compiles the Rust part: beside the other builds it would only wait for their lock.
            lane: Some("cargo".into()),
            ..made
        },
        Step {
            id: id("test"),
            job: "python".into(),
            command: test,
            needs: vec![id("install")],
            set_environment: vec![("PYTHONDONTWRITEBYTECODE".into(), "1".into())],
            ..Step::default()
        },
    ]
}

/// What the project says its tests need: a dependency group or an extra called `test` or so.
/// Source: <https://packaging.python.org/en/latest/specifications/dependency-groups/>.
fn test_requirements(project: &toml::Table) -> Vec<String> {
    let groups = project.get("dependency-groups");
    let extras = project.get("project").and_then(|project| project.get("optional-dependencies"));
    ["test", "tests", "testing", "dev"]
        .into_iter()
        .flat_map(|name| [groups, extras].map(|tables| tables.and_then(|tables| tables.get(name))))
        .flatten()
        .find_map(|list| {
            let list = list.as_array()?;
            Some(list.iter().filter_map(|entry| entry.as_str()).map(str::to_owned).collect())
        })
        .unwrap_or_default()
}

fn shell(names: &BTreeSet<String>) -> Option<Step> {
    let scripts: Vec<_> = names
        .iter()
        .filter(|name| name.ends_with(".sh"))
        .filter(|name| !name.split('/').any(|part| PASSED_OVER.contains(&part)))
        .cloned()
        .collect();
    let words = ["shellcheck", "--severity=error", "--"].map(str::to_owned);
    (!scripts.is_empty()).then(|| Step {
        id: "shellcheck".into(),
        comment: "A suggestion; a machine without shellcheck would pass it over, and say so.".into(),
        job: "lint".into(),
        command: words.into_iter().chain(scripts).collect(),
        suggested: true,
        ..Step::default()
    })
}

fn inside(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}

fn inside_state(folder: &str) -> String {
    if folder.is_empty() { PYTHON.to_owned() } else { format!("{PYTHON}-{}", folder.replace('/', "-")) }
}

/// Step ids are lower-case letters, digits, `-`, `_` and `.`.
fn identifier(tool: &str, verb: &str, folder: &str) -> String {
    let folder: String =
        folder.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let mut id = format!("{tool}-{verb}");
    if !folder.is_empty() {
        id = format!("{id}-{folder}");
    }
    id.truncate(60);
    id
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::adopt::templates;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: Expect) {
        let texts = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let names = files.iter().map(|(name, _)| (*name).to_owned()).collect();
        let steps = find(&Facts { texts, names, ..Facts::default() });
        let shown: String = steps.iter().map(templates::step).collect();
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_workspace_of_rust_alone_has_no_more_steps() {
        check(&[("src/lib.rs", "")], expect![[""]]);
    }

    #[test]
    fn benches_that_need_nightly_are_left_out_of_the_build() {
        let facts = Facts { benches_need_nightly: true, lock_tracked: true, ..Facts::default() };
        let library = Facts { names: ["crates/one/src/lib.rs".to_owned()].into(), ..facts.clone() };
        let shown = [facts, library].map(|facts| templates::step(&find(&facts)[0])).concat();
        expect![[r#"

            # The benches need a nightly compiler (`#![feature]`): they are left out.
            [steps.build]
            command = ["cargo", "build", "{packages}", "--bins", "--tests", "--examples", "--locked"]

            # The benches need a nightly compiler (`#![feature]`): they are left out.
            [steps.build]
            command = ["cargo", "build", "{packages}", "--lib", "--bins", "--tests", "--examples", "--locked"]
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn scripts_of_node_become_steps_that_need_their_packages() {
        check(
            &[
                ("package-lock.json", ""),
                (
                    "package.json",
                    r#"{"scripts":{"lint":"eslint .","test":"jest","build":"tsc","start":"x"},"devDependencies":{"jest":"1"}}"#,
                ),
            ],
            expect![[r#"

                # The scripts of package.json.
                [steps.npm-install]
                command = ["npm", "ci", "--no-audit", "--no-fund"]
                job = "node"
                network = true

                [steps.npm-lint]
                command = ["npm", "run", "lint"]
                job = "node"
                needs = ["npm-install"]

                [steps.npm-build]
                command = ["npm", "run", "build"]
                job = "node"
                needs = ["npm-install"]

                [steps.npm-test]
                command = ["npm", "run", "test"]
                job = "node"
                needs = ["npm-install", "npm-build"]
            "#]],
        );
    }

    #[test]
    fn each_part_has_its_own_steps_and_its_own_package_manager() {
        check(
            &[
                (
                    "web/Admin é/package.json",
                    r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#,
                ),
                ("web/shop/package.json", r#"{"scripts":{"test":"node --test"}}"#),
                ("web/shop/pnpm-lock.yaml", ""),
                ("tests/fixtures/package.json", r#"{"scripts":{"test":"node --test"}}"#),
                ("bad/package.json", "{"),
            ],
            expect![[r#"

                # The scripts of web/shop/package.json.
                [steps.pnpm-test-web-shop]
                command = ["pnpm", "run", "test"]
                job = "node"
                folder = "web/shop"
            "#]],
        );
    }

    #[test]
    fn tests_of_python_become_steps_where_the_project_says_what_they_need() {
        let project = "[dependency-groups]\ntest = [\"pytest>=9\", { include-group = \"x\" }]\n";
        check(
            &[("pyproject.toml", project), ("tests/test_one.py", "")],
            expect![[r#"

            # The tests of pyproject.toml.
            [steps.python-environment]
            command = ["python3", "-m", "venv", ".xtask/python"]
            job = "python"
            network = true

            [steps.python-install]
            command = [".xtask/python/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", ".", "pytest>=9"]
            job = "python"
            needs = ["python-environment"]
            network = true
            lane = "cargo"

            [steps.python-test]
            command = [".xtask/python/bin/python", "-m", "pytest", "-p", "no:cacheprovider", "tests"]
            job = "python"
            needs = ["python-install"]
            set_environment = { PYTHONDONTWRITEBYTECODE = "1" }
        "#]],
        );
        check(&[("pyproject.toml", project)], expect![[""]]);
        check(&[("pyproject.toml", "[project]\nname = \"x\"\n"), ("tests/test_one.py", "")], expect![[""]]);
    }

    #[test]
    fn shell_scripts_are_looked_at_optionally() {
        check(
            &[("scripts/a b.sh", ""), ("vendor/x.sh", "")],
            expect![[r#"

                # A suggestion; a machine without shellcheck would pass it over, and say so.
                # [steps.shellcheck]
                # command = ["shellcheck", "--severity=error", "--", "scripts/a b.sh"]
                # job = "lint"
                # required = false
            "#]],
        );
    }
}
