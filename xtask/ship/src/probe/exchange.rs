//! One question to a service: a connection of its own, one answer, a limit on all of it.
//!
//! A redirect is followed on the same server only, a few hops far: another server would answer for itself.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use url::Url;

use nexus_xtask_deliver::deploy::protocol::Fault;

use crate::http::{Http, spelled_out};

/// The largest answer that is read.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Redirects that are followed.
const HOPS_MAX: usize = 5;

/// A client that keeps no connection.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    plain: legacy::Client<HttpConnector, Full<Bytes>>,
    /// Only a system that has certificates can ask in secret; one without still probes its own services.
    secure: Option<Http>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The content type; empty where there is none.
    pub(crate) fn content_type(&self) -> &str {
        let kind = self.headers.get(http::header::CONTENT_TYPE);
        kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default()
    }
}

impl Client {
    pub(crate) fn new() -> Client {
        let plain = legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Client { plain, secure: Http::new().ok() }
    }

    /// Asks a service for a path, below `http://...`, `https://...` or `unix:PATH`.
    pub(crate) async fn ask(&self, address: &str, path: &str, limit: Duration) -> Result<Answer, Fault> {
        let slow = Fault::Slow { limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) };
        tokio::time::timeout(limit, self.follow(address, path)).await.unwrap_or(Err(slow))
    }

    async fn follow(&self, address: &str, path: &str) -> Result<Answer, Fault> {
        let socket = address.strip_prefix("unix:");
        let base = if socket.is_some() { "http://localhost" } else { address.trim_end_matches('/') };
        let unreachable = |why: String| Fault::Unreachable { why };
        let mut place = Url::parse(&format!("{base}{path}"))
            .map_err(|error| unreachable(format!("`{base}{path}` is no address: {error}")))?;
        for _ in 0..=HOPS_MAX {
            let answer = match socket {
                Some(socket) => over_socket(socket, &place).await?,
                None => self.over_network(&place).await?,
            };
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            let location = answer.headers.get(http::header::LOCATION).and_then(|place| place.to_str().ok());
            // A redirect without a place is judged by its status.
            let Some(next) = location.and_then(|location| place.join(location).ok()) else {
                return Ok(answer);
            };
            if next.origin() != place.origin() {
                return Err(Fault::Redirected { to: next.to_string() });
            }
            place = next;
        }
        Err(Fault::RedirectLoop { hops: HOPS_MAX })
    }

    async fn over_network(&self, place: &Url) -> Result<Answer, Fault> {
        let request = request(place.as_str(), place)?;
        let response = match (&self.secure, place.scheme()) {
            (Some(secure), "https") => secure.send(request).await,
            (None, "https") => {
                let why = "this system has no certificates to check servers by".to_owned();
                return Err(Fault::Unreachable { why });
            }
            _ => self.plain.request(request).await,
        };
        read(response.map_err(|error| fault(&error))?).await
    }
}

#[cfg(unix)]
async fn over_socket(socket: &str, place: &Url) -> Result<Answer, Fault> {
    let stream = tokio::net::UnixStream::connect(socket).await.map_err(|error| fault(&error))?;
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| fault(&error))?;
    // It ends with the connection; what goes wrong there is told to the question.
    let moving = tokio::spawn(connection);
    let path = &place[url::Position::BeforePath..url::Position::AfterQuery];
    let answer = match sender.send_request(request(path, place)?).await {
        Ok(response) => read(response).await,
        Err(error) => Err(fault(&error)),
    };
    moving.abort();
    answer
}

#[cfg(not(unix))]
async fn over_socket(socket: &str, _place: &Url) -> Result<Answer, Fault> {
    Err(Fault::Unreachable { why: format!("`{socket}` is an address of Unix alone") })
}

fn request(target: &str, place: &Url) -> Result<Request<Full<Bytes>>, Fault> {
    Request::builder()
        .uri(target)
        .header("host", place.authority())
        .header("connection", "close")
        .header("user-agent", concat!("nexus-xtask-probe/", env!("CARGO_PKG_VERSION")))
        .body(Full::default())
        .map_err(|error| Fault::Unreachable { why: error.to_string() })
}

async fn read(response: Response<Incoming>) -> Result<Answer, Fault> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return Fault::TooLarge { bytes_max: BODY_BYTES_MAX };
        }
        Fault::Cut { why: spelled_out(error.as_ref()) }
    })?;
    Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
}

/// Why there was no answer.
fn fault(error: &(dyn std::error::Error + 'static)) -> Fault {
    use std::io::ErrorKind;
    let why = spelled_out(error);
    if is_certificate(error) {
        return Fault::Certificate { why };
    }
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_parse() {
                return Fault::NotHttp { why };
            }
            if error.is_incomplete_message() || error.is_closed() {
                return Fault::Cut { why };
            }
        }
        match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
            // A path without a socket: nobody made one yet.
            Some(ErrorKind::ConnectionRefused | ErrorKind::NotFound) => return Fault::Refused,
            Some(
                ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof,
            ) => return Fault::Cut { why },
            Some(_) | None => {}
        }
        source = error.source();
    }
    Fault::Unreachable { why }
}

/// True where the certificate itself is to blame. One from an issuer that this machine does not know may be good elsewhere.
fn is_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        let unknown = rustls::CertificateError::UnknownIssuer;
        return matches!(error, rustls::Error::InvalidCertificate(why) if *why != unknown);
    }
    // An error of the system hides the one that it holds from `source`.
    let held = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
    held.is_some_and(|error| is_certificate(error)) || error.source().is_some_and(is_certificate)
}
