//! `cargo xtask rehearse`: a small service, from its history to three hosts, with what must be caught on the way.

use serde_json::Value;

use crate::gates::releasable;
use crate::sandbox::Sandbox;
use crate::satellites;

/// The smallest service that can be deployed: it takes its socket, says when it is ready, and answers probes.
const SERVICE: &str = r#"use std::env::var;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::FromRawFd;
use std::os::unix::net::{UnixDatagram, UnixListener};

fn main() -> std::io::Result<()> {
    let handed = unsafe { TcpListener::from_raw_fd(3) };
    if let Ok(address) = var("NOTIFY_SOCKET") {
        UnixDatagram::unbound()?.send_to(b"READY=1", address)?;
    }
    if handed.local_addr().is_ok() {
        handed.incoming().for_each(|stream| drop(stream.and_then(answer)));
    } else {
        std::mem::forget(handed);
        let handed = unsafe { UnixListener::from_raw_fd(3) };
        handed.incoming().for_each(|stream| drop(stream.and_then(answer)));
    }
    Ok(())
}

fn answer(mut stream: impl Read + Write) -> std::io::Result<()> {
    let mut asked = [0; 4096];
    let length = stream.read(&mut asked)?;
    let is_work = asked[..length].starts_with(b"GET /work ");
    let status = if is_work && var("BROKEN").is_ok() { "500 Broken" } else { "200 OK" };
    let body = format!("{{\"release\":\"{}\"}}", var("XTASK_RELEASE").unwrap_or_default());
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
"#;

/// Where the service runs when it is not rehearsed: hosts that nobody may reach from a test.
const STAGES: &str = "[service]\nname = \"one\"\nartifact = \"one\"\ndrain_seconds = 1\n\
    [service.probe]\nstartup_seconds = 10\n\
    [stages.staging]\ndriver = \"ssh\"\nsoak_seconds = 60\nsecrets = [\"KEY\"]\n\
    hosts.a = { at = \"deploy@host.invalid\", listen = \"0.0.0.0:80\" }\n\
    [stages.production]\nafter = [\"staging\"]\ndriver = \"ssh\"\nwaves = [\"1\"]\nsoak_seconds = 1\napprovals = 2\n\
    hosts.b = { at = \"deploy@b.invalid\", listen = \"0.0.0.0:80\" }\n\
    hosts.c = { at = \"deploy@c.invalid\", listen = \"0.0.0.0:80\" }\n\
    [stages.production.analysis]\nfailures_permille_max = 100\npaths = [\"/work\"]\n";

fn service(stages: &str) -> Sandbox {
    let mut sandbox = releasable("");
    satellites::ship();
    let manifest = sandbox.read("Cargo.toml") + "description = \"Answers probes\"\n";
    sandbox.write("Cargo.toml", &manifest);
    sandbox.write("src/main.rs", SERVICE);
    sandbox.write("release/release.toml", "[artifacts]\ndeployed = [{ package = \"one\" }]\n");
    sandbox.write("release/stages.toml", stages);
    // The names of sockets may not be long.
    sandbox.set("TMPDIR", "/tmp");
    sandbox.commit("release: 0.2.0");
    sandbox
}

#[test]
fn a_service_goes_the_whole_way_and_what_is_bad_is_caught() {
    let sandbox = service(&format!("{STAGES}[rehearsal]\nbad = {{ BROKEN = \"1\" }}\n"));
    let done = sandbox.xtask(&["--json", "rehearse"]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    let picture: Value = serde_json::from_str(&done.stdout).unwrap();
    let acts: Vec<_> = picture["acts"].as_array().unwrap().iter().map(|act| act["name"].as_str()).collect();
    let all = [
        "propose",
        "build",
        "gates",
        "publish",
        "staging",
        "production",
        "damaged",
        "bad release",
        "roll back",
    ];
    assert_eq!(acts, all.map(Some), "{picture:#}");
    // Production has two waves: the second never saw what the first one took back.
    let bad = picture["acts"][7]["what"].as_str().unwrap();
    assert!(bad.contains("rolled back") && bad.ends_with("hosts it got to b"), "{bad}");
    let live = picture["live"].as_array().unwrap();
    assert_eq!(live.len(), 3, "{picture:#}");
    assert!(live.iter().all(|one| one["digest"] == live[0]["digest"]), "{picture:#}");
    let left_out: Vec<_> = picture["left_out"].as_array().unwrap().iter().map(Value::as_str).collect();
    assert_eq!(left_out, [Some("production: N approvals"), Some("staging: N s of watching, secret `KEY`")]);
    // Nothing runs on, and nothing of it is in the record of what happened.
    assert!(!sandbox.path(".xtask/rehearsal/hosts").exists());
    let deployed = sandbox.xtask(&["journal", "verify"]);
    assert_eq!(deployed.code, 0, "{}", deployed.transcript());
    let journal = std::fs::read_dir(sandbox.path(".xtask/journal")).into_iter().flatten().flatten();
    for file in journal.filter(|entry| entry.path().is_file()) {
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(!text.contains("deploy.begun"), "{text}");
    }
}

#[test]
fn a_rehearsal_in_which_the_bad_release_is_good_fails_and_ends_its_hosts() {
    let sandbox = service(&format!("{STAGES}[rehearsal]\nbad = {{ HARMLESS = \"1\" }}\n"));
    let done = sandbox.xtask(&["rehearse", "--no-consumer"]);
    let said = done.transcript();
    assert_eq!(done.code, 1, "{said}");
    assert!(said.contains("did not end as it must") && said.contains("why:  confirmed"), "{said}");
    assert!(!sandbox.path(".xtask/rehearsal/hosts").exists());
}
