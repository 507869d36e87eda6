//! One client for everything that is not the forge's API: registries, downloads, identity tokens.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;

use nexus_xtask::failure::Failure;

use crate::trouble::Trouble;

/// How long a whole exchange may take.
const LIMIT: Duration = Duration::from_secs(120);

/// How long to wait after a connection that was lost.
const PAUSE: Duration = Duration::from_secs(2);

/// The largest answer that is read, in bytes.
const BODY_BYTES_MAX: usize = 512 << 20;

/// The client.
#[derive(Clone, Debug)]
pub(crate) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Http {
    /// A client that knows the system's certificates.
    pub(crate) fn new() -> anyhow::Result<Http> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .context("this system has no certificates to check servers by")?
            .https_or_http()
            .enable_http1()
            .build();
        // A connection that is kept may be closed by the other side just when it is used again.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Http(client))
    }

    /// Sends a request as it is, and gives the answer's beginning. There is no limit but the caller's.
    pub(crate) async fn send(
        &self,
        request: http::Request<Full<Bytes>>,
    ) -> Result<http::Response<hyper::body::Incoming>, legacy::Error> {
        self.0.request(request).await
    }

    /// Asks, and waits for the whole answer. Only an exchange that did not come to an answer is trouble.
    pub(crate) async fn ask(
        &self,
        method: Method,
        address: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, Trouble> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(address)
            .header("user-agent", concat!("nexus-xtask/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).map_err(|error| {
            Failure::usage(format!("`{address}` is no address to ask"))
                .why(error.to_string())
                .next("correct the address in release/release.toml")
        })?;
        let lost = |why: String| Trouble::Later { wait: PAUSE, why: format!("{address}: {why}") };
        let exchange = async {
            let answer = self.0.request(request).await.map_err(|error| lost(spelled_out(&error)))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, BODY_BYTES_MAX);
            let body = body.collect().await.map_err(|error| lost(error.to_string()))?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        match tokio::time::timeout(LIMIT, exchange).await {
            Ok(answered) => answered,
            Err(_) => Err(lost(format!("no answer within {} s", LIMIT.as_secs()))),
        }
    }
}

/// An error with all that caused it.
pub(crate) fn spelled_out(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
