//! What an answer means. Pure.
//!
//! A status alone says nothing: an application may answer 200 with the same page for every path. So the content type, the
//! body and the version are looked at too, and the first thing that is wrong is the one that is told. Only a 503 in the
//! expected content type is the service's own "not yet".

use http::StatusCode;
use serde_json::Value;

use nexus_xtask::terminal::printable;
use nexus_xtask_deliver::deploy::protocol::{Expectation, Fault, Identity, State};

use super::exchange::Answer;

/// How much of a value is shown, in characters.
const SHOWN_MAX: usize = 200;

/// Which question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Does it live?
    Live,
    /// Has it started?
    Started,
    /// Is it ready?
    Ready,
    /// Which version is it?
    Identity,
}

/// The state of a service whose answer to a question has a fault; those before had none.
pub(super) fn state(step: Step, fault: Fault) -> State {
    let is_not_yet =
        matches!(fault, Fault::Status { actual, .. } if actual == StatusCode::SERVICE_UNAVAILABLE.as_u16());
    match (&fault, step) {
        (Fault::Slow { .. } | Fault::Unreachable { .. }, _) => State::Unknown { fault },
        (_, Step::Live) if is_not_yet => State::Starting,
        (_, Step::Started) if is_not_yet => State::Live,
        (_, Step::Ready) if is_not_yet => State::Started,
        (_, Step::Live | Step::Started | Step::Ready | Step::Identity) => State::Down { fault },
    }
}

/// Says what is wrong with an answer.
pub(super) fn meets(expectation: &Expectation, answer: &Answer) -> Result<(), Fault> {
    let (wanted, actual) = (expectation.status, answer.status.as_u16());
    let is_not_yet = answer.status == StatusCode::SERVICE_UNAVAILABLE;
    if actual != wanted && !is_not_yet {
        return Err(Fault::Status { wanted, actual });
    }
    if let Some(wanted) = &expectation.content_type {
        of_type(wanted, answer)?;
    }
    if actual != wanted {
        return Err(Fault::Status { wanted, actual });
    }
    if let Some(text) = &expectation.contains
        && !String::from_utf8_lossy(&answer.body).contains(text)
    {
        return Err(Fault::Lacks { text: text.clone() });
    }
    if expectation.pointers.is_empty() {
        return match &expectation.content_type {
            Some(kind) if kind.starts_with("application/json") => json(answer).map(drop),
            Some(_) | None => Ok(()),
        };
    }
    let body = json(answer)?;
    for wanted in &expectation.pointers {
        let actual = body.pointer(&wanted.pointer);
        if actual != Some(&wanted.equals) {
            return Err(Fault::Value {
                pointer: wanted.pointer.clone(),
                wanted: shown(&wanted.equals.to_string()),
                actual: actual.map(|value| shown(&value.to_string())),
            });
        }
    }
    Ok(())
}

/// The version that an answer says, where it is the wanted one.
pub(super) fn version(identity: &Identity, answer: &Answer) -> Result<String, Fault> {
    meets(&Expectation::json(&identity.path), answer)?;
    let body = json(answer)?;
    let said = match body.pointer(&identity.pointer) {
        Some(Value::String(version)) => version.clone(),
        other => {
            return Err(Fault::Value {
                pointer: identity.pointer.clone(),
                wanted: identity.wanted.clone().unwrap_or_else(|| "a version".to_owned()),
                actual: other.map(|value| shown(&value.to_string())),
            });
        }
    };
    match &identity.wanted {
        Some(wanted) if *wanted != said => {
            Err(Fault::Version { wanted: wanted.clone(), actual: shown(&said) })
        }
        Some(_) | None => Ok(said),
    }
}

fn of_type(wanted: &str, answer: &Answer) -> Result<(), Fault> {
    let actual = answer.content_type();
    if actual.to_ascii_lowercase().starts_with(&wanted.to_ascii_lowercase()) {
        return Ok(());
    }
    if actual.starts_with("text/html") {
        return Err(Fault::Html);
    }
    Err(Fault::ContentType { wanted: wanted.to_owned(), actual: shown(actual) })
}

fn json(answer: &Answer) -> Result<Value, Fault> {
    serde_json::from_slice(&answer.body).map_err(|error| Fault::NotJson { why: error.to_string() })
}

/// What a stranger wrote, cut and made safe to be printed.
fn shown(text: &str) -> String {
    printable(text).chars().take(SHOWN_MAX).collect()
}
