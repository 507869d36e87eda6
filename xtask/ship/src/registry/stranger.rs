//! A registry that other people wrote judges what the client sends; a stock cargo judges what is served then.
//!
//! `scripts/peers.sh --registry` builds it. It takes uploads and serves packages; its index is a git repository with the
//! files of a sparse one, which a file server of this test serves as they are.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nexus_xtask::shell::{Command, Shell, beside::Beside};

use super::fixture::{Scratch, Staging};
use super::*;
use crate::consumer::{self, Consumed};
use crate::loopback::server::{self, Asked, Reply, Running};

/// How long it may take to start.
const STARTED_WITHIN: Duration = Duration::from_secs(20);

/// A registry of other people, ended with its owner.
struct Stranger {
    process: Option<Beside>,
    index: Running,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill().unwrap();
        }
    }
}

/// The peer, or the printed reason why there is none. With `XTASK_PEERS_REQUIRED=registry` a missing one fails.
fn peer(environment: &Environment) -> Option<PathBuf> {
    let peers = environment.get("XTASK_PEERS").map(PathBuf::from);
    let peers = peers.or_else(|| Some(environment.home()?.join(".cache/nexus-xtask/peers")));
    let program =
        peers.map(|peers| peers.join("bin/cargo-http-registry")).filter(|program| program.is_file());
    if program.is_none() {
        let required = environment.get("XTASK_PEERS_REQUIRED") == Some("registry");
        assert!(!required, "the peer is missing; `scripts/peers.sh --registry` builds it");
        println!(
            "skipped 1 test: the peer `cargo-http-registry` is missing; `scripts/peers.sh --registry` builds it"
        );
    }
    program
}

impl Stranger {
    fn start(shell: &Shell, program: &Path, folder: &Path) -> Stranger {
        let arguments = ["--addr".to_owned(), "127.0.0.1:0".to_owned(), folder.display().to_string()];
        let mut process = shell.start(&Command::new(program.display().to_string(), arguments)).unwrap();
        let started = Clock::system().start();
        // It writes its settings when it listens.
        loop {
            let text = files::read_text(&folder.join("config.json")).unwrap().unwrap_or_default();
            if serde_json::from_str::<Settings>(&text).is_ok() {
                break;
            }
            assert_eq!(process.wait_for(Duration::from_millis(20)).unwrap(), None, "it ended");
            assert!(started.elapsed() < STARTED_WITHIN, "it does not start; its settings are `{text}`");
        }
        let folder = folder.to_owned();
        let index = server::start(move |_| {
            Arc::new(move |asked: &Asked| {
                match files::read(&folder.join(asked.path.trim_start_matches('/'))) {
                    Ok(Some(bytes)) => Reply::new(200, "text/plain", bytes),
                    Ok(None) | Err(_) => Reply::new(404, "text/plain", "not found"),
                }
            })
        });
        Stranger { process: Some(process), index: index.unwrap() }
    }
}

const BASE: &str =
    "[package]\nname = \"stranger-base\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[features]\nextra = []\n";

const MIDDLE: &str = "[package]\nname = \"stranger_middle\"\nversion = \"0.2.0-rc.1\"\nedition = \"2021\"\n[features]\nall = [\"foundation\"]\n[target.'cfg(unix)'.dependencies]\nfoundation = { package = \"stranger-base\", version = \"1\", path = \"../base\", optional = true, features = [\"extra\"] }\n";

const TOP: &str = "[package]\nname = \"top\"\nversion = \"2.0.0\"\nedition = \"2021\"\n[dependencies]\nstranger_middle = { version = \"=0.2.0-rc.1\", path = \"../middle\", features = [\"all\"] }\n";

/// Packs a workspace of three packages by cargo.
fn stage(shell: &Shell, folder: &Scratch) -> Staging {
    let members = "[workspace]\nresolver = \"2\"\nmembers = [\"base\", \"middle\", \"top\"]\n";
    for (name, text) in [
        ("Cargo.toml", members),
        ("base/Cargo.toml", BASE),
        ("base/src/lib.rs", "pub fn two() -> u32 {\n    2\n}\n"),
        ("middle/Cargo.toml", MIDDLE),
        ("middle/src/lib.rs", "#[cfg(feature = \"all\")]\npub use foundation::two;\n"),
        ("top/Cargo.toml", TOP),
        ("top/src/main.rs", "fn main() {\n    assert_eq!(stranger_middle::two(), 2);\n}\n"),
    ] {
        folder.write(&format!("workspace/{name}"), text);
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let words = ["package", "--workspace", "--no-verify", "--quiet", "--offline"];
    let command = Command::new("cargo", words)
        .within(&folder.path().join("workspace"))
        .with("CARGO_HOME", path("home"))
        .with("CARGO_TARGET_DIR", path("target"));
    shell.read(&command).unwrap();
    let packages = [("stranger-base", "1.0.0"), ("stranger_middle", "0.2.0-rc.1"), ("top", "2.0.0")];
    Staging::of(&packages.map(|(name, version)| {
        let file = folder.path().join(format!("target/package/{name}-{version}.crate"));
        (name, version, Bytes::from(files::read(&file).unwrap().unwrap()))
    }))
}

#[test]
fn a_registry_of_strangers_takes_what_we_publish_and_cargo_builds_it() {
    let environment = Environment::of_process().unwrap();
    let Some(program) = peer(&environment) else { return };
    let folder = Scratch::new();
    let shell = Shell::new(folder.path(), &environment);
    let stranger = Stranger::start(&shell, &program, &folder.path().join("registry"));
    let address = format!("{}/", stranger.index.base());
    let staging = stage(&shell, &folder);
    let given = Environment::of(&[("CARGO_REGISTRY_TOKEN", "sesame-open")], Path::new("/"));
    let endpoints = Endpoints { forge: String::new(), registry: address.clone(), trusted: false };
    let registry = Registry::new(&Http::new().unwrap(), &Clock::system(), &given, &endpoints).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (plan, manifest) = (&staging.plan, &staging.manifest);
    for index in 0..3 {
        let action = staging.action(index);
        let observe = || runtime.block_on(registry.observe(plan, manifest, &action)).unwrap();
        assert_eq!(observe(), Observed::Absent);
        runtime.block_on(registry.apply(plan, manifest, staging.folder.path(), &action)).unwrap();
        assert_eq!(observe(), Observed::Same);
    }
    let consumer = folder.path().join("consumer");
    let consumed = consumer::check(&shell, plan, staging.folder.path(), &address, &consumer).unwrap();
    let expected = Consumed {
        libraries: vec!["stranger-base".to_owned(), "stranger_middle".to_owned()],
        programs: vec!["top".to_owned()],
    };
    assert_eq!(consumed, expected);
}
