//! The routes. Each of them is read-only: `GET` and `HEAD`, everything else is 405; what is not listed is 404.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::get;
use serde::Deserialize;

use nexus_xtask::digest::Digest;
use nexus_xtask::doors::Doors;

use super::guard::{Guard, Peer};
use crate::observe::portal::index::Index;
use crate::observe::portal::index::ask::{Cursor, Totals};
use crate::observe::portal::render::{self, Frame};
use crate::observe::portal::scraped::Scraped;
use crate::observe::portal::site::{MAIN, Page, Place, Question, Site};
use crate::observe::portal::{ASSETS, page, site};

/// What a page may do: show itself, and ask this server for itself again.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What every response says.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "private, no-cache"),
];

/// The routes that say whether the service lives, and need no token.
const PROBES: [&str; 3] = ["/healthz", "/startupz", "/readyz"];

/// The text of a search that is looked at.
const TEXT_LETTERS_MAX: usize = 200;

/// What the server has.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) doors: Doors,
    pub(super) index: Index,
    pub(super) guard: Guard,
    pub(super) started: Started,
    pub(super) scraped: Arc<tokio::sync::Mutex<Scraped>>,
}

/// How far it is.
#[derive(Debug, Default)]
pub(super) struct Started {
    /// The index was built once.
    built: AtomicBool,
    /// The last look at the journal was well.
    well: AtomicBool,
}

/// What may stand behind the `?` of an address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    before: String,
    text: String,
    word: String,
}

impl Portal {
    /// Builds the index; true when that is done.
    pub(super) fn start(&self) -> bool {
        let done = self.is_well(self.index.build(&self.doors));
        self.started.built.store(done, Ordering::Release);
        done
    }

    fn is_well(&self, done: anyhow::Result<()>) -> bool {
        if let Err(error) = &done {
            self.doors.terminal.talk(&format!("the index cannot be brought up to date: {error:#}"));
        }
        self.started.well.store(done.is_ok(), Ordering::Release);
        done.is_ok()
    }

    /// A page with its status. What went wrong is told here, not to a visitor.
    fn page(&self, here: &Page, question: &Question) -> (StatusCode, String) {
        if !self.started.built.load(Ordering::Acquire) {
            return self.unready(here);
        }
        self.is_well(self.index.freshen(&self.doors));
        let made = site(&self.doors, &self.index, Place::Served)
            .and_then(|site| Ok((page(&self.doors, &self.index, &site, here, question)?, site)));
        match made {
            Ok((Some(text), _)) => (StatusCode::OK, text),
            Ok((None, site)) => (StatusCode::NOT_FOUND, not_found(&site, here)),
            Err(error) => {
                self.doors.terminal.talk(&format!("a page cannot be made: {error:#}"));
                let why = "The index cannot be read. The server's log says why.";
                (StatusCode::INTERNAL_SERVER_ERROR, self.told(here, "Something is broken", why))
            }
        }
    }

    fn unready(&self, here: &Page) -> (StatusCode, String) {
        let why = "The index is built from the journal; this page is there when that is done.";
        (StatusCode::SERVICE_UNAVAILABLE, self.told(here, "Not ready yet", why))
    }

    /// A page that needs no index.
    fn told(&self, here: &Page, heading: &str, why: &str) -> String {
        let site = Site {
            name: "portal".to_owned(),
            place: Place::Served,
            now: self.doors.clock.now(),
            totals: Totals::default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        render::missing(Frame { site: &site, here }, heading, why)
    }
}

fn not_found(site: &Site, here: &Page) -> String {
    let why = "There is no such page. Recordings of old runs are removed, and their pages with them.";
    render::missing(Frame { site, here }, "Not found", why)
}

/// All routes, with the guard and the headers around them.
pub(super) fn router(portal: Arc<Portal>) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(healthz))
        .route("/startupz", get(startupz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(prometheus))
        .route("/runs/{run}", get(pages))
        .route("/runs/{run}/{place}", get(pages));
    for main in &MAIN {
        router = router.route(&main.address(), get(pages));
    }
    for (name, kind, text) in ASSETS {
        let asset = move |headers: HeaderMap| async move { tagged(&headers, kind, text.to_owned()) };
        router = router.route(&format!("/{name}"), get(asset));
    }
    router.fallback(missing).layer(from_fn_with_state(Arc::clone(&portal), guarded)).with_state(portal)
}

