//! The run as JUnit XML.
//!
//! One suite for each job, one case for each step. The format has no word for much of what can happen to a step; what
//! it cannot say is an error, because readers take a case without a child for a pass:
//! - failed, killed, timed out, an output missing: `failure`;
//! - not run, interrupted, broken, undecided, and unavailable where it is required: `error`;
//! - skipped by the plan, and unavailable where it is optional: `skipped`;
//! - flaky: a pass with a `flakyFailure` for each try that failed; failed more than once: `rerunFailure` for the
//!   tries before the last. Both names come from Maven Surefire's schema, which other runners took over.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event as Xml};

use crate::clock;
use crate::event::Outcome;

use super::excerpt::{LINE_CHARACTERS_MAX, shortened};
use super::run::{Run, Step};

/// What a case is for a reader of the format.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pass,
    Failure,
    Error,
    Skipped,
}

pub(super) fn render(run: &Run) -> String {
    let mut bytes = Vec::new();
    write(run, &mut Writer::new_with_indent(&mut bytes, b' ', 2)).expect("memory takes every write");
    String::from_utf8(bytes).expect("text was written")
}

fn write(run: &Run, xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
    xml.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut jobs: Vec<&str> = Vec::new();
    for step in &run.steps {
        if !jobs.contains(&step.plan.job.as_str()) {
            jobs.push(&step.plan.job);
        }
    }
    let all: Vec<&Step> = run.steps.iter().collect();
    let name = valid(if run.command.is_empty() { "xtask" } else { &run.command });
    let total = seconds(run.total_ms());
    let mut attributes = vec![("name", name), ("time", total)];
    attributes.extend(figures(&all));
    let suites = xml.create_element("testsuites").with_attributes(borrowed(&attributes));
    if jobs.is_empty() {
        suites.write_empty()?;
    } else {
        suites.write_inner_content(|xml| jobs.iter().try_for_each(|job| suite(run, job, xml)))?;
    }
    xml.get_mut().push(b'\n');
    Ok(())
}

fn suite(run: &Run, job: &str, xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
    let steps: Vec<&Step> = run.steps.iter().filter(|step| step.plan.job == job).collect();
    let time = steps.iter().filter_map(|step| step.verdict.as_ref()).map(|verdict| verdict.duration_ms).sum();
    let name = if job.is_empty() { "steps" } else { job };
    let mut attributes = vec![("name", valid(name)), ("time", seconds(time))];
    attributes.extend(run.began.map(|began| ("timestamp", began.to_string())));
    attributes.extend(figures(&steps));
    xml.create_element("testsuite")
        .with_attributes(borrowed(&attributes))
        .write_inner_content(|xml| steps.iter().try_for_each(|step| case(run, step, xml)))?;
    Ok(())
}

