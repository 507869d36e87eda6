//! A run as spans, in the JSON of OTLP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>) and with the names that the
//! semantic conventions v1.44.0 have for CI/CD. Pure.
//!
//! - The same events give the same spans, ids included: what is sent a second time is no second span.
//! - A span is there as soon as its step is decided; the run itself is the last.
//! - What the conventions do not name begins with `xtask.`.
//! - A result is `success` only where something was shown to hold by running it; what a receipt proved is a `skip`.
//!
//! To add an attribute: look for its name in the conventions first; the table in the tests knows those that are used.

pub mod protocol;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use nexus_xtask::digest::Digest;
use nexus_xtask::event::{Event, Outcome, Stamped, Status};

/// The conventions whose names are used.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The letters of a trace's and of a span's id.
const TRACE_LENGTH: usize = 32;
const SPAN_LENGTH: usize = 16;

/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_SERVER`.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;

/// `STATUS_CODE_ERROR`; what is well has no status, because nobody but its reader says that it is.
const ERROR: u8 = 2;

/// Where a run was, as far as its events do not say it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The version of the toolkit.
    pub version: String,
    /// Where the run can be looked at; its folder where nobody else has it.
    pub url: String,
    /// The repository, where that is known.
    pub repository: Option<String>,
}

/// A piece of work that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its id: the same for the same work of the same run.
    pub id: String,
    /// The work that it is a part of; none of the run itself.
    parent: Option<String>,
    name: String,
    kind: u8,
    begun: Timestamp,
    ended: Timestamp,
    attributes: Vec<(&'static str, Value)>,
    status: u8,
    message: String,
}

/// A run, from its events so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    run: String,
    pipeline: String,
    commit: Option<String>,
    begun: Timestamp,
    /// The job of each planned step.
    jobs: BTreeMap<String, String>,
    /// When each step that runs began, and how many tries it had.
    started: BTreeMap<String, (Timestamp, u32)>,
    newest: Timestamp,
    /// True once nothing can follow.
    pub is_over: bool,
}

impl Trace {
    /// Takes the next event; gives the span that it ends.
    pub fn take(&mut self, stamped: &Stamped, place: &Place) -> Option<Span> {
        self.newest = stamped.at;
        match &stamped.event {
            Event::RunStarted { run, command, commit, steps, .. } => {
                self.run.clone_from(run);
                self.pipeline = pipeline(command);
                self.commit.clone_from(commit);
                self.begun = stamped.at;
                self.jobs = steps.iter().map(|planned| (planned.step.clone(), planned.job.clone())).collect();
                None
            }
            Event::StepStarted { step, attempt } => {
                let started = self.started.entry(step.clone()).or_insert((stamped.at, 1));
                started.1 = *attempt;
                None
            }
            Event::StepFinished { step, outcome, .. } => Some(self.task(stamped.at, step, outcome, place)),
            Event::RunFinished { status, .. } => {
                self.is_over = true;
                Some(self.whole(result_of_run(*status), status.word(), None))
            }
            Event::StepRetried { .. }
            | Event::StepNoted { .. }
            | Event::Interrupted { .. }
            | Event::Unknown => None,
        }
    }

    /// The run whose writer was killed: nothing follows, and nobody said how it came out.
    pub fn killed(&mut self) -> Option<Span> {
        self.is_over = true;
        (!self.run.is_empty()).then(|| self.whole("error", "killed", Some("killed")))
    }

    fn task(&self, at: Timestamp, step: &str, outcome: &Outcome, place: &Place) -> Span {
        let (begun, attempts) = self.started.get(step).copied().unwrap_or((at, 0));
        // Steps that no plan has, as those of a deployment, have the job of the whole.
        let job = self.jobs.get(step).unwrap_or(&self.pipeline).as_str();
        let (result, error) = result_of_task(outcome);
        let mut attributes = vec![
            ("cicd.pipeline.task.name", json!(step)),
            ("cicd.pipeline.task.run.id", json!(format!("{}/{step}", self.run))),
            ("cicd.pipeline.task.run.url.full", json!(place.url)),
            ("cicd.pipeline.task.run.result", json!(result)),
        ];
        // The conventions know build, test and deploy; all else has no type.
        let kind = ["build", "test", "deploy"].into_iter().find(|kind| job == *kind || step == *kind);
        attributes.extend(kind.map(|kind| ("cicd.pipeline.task.type", json!(kind))));
        attributes.extend(error.clone().map(|error| ("error.type", json!(error))));
        attributes.extend([
            ("xtask.step.outcome", json!(outcome.word())),
            ("xtask.step.job", json!(job)),
            ("xtask.step.attempts", json!(attempts)),
        ]);
        Span {
            id: self.id(&format!("step {step}")),
            parent: Some(self.root()),
            name: step.to_owned(),
            kind: INTERNAL,
            begun,
            ended: at.max(begun),
            attributes,
            status: status(result),
            message: if status(result) == ERROR {
                outcome.detail().unwrap_or_default()
            } else {
                String::new()
            },
        }
    }

    fn whole(&self, result: &'static str, word: &str, error: Option<&str>) -> Span {
        let mut attributes = vec![
            ("cicd.pipeline.result", json!(result)),
            ("cicd.pipeline.action.name", json!("RUN")),
            ("xtask.run.status", json!(word)),
        ];
        if matches!(result, "failure" | "error") {
            attributes.push(("error.type", json!(error.unwrap_or(word).replace(' ', "_"))));
        }
        Span {
            id: self.root(),
            parent: None,
            name: format!("RUN {}", self.pipeline),
            kind: SERVER,
            begun: self.begun,
            ended: self.newest.max(self.begun),
            attributes,
            status: status(result),
            message: if status(result) == ERROR { word.to_owned() } else { String::new() },
        }
    }

    fn root(&self) -> String {
        self.id("run")
    }

    /// An id that follows from the run's name and what it is the id of.
    fn id(&self, of: &str) -> String {
        let mut id = Digest::of(format!("{}\0{of}", self.run)).to_string();
        id.truncate(SPAN_LENGTH);
        id
    }

    /// Spans as the body of one request.
    pub fn body(&self, spans: &[Span], place: &Place) -> String {
        let mut trace = Digest::of(&self.run).to_string();
        trace.truncate(TRACE_LENGTH);
        let mut resource = vec![
            ("service.name", json!("nexus-xtask")),
            ("service.version", json!(place.version)),
            ("cicd.pipeline.name", json!(self.pipeline)),
            ("cicd.pipeline.run.id", json!(self.run)),
            ("cicd.pipeline.run.url.full", json!(place.url)),
        ];
        resource.extend(self.commit.iter().map(|commit| ("vcs.ref.head.revision", json!(commit))));
        resource.extend(place.repository.iter().map(|url| ("vcs.repository.url.full", json!(url))));
        let spans: Vec<Value> = spans.iter().map(|span| span.json(&trace)).collect();
        json!({ "resourceSpans": [{
            "resource": { "attributes": attributes(&resource) },
            "schemaUrl": SCHEMA,
            "scopeSpans": [{
                "scope": { "name": "nexus-xtask", "version": place.version },
                "schemaUrl": SCHEMA,
                "spans": spans,
            }],
        }] })
        .to_string()
    }
}

impl Span {
    fn json(&self, trace: &str) -> Value {
        let mut json = json!({
            "traceId": trace,
            "spanId": self.id,
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": self.begun.as_nanosecond().to_string(),
            "endTimeUnixNano": self.ended.as_nanosecond().to_string(),
            "attributes": attributes(&self.attributes),
            "status": { "code": self.status, "message": self.message },
        });
        if let Some(parent) = &self.parent {
            json["parentSpanId"] = json!(parent);
        }
        json
    }
}

/// Attributes as OTLP has them: 64-bit numbers are texts in its JSON.
fn attributes(all: &[(&'static str, Value)]) -> Value {
    let one = |(name, value): &(&'static str, Value)| {
        let value = match value {
            Value::Number(number) => json!({ "intValue": number.to_string() }),
            Value::Bool(flag) => json!({ "boolValue": flag }),
            Value::String(text) => json!({ "stringValue": text }),
            other => json!({ "stringValue": other.to_string() }),
        };
        json!({ "key": name, "value": value })
    };
    all.iter().map(one).collect()
}

/// `cargo xtask ci --step a` is a run of the pipeline `ci`.
fn pipeline(command: &str) -> String {
    let mut words = command.split_whitespace().skip_while(|word| !word.ends_with("xtask"));
    let word = words.by_ref().skip(1).find(|word| !word.starts_with('-'));
    word.unwrap_or("ci").to_owned()
}

/// The word of the conventions, and the kind of error where there is one.
fn result_of_task(outcome: &Outcome) -> (&'static str, Option<String>) {
    match outcome {
        Outcome::Passed | Outcome::Flaky { .. } => ("success", None),
        Outcome::Proven { .. } | Outcome::NotRun { .. } | Outcome::Skipped { .. } => ("skip", None),
        Outcome::Failed { exit } => ("failure", Some(format!("exit_{exit}"))),
        Outcome::OutputMissing { .. } => ("failure", Some("output_missing".to_owned())),
        Outcome::Killed { signal } => ("failure", Some(format!("signal_{signal}"))),
        Outcome::TimedOut { .. } => ("timeout", None),
        Outcome::Interrupted => ("cancellation", None),
        Outcome::Unavailable { .. } => ("error", Some("unavailable".to_owned())),
        Outcome::Broken { .. } => ("error", Some("broken".to_owned())),
        Outcome::Unknown => ("error", Some("unknown".to_owned())),
    }
}

fn result_of_run(status: Status) -> &'static str {
    match status {
        Status::Passed | Status::Incomplete => "success",
        Status::Failed => "failure",
        Status::Unavailable | Status::Unknown => "error",
        Status::Interrupted => "cancellation",
        Status::Nothing => "skip",
    }
}

fn status(result: &str) -> u8 {
    match result {
        "failure" | "error" | "timeout" => ERROR,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
