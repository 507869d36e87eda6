//! What an answer of a registry means: done, later, or not at all.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use nexus_xtask::failure::{Exit, Failure};

use crate::http::Answer;
use crate::trouble::Trouble;

/// How long to wait where a registry asks for patience and does not say how much.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long to wait after an error of the registry's own.
const PAUSE: Duration = Duration::from_secs(10);

/// How a registry says that it did not do what was asked.
#[derive(Debug, Default, Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<Detail>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    detail: String,
}

/// What a registry said to a request that it did not carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// What it said, for a person.
    pub(crate) said: String,
}

impl Refusal {
    /// True when the version is there already, whoever published it.
    pub(crate) fn is_duplicate(&self) -> bool {
        let said = self.said.to_lowercase();
        self.status == StatusCode::CONFLICT
            || said.contains("already uploaded")
            || said.contains("already exists")
            || said.contains("already published")
    }

    /// True when a token may have lived too long. The default registry forgets a token that expired, and then says the same
    /// as of one that it never gave.
    pub(crate) fn is_stale_token(&self) -> bool {
        let said = self.said.to_lowercase();
        matches!(self.status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED)
            && (said.contains("expired") || said.contains("invalid authentication token"))
    }

    /// True when the token is none that the registry gave.
    pub(crate) fn is_unknown_token(&self) -> bool {
        let said = self.said.to_lowercase();
        self.status == StatusCode::UNAUTHORIZED || said.contains("authentication")
    }

    /// True when the token is not one that may do this.
    pub(crate) fn is_about_rights(&self) -> bool {
        matches!(self.status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED)
    }
}

/// The answer's body where it did what was asked, and what it said where it did not. Trouble where asking again may help, or
/// where it is no registry that answers.
pub(crate) fn read(
    address: &str,
    answer: Answer,
    now: Timestamp,
) -> Result<Result<Answer, Refusal>, Trouble> {
    let status = answer.status;
    if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
        let wait = retry_after(&answer, now);
        let wait = wait.unwrap_or(if status == StatusCode::TOO_MANY_REQUESTS { PATIENCE } else { PAUSE });
        return Err(Trouble::Later { wait, why: format!("{address}: {status}: {}", said(&answer)) });
    }
    if status.is_server_error() {
        return Err(Trouble::Later { wait: PAUSE, why: format!("{address}: {status}: {}", said(&answer)) });
    }
    if is_page(&answer) && status != StatusCode::NOT_FOUND {
        return Err(page(address, status).into());
    }
    // Registries of older days answered 200 to what they refused.
    let refused = !status.is_success() || errors(&answer).is_some();
    Ok(if refused { Err(Refusal { status, said: said(&answer) }) } else { Ok(answer) })
}

/// What the registry said, in one line.
fn said(answer: &Answer) -> String {
    errors(answer).unwrap_or_else(|| {
        let text = String::from_utf8_lossy(&answer.body);
        let line: String = text.trim().lines().next().unwrap_or_default().chars().take(200).collect();
        if line.is_empty() { "it gives no reason".to_owned() } else { line }
    })
}

fn errors(answer: &Answer) -> Option<String> {
    let errors = serde_json::from_slice::<Errors>(&answer.body).ok()?.errors;
    let details: Vec<_> = errors.into_iter().map(|error| error.detail).collect();
    (!details.is_empty()).then(|| details.join("; "))
}

/// True for a page that is made for people: a login in between, a proxy, a wrong address.
fn is_page(answer: &Answer) -> bool {
    let kind = answer.headers.get(http::header::CONTENT_TYPE);
    let is_html = kind.and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.starts_with("text/html"));
    let start = answer.body.iter().find(|byte| !byte.is_ascii_whitespace());
    is_html || start == Some(&b'<')
}

fn page(address: &str, status: StatusCode) -> Failure {
    Failure::new(Exit::Refused, format!("`{address}` answers with a web page, so it is no registry"))
        .why(format!("it says {status} with HTML; a registry says JSON"))
        .next("correct `registry.index` in release/release.toml, or the proxy in between, then run the same command again")
}

/// `Retry-After`: seconds, or the date of HTTP (RFC 9110, 10.2.3). At least a second, and a second more than a date says: it
/// has no fractions.
fn retry_after(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let text = answer.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds.max(1)));
    }
    let then = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let seconds = (then.as_second() - now.as_second()).max(0) + 1;
    Some(Duration::from_secs(seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests;
