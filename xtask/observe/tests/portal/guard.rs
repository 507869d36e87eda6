//! Who is let in: on loopback, beyond it, with a token, too often, and by a socket that was handed over.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::world::{Served, World, eventually};

const TOKEN: &str = "correct horse battery staple";

/// Refused before anything listens.
#[track_caller]
fn refused(world: &World, words: &[&str], said: &str) {
    let words: Vec<_> = ["serve"].iter().chain(words).copied().collect();
    let done = world.run(&words);
    let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.code() == Some(3) && stderr.contains(said) && stderr.contains("next: "), "{stderr}");
}

fn beyond(world: &World, words: &[&str]) -> Served {
    let words: Vec<_> = ["serve", "--listen", "0.0.0.0:0"].iter().chain(words).copied().collect();
    Served::of(world.command(&words)).ready()
}

#[test]
fn beyond_loopback_nobody_is_served_without_a_token_or_a_proxy() {
    let world = World::lived_in();
    refused(&world, &["--listen", "0.0.0.0:0"], "can be reached from other machines");
    refused(&world, &["--listen", "[::]:0"], "can be reached from other machines");
    refused(&world, &["--listen", "0.0.0.0:0", "--token-file", "none"], "holds no token");
    std::fs::write(world.root.join("short"), "secret\n").unwrap();
    refused(&world, &["--token-file", "short"], "holds no token");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    refused(&world, &["--listen", &taken.local_addr().unwrap().to_string()], "cannot listen on");
    assert_eq!(beyond(&world, &["--behind-proxy"]).ask("GET", "/", &[("host", "portal.e.org")]).status, 200);
}

#[test]
fn a_token_is_asked_for_and_nothing_else_is_let_in() {
    let world = World::lived_in();
    std::fs::write(world.root.join("token"), format!("{TOKEN}\n")).unwrap();
    let served = beyond(&world, &["--token-file", "token"]);
    // `portal:correct horse battery staple`, and the same with another end.
    let basic = "Basic cG9ydGFsOmNvcnJlY3QgaG9yc2UgYmF0dGVyeSBzdGFwbGU=";
    let other = "Basic cG9ydGFsOmNvcnJlY3QgaG9yc2UgYmF0dGVyeSBzdGFwbGV=";
    for (given, status) in [
        (None, 401),
        (Some("Bearer"), 401),
        (Some("Bearer "), 401),
        (Some("Bearer correct horse battery stapler"), 401),
        (Some("Basic correct horse battery staple"), 401),
        (Some(other), 401),
        (Some("Bearer correct horse battery staple"), 200),
        (Some(basic), 200),
    ] {
        for path in ["/", "/metrics", "/portal.css"] {
            let headers: Vec<_> = given.map(|given| ("authorization", given)).into_iter().collect();
            let answer = served.ask("GET", path, &headers);
            assert_eq!(answer.status, status, "{given:?} {path}");
            assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
            assert!(status == 200 || !answer.body.contains("shop"), "{}", answer.body);
        }
    }
    assert_eq!(served.get("/healthz").status, 200);
    assert_eq!(served.get("/nothing").status, 401);
}

#[test]
fn another_host_is_not_this_one() {
    let world = World::lived_in();
    let served = world.serve(&[]);
    for host in
        ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1"]
    {
        let answer = served.ask("GET", "/", &[("host", host)]);
        assert_eq!((answer.status, answer.body.contains("shop")), (421, false), "{host}");
    }
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1:1", "127.1.2.3", "[::1]:8088"] {
        assert_eq!(served.ask("GET", "/", &[("host", host)]).status, 200, "{host}");
    }
}

#[test]
fn who_asks_too_often_waits_beyond_loopback() {
    let world = World::lived_in();
    std::fs::write(world.root.join("token"), TOKEN).unwrap();
    let served = beyond(&world, &["--token-file", "token"]);
    let answers: Vec<_> = (0..400).map(|_| served.get("/")).collect();
    let late = answers.iter().find(|answer| answer.status == 429).expect("there is a limit");
    assert_eq!(late.header("retry-after"), Some("5"));
    assert!(answers[..100].iter().all(|answer| answer.status == 401));
    assert_eq!(served.get("/healthz").status, 200);
    let here = world.serve(&[]);
    assert!((0..400).all(|_| here.get("/portal.css").status == 200));
}

