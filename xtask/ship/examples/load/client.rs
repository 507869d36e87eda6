//! One client: connects, asks, waits for the whole answer, counts. It repeats nothing.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::Address;
use crate::arguments::Arguments;
use crate::tally::Tally;

/// How long the other side may take to close a connection after its last answer.
const CLOSE: Duration = Duration::from_secs(2);

/// A client with a connection of its own.
pub(crate) struct Client {
    address: Address,
    paths: Vec<(http::Method, String)>,
    pause: Duration,
    timeout: Duration,
    is_kept: bool,
    index: usize,
    tally: Tally,
    open: Option<Open>,
}

/// An open connection and the task that moves its bytes.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

/// An answer, read to its end.
struct Answered {
    status: http::StatusCode,
    kind: String,
    body: Bytes,
    closes: bool,
}

impl Client {
    pub(crate) fn new(
        arguments: &Arguments,
        index: usize,
        is_kept: bool,
        tally: Tally,
    ) -> anyhow::Result<Client> {
        // Clients with and without a kept connection are spread over all addresses.
        let address = arguments.addresses[(index / 2) % arguments.addresses.len()].clone();
        Ok(Client {
            address,
            paths: arguments.paths.clone(),
            pause: Duration::from_millis(arguments.pause_ms),
            timeout: Duration::from_millis(arguments.timeout_ms),
            is_kept,
            index,
            tally,
            open: None,
        })
    }

    /// Asks in turn until it is told to stop, or enough was asked.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut turn = self.index;
        while !*stopping.borrow() && self.tally.may_ask() {
            let (method, path) = self.paths[turn % self.paths.len()].clone();
            turn += 1;
            let begun = Instant::now();
            let answered = match timeout(self.timeout, self.ask(&method, &path)).await {
                Ok(answered) => answered,
                Err(_) => {
                    self.open = None;
                    Err("timeout".to_owned())
                }
            };
            let judged = answered.and_then(|answered| judge(&answered));
            self.tally.count(begun.elapsed(), &format!("{method} {path}"), judged);
            tokio::select! {
                () = tokio::time::sleep(self.pause) => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        }
    }

    /// One request, one answer. The error is the kind of what went wrong.
    async fn ask(&mut self, method: &http::Method, path: &str) -> Result<Answered, String> {
        let mut open = match self.open.take().filter(|open| !open.sender.is_closed()) {
            Some(open) => open,
            None => self.connect().await?,
        };
        // The other side may have closed a kept connection while nothing was under way: nothing was sent, nothing is lost.
        if open.sender.ready().await.is_err() {
            open = self.connect().await?;
        }
        let message = format!("{{\"message\":\"client {}\"}}", self.index);
        let body = if *method == http::Method::POST { message } else { String::new() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "guestbook")
            .header("content-type", "application/json")
            .header("connection", if self.is_kept { "keep-alive" } else { "close" })
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        let response = open.sender.send_request(request).await.map_err(|error| kind(&error, "no answer"))?;
        let answered = read(response).await?;
        if self.is_kept && !answered.closes {
            self.open = Some(open);
        } else {
            // Waiting for the other side's end leaves the closed port on its side.
            drop(open.sender);
            timeout(CLOSE, open.task).await.ok();
        }
        Ok(answered)
    }

    async fn connect(&self) -> Result<Open, String> {
        let refused = |error: std::io::Error| format!("connect: {}", error.kind());
        match &self.address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(&**address).await.map_err(refused)?;
                stream.set_nodelay(true).map_err(refused)?;
                self.handshake(stream).await
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(&**path).await.map_err(refused)?;
                self.handshake(stream).await
            }
            #[cfg(not(unix))]
            Address::Unix(path) => Err(format!("`{path}` is an address of Unix alone")),
        }
    }

    async fn handshake<S>(&self, stream: S) -> Result<Open, String>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        self.tally.connected();
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| kind(&error, "handshake"))?;
        // What goes wrong on the connection is told to the request that it belongs to.
        let task = tokio::spawn(async move { drop(connection.await) });
        Ok(Open { sender, task })
    }
}

async fn read(response: Response<Incoming>) -> Result<Answered, String> {
    let (parts, body) = response.into_parts();
    let text = |name: http::HeaderName| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let body = body.collect().await.map_err(|error| kind(&error, "answer cut off"))?.to_bytes();
    Ok(Answered {
        status: parts.status,
        kind: text(http::header::CONTENT_TYPE),
        closes: text(http::header::CONNECTION).eq_ignore_ascii_case("close"),
        body,
    })
}

/// The body of a good answer; else the kind of what is wrong with it.
fn judge(answered: &Answered) -> Result<Value, String> {
    if !answered.status.is_success() {
        return Err(format!("status {}", answered.status.as_u16()));
    }
    if !answered.kind.starts_with("application/json") {
        return Err(format!("content type {}", answered.kind));
    }
    serde_json::from_slice(&answered.body).map_err(|_| "no JSON".to_owned())
}

/// The kind of a failed exchange, and the system's word for it where there is one.
fn kind(error: &hyper::Error, what: &str) -> String {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(inner) = inner.downcast_ref::<std::io::Error>() {
            return format!("{what}: {}", inner.kind());
        }
        source = inner.source();
    }
    format!("{what}: {error}")
}
