//! Nothing pure touches a door: a file named in `house.pure` takes values and returns values.
//!
//! A plan may *hold* what a door gives out (a `Command` to be shown, a `Digest`); it may not hold the door. What each
//! door gives out is listed in [`DOORS`]. Tests, and the command line with its own files, are left out.

use super::code::resolved;
use super::config::Config;
use super::facts::{Facts, Source};
use nexus_xtask::failure::Finding;

/// The modules that reach the outside, and the plain values and pure functions among what they offer.
const DOORS: &[(&str, &[&str])] = &[
    ("crate::doors", &[]),
    ("crate::shell", &["Captured", "Command", "Ended", "quoted"]),
    ("crate::files", &["Mode", "Stamp", "diff"]),
    ("crate::clock", &["ago", "spoken"]),
    ("crate::environment", &[]),
    ("crate::terminal", &["Tone", "printable"]),
    ("crate::git", &["Listing", "NoGit"]),
    ("crate::journal", &["Entry", "Line", "Report", "VERSION"]),
    ("crate::toolchain", &["OWN", "ToolIdentity"]),
    ("crate::receipt", &["Component", "Receipt", "VERSION", "fingerprint"]),
    ("std::env", &["consts"]),
    ("std::fs", &[]),
    ("std::net", &[]),
    ("std::process", &[]),
    ("std::thread", &[]),
    ("std::time", &["Duration"]),
];

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    facts.files.iter().filter(|file| is_pure(config, file)).flat_map(judge).collect()
}

/// A file with a pure name, and every file in the folder of one.
fn is_pure(config: &Config, file: &Source) -> bool {
    let Some(module) = file.module() else { return false };
    let is_test = module.last().is_some_and(|name| *name == "tests");
    let is_free = module.first().is_some_and(|first| config.house.free.iter().any(|free| free == first));
    !is_test && !is_free && module.iter().any(|name| config.house.pure.iter().any(|pure| pure == name))
}

fn judge(file: &Source) -> Vec<Finding> {
    let (Some(code), Some(module)) = (&file.code, file.module()) else { return Vec::new() };
    let mut found: Vec<(usize, String)> = Vec::new();
    for mention in resolved(&module, code.without_tests()) {
        let is_known = found.iter().any(|(_, path)| *path == mention.path);
        if !is_known && (mention.path == "Doors" || is_door(&mention.path)) {
            found.push((mention.line, mention.path));
        }
    }
    found
        .into_iter()
        .map(|(line, path)| {
            Finding::at(
                &file.path,
                line,
                format!("a pure file uses `{path}`"),
                "take the value as a parameter; `facts.rs` or `execute.rs` is where doors are used",
            )
        })
        .collect()
}

fn is_door(path: &str) -> bool {
    DOORS.iter().any(|(door, values)| {
        let Some(rest) = path.strip_prefix(door).and_then(|rest| rest.strip_prefix("::")) else {
            return false;
        };
        let used = rest.split("::").next().unwrap_or_default();
        used != "self" && !values.contains(&used)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    const CONFIG: &str = "[house]\nfree = ['cli']\npure = ['plan', 'report']\n";

    #[test]
    fn a_plan_that_opens_a_door_is_found_however_it_is_written() {
        let plan = "use crate::doors::Doors;\nuse crate::{clock, files as disk};\n\nfn plan(doors: &Doors) {\n    \
                    disk::write(path, text);\n    let now = clock::Clock::system();\n    std::env::var(name);\n}\n";
        expect_test::expect![[r#"
            xtask/src/ci/plan.rs:1: a pure file uses `crate::doors::Doors`
              next: take the value as a parameter; `facts.rs` or `execute.rs` is where doors are used
            xtask/src/ci/plan.rs:4: a pure file uses `Doors`
              next: take the value as a parameter; `facts.rs` or `execute.rs` is where doors are used
            xtask/src/ci/plan.rs:5: a pure file uses `crate::files::write`
              next: take the value as a parameter; `facts.rs` or `execute.rs` is where doors are used
            xtask/src/ci/plan.rs:6: a pure file uses `crate::clock::Clock::system`
              next: take the value as a parameter; `facts.rs` or `execute.rs` is where doors are used
            xtask/src/ci/plan.rs:7: a pure file uses `std::env::var`
              next: take the value as a parameter; `facts.rs` or `execute.rs` is where doors are used
        "#]]
        .assert_eq(&findings(check, CONFIG, &[("xtask/src/ci/plan.rs", plan)]));
    }

    #[test]
    fn values_of_doors_tests_and_other_files_are_free() {
        let plan = "use crate::files;\nuse crate::shell::Command;\nuse crate::{clock::spoken, digest::Digest};\n\n\
                    fn plan() {\n    files::diff(\"std::fs::write\", a, b); // std::fs\n}\n\n\
                    #[cfg(test)]\nmod tests {\n    use crate::doors::Doors;\n}\n";
        let door = "use crate::doors::Doors;\n";
        let files = [
            ("xtask/src/ci/plan.rs", plan),
            ("xtask/src/ci/plan/tests.rs", door),
            ("xtask/src/ci/execute.rs", door),
            ("xtask/src/cli/report.rs", door),
            ("xtask/src/reporter.rs", door),
        ];
        assert_eq!(findings(check, CONFIG, &files), "");
    }
}
