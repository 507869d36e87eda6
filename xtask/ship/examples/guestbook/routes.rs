//! What is asked, and what is answered.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use nexus_xtask::clock::Clock;

use crate::database::Database;
use crate::faults::Struck;
use crate::figures::Figures;
use crate::settings::Settings;

/// Bytes of the longest entry that is taken.
const ENTRY_BYTES_MAX: usize = 16 << 10;

/// Rows of an answer that does not say how many are wanted.
const ROWS: u32 = 100;

/// The page of the fault `html`: what an application answers that knows one page only.
const PAGE: &str = "<!doctype html><title>Guestbook</title><div id=\"app\"></div>";

/// The service.
#[derive(Debug)]
pub(crate) struct Guestbook {
    pub(crate) settings: Settings,
    pub(crate) begun: Instant,
    /// The database, once it is open; whoever needs it waits.
    pub(crate) started: watch::Receiver<Option<Arc<Mutex<Database>>>>,
    pub(crate) figures: Figures,
    pub(crate) struck: Struck,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    message: String,
}

/// An answer: status, content type, body.
type Answer = (StatusCode, &'static str, String);

impl Guestbook {
    pub(crate) async fn answer(&self, request: http::Request<Incoming>) -> Response<Full<Bytes>> {
        let begun = Instant::now();
        let (status, kind, body) = if self.settings.faults.html {
            (StatusCode::OK, "text/html; charset=utf-8", PAGE.to_owned())
        } else {
            self.route(request).await
        };
        self.figures.request(status.as_u16(), begun.elapsed());
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
        response
    }

    async fn route(&self, request: http::Request<Incoming>) -> Answer {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        match (method, path.as_str()) {
            (Method::GET, "/livez") => answered(StatusCode::OK, &json!({ "status": "live" })),
            (Method::GET, "/startedz") => self.health(self.is_started(), "started"),
            (Method::GET, "/readyz") => self.health(self.is_ready(), "ready"),
            (Method::GET, "/version") => answered(StatusCode::OK, &self.identity()),
            (Method::GET, "/metrics") => {
                let release = self.settings.release.as_deref().unwrap_or_default();
                let text = self.figures.text(self.version(), release);
                (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
            }
            (Method::POST, "/entries") => match written(request).await {
                Ok(message) => self.entries(move |database| write(database, &message)).await,
                Err(why) => refused(StatusCode::BAD_REQUEST, why),
            },
            (Method::GET, "/entries") => {
                let query = request.uri().query().unwrap_or_default().to_owned();
                self.entries(move |database| list(database, &query)).await
            }
            (Method::GET, "/entries/newest") => self.entries(newest).await,
            _ => refused(StatusCode::NOT_FOUND, format!("there is no `{path}`")),
        }
    }

    /// A request for entries: what the planted faults of requests strike.
    async fn entries(
        &self,
        work: impl FnOnce(&mut Database) -> anyhow::Result<Answer> + Send + 'static,
    ) -> Answer {
        let faults = &self.settings.faults;
        tokio::time::sleep(faults.slow).await;
        if self.struck.request(faults, self.begun.elapsed()) {
            return refused(StatusCode::INTERNAL_SERVER_ERROR, "this fault is planted");
        }
        let mut started = self.started.clone();
        let Ok(database) = started.wait_for(Option::is_some).await.map(|database| database.clone()) else {
            return refused(StatusCode::SERVICE_UNAVAILABLE, "the database was not opened");
        };
        let database = database.expect("waited for");
        let known = self.settings.schemas.clone();
        let worked = tokio::task::spawn_blocking(move || {
            let mut database = database.lock().expect("no panic while the database is used");
            let schema = database.schema()?;
            anyhow::ensure!(known.contains(&schema), "this program does not know schema {schema}");
            work(&mut database)
        });
        match worked.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => refused(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")),
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, error),
        }
    }

    fn health(&self, why_not: Option<&str>, word: &str) -> Answer {
        match why_not {
            None => answered(StatusCode::OK, &json!({ "status": word, "version": self.version() })),
            Some(why) => answered(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "no", "why": why })),
        }
    }

    fn is_started(&self) -> Option<&'static str> {
        self.started.borrow().is_none().then_some("the database is not open yet")
    }

    fn is_ready(&self) -> Option<&'static str> {
        let faults = &self.settings.faults;
        let is_away =
            faults.flap.is_some_and(|turn| (self.begun.elapsed().as_millis() / turn.as_millis()) % 2 == 1);
        match (self.is_started(), faults.never_ready, is_away) {
            (Some(why), _, _) => Some(why),
            (None, true, _) => Some("it never is: this fault is planted"),
            (None, false, true) => Some("it is away: this fault is planted"),
            (None, false, false) => None,
        }
    }

    fn version(&self) -> &str {
        self.settings.faults.version.as_ref().unwrap_or(&self.settings.version)
    }

    fn identity(&self) -> Value {
        let release = self.settings.faults.release.as_ref().or(self.settings.release.as_ref());
        json!({ "version": self.version(), "release": release, "pid": std::process::id() })
    }
}

async fn written(request: http::Request<Incoming>) -> Result<String, String> {
    let body = Limited::new(request.into_body(), ENTRY_BYTES_MAX).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    let written: Written = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    Ok(written.message)
}

fn write(database: &mut Database, message: &str) -> anyhow::Result<Answer> {
    let entry = database.write(message, Clock::system().now().as_millisecond())?;
    Ok(answered(StatusCode::CREATED, &serde_json::to_value(entry)?))
}

fn list(database: &mut Database, query: &str) -> anyhow::Result<Answer> {
    let mut after = 0;
    let mut limit = ROWS;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "after" => after = value.parse()?,
            "limit" => limit = value.parse()?,
            other => return Ok(refused(StatusCode::BAD_REQUEST, format!("`{other}` is no parameter"))),
        }
    }
    let (count, entries) = database.after(after, limit)?;
    Ok(answered(StatusCode::OK, &json!({ "count": count, "entries": entries })))
}

fn newest(database: &mut Database) -> anyhow::Result<Answer> {
    Ok(match database.newest()? {
        Some(entry) => answered(StatusCode::OK, &serde_json::to_value(entry)?),
        None => refused(StatusCode::NOT_FOUND, "there is no entry yet"),
    })
}

fn answered(status: StatusCode, value: &Value) -> Answer {
    (status, "application/json", value.to_string())
}

fn refused(status: StatusCode, why: impl ToString) -> Answer {
    answered(status, &json!({ "error": why.to_string() }))
}