/// Asks the guard before, and says what every response says after.
async fn guarded(
    State(portal): State<Arc<Portal>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let is_probe = PROBES.contains(&request.uri().path());
    let mut response = match portal.guard.refuses(peer, request.headers(), is_probe) {
        None => next.run(request).await,
        Some(status) => refused(status),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refused(status: StatusCode) -> Response<Body> {
    let (name, value, why) = match status {
        StatusCode::UNAUTHORIZED => {
            (header::WWW_AUTHENTICATE, "Basic realm=\"portal\", charset=\"UTF-8\"", "a token is needed\n")
        }
        StatusCode::TOO_MANY_REQUESTS => (header::RETRY_AFTER, "5", "too many requests\n"),
        _ => (header::CONNECTION, "close", "this is the portal of another host\n"),
    };
    let mut response = answer(status, "text/plain; charset=utf-8", why.to_owned());
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

async fn pages(
    State(portal): State<Arc<Portal>>,
    headers: HeaderMap,
    uri: Uri,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response<Body> {
    let Some(here) = Page::at(uri.path()) else { return missing(State(portal), uri).await };
    // A question that makes no sense is no question.
    let Query(asked) = asked.unwrap_or_default();
    let question = Question {
        before: Cursor::parse(&asked.before),
        text: asked.text.trim().chars().take(TEXT_LETTERS_MAX).collect(),
        word: asked.word,
    };
    let made = {
        let portal = Arc::clone(&portal);
        tokio::task::spawn_blocking(move || portal.page(&here, &question)).await
    };
    html(&headers, made)
}

async fn missing(State(portal): State<Arc<Portal>>, uri: Uri) -> Response<Body> {
    let here = Page::Missing(uri.path().matches('/').count().saturating_sub(1));
    let made = tokio::task::spawn_blocking(move || portal.page(&here, &Question::default())).await;
    html(&HeaderMap::new(), made)
}

type Made = Result<(StatusCode, String), tokio::task::JoinError>;

fn html(headers: &HeaderMap, made: Made) -> Response<Body> {
    const KIND: &str = "text/html; charset=utf-8";
    match made {
        Ok((StatusCode::OK, text)) => tagged(headers, KIND, text),
        Ok((status, text)) => {
            let mut response = answer(status, KIND, text);
            if status == StatusCode::SERVICE_UNAVAILABLE {
                for name in [header::RETRY_AFTER, header::REFRESH] {
                    response.headers_mut().insert(name, HeaderValue::from_static("2"));
                }
            }
            response
        }
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "broken\n".to_owned()),
    }
}

/// The text, or the word that it is still the one that the visitor has.
fn tagged(headers: &HeaderMap, kind: &'static str, text: String) -> Response<Body> {
    let tag = format!("\"{}\"", Digest::of(&text).short());
    let has = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_same =
        has.flat_map(|value| value.split(',')).any(|one| one.trim().trim_start_matches("W/") == tag);
    let mut response = match is_same {
        true => answer(StatusCode::NOT_MODIFIED, kind, String::new()),
        false => answer(StatusCode::OK, kind, text),
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn answer(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

async fn healthz(State(portal): State<Arc<Portal>>) -> Response<Body> {
    state(&portal, true, "alive", "alive")
}

async fn startupz(State(portal): State<Arc<Portal>>) -> Response<Body> {
    let built = portal.started.built.load(Ordering::Acquire);
    state(&portal, built, "started", "starting")
}

async fn readyz(State(portal): State<Arc<Portal>>) -> Response<Body> {
    let started = &portal.started;
    let ready = started.built.load(Ordering::Acquire) && started.well.load(Ordering::Acquire);
    state(&portal, ready, "ready", "not ready")
}

/// What a probe asserts: status, type, body and version.
fn state(portal: &Portal, well: bool, yes: &str, no: &str) -> Response<Body> {
    let environment = &portal.doors.environment;
    let mut body = serde_json::json!({
        "status": if well { yes } else { no },
        "version": env!("CARGO_PKG_VERSION"),
    });
    // The release as the host that runs this knows it.
    if let Some(release) = environment.get("XTASK_RELEASE") {
        body["release"] = release.into();
    }
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, "application/json", format!("{body}\n"))
}

/// The journal as metrics: what came since the last scrape is folded in, by one request at a time.
async fn prometheus(State(portal): State<Arc<Portal>>) -> Response<Body> {
    const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";
    let made = {
        let portal = Arc::clone(&portal);
        let mut scraped = Arc::clone(&portal.scraped).lock_owned().await;
        tokio::task::spawn_blocking(move || {
            portal.is_well(portal.index.freshen(&portal.doors));
            scraped.text(&portal.index)
        })
    };
    match made.await {
        Ok(Ok(text)) => answer(StatusCode::OK, KIND, text),
        Ok(Err(error)) => {
            portal.doors.terminal.talk(&format!("metrics cannot be made: {error:#}"));
            unreadable()
        }
        Err(_) => unreadable(),
    }
}

fn unreadable() -> Response<Body> {
    answer(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "the index cannot be read\n".to_owned())
}
