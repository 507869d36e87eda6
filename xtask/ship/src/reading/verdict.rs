//! What a provider's answer means. Pure.

use serde_json::Value;

use nexus_xtask::terminal::printable;
use nexus_xtask_deliver::deploy::protocol::{Fault, Reading, Trouble};

use crate::probe::Answer;

/// How much of what a provider said is shown, in characters.
const SHOWN_MAX: usize = 200;

/// There was no answer.
pub(super) fn no_answer(fault: &Fault) -> Reading {
    let trouble = match fault {
        Fault::Slow { .. } => Trouble::Timeout,
        Fault::Refused
        | Fault::Unreachable { .. }
        | Fault::Certificate { .. }
        | Fault::NotHttp { .. }
        | Fault::Cut { .. } => Trouble::Unreachable,
        Fault::Html => Trouble::Html,
        Fault::Redirected { .. } | Fault::RedirectLoop { .. } | Fault::Status { .. } => Trouble::Refused,
        Fault::ContentType { .. }
        | Fault::NotJson { .. }
        | Fault::TooLarge { .. }
        | Fault::Lacks { .. }
        | Fault::Value { .. }
        | Fault::Version { .. } => Trouble::Shape,
    };
    failed(trouble, fault.to_string())
}

/// A number in a document.
pub(super) fn document(answer: &Answer, pointer: &str) -> Reading {
    if !answer.status.is_success() {
        return refused(answer);
    }
    match json(answer) {
        Err(reading) => reading,
        Ok(document) => number(document.pointer(pointer).unwrap_or(&Value::Null)),
    }
}

/// An answer of Prometheus's HTTP API: <https://prometheus.io/docs/prometheus/latest/querying/api/>.
pub(super) fn prometheus(answer: &Answer) -> Reading {
    let document = match json(answer) {
        Err(_) if !answer.status.is_success() => return refused(answer),
        Err(reading) => return reading,
        Ok(document) => document,
    };
    if document["status"] != "success" || !answer.status.is_success() {
        let word = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
        let why = format!("{}: {} {}", answer.status, word("errorType"), word("error"));
        // A query that took longer than the server allows is answered 503 with this type.
        let is_slow = word("errorType") == "timeout";
        return failed(if is_slow { Trouble::Timeout } else { Trouble::Refused }, why);
    }
    let result = &document["data"]["result"];
    match document["data"]["resultType"].as_str() {
        Some("scalar") => pairs(std::slice::from_ref(result)),
        Some("vector") => one_series(result, |series| pairs(std::slice::from_ref(&series["value"]))),
        Some("matrix") => one_series(result, |series| match series["values"].as_array() {
            Some(values) => pairs(values),
            None => failed(Trouble::Shape, "a series without values".to_owned()),
        }),
        Some(other) => failed(Trouble::Shape, format!("a result of the type `{}`", printable(other))),
        None => failed(Trouble::Shape, "no result".to_owned()),
    }
}

fn one_series(result: &Value, read: impl FnOnce(&Value) -> Reading) -> Reading {
    match result.as_array().map(Vec::as_slice) {
        None => failed(Trouble::Shape, "a result that is no list".to_owned()),
        Some([]) => Reading::NoData,
        Some([series]) => read(series),
        Some(several) => {
            let why = format!("{} series: the query must lead to one, `sum(...)` say", several.len());
            failed(Trouble::Ambiguous, why)
        }
    }
}

/// Pairs of a time and a number in quotes. One that is no number makes the whole no number: a mean over the rest would
/// hide it.
fn pairs(pairs: &[Value]) -> Reading {
    let mut values = Vec::new();
    for pair in pairs {
        let Some(text) = pair[1].as_str() else {
            return failed(Trouble::Shape, "a value without its text".to_owned());
        };
        match Reading::of_text(text) {
            Reading::Values { values: more } => values.extend(more),
            other => return other,
        }
    }
    if values.is_empty() { Reading::NoData } else { Reading::Values { values } }
}

fn number(value: &Value) -> Reading {
    match value {
        Value::Null => Reading::NoData,
        Value::Number(number) => match number.as_f64() {
            Some(value) if value.is_finite() => Reading::Values { values: vec![value] },
            Some(_) | None => Reading::NotANumber { text: number.to_string() },
        },
        // A text is no number, even where it looks like one: who writes "0" may write "n/a" tomorrow.
        other => Reading::NotANumber { text: shown(&other.to_string()) },
    }
}

fn json(answer: &Answer) -> Result<Value, Reading> {
    let kind = answer.content_type();
    if kind.starts_with("text/html") {
        return Err(failed(Trouble::Html, "a page of HTML instead of JSON".to_owned()));
    }
    if !kind.contains("json") {
        return Err(failed(Trouble::Shape, format!("content type `{}` instead of JSON", shown(kind))));
    }
    serde_json::from_slice(&answer.body).map_err(|error| failed(Trouble::Shape, format!("no JSON: {error}")))
}

fn refused(answer: &Answer) -> Reading {
    failed(Trouble::Refused, format!("status {}", answer.status.as_u16()))
}

fn failed(trouble: Trouble, why: String) -> Reading {
    Reading::Failed { trouble, why: shown(&why) }
}

/// What a stranger wrote, cut and made safe to be printed.
fn shown(text: &str) -> String {
    printable(text).chars().take(SHOWN_MAX).collect()
}
