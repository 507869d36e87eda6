//! A forge and a registry on loopback, as the real satellite serves them, and a small client to change them behind the
//! toolkit's back.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::github::Forge as Served;
use crate::sandbox::Sandbox;

/// The token that the forge takes.
const TOKEN: &str = "a token";

/// Both servers, until this is dropped.
pub(crate) struct World {
    pub(crate) forge: Served,
    pub(crate) registry: Served,
    repository: String,
}

impl World {
    /// A forge that is set up like this, and an empty registry.
    pub(crate) fn serve(mut seed: Value) -> World {
        seed["token"] = TOKEN.into();
        let repository = seed["repository"].as_str().unwrap().to_owned();
        let registry = Served::answering(&json!({ "verb": "serve_registry", "lock": "version = 4\n" }));
        World { forge: Served::serve(&seed), registry, repository }
    }

    /// Lets every command of a sandbox use these servers.
    pub(crate) fn reach(&self, sandbox: &mut Sandbox) {
        sandbox.set("GITHUB_API_URL", &self.forge.address);
        sandbox.set("GITHUB_TOKEN", TOKEN);
        sandbox.set("CARGO_REGISTRY_TOKEN", TOKEN);
        let index = format!("sparse+{}", self.registry.address);
        sandbox.set("CARGO_REGISTRIES_CRATES_IO_INDEX", &index);
    }

    /// All that can be seen of both from outside, byte for byte.
    pub(crate) fn seen(&self) -> String {
        let registry = self.registry.address.replace("/index/", "/world");
        [format!("{}/world", self.forge.address), registry]
            .map(|address| {
                let (status, text) = ask("GET", &address, &[], b"");
                assert_eq!(status, 200, "{address}");
                text
            })
            .concat()
    }

    /// Asks the forge for something in the repository.
    pub(crate) fn forge(&self, method: &str, path: &str, body: &[u8]) -> Value {
        let address = format!("{}/repos/{}/{path}", self.forge.address, self.repository);
        let (status, text) = ask(method, &address, &[("authorization", &format!("Bearer {TOKEN}"))], body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Moves a tag, or makes it.
    pub(crate) fn tag(&self, tag: &str, commit: &str) {
        let body = json!({ "ref": format!("refs/tags/{tag}"), "sha": commit }).to_string();
        if self.seen().contains(&format!("\"tags\":{{\"{tag}\"")) {
            self.forge("DELETE", &format!("git/refs/tags/{tag}"), b"");
        }
        self.forge("POST", "git/refs", body.as_bytes());
    }

    /// Replaces a file of the only release, or removes it, or adds one.
    pub(crate) fn asset(&self, name: &str, bytes: Option<&[u8]>) {
        let release = self.forge("GET", "releases", b"")[0]["id"].to_string();
        let assets = self.forge("GET", &format!("releases/{release}/assets?per_page=100"), b"");
        let is_it = |asset: &&Value| asset["name"] == name;
        if let Some(asset) = assets.as_array().unwrap().iter().find(is_it) {
            self.forge("DELETE", &format!("releases/assets/{}", asset["id"]), b"");
        }
        if let Some(bytes) = bytes {
            self.forge("POST", &format!("releases/{release}/assets?name={name}"), bytes);
        }
    }

    /// Publishes a package as `cargo publish` does.
    pub(crate) fn publish(&self, metadata: &Value, package: &[u8]) {
        let told = metadata.to_string();
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let body = [&length(told.as_bytes()), told.as_bytes(), &length(package), package].concat();
        let address = self.registry.address.replace("/index/", "/api/v1/crates/new");
        let (status, text) = ask("PUT", &address, &[("authorization", TOKEN)], &body);
        assert_eq!(status, 200, "{text}");
    }
}

/// One request to a server on loopback: the answer's status and text.
pub(crate) fn ask(method: &str, address: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    let (host, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), text.to_owned())
}
