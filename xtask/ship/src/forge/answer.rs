//! From an answer of the forge to what it means. Pure: the time is a parameter.
//!
//! - 2xx is a value, 404 is absence, 422 is a refusal that the caller may understand.
//! - A limit (429, 403 with `Retry-After`, with no requests left, or that says so) and a server that is broken (5xx, 409) are
//!   something to wait for.
//! - Anything else stops, and says which right is missing where it is one.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use nexus_xtask::failure::Failure;
use nexus_xtask::terminal::printable;
use serde_json::Value;

use crate::trouble::Trouble;

/// How long to wait where a server is broken and does not say.
const PAUSE: Duration = Duration::from_secs(2);

/// How long to wait for a limit that does not say: GitHub's advice for its secondary limits.
const LIMITED: Duration = Duration::from_secs(60);

/// How much of a message is shown, in characters.
const MESSAGE_MAX: usize = 300;

/// What was said.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// It is done, or this is what there is; null where there is nothing to say.
    Value(Value),
    /// There is no such thing, or it may not be seen.
    Absent,
    /// 422, in its words.
    Invalid(String),
}

/// What an answer means. `address` and `right` name what was asked and what it takes; `now` is in seconds since 1970.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    (address, right): (&str, &str),
    now: i64,
) -> Result<Said, Trouble> {
    let kind = header(headers, "content-type").unwrap_or_default();
    let is_json = kind.contains("json");
    let value: Value = if is_json { serde_json::from_slice(body).unwrap_or_default() } else { Value::Null };
    let message = message(&value, status);
    let later = |wait: Duration| Trouble::Later { wait, why: format!("{address}: {message}") };
    if let Some(wait) = limit(status, headers, &message, now) {
        return Err(later(wait));
    }
    match status.as_u16() {
        200..=299 if body.is_empty() || is_json => Ok(Said::Value(value)),
        404 => Ok(Said::Absent),
        422 => Ok(Said::Invalid(message)),
        // 409: something else is being written to the repository just now.
        409 | 500..=599 => Err(later(retry_after(headers, now).unwrap_or(PAUSE))),
        200..=299 => Err(Failure::refused(format!("{address} does not speak as a forge does"))
            .why(format!("it answers with `{}` instead of JSON", printable(kind)))
            .next("set `forge.api` in release/release.toml, or GITHUB_API_URL, to the address of the API")
            .into()),
        301..=308 => Err(Failure::refused(format!("{address} has moved"))
            .why("the repository was renamed or transferred")
            .next("set `forge.repository` in release/release.toml to its new name")
            .into()),
        401 => Err(Failure::refused("the forge does not take the token")
            .why(format!("{address}: {message}"))
            .next("set GITHUB_TOKEN to a token that is valid and not expired")
            .into()),
        403 => Err(missing(address, header(headers, "x-accepted-github-permissions"), right, &message)),
        _ => Err(Failure::refused("the forge refuses")
            .why(format!("{address}: {status}: {message}"))
            .next("check `forge` in release/release.toml")
            .into()),
    }
}

/// The failure of a token that may not do this.
pub(super) fn missing(address: &str, accepted: Option<&str>, right: &str, message: &str) -> Trouble {
    // `contents=write,workflows=write; ...`: ways to be allowed, the first is enough to name.
    let wanted = accepted.and_then(|rights| rights.split(';').next()).map(|rights| rights.replace('=', ": "));
    let wanted = wanted.filter(|rights| !rights.trim().is_empty()).unwrap_or_else(|| right.to_owned());
    Failure::refused(format!("the token lacks the right `{}`", printable(wanted.trim())))
        .why(format!("{address}: {message}"))
        .next(format!(
            "give the job or the token behind GITHUB_TOKEN the permission `{}`",
            printable(wanted.trim())
        ))
        .into()
}

