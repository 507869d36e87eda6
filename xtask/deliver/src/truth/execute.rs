//! Looks: runs tests, commands and probes, and keeps what was seen. Decides nothing but what a program's end means.

use std::collections::BTreeMap;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::Result;
use nexus_xtask::shell::{Captured, Command, Ended};

use super::config::{Config, Evidence, Kind, Probe};
use super::facts::{Facts, place};
use super::verdict::{Sight, Verdict};
use crate::kept;

/// Exit statuses that mean that the program never got to its question: a panic, a program that cannot be run or is not there.
const CRASHES: [i32; 3] = [101, 126, 127];

/// The means of looking that belong to others.
pub(crate) struct Means<'a> {
    /// How a service is asked.
    pub(crate) ask: &'a dyn Fn(&Probe) -> (Verdict, String),
    /// Runs tests, `BINARY$TEST`, and says of each that ran whether it passed.
    pub(crate) test: &'a dyn Fn(&[String]) -> Result<Tested>,
}

/// Tests that ran, and whether each passed.
pub(crate) type Tested = BTreeMap<String, bool>;

/// What is to be looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// Steps that are not proven.
    pub(crate) steps: Vec<&'a str>,
    /// Looks, with the claim that each belongs to.
    pub(crate) looks: Vec<(&'a str, &'a Evidence)>,
}

/// Runs steps. What came of each is read where all of them are.
pub(crate) fn run_steps(doors: &Doors, steps: &[&str]) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let mut words = vec!["xtask", "ci", "--keep-going"];
    steps.iter().for_each(|step| words.extend(["--step", step]));
    let command = Command::new("cargo", words);
    doors.terminal.talk(&format!("run  {command}"));
    doors.shell.capture(&command)?;
    Ok(())
}

/// Looks at evidence, each with the claim that it belongs to, and keeps what was seen.
pub(crate) fn look(
    doors: &Doors,
    config: &Config,
    facts: &Facts,
    looks: &[(&str, &Evidence)],
    means: &Means<'_>,
) -> Result<()> {
    let tests: Vec<String> = looks.iter().filter_map(|(_, evidence)| name_of_test(evidence)).collect();
    let tested = match tests.is_empty() {
        true => Ok(BTreeMap::new()),
        false => {
            doors.terminal.talk(&format!("run  {} tests", tests.len()));
            (means.test)(&tests).map_err(|failure| failure.in_one_line())
        }
    };
    for (claim, evidence) in looks {
        let (verdict, why) = match evidence.kind() {
            Kind::Test(test) => of_test(test, name_of_test(evidence), &tested),
            Kind::Command(words) => {
                doors.terminal.talk(&format!("run  {}", words.join(" ")));
                of_command(doors, config, words, evidence)
            }
            Kind::Probe(probe) => (means.ask)(probe),
            // These are read, and not looked at.
            Kind::Step(_) | Kind::Event(_) | Kind::Drill(_) | Kind::Setting(_) => continue,
        };
        let inputs = evidence.is_bound().then_some(facts.inputs);
        let sight = Sight { verdict, why, at: doors.clock.now(), inputs };
        kept::write(&place(&doors.workspace, claim, evidence), &sight)?;
    }
    Ok(())
}

/// `BINARY$TEST`.
fn name_of_test(evidence: &Evidence) -> Option<String> {
    evidence.test.as_deref()?.split_once(' ').map(|(binary, test)| format!("{binary}${test}"))
}

fn of_test(
    test: &str,
    name: Option<String>,
    tested: &std::result::Result<BTreeMap<String, bool>, String>,
) -> (Verdict, String) {
    match tested {
        Err(why) => (Verdict::Error, why.clone()),
        Ok(outcomes) => match name.and_then(|name| outcomes.get(&name)) {
            Some(true) => (Verdict::True, "the test passed".into()),
            Some(false) => (Verdict::False, "the test failed".into()),
            None => (Verdict::NotAvailable, format!("no test `{test}` ran")),
        },
    }
}

fn of_command(doors: &Doors, config: &Config, words: &[String], evidence: &Evidence) -> (Verdict, String) {
    let Some((program, arguments)) = words.split_first() else {
        return (Verdict::Error, "the command names no program".into());
    };
    let mut command = Command::new(program.as_str(), arguments.iter().map(String::as_str));
    command.variables.extend(config.looks.environment.clone());
    match doors.shell.within(&command, None, evidence.limit()) {
        Err(error) => (Verdict::Error, format!("{error:#}")),
        Ok(None) => (Verdict::Error, format!("it took longer than {} s", evidence.limit().as_secs())),
        Ok(Some(captured)) => ended(&captured, evidence),
    }
}

/// What the end of a command means.
fn ended(captured: &Captured, evidence: &Evidence) -> (Verdict, String) {
    let wanted = i32::from(evidence.exit.unwrap_or_default());
    let last = captured.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    match &captured.ended {
        Ended::Exit(code) if *code == wanted => {}
        Ended::Exit(code) if !CRASHES.contains(code) => {
            return (Verdict::False, format!("it ended with {code}, and not with {wanted}: {last}"));
        }
        crashed @ (Ended::Exit(_) | Ended::Signal(_) | Ended::Missing | Ended::NotStarted(_)) => {
            return (Verdict::Error, format!("it crashed: {crashed}: {last}"));
        }
    }
    let printed = captured.text() + "\n" + &captured.stderr;
    match &evidence.prints {
        Some(text) if !printed.contains(text.as_str()) => {
            (Verdict::False, format!("it did not print `{text}`"))
        }
        Some(_) | None => (Verdict::True, format!("it ended with {wanted}")),
    }
}