fn case(run: &Run, step: &Step, xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
    let time = seconds(step.verdict.as_ref().map_or(0, |verdict| verdict.duration_ms));
    let attributes = [("name", valid(&step.plan.step)), ("classname", valid(&step.plan.job)), ("time", time)];
    let case = xml.create_element("testcase").with_attributes(borrowed(&attributes));
    let kind = kind(step);
    let notes = notes(step);
    if kind == Kind::Pass && step.tries.len() < 2 && notes.is_empty() {
        case.write_empty()?;
        return Ok(());
    }
    case.write_inner_content(|xml| {
        let element = match kind {
            Kind::Pass => None,
            Kind::Failure => Some("failure"),
            Kind::Error => Some("error"),
            Kind::Skipped => Some("skipped"),
        };
        if let Some(element) = element {
            child(xml, element, step.word(), &message(run, step), &excerpt(step))?;
        }
        let again = if kind == Kind::Pass { "flakyFailure" } else { "rerunFailure" };
        let before = step.tries.len().saturating_sub(1);
        for (number, outcome) in
            step.tries[..before].iter().filter_map(|one| Some((one.attempt, one.outcome.as_ref()?)))
        {
            let how = outcome.detail().unwrap_or_else(|| outcome.word().to_owned());
            child(xml, again, outcome.word(), &format!("try {number}: {how}"), "")?;
        }
        if !notes.is_empty() {
            xml.create_element("system-out").write_text_content(BytesText::new(&valid(&notes)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn child(
    xml: &mut Writer<&mut Vec<u8>>,
    element: &str,
    word: &str,
    message: &str,
    text: &str,
) -> std::io::Result<()> {
    let attributes = [("message", valid(message)), ("type", word.to_owned())];
    let child = xml.create_element(element).with_attributes(borrowed(&attributes));
    match text.is_empty() {
        true => child.write_empty()?,
        false => child.write_text_content(BytesText::new(&valid(text)))?,
    };
    Ok(())
}

fn kind(step: &Step) -> Kind {
    let Some(verdict) = &step.verdict else { return Kind::Error };
    match &verdict.outcome {
        Outcome::Passed | Outcome::Flaky { .. } | Outcome::Proven { .. } => Kind::Pass,
        Outcome::Failed { .. }
        | Outcome::Killed { .. }
        | Outcome::TimedOut { .. }
        | Outcome::OutputMissing { .. } => Kind::Failure,
        Outcome::NotRun { .. } | Outcome::Interrupted | Outcome::Broken { .. } | Outcome::Unknown => {
            Kind::Error
        }
        Outcome::Skipped { .. } => Kind::Skipped,
        Outcome::Unavailable { .. } => {
            if step.plan.required {
                Kind::Error
            } else {
                Kind::Skipped
            }
        }
    }
}

fn message(run: &Run, step: &Step) -> String {
    match &step.verdict {
        Some(verdict) => verdict.outcome.detail().unwrap_or_else(|| verdict.outcome.word().to_owned()),
        None if step.is_running() => "the run ended while this step ran".to_owned(),
        None if run.end.is_some() => "the run ended without deciding this step".to_owned(),
        None => "the run was interrupted before this step".to_owned(),
    }
}

fn excerpt(step: &Step) -> String {
    let lines = step.verdict.as_ref().map(|verdict| shortened(&verdict.excerpt, LINE_CHARACTERS_MAX));
    lines.unwrap_or_default().join("\n")
}

/// What a reader of the report wants to know beside the verdict.
fn notes(step: &Step) -> String {
    let Some(verdict) = &step.verdict else { return String::new() };
    let mut notes = Vec::new();
    match &verdict.outcome {
        Outcome::Proven { since } => {
            notes.push(format!("proven: passed {} on the same inputs", clock::ago(*since, verdict.at)));
        }
        Outcome::Unavailable { install, .. } => notes.push(format!("install: {install}")),
        _ => {}
    }
    notes.extend(verdict.notes.iter().cloned());
    notes.extend(verdict.log.iter().map(|log| format!("log: {log}")));
    notes.extend(verdict.rerun.iter().map(|rerun| format!("rerun: {rerun}")));
    shortened(&notes, usize::MAX).join("\n")
}

fn figures(steps: &[&Step]) -> [(&'static str, String); 4] {
    let count = |wanted: Kind| steps.iter().filter(|step| kind(step) == wanted).count().to_string();
    [
        ("tests", steps.len().to_string()),
        ("failures", count(Kind::Failure)),
        ("errors", count(Kind::Error)),
        ("skipped", count(Kind::Skipped)),
    ]
}

fn borrowed<'a>(attributes: &'a [(&'static str, String)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    attributes.iter().map(|(name, value)| (*name, value.as_str()))
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// The text without what XML 1.0 cannot hold at all, not even escaped (section 2.2 of its specification).
fn valid(text: &str) -> String {
    let is_valid = |character: char| {
        matches!(character, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..) && !character.is_control()
            || matches!(character, '\t' | '\n')
    };
    text.chars().map(|character| if is_valid(character) { character } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests;
