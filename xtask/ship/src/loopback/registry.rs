//! A registry on loopback: a sparse index, downloads, publishing, yanking, and the exchange of an identity for a token.
//!
//! It refuses what the default registry refuses of what a release can do wrong ([`publish`]), and serves the third-party
//! packages of a lock file ([`closure`]), so that cargo finds everything it needs there. Its state is one value,
//! [`RegistryDouble::world`]: two releases that ended alike have the same text.
//!
//! Beside what a registry has, there are `/identity`, which stands for GitHub's, and `/world`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use nexus_xtask::clock::Clock;
use nexus_xtask::digest::Digest;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::Result;
use nexus_xtask::satellite::Message;
use nexus_xtask_deliver::release::protocol::rehearse::ServeRegistry;

use crate::loopback::server::{self, Asked, Reply, Running};
use crate::registry::index::{self, Entry};
use crate::registry::metadata::Metadata;
use crate::speak;

pub(crate) mod closure;
mod publish;
mod rights;

pub(crate) use closure::Closure;
pub(crate) use rights::{Limits, Rights};

/// A registry that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct RegistryDouble {
    server: Running,
    state: Arc<Mutex<State>>,
}

/// How it differs from one that always works.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Packages that are there already, with a version that nobody has. A trusted publisher cannot create one.
    pub(crate) known: Vec<String>,
    /// Tokens and what they may do; where none is named, any token may do everything.
    pub(crate) tokens: BTreeMap<String, Rights>,
    /// How much may be published at a time; without limits where nothing is said.
    pub(crate) limits: Option<Limits>,
    /// True where dependencies from other registries are taken, as the default registry does not.
    pub(crate) foreign: bool,
    /// What goes wrong.
    pub(crate) faults: Vec<RegistryFault>,
}

/// Something that goes wrong. Uploads are counted from 1, the refused ones too; each of these happens once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RegistryFault {
    /// The registry asks for patience: this many seconds, as a date where `dated`.
    TooMany { upload: usize, seconds: u32, dated: bool },
    /// The package is published, and the connection is lost before the answer.
    LostResponse { upload: usize },
    /// The package is published, and the index shows it after this many looks.
    LateIndex { upload: usize, looks: u32 },
    /// The registry fails.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a rehearsal has no name for it; the client's tests do")
    )]
    Broken { upload: usize },
    /// A web page answers instead of the registry.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a rehearsal has no name for it; the client's tests do")
    )]
    Page { upload: usize },
    /// A web page answers whatever is asked.
    PageAlways,
    /// Tokens that were exchanged so far are forgotten.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a rehearsal has no name for it; the client's tests do")
    )]
    TokensGone { upload: usize },
}

#[derive(Debug)]
struct State {
    base: String,
    clock: Clock,
    closure: Closure,
    rules: Rules,
    published: BTreeMap<String, Vec<Published>>,
    uploads: usize,
    buckets: rights::Buckets,
    exchanged: rights::Exchanged,
}

#[derive(Debug)]
struct Published {
    entry: Entry,
    metadata: Option<Metadata>,
    bytes: Bytes,
    /// How many looks at the index do not show it yet.
    hidden: u32,
}

impl RegistryDouble {
    /// Starts one on a free port.
    pub(crate) fn start(closure: Closure, rules: Rules, clock: &Clock) -> anyhow::Result<RegistryDouble> {
        let published = rules.known.iter().map(|name| (name.clone(), Vec::new())).collect();
        let state = Arc::new(Mutex::new(State {
            base: String::new(),
            clock: clock.clone(),
            closure,
            rules,
            published,
            uploads: 0,
            buckets: rights::Buckets::default(),
            exchanged: rights::Exchanged::default(),
        }));
        let shared = Arc::clone(&state);
        let server = server::start(move |base| {
            lock(&shared).base = base.to_owned();
            Arc::new(move |asked: &Asked| lock(&shared).answer(asked))
        })?;
        Ok(RegistryDouble { server, state })
    }

    /// The address of its sparse index, without `sparse+`, with a slash at its end.
    pub(crate) fn index(&self) -> String {
        format!("{}/index/", self.server.base())
    }

    /// Where it lends an identity, as `ACTIONS_ID_TOKEN_REQUEST_URL` says it. The token for that is [`rights::LENDER`].
    #[cfg(test)]
    pub(crate) fn identity(&self) -> String {
        format!("{}/identity?api-version=2.0", self.server.base())
    }

    /// Adds something that goes wrong. Uploads are counted from the next one on.
    pub(crate) fn fail(&self, fault: RegistryFault) {
        let mut state = lock(&self.state);
        state.uploads = 0;
        state.rules.faults.push(fault);
    }

    /// How many tokens were given for an identity, and how many of them still live.
    #[cfg(test)]
    pub(crate) fn exchanged(&self) -> (usize, usize) {
        lock(&self.state).exchanged.count()
    }

    /// Everything that was published, as text: the same world has the same text.
    pub(crate) fn world(&self) -> String {
        lock(&self.state).world()
    }
}

/// Serves a double until this process ends, which it does when its input does.
pub(crate) fn serve(environment: &Environment, clock: &Clock, wanted: &ServeRegistry) -> Result<Value> {
    let closure = Closure::in_cache(environment, &wanted.lock)?;
    let double = RegistryDouble::start(closure, Rules::default(), clock)?;
    speak::say(&Message::Note { text: double.index() });
    loop {
        std::thread::park();
    }
}

