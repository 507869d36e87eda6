//! The code behind claims about safety is changed, one place at a time, in a clone of the commit: the tests that are evidence of
//! the claim must pass before, and at least one must fail then. A change that does not compile shows nothing, and is told.
//!
//! The changes are `mutants` in `release/truth.toml`.

use std::path::PathBuf;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Ended};

/// Where mutants are declared.
const FILE: &str = "release/truth.toml";

/// How nextest ends when a test failed, and not a compilation.
/// <https://docs.rs/nextest-metadata/latest/nextest_metadata/enum.NextestExitCode.html>
const TESTS_FAILED: i32 = 100;

/// The clone, and where it is built.
struct Clone<'a> {
    doors: &'a Doors,
    root: PathBuf,
    target: PathBuf,
}

/// A claim about safety: its evidence, and what must make it red.
pub(crate) struct Case {
    /// The claim.
    pub(crate) claim: String,
    /// Its tests: the binary, and the name in it.
    pub(crate) tests: Vec<(String, String)>,
    /// Changes of the code, each by itself: the file, a text that is there exactly once, what stands there instead.
    pub(crate) mutants: Vec<[String; 3]>,
}

/// Changes the code behind each claim.
pub(crate) fn run(doors: &Doors, cases: &[Case]) -> Result<Exit> {
    if cases.is_empty() {
        return Err(
            Failure::usage("no claim that is meant has mutants").next(format!("declare some in {FILE}"))
        );
    }
    let clone = clone(doors)?;
    let mut findings = Vec::new();
    let mut caught = 0;
    for case in cases {
        let claim = &case.claim;
        for mutant in &case.mutants {
            let file = &mutant[0];
            let Some(why) = clone.judge(case, mutant)? else {
                caught += 1;
                doors.terminal.data(&format!("red      {claim}  {file}"));
                continue;
            };
            doors.terminal.data(&format!("survived {claim}  {file}: {why}"));
            let problem = format!("claim `{claim}`: {file}: {why}");
            findings.push(Finding::at(FILE, 0, problem, "add a test that sees it"));
        }
    }
    let all = caught + findings.len();
    if findings.is_empty() {
        doors.terminal.data(&format!(
            "truth: {caught} of {all} changes of the code turn the checks of their claims red"
        ));
        return Ok(Exit::Done);
    }
    Err(Failure::found(Exit::No, format!("{} of {all} changes are not noticed", findings.len()), findings))
}

/// A clone of the commit that is checked out, in the build folder; what an earlier one compiled is kept.
fn clone(doors: &Doors) -> Result<Clone<'_>> {
    let base = doors.workspace.file("target/acceptance/truth");
    let root = base.join("clone");
    files::remove_folder(&root)?;
    files::create_folder(&base)?;
    let (from, to) = (doors.workspace.root().display().to_string(), root.display().to_string());
    doors.shell.read(&Command::new("git", ["clone", "--quiet", "--shared", &from, &to]))?;
    Ok(Clone { doors, root, target: base.join("target") })
}

impl Clone<'_> {
    /// Why a change was not noticed; none where it was.
    fn judge(&self, case: &Case, [file, find, replace]: &[String; 3]) -> Result<Option<String>> {
        let path = self.root.join(file);
        let Some(before) = files::read_text(&path)? else { return Ok(Some("there is no such file".into())) };
        if before.matches(find.as_str()).count() != 1 {
            return Ok(Some("the text to change is not there exactly once".into()));
        }
        if let Some(why) = self.test(case, Ended::Exit(0))? {
            return Ok(Some(format!("before the change: {why}")));
        }
        files::write(&path, before.replace(find.as_str(), replace))?;
        let said = self.test(case, Ended::Exit(TESTS_FAILED))?;
        files::write(&path, &before)?;
        Ok(said)
    }

    /// Runs the tests that are evidence. None where they end as they must.
    fn test(&self, case: &Case, wanted: Ended) -> Result<Option<String>> {
        let filters =
            case.tests.iter().map(|(binary, test)| format!("(binary_id(={binary}) & test(={test}))"));
        let filter = filters.collect::<Vec<_>>().join(" | ");
        let mut words: Vec<_> =
            ["nextest", "run", "--no-fail-fast", "--offline", "--filterset", &filter].into();
        let packages: std::collections::BTreeSet<_> =
            case.tests.iter().map(|(binary, _)| binary.split("::").next().unwrap_or_default()).collect();
        packages.iter().for_each(|package| words.extend(["--package", package]));
        let command = Command::new("cargo", words)
            .within(&self.root)
            .with("CARGO_TARGET_DIR", self.target.display().to_string())
            .with("XTASK_PEERS_REQUIRED", "1");
        let captured = self.doors.shell.capture(&command)?;
        if captured.ended == wanted {
            return Ok(None);
        }
        let last = captured.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        Ok(Some(format!("the tests ended with {}: {}", captured.ended, last.trim())))
    }
}
