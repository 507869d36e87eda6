//! A client that counts what fails, and repeats nothing: the witness of "no request was lost".
//!
//! ```text
//! load --address http://127.0.0.1:8080 --seconds 10
//! ```
//!
//! Half of its clients open a connection for each request, half keep theirs. Each asks for the paths in turn and waits for
//! the whole answer; one that is not 2xx with JSON has failed. A kept connection is opened again when the other side said
//! `Connection: close` or had closed it before anything was sent; no request is ever sent twice. It ends after so many
//! seconds, after so many requests, or at SIGTERM, whichever is first, and prints one object:
//!
//! `{"requests", "failed", "by_kind", "p50_ms", "p99_ms", "worst_ms", "versions", "acknowledged", "last_id",
//! "connections", "seconds", "failures"}`
//!
//! `versions` counts the answers of `/version`; `acknowledged` counts entries that were answered 201, `last_id` is the
//! largest id among them. It exits with 1 when anything failed, and with 2 when it could not be started.
//!
//! For a connection of its own the server is asked to close first, so no port of this side stays taken for a minute after.

mod arguments;
mod client;
mod tally;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use arguments::Arguments;
use client::Client;
use tally::Tally;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match Arguments::parse(&words).and_then(|arguments| load(&arguments)) {
        Ok(tally) => {
            // Where nobody reads it, the exit code still says it.
            writeln!(std::io::stdout(), "{}", tally.report()).ok();
            ExitCode::from(u8::from(tally.failed() > 0))
        }
        Err(error) => {
            writeln!(std::io::stderr(), "load: {error:#}").ok();
            ExitCode::from(2)
        }
    }
}

fn load(arguments: &Arguments) -> anyhow::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let tally = Tally::begin(arguments.requests_max);
        let (stop, stopping) = watch::channel(false);
        let mut clients = JoinSet::new();
        for index in 0..arguments.clients {
            let is_kept = index % 2 == 1;
            let client = Client::new(arguments, index, arguments.keep.unwrap_or(is_kept), tally.clone())?;
            clients.spawn(client.run(stopping.clone()));
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(arguments.seconds)) => {}
            () = terminated() => {}
            () = async { while clients.join_next().await.is_some() {} } => {}
        }
        stop.send_replace(true);
        clients.join_all().await;
        Ok(tally)
    })
}

/// Waits for SIGTERM; forever where there is none.
async fn terminated() {
    #[cfg(unix)]
    if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        signal.recv().await;
        return;
    }
    std::future::pending::<()>().await;
}

/// An address: of TCP, or of a socket in the file system.
#[derive(Clone, Debug)]
enum Address {
    Tcp(Arc<str>),
    Unix(Arc<str>),
}
