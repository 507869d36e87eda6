//! Numbers, and every way in which there is none, each told apart; the last table is against a real Prometheus.

mod prometheus;

use std::net::TcpListener;
use std::sync::Arc;

use expect_test::{Expect, expect};

use nexus_xtask_deliver::deploy::protocol::Range;

use super::*;
use crate::loopback::server::{self, Asked, Reply};

fn ask(question: Question, timeout_ms: u64) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let readings = runtime.block_on(read(&Ask { questions: vec![question], timeout_ms })).unwrap();
    readings[0].to_string()
}

/// What a document with this answer comes to, at `/failed`.
#[track_caller]
fn document(status: u16, kind: &'static str, body: &'static str, expected: Expect) {
    let server = server::start(|_| Arc::new(move |_: &Asked| Reply::new(status, kind, body))).unwrap();
    let question = Question::HttpJson { address: server.base(), pointer: "/failed".to_owned() };
    expected.assert_eq(&ask(question, 5_000));
}

/// What a query with this answer comes to.
#[track_caller]
fn query(status: u16, body: &'static str, expected: Expect) {
    let server =
        server::start(|_| Arc::new(move |_: &Asked| Reply::new(status, "application/json", body))).unwrap();
    let question = Question::Prometheus { address: server.base(), query: "up".to_owned(), range: None };
    expected.assert_eq(&ask(question, 5_000));
}

#[test]
fn a_place_in_a_document_is_a_number_or_says_why_it_is_none() {
    let json = "application/json";
    document(200, json, r#"{"failed":3}"#, expect!["3"]);
    document(200, json, r#"{"failed":0.25}"#, expect!["0.25"]);
    document(200, json, r#"{"failed":0}"#, expect!["0"]);
    document(200, json, r#"{"failed":null}"#, expect!["no data"]);
    document(200, json, r#"{}"#, expect!["no data"]);
    document(200, json, r#"{"failed":"3"}"#, expect![[r#"`"3"` is no number"#]]);
    document(200, json, r#"{"failed":"NaN"}"#, expect![[r#"`"NaN"` is no number"#]]);
    document(200, json, r#"{"failed":[1]}"#, expect!["`[1]` is no number"]);
    document(200, json, r#"{"failed":NaN}"#, expect!["shape: no JSON: expected value at line 1 column 11"]);
    document(200, "text/html", "<html>", expect!["html: a page of HTML instead of JSON"]);
    document(200, "text/plain", "3", expect!["shape: content type `text/plain` instead of JSON"]);
    document(500, json, r#"{"failed":3}"#, expect!["refused: status 500"]);
    document(404, "text/html", "<html>", expect!["refused: status 404"]);
}

#[test]
fn an_answer_of_prometheus_is_a_number_or_says_why_it_is_none() {
    let vector =
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1.5,"0.5"]}]}}"#;
    query(200, vector, expect!["0.5"]);
    let nothing = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    query(200, nothing, expect!["no data"]);
    let nan =
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]}]}}"#;
    query(200, nan, expect!["`NaN` is no number"]);
    let text = r#"{"status":"success","data":{"resultType":"string","result":[1,"5"]}}"#;
    query(200, text, expect!["shape: a result of the type `string`"]);
    let bad = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    query(400, bad, expect!["refused: 400 Bad Request: bad_data parse error"]);
    let slow = r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#;
    query(503, slow, expect!["timeout: 503 Service Unavailable: timeout query timed out"]);
    query(200, "{}", expect!["refused: 200 OK:  "]);
    query(502, "bad gateway", expect!["refused: status 502"]);
}

#[test]
fn a_provider_that_is_not_there_or_silent_is_no_number() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let question = |address: &str| Question::HttpJson { address: address.to_owned(), pointer: String::new() };
    expect!["timeout: no whole answer within 150 ms"].assert_eq(&ask(question(&silent), 150));
    drop(listener);
    expect!["unreachable: nothing listens there"].assert_eq(&ask(question(&silent), 5_000));
}

#[test]
fn answers_come_in_the_order_of_the_questions() {
    let server = server::start(|_| {
        Arc::new(|asked: &Asked| Reply::new(200, "application/json", format!("[{}]", &asked.path[1..])))
    })
    .unwrap();
    let question = |number: u32| Question::HttpJson {
        address: format!("{}/{number}", server.base()),
        pointer: "/0".to_owned(),
    };
    let wanted = Ask { questions: (0..20).map(question).collect(), timeout_ms: 5_000 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let readings = runtime.block_on(read(&wanted)).unwrap();
    let values: Vec<_> = readings.iter().filter_map(Reading::value).collect();
    assert_eq!(values, (0..20).map(f64::from).collect::<Vec<_>>());
}
