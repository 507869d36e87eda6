use super::*;

fn requests() -> Vec<Request> {
    let expectation = Expectation {
        contains: Some("ok".to_owned()),
        pointers: vec![Pointer { pointer: "/a".to_owned(), equals: serde_json::json!(1) }],
        ..Expectation::json("/readyz")
    };
    let probes =
        Probes { live: None, started: None, ready: Some(expectation), identity: None, timeout_ms: 1000 };
    let target = Target { name: "a".to_owned(), address: "unix:/run/a".to_owned(), probes };
    let range = Range { start_seconds: 1.5, end_seconds: 2.0, step_seconds: 0.5 };
    let question = Question::Prometheus {
        address: "http://127.0.0.1:9090".to_owned(),
        query: "up".to_owned(),
        range: Some(range),
    };
    let announce = Announce {
        forge: "https://api.github.com".to_owned(),
        repository: "ann/one".to_owned(),
        limit_ms: 1000,
        id: "d-1".to_owned(),
        deployment: Some(1),
        commit: "c".repeat(40),
        environment: "canary".to_owned(),
        production: false,
        task: "deploy".to_owned(),
        seal: "s".to_owned(),
        release: "1.0.0-aaaaaaaaaaaa".to_owned(),
        progress: Progress::InProgress,
        description: "wave 1".to_owned(),
        log_url: None,
        environment_url: None,
    };
    vec![
        Request::Probe(Probe {
            targets: vec![target],
            interval_ms: 100,
            rounds_max: 3,
            until: Until::Ready { rounds: 2 },
        }),
        Request::Ask(Ask { questions: vec![question], timeout_ms: 1000 }),
        Request::Announce(Box::new(announce)),
    ]
}

#[test]
fn every_request_survives_the_way_and_its_verb_is_listed() {
    let mut verbs = Vec::new();
    for request in requests() {
        let value = serde_json::to_value(&request).unwrap();
        verbs.push(value["verb"].as_str().unwrap().to_owned());
        assert_eq!(serde_json::from_value::<Request>(value).unwrap(), request);
    }
    assert_eq!(verbs, VERBS);
}

#[test]
fn a_text_is_a_number_or_says_why_it_is_none() {
    for (text, expected) in [
        ("0.5\n", "0.5"),
        (" -3 ", "-3"),
        ("1e3", "1000"),
        ("", "no data"),
        ("\n", "no data"),
        ("NaN", "`NaN` is no number"),
        ("inf", "`inf` is no number"),
        ("5 %", "`5 %` is no number"),
        ("<html>", "`<html>` is no number"),
    ] {
        assert_eq!(Reading::of_text(text).to_string(), expected, "{text:?}");
    }
}