/// A panic in a request leaves the state as it was before that.
fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Reply {
        if self.rules.faults.contains(&RegistryFault::PageAlways) {
            return page();
        }
        let parts: Vec<_> = asked.path.trim_matches('/').split('/').collect();
        match (asked.method.clone(), parts.as_slice()) {
            (Method::GET, ["index", "config.json"]) => Reply::json(
                200,
                &json!({
                    "dl": format!("{}/dl/{{crate}}/{{version}}", self.base),
                    "api": self.base, "auth-required": false,
                }),
            ),
            (Method::GET, ["index", folders @ .., name]) => self.file_of(name, &folders.join("/")),
            (Method::GET, ["dl", name, version]) => self.download(name, version),
            (Method::PUT, ["api", "v1", "crates", "new"]) => self.upload(asked),
            (Method::DELETE, ["api", "v1", "crates", name, version, "yank"]) => {
                self.yank(asked, name, version, true)
            }
            (Method::PUT, ["api", "v1", "crates", name, version, "unyank"]) => {
                self.yank(asked, name, version, false)
            }
            (Method::POST, ["api", "v1", "trusted_publishing", "tokens"]) => self.exchange(asked),
            (Method::DELETE, ["api", "v1", "trusted_publishing", "tokens"]) => self.revoke(asked),
            (Method::GET, ["identity"]) => self.lend(asked),
            (Method::GET, ["world"]) => Reply::new(200, "application/json", self.world()),
            _ => Reply::json(404, &json!({ "errors": [{ "detail": "Not Found" }] })),
        }
    }

    /// A package's file in the index.
    fn file_of(&mut self, name: &str, folders: &str) -> Reply {
        if index::path(name) != format!("{folders}/{name}") {
            return refused(404, "this is not where that package's file is");
        }
        let mut lines = match self.closure.lines(name) {
            Ok(lines) => lines,
            Err(error) => return refused(500, &format!("{error:#}")),
        };
        let published = self.published.iter_mut().filter(|(known, _)| known.to_lowercase() == name);
        for version in published.flat_map(|(_, versions)| versions) {
            if version.hidden == 0 {
                lines.push(text(&version.entry));
            }
            version.hidden = version.hidden.saturating_sub(1);
        }
        if self.rules.known.iter().any(|known| known.to_lowercase() == name) {
            // A version that is yanked and of no use, so that the package is there.
            lines.push(text(&placeholder(name)));
        }
        match lines.as_slice() {
            [] => Reply::new(404, "text/plain", "not found"),
            lines => Reply::new(200, "text/plain", lines.join("\n") + "\n"),
        }
    }

    fn download(&self, name: &str, version: &str) -> Reply {
        let own = self
            .published
            .get(name)
            .and_then(|versions| versions.iter().find(|published| published.entry.vers == version));
        let bytes = match own {
            Some(published) => Ok(Some(published.bytes.clone())),
            None => self.closure.bytes(name, version),
        };
        match bytes {
            Ok(Some(bytes)) => Reply::new(200, "application/gzip", bytes),
            Ok(None) => refused(404, &format!("crate `{name}` does not have a version `{version}`")),
            Err(error) => refused(500, &format!("{error:#}")),
        }
    }

    fn yank(&mut self, asked: &Asked, name: &str, version: &str, yanked: bool) -> Reply {
        if let Err(reply) = self.allowed(asked, rights::Wanted::Yank, name) {
            return reply;
        }
        let found = self.published.get_mut(name).into_iter().flatten();
        let mut found = found.filter(|published| published.entry.vers == version);
        match found.next() {
            Some(published) => {
                published.entry.yanked = yanked;
                Reply::json(200, &json!({ "ok": true }))
            }
            None => refused(404, &format!("crate `{name}` does not have a version `{version}`")),
        }
    }

    fn world(&self) -> String {
        let versions: BTreeMap<_, _> = self
            .published
            .iter()
            .map(|(name, versions)| {
                let versions: Vec<_> = versions
                    .iter()
                    .map(|version| {
                        json!({
                            "line": version.entry, "told": version.metadata,
                            "sha256": Digest::of(&version.bytes), "bytes": version.bytes.len(),
                        })
                    })
                    .collect();
                (name, versions)
            })
            .collect();
        serde_json::to_string_pretty(&versions).unwrap_or_default() + "\n"
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn text(entry: &Entry) -> String {
    serde_json::to_string(entry).unwrap_or_default()
}

fn placeholder(name: &str) -> Entry {
    Entry {
        name: name.to_owned(),
        vers: "0.0.0-before".to_owned(),
        deps: Vec::new(),
        cksum: "0".repeat(64),
        features: BTreeMap::new(),
        features2: BTreeMap::new(),
        yanked: true,
        links: None,
        rust_version: None,
        v: 1,
    }
}

fn refused(status: u16, detail: &str) -> Reply {
    Reply::json(status, &json!({ "errors": [{ "detail": detail }] }))
}

fn page() -> Reply {
    Reply::new(200, "text/html; charset=utf-8", "<!doctype html><title>Sign in</title>")
}

#[cfg(test)]
mod tests;
