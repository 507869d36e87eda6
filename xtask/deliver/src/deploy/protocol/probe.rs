//! What is expected of a service, and what a probe saw.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Targets that are probed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The targets. Each is asked by itself, so that a slow one takes no round from the others.
    pub targets: Vec<Target>,
    /// From the beginning of a round to that of the next. No round begins after `rounds_max` times this.
    pub interval_ms: u64,
    /// How many rounds there are at most.
    pub rounds_max: u32,
    /// When it ends earlier.
    pub until: Until,
}

/// When probing ends before its last round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "until", rename_all = "snake_case")]
pub enum Until {
    /// It does not.
    Rounds,
    /// When every target was ready in so many rounds in a row.
    Ready {
        /// Rounds.
        rounds: u32,
    },
}

/// A service on a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name in the answer.
    pub name: String,
    /// `http://HOST:PORT`, `https://HOST`, or `unix:PATH`.
    pub address: String,
    /// What is asked, and what is expected.
    pub probes: Probes,
}

/// What is asked of a service, in this order. The first that is not as expected decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probes {
    /// That the process answers at all.
    pub live: Option<Expectation>,
    /// That it has started.
    pub started: Option<Expectation>,
    /// That it may be given requests. Without it, nothing is ever ready.
    pub ready: Option<Expectation>,
    /// Which version it says it is.
    pub identity: Option<Identity>,
    /// The limit of one question, from the first byte out to the last byte in.
    pub timeout_ms: u64,
}

/// An answer as it must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// The path, with what follows the `?`.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The beginning of the content type; any where it is none.
    pub content_type: Option<String>,
    /// A text that the body must have in it.
    pub contains: Option<String>,
    /// Places of a JSON body and what must be there.
    pub pointers: Vec<Pointer>,
}

impl Expectation {
    /// 200 with JSON.
    pub fn json(path: &str) -> Expectation {
        Expectation {
            path: path.to_owned(),
            status: 200,
            content_type: Some("application/json".to_owned()),
            contains: None,
            pointers: Vec::new(),
        }
    }
}

/// A place of a JSON body and what must be there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pointer {
    /// RFC 6901: `/status`.
    pub pointer: String,
    /// The value.
    pub equals: Value,
}

/// Where a service says its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The path of a JSON answer.
    pub path: String,
    /// The place of the version in it.
    pub pointer: String,
    /// The version that must be there; any where it is none.
    pub wanted: Option<String>,
}

/// How a target was in one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The target.
    pub target: String,
    /// The round, from 1.
    pub round: u32,
    /// When the round began, since the first one did.
    pub at_ms: u64,
    /// The state.
    pub state: State,
    /// How long the question took that decided; that of readiness, where it is ready.
    pub took_ms: f64,
}

/// How a service is. Only [`State::Ready`] is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It was seen not to be as it must.
    Down {
        /// What was seen.
        fault: Fault,
    },
    /// The process answers, and says that it is not live yet.
    Starting,
    /// It is live, and says that it has not started.
    Live,
    /// It has started, and says that it is not ready.
    Started,
    /// It is ready, and it is the version that was wanted.
    Ready {
        /// The version that it says it is; none where it is not asked.
        version: Option<String>,
    },
    /// Nothing was learnt: no answer, or none in time.
    Unknown {
        /// Why not.
        fault: Fault,
    },
}

impl State {
    /// True when it may be given requests.
    pub fn is_ready(&self) -> bool {
        matches!(self, State::Ready { .. })
    }
}