/// A server on a socket that was handed over, as standard input: whoever wants it elsewhere moves it.
fn handed(world: &World, listener: &TcpListener, variables: &[(&str, &str)]) -> Served {
    let mut command = Command::new("sh");
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" portal serve --listen 192.0.2.1:1 3<&0 0</dev/null";
    command.args(["-c", script, env!("CARGO_BIN_EXE_nexus-xtask-observe")]).current_dir(&world.root);
    for (name, file) in variables {
        command.env(name, world.root.join(file));
    }
    command.stdin(Stdio::from(OwnedFd::from(listener.try_clone().unwrap())));
    Served::of(command)
}

/// As a service manager does it: the socket is there before the process and after it.
#[test]
fn a_socket_that_was_handed_over_is_served_and_outlives_the_process() {
    let world = World::lived_in();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let notified = UnixDatagram::bind(world.root.join("notify")).unwrap();
    notified.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let told = || {
        let mut text = [0; 64];
        let length = notified.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    for _ in 0..2 {
        let mut served = handed(&world, &listener, &[("NOTIFY_SOCKET", "notify")]);
        assert_eq!(served.address, format!("http://{address}/"));
        assert_eq!(told(), "READY=1");
        assert_eq!(served.get("/readyz").status, 200);
        assert_eq!(served.end(), Some(0));
        assert_eq!(told(), "STOPPING=1");
    }
}

/// Three times another process takes over, under clients that repeat nothing: one keeps its connection, one opens each anew.
#[test]
fn no_request_is_lost_when_another_process_takes_over() {
    let world = World::lived_in();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut served = handed(&world, &listener, &[]).ready();
    let (stop, answers) = (AtomicBool::new(false), [AtomicUsize::new(0), AtomicUsize::new(0)]);
    std::thread::scope(|scope| {
        let clients = [true, false].map(|keeps| {
            let (stop, address, answers) = (&stop, &address, &answers[usize::from(keeps)]);
            scope.spawn(move || {
                let mut client = None;
                while !stop.load(Ordering::Relaxed) {
                    let kept =
                        client.take().unwrap_or_else(|| BufReader::new(TcpStream::connect(address).unwrap()));
                    client = ask(kept, address, keeps);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        for round in 1..=3 {
            let are_many = || answers.iter().all(|answers| answers.load(Ordering::Relaxed) >= round * 50);
            eventually("both clients are answered", || {
                are_many() || clients.iter().any(|one| one.is_finished())
            });
            let next = handed(&world, &listener, &[]).ready();
            let mut before = std::mem::replace(&mut served, next);
            assert_eq!(before.end(), Some(0));
        }
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("every request has its answer");
        }
    });
}

/// One request, which must be answered; the connection, where both sides keep it.
fn ask(mut stream: BufReader<TcpStream>, host: &str, keeps: bool) -> Option<BufReader<TcpStream>> {
    let connection = if keeps { "keep-alive" } else { "close" };
    let head = format!("GET /truth HTTP/1.1\r\nhost: {host}\r\nconnection: {connection}\r\n\r\n");
    stream.get_mut().write_all(head.as_bytes()).unwrap();
    let (mut length, mut stays, mut line) = (0, keeps, String::new());
    stream.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200 "), "`{line}`");
    while line.trim_end() != "" {
        line.clear();
        stream.read_line(&mut line).unwrap();
        let (name, value) = line.split_once(": ").unwrap_or_default();
        match name {
            "content-length" => length = value.trim_end().parse().unwrap(),
            "connection" => stays &= value.trim_end() != "close",
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    assert!(body.ends_with(b"</html>"));
    stays.then_some(stream)
}
