//! Which tests there are and how long each took: asked of nextest, read from what it wrote.

use std::collections::BTreeMap;

use anyhow::Context as _;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::Deserialize;

use crate::doors::Doors;
use crate::failure::{Failure, Result};
use crate::files;
use crate::shell::Command;

/// The file in which nextest reports, in the build folder.
const JUNIT: &str = "nextest/default/xtask.xml";

/// The longest filter expression in one argument, in bytes: Linux takes at most 128 KiB.
pub(crate) const FILTER_LENGTH_MAX: usize = 100_000;

/// Where a workspace declares how long its tests take.
const DECLARED: &str = "release/durations.json";

/// The part of `cargo nextest list --message-format json` that counts here.
#[derive(Deserialize)]
struct List {
    #[serde(rename = "rust-suites")]
    suites: BTreeMap<String, Suite>,
}

#[derive(Deserialize)]
struct Suite {
    testcases: BTreeMap<String, Testcase>,
}

#[derive(Deserialize)]
struct Testcase {
    ignored: bool,
}

/// Every test that a run would run, as `binary$test`. `run` is the command that runs them all.
pub(crate) fn list(doors: &Doors, run: &[String]) -> Result<Vec<String>> {
    // The same selection of packages; what only concerns running is left out.
    let mut words =
        vec!["nextest".to_owned(), "list".to_owned(), "--message-format".to_owned(), "json".to_owned()];
    let mut rest = run.iter().skip(3);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--no-tests" => {
                rest.next();
            }
            _ => words.push(word.clone()),
        }
    }
    let command = Command::new("cargo", words);
    let captured = doors.shell.capture(&command)?;
    if !captured.is_success() {
        return Err(Failure::no("the tests cannot be listed")
            .why(captured.stderr.trim())
            .next("cargo nextest list"));
    }
    let list: List =
        serde_json::from_slice(&captured.stdout).context("cannot read what `cargo nextest list` printed")?;
    Ok(list
        .suites
        .iter()
        .flat_map(|(binary, suite)| suite.testcases.iter().map(move |(test, case)| (binary, test, case)))
        .filter(|(_, _, case)| !case.ignored)
        .map(|(binary, test, _)| name(binary, test))
        .collect())
}

/// A test's name over all binaries.
fn name(binary: &str, test: &str) -> String {
    format!("{binary}${test}")
}

/// Filter expressions that select exactly these tests; several, because one argument may not be too long.
pub(crate) fn filters(tests: &[String], length_max: usize) -> Vec<String> {
    let mut filters: Vec<String> = Vec::new();
    for test in tests {
        let Some((binary, test)) = test.split_once('$') else { continue };
        let one = format!("(binary_id(={binary}) & test(={test}))");
        match filters.last_mut() {
            Some(last) if last.len() + one.len() + 3 <= length_max => {
                last.push_str(" | ");
                last.push_str(&one);
            }
            _ => filters.push(one),
        }
    }
    filters
}

/// How long each test takes, in milliseconds: what the workspace declares, else on a person's machine what its last
/// whole run took. In continuous integration only what is declared counts: jobs that know different durations would
/// divide the tests differently, and a test could be in no part.
pub(crate) fn durations(doors: &Doors) -> Result<BTreeMap<String, u64>> {
    let declared = doors.workspace.file(DECLARED);
    if let Some(bytes) = files::read(&declared)? {
        return serde_json::from_slice(&bytes).map_err(|error| {
            Failure::usage(format!("{DECLARED} does not hold durations"))
                .why(error.to_string())
                .next("cargo xtask test --keep-durations")
        });
    }
    if doors.environment.is_ci() { Ok(BTreeMap::new()) } else { recorded(doors) }
}

