//! What a server of the forge does wrong when it is asked to.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::state::State;
use crate::loopback::server::Reply;

/// Something that goes wrong once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// The kind of request, as [`super::kind`] names it; `any` counts all of them.
    pub(crate) kind: String,
    /// Which request of that kind, counted from 1.
    pub(crate) number: u32,
    pub(crate) wrong: Wrong,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wrong {
    /// 429 with `Retry-After` in seconds; nothing is done.
    Limited(u32),
    /// 403 with `Retry-After` in seconds, as for too many writes at once; nothing is done.
    Secondary(u32),
    /// 403 with no requests left until this second since 1970; nothing is done.
    Exhausted(i64),
    /// 500; nothing is done.
    Broken,
    /// A page of HTML with status 200; nothing is done.
    Page,
    /// It is done, and the connection is closed instead of answering.
    Lost,
    /// The connection is closed, and nothing is done.
    Dropped,
    /// An upload is cut off: 502, and a file is there that is not whole.
    Half,
}

/// The fault of this request, if it has one. Counts the request.
pub(super) fn strike(state: &mut State, kind: &str) -> Option<Wrong> {
    let mut count = |name: &str| {
        let count = state.counts.entry(name.to_owned()).or_default();
        *count += 1;
        *count
    };
    let (of_kind, of_all) = (count(kind), count("any"));
    let hits = |fault: &&Fault| match fault.kind.as_str() {
        "any" => fault.number == of_all,
        name => name == kind && fault.number == of_kind,
    };
    state.faults.iter().find(hits).map(|fault| fault.wrong)
}

/// What is answered instead; nothing where the request is carried out.
pub(super) fn instead(wrong: Wrong) -> Option<Reply> {
    let refuse = |status: u16, message: &str| {
        let value = json!({ "message": message, "documentation_url": "https://docs.github.com/rest" });
        Reply::json(status, &value)
    };
    match wrong {
        Wrong::Limited(seconds) => {
            Some(refuse(429, "You have exceeded a rate limit").with("retry-after", seconds.to_string()))
        }
        Wrong::Secondary(seconds) => Some(
            refuse(403, "You have exceeded a secondary rate limit").with("retry-after", seconds.to_string()),
        ),
        Wrong::Exhausted(reset) => Some(
            refuse(403, "API rate limit exceeded")
                .with("x-ratelimit-remaining", "0")
                .with("x-ratelimit-reset", reset.to_string()),
        ),
        Wrong::Broken => Some(refuse(500, "Server Error")),
        Wrong::Page => {
            Some(Reply::new(200, "text/html", Bytes::from_static(b"<html><h1>Sign in</h1></html>")))
        }
        Wrong::Dropped => Some(Reply::lost()),
        Wrong::Half => Some(refuse(502, "Bad Gateway")),
        Wrong::Lost => None,
    }
}
