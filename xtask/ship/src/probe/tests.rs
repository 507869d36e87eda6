//! Ten ways in which a service is not what it says, each told apart, against real sockets and the real guestbook.

#[cfg(unix)]
mod guestbook;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::{Expect, expect};
use serde_json::json;

use nexus_xtask_deliver::deploy::protocol::{Identity, Pointer, Probes};

use super::*;
use crate::loopback::server::{self, Asked, Reply, Running};

fn probes() -> Probes {
    let ready = Pointer { pointer: "/status".to_owned(), equals: json!("ready") };
    Probes {
        live: Some(Expectation::json("/livez")),
        started: Some(Expectation::json("/startedz")),
        ready: Some(Expectation { pointers: vec![ready], ..Expectation::json("/readyz") }),
        identity: Some(Identity {
            path: "/version".to_owned(),
            pointer: "/version".to_owned(),
            wanted: Some("1.0.0".to_owned()),
        }),
        timeout_ms: 2_000,
    }
}

/// A service that is as it must be.
fn good(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/livez" => Reply::json(200, &json!({ "status": "live" })),
        "/startedz" => Reply::json(200, &json!({ "status": "started" })),
        "/readyz" => Reply::json(200, &json!({ "status": "ready" })),
        "/version" => Reply::json(200, &json!({ "version": "1.0.0" })),
        _ => Reply::json(404, &json!({})),
    }
}

/// A service that is good but for the answer to one path.
fn serving(path: &'static str, bad: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Running {
    server::start(|base| {
        let base = base.to_owned();
        Arc::new(move |asked: &Asked| if asked.path == path { bad(&base) } else { good(asked) })
    })
    .unwrap()
}

fn asked(wanted: &Probe, each: impl FnMut(&Sample)) -> Vec<Probed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(probe(&Clock::system(), wanted, each)).unwrap()
}

fn once(address: &str, probes: Probes) -> State {
    let target = Target { name: "one".to_owned(), address: address.to_owned(), probes };
    let wanted = Probe { targets: vec![target], interval_ms: 1, rounds_max: 1, until: Until::Rounds };
    asked(&wanted, |_| {}).remove(0).last.state
}

fn said(state: &State) -> String {
    match state {
        State::Down { fault } => format!("down: {}: {fault}", fault.word()),
        State::Unknown { fault } => format!("unknown: {}: {fault}", fault.word()),
        State::Starting => "starting".to_owned(),
        State::Live => "live".to_owned(),
        State::Started => "started".to_owned(),
        State::Ready { version } => format!("ready: {version:?}"),
    }
}

#[track_caller]
fn check(server: &Running, expected: Expect) {
    expected.assert_eq(&said(&once(&server.base(), probes())).replace(&server.base(), "SERVER"));
}

#[test]
fn what_is_as_it_must_be_is_ready() {
    check(&serving("/none", |_| Reply::lost()), expect![[r#"ready: Some("1.0.0")"#]]);
}

#[test]
fn html_with_200_is_down_at_each_question() {
    for path in ["/livez", "/startedz", "/readyz", "/version"] {
        check(
            &serving(path, |_| Reply::new(200, "text/html; charset=utf-8", "<html>")),
            expect!["down: html: a page of HTML instead of an answer"],
        );
    }
}

#[test]
fn another_version_is_down() {
    check(
        &serving("/version", |_| Reply::json(200, &json!({ "version": "0.9.0" }))),
        expect!["down: version: it is version 0.9.0 instead of 1.0.0"],
    );
    check(
        &serving("/version", |_| Reply::json(200, &json!({}))),
        expect!["down: value: there is no `/version`, wanted 1.0.0"],
    );
}

#[test]
fn not_yet_is_told_by_how_far_it_is_and_a_proxys_503_is_not_its_word() {
    let busy = |_: &str| Reply::json(503, &json!({ "status": "no" }));
    check(&serving("/livez", busy), expect!["starting"]);
    check(&serving("/startedz", busy), expect!["live"]);
    check(&serving("/readyz", busy), expect!["started"]);
    check(&serving("/version", busy), expect!["down: status: status 503 instead of 200"]);
    check(
        &serving("/readyz", |_| Reply::new(503, "text/html", "<h1>Bad gateway</h1>")),
        expect!["down: html: a page of HTML instead of an answer"],
    );
}

#[test]
fn another_status_type_or_value_is_down() {
    check(
        &serving("/readyz", |_| Reply::json(404, &json!({}))),
        expect!["down: status: status 404 instead of 200"],
    );
    check(
        &serving("/readyz", |_| Reply::new(200, "text/plain", "ready")),
        expect!["down: content_type: content type `text/plain` instead of `application/json`"],
    );
    check(
        &serving("/readyz", |_| Reply::new(200, "application/json", "{\"status\":")),
        expect!["down: not_json: no JSON: EOF while parsing a value at line 1 column 10"],
    );
    check(
        &serving("/readyz", |_| Reply::json(200, &json!({ "status": "degraded" }))),
        expect![[r#"down: value: `/status` is "degraded" instead of "ready""#]],
    );
    let server = serving("/readyz", |_| Reply::new(200, "text/plain", "almost"));
    let ready = Expectation {
        content_type: None,
        contains: Some("all is well".to_owned()),
        ..Expectation::json("/readyz")
    };
    let state = once(&server.base(), Probes { ready: Some(ready), ..probes() });
    expect!["down: lacks: `all is well` is not in it"].assert_eq(&said(&state));
}

#[test]
fn a_redirect_is_followed_at_home_and_not_elsewhere_and_not_in_a_circle() {
    let to = |place: &str| Reply::new(302, "text/plain", "").with("location", place);
    check(&serving("/readyz", move |_| to("/nowhere")), expect!["down: status: status 404 instead of 200"]);
    check(
        &serving("/readyz", move |base| to(&format!("{base}/readyz"))),
        expect!["down: redirect_loop: it sends in a circle (5 hops)"],
    );
    check(
        &serving("/readyz", move |_| to("http://login.example.com/")),
        expect!["down: redirected: it sends elsewhere: http://login.example.com/"],
    );
    let home = serving("/readyz", move |_| to("/version"));
    let ready = Expectation { pointers: Vec::new(), ..Expectation::json("/readyz") };
    let state = once(&home.base(), Probes { ready: Some(ready), ..probes() });
    assert!(state.is_ready(), "{}", said(&state));
}

#[test]
fn where_nothing_listens_is_down() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let state = once(&format!("http://127.0.0.1:{port}"), probes());
    expect!["down: refused: nothing listens there"].assert_eq(&said(&state));
    let state = once("unix:/nonexistent/guestbook.sock", probes());
    expect!["down: refused: nothing listens there"].assert_eq(&said(&state));
}

/// A server that does this with each connection, after it has read the request.
fn raw(answer: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 2048];
            // Whoever asks sends one packet.
            assert!(stream.read(&mut request).unwrap() > 0);
            answer(&mut stream);
        }
    });
    address
}

