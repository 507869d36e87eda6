use bytes::Bytes;

use super::*;

#[test]
fn patience_is_asked_for_in_seconds_or_until_a_date() {
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    for (text, expected) in [
        ("7", Some(7)),
        ("0", Some(1)),
        ("Sun, 01 Mar 2026 12:10:00 GMT", Some(601)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", Some(1)),
        ("soon", None),
    ] {
        let headers = [(http::header::RETRY_AFTER, text.parse().unwrap())].into_iter().collect();
        let answer = Answer { status: StatusCode::TOO_MANY_REQUESTS, headers, body: Bytes::new() };
        assert_eq!(retry_after(&answer, now), expected.map(Duration::from_secs), "{text}");
    }
}

#[test]
fn what_was_refused_with_200_is_refused() {
    let body = Bytes::from_static(br#"{"errors":[{"detail":"one"},{"detail":"two"}]}"#);
    let answer = Answer { status: StatusCode::OK, headers: http::HeaderMap::new(), body };
    let refusal = read("a", answer, Timestamp::UNIX_EPOCH).unwrap().unwrap_err();
    assert_eq!(refusal, Refusal { status: StatusCode::OK, said: "one; two".to_owned() });
}
