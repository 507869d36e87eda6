//! Ten ways in which a service is not what it says, by the real command against real servers: the right state each time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::sandbox::{Sandbox, package};

/// A server for as long as the test lives; it answers the nth connection with these bytes, or holds it where there are none.
fn serve(answer: impl Fn(usize, &str) -> Option<String> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            match answer(number, &path(&stream)) {
                Some(bytes) => stream.write_all(bytes.as_bytes()).unwrap(),
                None => held.push(stream),
            }
        }
    });
    address
}

/// The path of a request, which is read to its end: a connection that is closed with unread bytes is reset.
fn path(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    let head: Vec<String> = lines.collect();
    head[0].split(' ').nth(1).unwrap().to_owned()
}

fn reply(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn json(status: &str, body: &str) -> Option<String> {
    Some(reply(status, "application/json", body))
}

fn good(path: &str) -> Option<String> {
    match path {
        "/version" => json("200 OK", "{\"version\":\"0.9.0\"}"),
        _ => json("200 OK", "{\"status\":\"ready\"}"),
    }
}

/// `openssl s_server` with a certificate that is valid for so many days, by an authority that the sandbox trusts.
struct Secure {
    server: Child,
    address: String,
}

impl Secure {
    fn serve(sandbox: &Sandbox, name: &str, days: &str) -> Secure {
        let file = |end: &str| sandbox.path(&format!("{name}.{end}")).display().to_string();
        let (key, request, certificate) = (file("key"), file("csr"), file("pem"));
        let authority = sandbox.path("ca.pem").display().to_string();
        let authority_key = sandbox.path("ca.key").display().to_string();
        sandbox.write("names", "subjectAltName=IP:127.0.0.1\n");
        let names = sandbox.path("names").display().to_string();
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"];
        let openssl = |words: &[&str]| {
            let said = Command::new("openssl").args(words).output().unwrap();
            assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
        };
        if !sandbox.path("ca.pem").is_file() {
            let own = [&authority_key, "-x509", "-out", &authority, "-subj", "/CN=authority", "-days", "2"];
            openssl(&[&["req"][..], &curve, &own].concat());
        }
        openssl(&[&["req"][..], &curve, &[&key, "-out", &request, "-subj", "/CN=service"]].concat());
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &authority,
            "-CAkey",
            &authority_key,
            "-CAcreateserial",
            "-days",
            days,
            "-extfile",
            &names,
            "-out",
            &certificate,
        ]);
        let mut server = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert", &certificate, "-key", &key, "-www"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
        let accepts = lines.find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned)).unwrap();
        // Its outputs are read to the end, so that it never waits for somebody to do it.
        std::thread::spawn(move || lines.for_each(drop));
        Secure { server, address: format!("https://{}", accepts.trim()) }
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

/// The state and the reason of each signal after one look at all.
fn look(sandbox: &Sandbox) -> Vec<(String, String)> {
    let done = sandbox.xtask(&["observe", "tick", "--all", "--json"]);
    let told: serde_json::Value =
        serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.transcript()));
    let text = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap().to_owned();
    let all = told.as_array().unwrap().iter();
    all.map(|one| (format!("{} {}", text(one, "signal"), text(one, "state")), text(one, "reason"))).collect()
}

/// Name, server, what else is expected, the state that is right, what the reason must say.
type Case = (&'static str, String, &'static str, &'static str, &'static str);

fn cases(closed: std::net::SocketAddr, expired: &Secure, valid: &Secure) -> Vec<Case> {
    let ready = "pointers = { \"/status\" = \"ready\" }";
    let page = "content_type = \"text/html\"";
    let version = "version = { path = \"/version\", pointer = \"/version\", wanted = \"1.0.0\" }";
    vec![
        ("as-it-must-be", serve(|_, path| good(path)), ready, "up", "it answers as it must"),
        ("certificate-expired", expired.address.clone(), page, "down", "certificate: Expired"),
        ("certificate-valid", valid.address.clone(), page, "up", "it answers as it must"),
        (
            "flapping",
            serve(|nth, path| if nth % 2 == 0 { good(path) } else { json("500 Broken", "{}") }),
            ready,
            "down",
            "it changed",
        ),
        ("html", serve(|_, _| Some(reply("200 OK", "text/html", "<html>"))), ready, "down", "a page of HTML"),
        ("no-such-name", "http://nobody.invalid".to_owned(), ready, "unknown", "not reached"),
        (
            "redirect-loop",
            serve(|_, path| Some(reply(&format!("302 Found\r\nlocation: {path}"), "text/plain", ""))),
            ready,
            "down",
            "in a circle",
        ),
        ("refused", format!("http://{closed}"), ready, "down", "nothing listens there"),
        ("slow", serve(|_, _| None), ready, "unknown", "no whole answer within"),
        (
            "starting",
            serve(|_, _| json("503 Not yet", "{\"status\":\"starting\"}")),
            ready,
            "starting",
            "it says that it is not ready",
        ),
        (
            "truncated",
            serve(|_, _| {
                Some("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"status\":".into())
            }),
            ready,
            "down",
            "closed before the whole answer",
        ),
        ("version", serve(|_, path| good(path)), version, "down", "it is version 0.9.0 instead of 1.0.0"),
    ]
}

#[test]
fn ten_ways_not_to_be_up_are_told_apart() {
    crate::satellites::ship();
    let mut sandbox = package(&[]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (expired, valid) = (Secure::serve(&sandbox, "expired", "-1"), Secure::serve(&sandbox, "valid", "1"));
    let authority = sandbox.path("ca.pem").display().to_string();
    sandbox.set("SSL_CERT_FILE", &authority);
    let cases = cases(closed, &expired, &valid);
    let declared: String = cases
        .iter()
        .map(|(name, address, more, ..)| {
            let http =
                format!("http = {{ address = \"{address}\", path = \"/readyz\", timeout = \"1s\", {more} }}");
            let startup = if *name == "starting" { "startup = \"1h\"\n" } else { "" };
            format!("[signals.{name}]\nevery = \"1m\"\n{startup}{http}\n")
        })
        .collect();
    sandbox.write("release/signals.toml", &declared);

    let mut seen = Vec::new();
    for _ in 0..6 {
        seen = look(&sandbox);
        for (name, _, _, state, _) in cases.iter().filter(|(name, ..)| *name != "flapping") {
            assert!(
                seen.iter().any(|(said, _)| *said == format!("{name} {state}")),
                "{name} {state}: {seen:?}"
            );
        }
    }
    for (name, _, _, state, reason) in &cases {
        let found = seen.iter().find(|(said, _)| *said == format!("{name} {state}"));
        assert!(found.is_some_and(|(_, said)| said.contains(reason)), "{name} {state}, {reason}: {seen:?}");
    }
}