#[test]
fn an_answer_that_is_cut_off_is_down() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"status\":";
    let state = once(&raw(move |stream| stream.write_all(head.as_bytes()).unwrap()), probes());
    assert!(matches!(&state, State::Down { fault: Fault::Cut { .. } }), "{}", said(&state));
    let state = once(&raw(|_| {}), probes());
    assert!(matches!(&state, State::Down { fault: Fault::Cut { .. } }), "{}", said(&state));
}

#[test]
fn who_does_not_speak_http_is_down() {
    let state = once(&raw(|stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n").unwrap()), probes());
    assert!(matches!(&state, State::Down { fault: Fault::NotHttp { .. } }), "{}", said(&state));
}

#[test]
fn silence_and_an_answer_in_drops_are_unknown_and_not_up() {
    // Nobody accepts: the connection waits in the queue, as before a service that starts on a socket handed to it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let hurried = || Probes { timeout_ms: 150, ..probes() };
    expect!["unknown: slow: no whole answer within 150 ms"].assert_eq(&said(&once(&silent, hurried())));
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let dripping = raw(move |stream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // A byte now and then, until the probe has gone: a limit on silence alone would wait for ever.
        while stream.write_all(b" ").is_ok() {
            told.recv_timeout(Duration::from_millis(20)).ok();
        }
    });
    expect!["unknown: slow: no whole answer within 150 ms"].assert_eq(&said(&once(&dripping, hurried())));
    drop(tell);
}

#[test]
fn an_address_that_leads_nowhere_is_unknown() {
    let state = once("http://256.256.256.256", probes());
    assert!(matches!(&state, State::Unknown { fault: Fault::Unreachable { .. } }), "{}", said(&state));
}

#[test]
fn without_a_question_for_readiness_nothing_is_ready() {
    let server = serving("/none", |_| Reply::lost());
    assert_eq!(once(&server.base(), Probes { ready: None, ..probes() }), State::Started);
}

#[test]
fn rounds_are_counted_and_end_when_all_are_ready() {
    let count = AtomicU32::new(0);
    let flapping = serving("/readyz", move |_| {
        let is_ready = count.fetch_add(1, Ordering::Relaxed) >= 3;
        if is_ready { Reply::json(200, &json!({ "status": "ready" })) } else { Reply::json(503, &json!({})) }
    });
    let steady = serving("/none", |_| Reply::lost());
    let target = |name: &str, server: &Running| Target {
        name: name.to_owned(),
        address: server.base(),
        probes: probes(),
    };
    let wanted = Probe {
        targets: vec![target("flapping", &flapping), target("steady", &steady)],
        interval_ms: 5,
        rounds_max: 50,
        until: Until::Ready { rounds: 2 },
    };
    let mut lines = Vec::new();
    let probed = asked(&wanted, |sample| {
        if sample.target == "flapping" {
            lines.push(format!("{} {}", sample.round, said(&sample.state)));
        }
    });
    expect![[r#"
        1 started
        2 started
        3 started
        4 ready: Some("1.0.0")
        5 ready: Some("1.0.0")"#]]
    .assert_eq(&lines.join("\n"));
    let [flapping, steady] = &probed[..] else { panic!("{probed:?}") };
    assert_eq!((flapping.n, flapping.failed, flapping.unknown, flapping.streak), (5, 3, 0, 2));
    assert_eq!((steady.failed, steady.unknown), (0, 0));
    assert!(steady.streak >= 2 && steady.latencies_ms.len() as u64 == steady.n, "{steady:?}");
}

#[test]
fn a_target_without_an_answer_takes_no_round_from_the_others_and_no_more_time() {
    // Connections are taken, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let steady = serving("/none", |_| Reply::lost());
    let target = |name: &str, address: String| Target {
        name: name.to_owned(),
        address,
        probes: Probes { timeout_ms: 1_500, ..probes() },
    };
    let silent = target("silent", format!("http://{}", silent.local_addr().unwrap()));
    let wanted = Probe {
        targets: vec![silent, target("steady", steady.base())],
        interval_ms: 50,
        rounds_max: 20,
        until: Until::Rounds,
    };
    let probed = asked(&wanted, |_| {});
    let numbers: Vec<_> = probed.iter().map(|one| (one.target.as_str(), one.last.round, one.n)).collect();
    let [("silent", 1, 0), ("steady", rounds, judged)] = numbers[..] else { panic!("{numbers:?}") };
    assert!(rounds >= 5 && judged == u64::from(rounds), "{numbers:?}");
}
