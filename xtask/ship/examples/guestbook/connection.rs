//! One connection, and how it ends once the end was asked for.
//!
//! A connection that is closed while it is silent may lose a request that is on its way. So every response says
//! `Connection: close` from that moment on, and only a connection that stays silent for a generous time is closed without
//! one, also when it has not asked anything yet.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::routes::Guestbook;
use crate::sockets::Stream;

/// Serves a connection to its end.
pub(crate) async fn serve(stream: Stream, guestbook: Arc<Guestbook>, stopping: watch::Receiver<bool>) {
    match stream {
        Stream::Tcp(stream) => converse(TokioIo::new(stream), guestbook, stopping).await,
        Stream::Unix(stream) => converse(TokioIo::new(stream), guestbook, stopping).await,
    }
}

async fn converse<S>(io: TokioIo<S>, guestbook: Arc<Guestbook>, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let activity = Arc::new(Activity::default());
    let idle = guestbook.settings.idle;
    let is_stopping = stopping.clone();
    let service = service_fn(|request: http::Request<Incoming>| {
        let (guestbook, activity) = (Arc::clone(&guestbook), Arc::clone(&activity));
        let is_stopping = is_stopping.clone();
        async move {
            activity.begin();
            let mut response: http::Response<Full<Bytes>> = guestbook.answer(request).await;
            if *is_stopping.borrow() {
                let close = http::HeaderValue::from_static("close");
                response.headers_mut().insert(http::header::CONNECTION, close);
            }
            activity.end();
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(None);
    let mut connection = pin!(builder.serve_connection(io, service));
    tokio::select! {
        // A client that goes away is its own affair.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    // The limit counts from here at the earliest: silence before the end was asked for says nothing.
    let mut seen = activity.count();
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = tokio::time::sleep(idle) => {}
        }
        let now = activity.count();
        if now == seen && now.is_multiple_of(2) {
            break;
        }
        seen = now;
    }
    connection.as_mut().graceful_shutdown();
    connection.await.ok();
}

/// Counts beginnings and ends of requests: an odd number means that one is under way.
#[derive(Debug, Default)]
struct Activity(AtomicU64);

impl Activity {
    fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn end(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
