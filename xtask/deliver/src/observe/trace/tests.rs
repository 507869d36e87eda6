//! Events as JSON lines, and the spans that they make; every name is held against the conventions.

use expect_test::expect;

use super::*;

/// The names of the conventions, written down from their model.
const CONVENTIONS: &str = include_str!("tests/conventions.txt");

/// Every way in which a step can come out.
const OUTCOMES: &[(&str, &str)] = &[
    (r#"{"outcome":"passed"}"#, "success"),
    (r#"{"outcome":"flaky","attempt":2}"#, "success"),
    (r#"{"outcome":"proven","since":"2026-01-01T00:00:00Z"}"#, "skip"),
    (r#"{"outcome":"failed","exit":1}"#, "failure exit_1"),
    (r#"{"outcome":"killed","signal":9}"#, "failure signal_9"),
    (r#"{"outcome":"timed-out","limit_ms":1}"#, "timeout"),
    (r#"{"outcome":"output-missing","output":"a"}"#, "failure output_missing"),
    (r#"{"outcome":"unavailable","tool":"a","install":"b"}"#, "error unavailable"),
    (r#"{"outcome":"not-run","reason":"a"}"#, "skip"),
    (r#"{"outcome":"skipped","reason":"a"}"#, "skip"),
    (r#"{"outcome":"interrupted"}"#, "cancellation"),
    (r#"{"outcome":"broken","why":"a"}"#, "error broken"),
    (r#"{"outcome":"of-a-newer-version"}"#, "error unknown"),
];

const STATUSES: &[(&str, &str)] = &[
    ("passed", "success"),
    ("incomplete", "success"),
    ("failed", "failure failed"),
    ("unavailable", "error unavailable"),
    ("interrupted", "cancellation"),
    ("nothing", "skip"),
    ("of-a-newer-version", "error unknown"),
];

fn place() -> Place {
    Place {
        version: "0.1.0".to_owned(),
        url: "https://forge.example/o/one/actions/runs/7".to_owned(),
        repository: Some("https://forge.example/o/one".to_owned()),
    }
}

fn event(second: u32, text: &str) -> Stamped {
    let line = format!("{{\"v\":1,\"at\":\"2026-01-01T00:00:{second:02}Z\",\"ms\":{second},{text}}}");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// A run of one step with this outcome and this status, as the body of a request.
fn run(outcome: &str, status: &str) -> Value {
    let planned = r#"{"step":"test","job":"test","command":"cargo test","required":true,"decision":{"decision":"run","reason":"new"}}"#;
    let started = format!(
        r#""event":"run-started","run":"r1","command":"cargo xtask ci --step test","commit":"c0ffee","steps":[{planned}]"#
    );
    // The outcome is a map of its own in the event, whose keys stand beside those of the event.
    let finished = format!(r#""event":"step-finished","step":"test","outcome":{outcome},"duration_ms":2000"#);
    let texts = [
        started,
        r#""event":"step-started","step":"test","attempt":1"#.to_owned(),
        finished,
        format!(r#""event":"run-finished","status":"{status}","duration_ms":4000"#),
    ];
    let mut trace = Trace::default();
    let events = texts.iter().zip(0..).map(|(text, second)| event(second, text));
    let spans: Vec<Span> = events.filter_map(|event| trace.take(&event, &place())).collect();
    assert!(trace.is_over);
    serde_json::from_str(&trace.body(&spans, &place())).unwrap()
}

fn spans(body: &Value) -> &Vec<Value> {
    body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap()
}

fn attribute<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    let all = of["attributes"].as_array().unwrap();
    all.iter().find(|one| one["key"] == name)?["value"]["stringValue"].as_str()
}

/// The result, and the kind of error.
#[track_caller]
fn check(span: &Value, key: &str, expected: &str) {
    let words = [attribute(span, key), attribute(span, "error.type")];
    assert_eq!(words.into_iter().flatten().collect::<Vec<_>>().join(" "), expected);
}

#[test]
fn each_outcome_has_the_word_of_the_conventions() {
    for (outcome, expected) in OUTCOMES {
        check(&spans(&run(outcome, "passed"))[0], "cicd.pipeline.task.run.result", expected);
    }
    for (status, expected) in STATUSES {
        check(&spans(&run(OUTCOMES[0].0, status))[1], "cicd.pipeline.result", expected);
    }
}

/// The attributes that a kind of span must have, and those that it must have where its result is a failure or an error.
fn required(span: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut lines = CONVENTIONS.lines().skip_while(|line| !line.starts_with(&format!("span {span} ")));
    lines.next().unwrap();
    let own: Vec<_> = lines
        .take_while(|line| line.starts_with("  "))
        .map(|line| line.trim().split_once(' ').unwrap())
        .collect();
    let of = |level: &str| own.iter().filter(|(one, _)| *one == level).map(|(_, name)| *name).collect();
    (of("required"), of("conditionally_required"))
}

/// What is wrong with the names and values of a body.
fn wrong(body: &Value) -> Vec<String> {
    let known: BTreeMap<&str, &str> =
        CONVENTIONS.lines().filter_map(|line| line.strip_prefix("attribute ")?.split_once(' ')).collect();
    let mut wrong = Vec::new();
    let resource = &body["resourceSpans"][0]["resource"];
    for of in spans(body).iter().chain([resource]) {
        for one in of["attributes"].as_array().unwrap() {
            let (name, value) = (one["key"].as_str().unwrap(), &one["value"]["stringValue"]);
            match known.get(name) {
                Some(&"string") if value.is_string() => {}
                Some(values) if values.split('|').any(|known| value == known) => {}
                Some(values) => wrong.push(format!("{name} is {value}, and not of {values}")),
                None if name.starts_with("xtask.") => {}
                None => wrong.push(format!("{name} is in no convention")),
            }
        }
    }
    for span in spans(body) {
        let (id, result) = match span["kind"].as_u64() {
            Some(2) => ("span.cicd.pipeline.run.server", "cicd.pipeline.result"),
            _ => ("span.cicd.pipeline.task.internal", "cicd.pipeline.task.run.result"),
        };
        let (required, on_error) = required(id);
        assert!(required.contains(&result) && on_error == ["error.type"], "{id}");
        let is_error = attribute(span, result).is_some_and(|result| ["failure", "error"].contains(&result));
        let missing = required.into_iter().chain(on_error.into_iter().filter(|_| is_error));
        wrong.extend(
            missing.filter(|name| attribute(span, name).is_none()).map(|name| format!("{id} has no {name}")),
        );
    }
    wrong
}

#[test]
fn every_name_is_that_of_the_conventions() {
    for (outcome, _) in OUTCOMES {
        for (status, _) in STATUSES {
            assert_eq!(wrong(&run(outcome, status)), [""; 0], "{outcome} {status}");
        }
    }
    // A table that accepts everything would show nothing.
    let text = run(OUTCOMES[3].0, "failed").to_string();
    let planted =
        |before: &str, after: &str| wrong(&serde_json::from_str(&text.replace(before, after)).unwrap());
    assert_eq!(planted("cicd.pipeline.task.type", "cicd.pipeline.task.sort").len(), 1);
    assert_eq!(planted("\"failure\"", "\"failed\"").len(), 2);
    assert_eq!(planted("error.type", "xtask.error").len(), 2);
}

#[test]
fn the_same_run_has_the_same_spans_and_another_run_has_others() {
    let body = run(OUTCOMES[3].0, "failed");
    assert_eq!(run(OUTCOMES[3].0, "failed"), body);
    let ids = |body: &Value| spans(body).iter().map(|span| span["spanId"].to_string()).collect::<Vec<_>>();
    let mut other = Trace { run: "r2".to_owned(), ..Trace::default() };
    let killed = other.killed().unwrap();
    assert!(!ids(&body).contains(&json!(killed.id).to_string()));
    check(&killed.json("t"), "cicd.pipeline.result", "error killed");
}

/// Each attribute as a line, and what is beside the attributes.
#[test]
fn a_run_is_one_body() {
    let mut body = run(OUTCOMES[3].0, "failed");
    let mut text = String::new();
    let resource = &mut body["resourceSpans"][0];
    let told = |text: &mut String, of: &mut Value| {
        for one in of["attributes"].take().as_array().unwrap() {
            *text += &format!("    {} = {}\n", one["key"].as_str().unwrap(), one["value"]);
        }
    };
    text += "resource\n";
    told(&mut text, &mut resource["resource"]);
    for span in resource["scopeSpans"][0]["spans"].as_array_mut().unwrap() {
        let mut attributes = String::new();
        told(&mut attributes, span);
        span.as_object_mut().unwrap().remove("attributes");
        text += &format!("{span}\n{attributes}");
    }
    expect![[r#"
        resource
            service.name = {"stringValue":"nexus-xtask"}
            service.version = {"stringValue":"0.1.0"}
            cicd.pipeline.name = {"stringValue":"ci"}
            cicd.pipeline.run.id = {"stringValue":"r1"}
            cicd.pipeline.run.url.full = {"stringValue":"https://forge.example/o/one/actions/runs/7"}
            vcs.ref.head.revision = {"stringValue":"c0ffee"}
            vcs.repository.url.full = {"stringValue":"https://forge.example/o/one"}
        {"endTimeUnixNano":"1767225602000000000","kind":1,"name":"test","parentSpanId":"1ec674bc5dc410cf","spanId":"9757f60b095cb773","startTimeUnixNano":"1767225601000000000","status":{"code":2,"message":"exit 1"},"traceId":"82f3e9c695dc6b8d1b11818d5701919e"}
            cicd.pipeline.task.name = {"stringValue":"test"}
            cicd.pipeline.task.run.id = {"stringValue":"r1/test"}
            cicd.pipeline.task.run.url.full = {"stringValue":"https://forge.example/o/one/actions/runs/7"}
            cicd.pipeline.task.run.result = {"stringValue":"failure"}
            cicd.pipeline.task.type = {"stringValue":"test"}
            error.type = {"stringValue":"exit_1"}
            xtask.step.outcome = {"stringValue":"failed"}
            xtask.step.job = {"stringValue":"test"}
            xtask.step.attempts = {"intValue":"1"}
        {"endTimeUnixNano":"1767225603000000000","kind":2,"name":"RUN ci","spanId":"1ec674bc5dc410cf","startTimeUnixNano":"1767225600000000000","status":{"code":2,"message":"failed"},"traceId":"82f3e9c695dc6b8d1b11818d5701919e"}
            cicd.pipeline.result = {"stringValue":"failure"}
            cicd.pipeline.action.name = {"stringValue":"RUN"}
            xtask.run.status = {"stringValue":"failed"}
            error.type = {"stringValue":"failed"}
    "#]].assert_eq(&text);
}