/// What is wrong with an answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Nothing listens there.
    Refused,
    /// There was no whole answer within the limit.
    Slow {
        /// The limit.
        limit_ms: u64,
    },
    /// The host could not be reached, or the conversation could not be begun.
    Unreachable {
        /// What the system says.
        why: String,
    },
    /// Its certificate is not good: too old, for another name, revoked.
    Certificate {
        /// What is wrong with it.
        why: String,
    },
    /// Whatever listens there does not speak HTTP.
    NotHttp {
        /// What was not understood.
        why: String,
    },
    /// The connection was closed before the whole answer was there.
    Cut {
        /// What the system says.
        why: String,
    },
    /// It sends elsewhere, and that is another server.
    Redirected {
        /// Where.
        to: String,
    },
    /// It sends in a circle, or further than anybody follows.
    RedirectLoop {
        /// Hops that were followed.
        hops: usize,
    },
    /// Another status than expected.
    Status {
        /// Expected.
        wanted: u16,
        /// Seen.
        actual: u16,
    },
    /// A page of HTML, where something else was expected: what an application answers that knows one page only.
    Html,
    /// Another content type than expected.
    ContentType {
        /// Expected.
        wanted: String,
        /// Seen.
        actual: String,
    },
    /// A body that says to be JSON, and is none.
    NotJson {
        /// Why not.
        why: String,
    },
    /// More than a probe reads.
    TooLarge {
        /// What is read at most.
        bytes_max: usize,
    },
    /// The body lacks a text.
    Lacks {
        /// The text.
        text: String,
    },
    /// Another value at a place.
    Value {
        /// The place.
        pointer: String,
        /// Expected, as JSON.
        wanted: String,
        /// Seen, as JSON; none where there is nothing.
        actual: Option<String>,
    },
    /// It is another version.
    Version {
        /// Expected.
        wanted: String,
        /// Seen.
        actual: String,
    },
}

impl Fault {
    /// Its word, for counting.
    pub fn word(&self) -> &'static str {
        match self {
            Fault::Refused => "refused",
            Fault::Slow { .. } => "slow",
            Fault::Unreachable { .. } => "unreachable",
            Fault::Certificate { .. } => "certificate",
            Fault::NotHttp { .. } => "not_http",
            Fault::Cut { .. } => "cut",
            Fault::Redirected { .. } => "redirected",
            Fault::RedirectLoop { .. } => "redirect_loop",
            Fault::Status { .. } => "status",
            Fault::Html => "html",
            Fault::ContentType { .. } => "content_type",
            Fault::NotJson { .. } => "not_json",
            Fault::TooLarge { .. } => "too_large",
            Fault::Lacks { .. } => "lacks",
            Fault::Value { .. } => "value",
            Fault::Version { .. } => "version",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Refused => write!(f, "nothing listens there"),
            Fault::Slow { limit_ms } => write!(f, "no whole answer within {limit_ms} ms"),
            Fault::Unreachable { why } => write!(f, "not reached: {why}"),
            Fault::Certificate { why } => write!(f, "its certificate is not good: {why}"),
            Fault::NotHttp { why } => write!(f, "it does not speak HTTP: {why}"),
            Fault::Cut { why } => {
                write!(f, "the connection was closed before the whole answer was there: {why}")
            }
            Fault::Redirected { to } => write!(f, "it sends elsewhere: {to}"),
            Fault::RedirectLoop { hops } => write!(f, "it sends in a circle ({hops} hops)"),
            Fault::Status { wanted, actual } => write!(f, "status {actual} instead of {wanted}"),
            Fault::Html => write!(f, "a page of HTML instead of an answer"),
            Fault::ContentType { wanted, actual } => {
                write!(f, "content type `{actual}` instead of `{wanted}`")
            }
            Fault::NotJson { why } => write!(f, "no JSON: {why}"),
            Fault::TooLarge { bytes_max } => write!(f, "more than {bytes_max} bytes"),
            Fault::Lacks { text } => write!(f, "`{text}` is not in it"),
            Fault::Value { pointer, wanted, actual: Some(actual) } => {
                write!(f, "`{pointer}` is {actual} instead of {wanted}")
            }
            Fault::Value { pointer, wanted, actual: None } => {
                write!(f, "there is no `{pointer}`, wanted {wanted}")
            }
            Fault::Version { wanted, actual } => write!(f, "it is version {actual} instead of {wanted}"),
        }
    }
}

/// All rounds of a target: plain numbers for the judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    /// The target.
    pub target: String,
    /// The last round.
    pub last: Sample,
    /// Rounds that were judged: it was seen to be good, or not to be.
    pub n: u64,
    /// Of those, the rounds in which it was not ready.
    pub failed: u64,
    /// Rounds of which nothing is known. They are not in `n`.
    pub unknown: u64,
    /// How often each fault was seen, by its word; those of unknown rounds too.
    pub faults: BTreeMap<String, u64>,
    /// In how many rounds in a row it was ready at the end.
    pub streak: u32,
    /// How long readiness took to be said, in milliseconds, in the order of the rounds in which it was.
    pub latencies_ms: Vec<f64>,
}