/// How long a limit asks to wait; nothing where it is no limit.
fn limit(status: StatusCode, headers: &HeaderMap, message: &str, now: i64) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::FORBIDDEN {
        return None;
    }
    let exhausted = header(headers, "x-ratelimit-remaining") == Some("0");
    let reset = header(headers, "x-ratelimit-reset").and_then(|text| text.parse::<i64>().ok());
    let until_reset = reset.filter(|_| exhausted).map(|reset| seconds(reset - now + 1));
    let says_so = message.to_lowercase().contains("rate limit");
    let is_limit = status == StatusCode::TOO_MANY_REQUESTS || says_so;
    retry_after(headers, now).or(until_reset).or(is_limit.then_some(LIMITED))
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let text = header(headers, "retry-after")?;
    let date = || jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp().as_second() - now);
    text.parse().ok().or_else(date).map(seconds)
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.max(1).unsigned_abs())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What an error says, with the fields that it names.
fn message(value: &Value, status: StatusCode) -> String {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut said = vec![text(&value["message"]).unwrap_or_else(|| status.to_string())];
    for error in value["errors"].as_array().into_iter().flatten() {
        let words = [&error["field"], &error["code"], &error["message"]];
        let words: Vec<_> = words.into_iter().filter_map(text).collect();
        said.push(text(error).unwrap_or_else(|| words.join(" ")));
    }
    printable(&said.join("; ")).chars().take(MESSAGE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const NOW: i64 = 1_000;

    #[track_caller]
    fn check(status: u16, headers: &[(&str, &str)], body: &str, expected: Expect) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let said = read(
            StatusCode::from_u16(status).unwrap(),
            &map,
            body.as_bytes(),
            ("GET /x", "contents: write"),
            NOW,
        );
        let text = match said {
            Ok(said) => format!("{said:?}"),
            Err(Trouble::Later { wait, why }) => format!("later: {} s: {why}", wait.as_secs()),
            Err(Trouble::Failed(failure)) => format!("exit {}: {failure}", failure.exit.code()),
        };
        expected.assert_eq(&text);
    }

    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    #[test]
    fn what_is_well_is_a_value() {
        check(200, &[JSON], "{\"id\":1}", expect![[r#"Value(Object {"id": Number(1)})"#]]);
        check(204, &[], "", expect!["Value(Null)"]);
        check(404, &[JSON], "{\"message\":\"Not Found\"}", expect!["Absent"]);
        let body = "{\"message\":\"Validation Failed\",\"errors\":[{\"field\":\"tag_name\",\"code\":\"already_exists\"}]}";
        check(422, &[JSON], body, expect![[r#"Invalid("Validation Failed; tag_name already_exists")"#]]);
    }

    #[test]
    fn a_limit_says_how_long_in_three_ways() {
        let body = "{\"message\":\"slow down\"}";
        check(429, &[JSON, ("retry-after", "30")], body, expect!["later: 30 s: GET /x: slow down"]);
        check(403, &[JSON, ("retry-after", "7")], body, expect!["later: 7 s: GET /x: slow down"]);
        let date = ("retry-after", "Thu, 01 Jan 1970 00:17:40 GMT");
        check(429, &[JSON, date], body, expect!["later: 60 s: GET /x: slow down"]);
        let gone = ("x-ratelimit-remaining", "0");
        check(
            403,
            &[JSON, gone, ("x-ratelimit-reset", "1100")],
            body,
            expect!["later: 101 s: GET /x: slow down"],
        );
        check(
            403,
            &[JSON],
            "{\"message\":\"You have exceeded a secondary rate limit\"}",
            expect!["later: 60 s: GET /x: You have exceeded a secondary rate limit"],
        );
        check(502, &[], "", expect!["later: 2 s: GET /x: 502 Bad Gateway"]);
    }

    #[test]
    fn what_does_not_pass_by_waiting_stops_and_names_what_is_missing() {
        let body = "{\"message\":\"Resource not accessible by integration\"}";
        check(
            403,
            &[JSON],
            body,
            expect![[r#"
            exit 3: error: the token lacks the right `contents: write`
              why:  GET /x: Resource not accessible by integration
              next: give the job or the token behind GITHUB_TOKEN the permission `contents: write`"#]],
        );
        let named = ("x-accepted-github-permissions", "administration=read");
        check(
            403,
            &[JSON, named],
            body,
            expect![[r#"
            exit 3: error: the token lacks the right `administration: read`
              why:  GET /x: Resource not accessible by integration
              next: give the job or the token behind GITHUB_TOKEN the permission `administration: read`"#]],
        );
        check(
            401,
            &[JSON],
            "{\"message\":\"Bad credentials\"}",
            expect![[r#"
            exit 3: error: the forge does not take the token
              why:  GET /x: Bad credentials
              next: set GITHUB_TOKEN to a token that is valid and not expired"#]],
        );
        check(
            200,
            &[("content-type", "text/html")],
            "<html>",
            expect![[r#"
            exit 3: error: GET /x does not speak as a forge does
              why:  it answers with `text/html` instead of JSON
              next: set `forge.api` in release/release.toml, or GITHUB_API_URL, to the address of the API"#]],
        );
        check(
            301,
            &[JSON],
            "{}",
            expect![[r#"
            exit 3: error: GET /x has moved
              why:  the repository was renamed or transferred
              next: set `forge.repository` in release/release.toml to its new name"#]],
        );
    }

    #[test]
    fn a_message_cannot_steer_the_terminal() {
        let body = "{\"message\":\"\\u001b]0;title\\u0007\"}";
        check(422, &[JSON], body, expect![[r#"Invalid("\\u{1b}]0;title\\u{7}")"#]]);
    }
}
