//! One connection, and how it ends once the end was asked for.
//!
//! A connection that is closed while it is silent may lose a request that is on its way. So every response says
//! `Connection: close` from that moment on, and one that stays silent is closed after a while.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::guard::Peer;
use super::sockets::{Listener, Stream};

/// Connections that are held at once; the next one waits.
const CONNECTIONS_MAX: usize = 512;

/// How long a visitor may take for the head of a request.
const HEAD: Duration = Duration::from_secs(60);

/// How long a silent connection is kept once the end was asked for.
const IDLE: Duration = Duration::from_secs(2);

/// Takes connections from when it may until the end is asked for, then waits for those that it took.
pub(super) async fn accept(
    listener: Listener,
    router: Router,
    mut open: watch::Receiver<bool>,
    mut stopping: watch::Receiver<bool>,
) {
    tokio::select! {
        _ = open.wait_for(|open| *open) => {}
        _ = stopping.wait_for(|stopping| *stopping) => return,
    }
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let held = stopping.clone();
    loop {
        let place = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, accepted) = place => {
                // Out of file handles, say: whoever waits for an answer sees it.
                if let Ok(stream) = accepted {
                    let (router, held) = (router.clone(), held.clone());
                    connections.spawn(async move {
                        serve(stream, router, held).await;
                        drop(place);
                    });
                }
            }
            Some(_) = connections.join_next() => {}
            _ = stopping.wait_for(|stopping| *stopping) => break,
        }
    }
    drop(listener);
    connections.join_all().await;
}

async fn serve(stream: Stream, router: Router, stopping: watch::Receiver<bool>) {
    match stream {
        Stream::Tcp(stream, peer) => converse(TokioIo::new(stream), Peer(Some(peer)), router, stopping).await,
        #[cfg(unix)]
        Stream::Unix(stream) => converse(TokioIo::new(stream), Peer(None), router, stopping).await,
    }
}

async fn converse<S>(io: TokioIo<S>, peer: Peer, router: Router, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let activity = Arc::new(AtomicU64::new(0));
    let is_stopping = stopping.clone();
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        let (router, activity, is_stopping) = (router.clone(), Arc::clone(&activity), is_stopping.clone());
        request.extensions_mut().insert(peer);
        async move {
            // An odd number: a request is under way.
            activity.fetch_add(1, Ordering::Relaxed);
            let mut response: Response<Body> = router.call(request).await?;
            if *is_stopping.borrow() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            activity.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let mut connection = pin!(builder.serve_connection(io, service));
    tokio::select! {
        // A visitor who goes away is on their own.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    let mut seen = activity.load(Ordering::Relaxed);
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = tokio::time::sleep(IDLE) => {}
        }
        let now = activity.load(Ordering::Relaxed);
        if now == seen && now.is_multiple_of(2) {
            break;
        }
        seen = now;
    }
    connection.as_mut().graceful_shutdown();
    // What is left is the end of a response; that a visitor does not take it is no reason to stay.
    connection.await.ok();
}