/// How long each test took when all of them last ran here.
fn recorded(doors: &Doors) -> Result<BTreeMap<String, u64>> {
    let bytes = files::read(&doors.workspace.cache().join("tests.json"))?.unwrap_or_default();
    // Only balance depends on it: what cannot be read is not known.
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Declares the durations of the last whole run, for every machine.
pub(crate) fn declare_durations(doors: &Doors) -> Result<usize> {
    let all = recorded(doors)?;
    if all.is_empty() {
        return Err(
            Failure::refused("no durations of tests are recorded here").next("cargo xtask test --no-cache")
        );
    }
    let text = serde_json::to_string_pretty(&all).map_err(anyhow::Error::from)?;
    files::write(&doors.workspace.file(DECLARED), text + "\n")?;
    Ok(all.len())
}

/// Takes over what nextest wrote about the run that just ended.
pub(crate) fn keep_durations(doors: &Doors, target: &std::path::Path) -> Result<()> {
    let Some(text) = files::read_text(&target.join(JUNIT))? else { return Ok(()) };
    let mut all = recorded(doors)?;
    all.extend(parse(&text));
    let text = serde_json::to_string(&all).map_err(anyhow::Error::from)?;
    Ok(files::write_cache(&doors.workspace.cache().join("tests.json"), text)?)
}

/// Runs these tests, and says of each that ran whether it passed.
pub(crate) fn run(
    doors: &Doors,
    tests: &[String],
    variables: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, bool>> {
    let report = target(doors)?.join(JUNIT);
    // What an earlier run wrote must not answer for this one.
    files::remove(&report)?;
    let config = doors.workspace.state().join(super::steps::NEXTEST_CONFIG);
    let fixed =
        ["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests", "warn", "--tool-config-file"];
    let mut words: Vec<_> = fixed.map(str::to_owned).into();
    words.push(format!("xtask:{}", config.display()));
    for filter in filters(tests, FILTER_LENGTH_MAX) {
        words.extend(["--filterset".to_owned(), filter]);
    }
    let mut command = Command::new("cargo", words);
    command.variables.extend(variables.clone());
    let captured = doors.shell.capture(&command)?;
    let Some(text) = files::read_text(&report)? else {
        if captured.is_success() {
            return Ok(BTreeMap::new());
        }
        let said: Vec<_> = captured.stderr.lines().rev().take(12).collect();
        return Err(Failure::no("the tests could not be run")
            .why(said.into_iter().rev().collect::<Vec<_>>().join("\n"))
            .next("cargo nextest run --workspace"));
    };
    Ok(outcomes(&text))
}

/// The build folder.
fn target(doors: &Doors) -> Result<std::path::PathBuf> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: std::path::PathBuf,
    }
    let words = ["metadata", "--no-deps", "--format-version", "1"];
    let text = doors.shell.read(&Command::new("cargo", words))?;
    let metadata: Metadata =
        serde_json::from_str(&text).context("cannot read what `cargo metadata` printed")?;
    Ok(metadata.target_directory)
}

/// Tests out of a JUnit report, and whether each passed. What is not understood is not known.
fn outcomes(text: &str) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    let mut reader = Reader::from_str(text);
    let mut last = String::new();
    while let Ok(event) = reader.read_event() {
        let (Event::Start(element) | Event::Empty(element)) = event else {
            match event {
                Event::Eof => break,
                _ => continue,
            }
        };
        match element.name().as_ref() {
            "testcase" => {
                let (Some(test), Some(binary)) = (value(&element, "name"), value(&element, "classname"))
                else {
                    continue;
                };
                last = name(&binary, &test);
                found.insert(last.clone(), true);
            }
            // A pass at a later try is written as `flakyFailure`, and is a pass.
            "failure" | "error" | "skipped" => {
                found.insert(last.clone(), false);
            }
            _ => {}
        }
    }
    found
}

/// An attribute of an element of a report.
fn value(element: &BytesStart<'_>, wanted: &str) -> Option<String> {
    let attribute = element.try_get_attribute(wanted).ok().flatten()?;
    Some(attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}

/// Tests and their durations out of a JUnit report. What is not understood is not known.
fn parse(text: &str) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut reader = Reader::from_str(text);
    while let Ok(event) = reader.read_event() {
        let element = match event {
            Event::Start(element) | Event::Empty(element) if element.name().as_ref() == "testcase" => element,
            Event::Eof => break,
            _ => continue,
        };
        let value = |wanted| value(&element, wanted);
        if let (Some(test), Some(binary), Some(time)) = (value("name"), value("classname"), value("time"))
            && let Ok(seconds) = time.parse::<f64>()
        {
            let ms = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_millis();
            found.insert(name(&binary, &test), u64::try_from(ms).unwrap_or(u64::MAX));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_come_out_of_a_report() {
        let text = r#"<?xml version="1.0"?><testsuites><testsuite name="a">
            <testcase name="x::one" classname="a" time="1.250"/>
            <testcase name="x&lt;two&gt;" classname="a::it" time="0.004"><failure/></testcase>
            <testcase name="broken" classname="a" time="soon"/>
        </testsuite></testsuites>"#;
        let found = parse(text);
        assert_eq!(found, [("a$x::one".to_owned(), 1250), ("a::it$x<two>".to_owned(), 4)].into());
        assert_eq!(parse("<testsuites><testcase name="), BTreeMap::new());
        let passed = [("a$x::one", true), ("a::it$x<two>", false), ("a$broken", true)];
        assert_eq!(outcomes(text), passed.map(|(test, passed)| (test.to_owned(), passed)).into());
    }

    #[test]
    fn filters_hold_every_test_once_and_stay_short() {
        let tests: Vec<String> = (0..40).map(|index| format!("a$t{index}")).collect();
        let filters = filters(&tests, 200);
        assert!(filters.len() > 1 && filters.iter().all(|filter| filter.len() <= 200), "{filters:?}");
        let all = filters.join(" | ");
        assert!((0..40).all(|index| all.matches(&format!("test(=t{index})")).count() == 1));
    }
}
