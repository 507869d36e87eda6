//! A small HTTP server on loopback, in a thread of its own. What it answers is decided by a function.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: http::Method,
    /// The path, as it was sent: with its `%` escapes.
    pub(crate) path: String,
    /// What follows the `?`; empty without one.
    pub(crate) query: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// True when the connection is closed instead of answering.
    pub(crate) lost: bool,
}

impl Reply {
    /// An answer with a body of this type.
    pub(crate) fn new(status: u16, kind: &str, body: impl Into<Bytes>) -> Reply {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Reply { status, headers, body: body.into(), lost: false }
    }

    /// An answer in JSON.
    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Reply {
        Reply::new(status, "application/json; charset=utf-8", value.to_string())
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// No answer: the connection is closed.
    pub(crate) fn lost() -> Reply {
        Reply { lost: true, ..Reply::new(500, "text/plain", "") }
    }
}

/// Decides what is answered.
pub(crate) type Decide = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    /// `http://127.0.0.1:PORT`.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The thread waits for the sender to go.
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed by then.
            thread.join().ok();
        }
    }
}

/// Starts a server. The function gets its own address, for links in its answers.
pub(crate) fn start(decide: impl FnOnce(&str) -> Decide) -> anyhow::Result<Running> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime
        .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .context("no port can be opened on loopback")?;
    let address = listener.local_addr()?;
    let decide = decide(&format!("http://{address}"));
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = accept(listener, decide) => {}
                _ = stopped => {}
            }
        });
    });
    Ok(Running { address, stop: Some(stop), thread: Some(thread) })
}

async fn accept(listener: TcpListener, decide: Decide) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&decide)));
            }
            // Out of file handles, say: whoever waits for an answer sees it.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

async fn serve(stream: TcpStream, decide: Decide) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let decide = Arc::clone(&decide);
        async move {
            let (parts, body) = request.into_parts();
            let asked = Asked {
                method: parts.method,
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                headers: parts.headers,
                body: body.collect().await?.to_bytes(),
            };
            answer(decide(&asked))
        }
    });
    // A client that goes away is its own affair.
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

fn answer(reply: Reply) -> anyhow::Result<http::Response<Full<Bytes>>> {
    anyhow::ensure!(!reply.lost, "the connection is lost on purpose");
    let mut response = http::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(reply.body))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Http;
    use crate::trouble::Trouble;

    #[test]
    fn answers_and_loses_connections_as_it_is_told() {
        let server = start(|_| {
            Arc::new(|asked: &Asked| match asked.path.as_str() {
                "/lost" => Reply::lost(),
                path => Reply::new(200, "text/plain", format!("{} {path}", asked.method)).with("x-own", "1"),
            })
        })
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let http = Http::new().unwrap();
            let ask = |path: &str| {
                let address = format!("{}{path}", server.base());
                let http = http.clone();
                async move { http.ask(http::Method::GET, &address, &[], Bytes::new()).await }
            };
            let answer = ask("/a").await.unwrap();
            assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"GET /a"[..]));
            assert_eq!(answer.headers["x-own"], "1");
            assert!(matches!(ask("/lost").await, Err(Trouble::Later { .. })));
        });
    }
}
