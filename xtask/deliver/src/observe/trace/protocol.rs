//! What sending spans asks of the satellite `ship`. The answer says what became of it and never more; nothing waits for a
//! collector but the request's own limit.

use serde::{Deserialize, Serialize};

/// The verbs of [`Request`].
pub const VERBS: &[&str] = &["export"];

/// The variable with headers that a collector asks for, `name=value,name=value`. They are secrets: the satellite gets
/// them from its environment, and never in a request.
pub const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Request {
    /// Posts a body of JSON. The answer is [`Exported`].
    Export(Export),
}

/// What is posted, and where to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The whole address.
    pub address: String,
    /// The body.
    pub body: String,
    /// How long the collector may take.
    pub limit_ms: u64,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// Why it was not taken, or not all of it.
    pub problem: Option<String>,
}
