//! Serves the pages: sockets, index, ready, requests, the end.
//!
//! - On loopback everybody on this machine may look, and nobody else: a request that names another host is refused, so that no
//!   page of somebody else can read it through a visitor's browser.
//! - Beyond loopback there must be a token, or a proxy that knows its visitors; and there is a limit on how often one asks.
//! - On SIGTERM no connection is taken any more, what is under way is answered, and the process ends with 0.

mod connection;
mod guard;
mod routes;
mod sockets;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;
use nexus_xtask_deliver::cli::portal::Serve;

use self::guard::{Exposure, Guard, Token};
use self::routes::{Portal, Started};
use self::sockets::Listener;
use super::index::Index;

/// The shortest token: a shorter one is guessed.
const TOKEN_LETTERS_MIN: usize = 16;

/// Threads that read the index and make pages.
const READERS_MAX: usize = 4;

/// Serves until it is told to end.
pub(crate) fn serve(doors: &Doors, wanted: &Serve) -> Result<Exit> {
    let token = wanted.token_file.as_deref().map(|path| token(doors, path)).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS_MAX)
        .build()
        .map_err(anyhow::Error::from)?;
    let served = runtime.block_on(async {
        let (listeners, handed) = sockets::listeners(wanted.listen).map_err(|error| {
            Failure::refused(format!("cannot listen on `{}`", wanted.listen))
                .why(format!("{error:#}"))
                .next("cargo xtask portal serve --listen 127.0.0.1:0")
        })?;
        let addresses: Vec<_> = listeners.iter().map(Listener::address).collect();
        let exposure = exposure(&addresses, token.is_some(), wanted.behind_proxy)?;
        let portal = Arc::new(Portal {
            // The doors of this call live as long as the command; those of the server are its own.
            doors: doors.within(doors.workspace.root()),
            index: Index::of(&doors.workspace),
            guard: Guard::new(exposure, token, doors.clock.clone()),
            started: Started::default(),
            scraped: Arc::default(),
        });
        tell(doors, &listeners);
        live(portal, listeners, handed).await?;
        Ok(Exit::Done)
    });
    // An index that is half built goes on where it was the next time.
    runtime.shutdown_background();
    served
}

fn token(doors: &Doors, path: &Path) -> Result<Token> {
    let path = doors.environment.folder().join(path);
    let text = files::read_text(&path)?.unwrap_or_default();
    let token = text.lines().next().unwrap_or_default().trim();
    if token.chars().count() < TOKEN_LETTERS_MIN {
        return Err(Failure::refused(format!("`{}` holds no token", path.display()))
            .why(format!("its first line must have at least {TOKEN_LETTERS_MIN} characters"))
            .next(format!("openssl rand -hex 32 > {}", path.display())));
    }
    Ok(Token::of(token))
}

/// Who can reach these addresses. None of them means a socket of this machine's file system.
fn exposure(addresses: &[Option<SocketAddr>], has_token: bool, behind_proxy: bool) -> Result<Exposure> {
    if behind_proxy {
        return Ok(Exposure::Proxied);
    }
    let beyond = addresses.iter().flatten().find(|address| !address.ip().to_canonical().is_loopback());
    match beyond {
        None if addresses.iter().all(Option::is_none) => Ok(Exposure::Proxied),
        None => Ok(Exposure::Loopback),
        Some(_) if has_token => Ok(Exposure::Public),
        Some(address) => Err(Failure::refused(format!("`{address}` can be reached from other machines"))
            .why("the pages show logs, commits and names of hosts, and nothing asks who looks")
            .next(format!("cargo xtask portal serve --listen {address} --token-file FILE"))
            .see("docs/observe.md")),
    }
}

fn tell(doors: &Doors, listeners: &[Listener]) {
    for listener in listeners {
        let address = listener.said();
        if doors.terminal.is_json() {
            doors.terminal.data(&serde_json::json!({ "address": address }).to_string());
        } else {
            doors.terminal.talk(&format!("portal at {address}"));
        }
    }
}

async fn live(portal: Arc<Portal>, listeners: Vec<Listener>, handed: bool) -> anyhow::Result<()> {
    let (stop, stopping) = watch::channel(false);
    // On a socket that was handed over another process may answer until this one can; on one of its own nobody else will, and
    // visitors are told to wait.
    let (opens, open) = watch::channel(!handed);
    let router = routes::router(Arc::clone(&portal));
    let accepting = JoinSet::from_iter(
        listeners
            .into_iter()
            .map(|listener| connection::accept(listener, router.clone(), open.clone(), stopping.clone())),
    );
    drop((open, stopping));
    let notify = portal.doors.environment.get("NOTIFY_SOCKET").map(str::to_owned);
    let built = tokio::task::spawn_blocking(move || portal.start());
    let starting = async {
        let built = built.await;
        opens.send_replace(true);
        // The pages say what is wrong as long as the index cannot be built; so it is not the end.
        if matches!(built, Ok(true)) {
            sockets::notify(notify.as_deref(), "READY=1")?;
        }
        std::future::pending::<anyhow::Result<()>>().await
    };
    tokio::select! {
        failed = starting => failed?,
        asked = end() => asked?,
    }
    sockets::notify(notify.as_deref(), "STOPPING=1")?;
    stop.send_replace(true);
    // Each ends when its last connection has.
    accepting.join_all().await;
    Ok(())
}

/// Waits until somebody asks this process to end.
#[cfg(unix)]
async fn end() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Waits until somebody asks this process to end.
#[cfg(not(unix))]
async fn end() -> anyhow::Result<()> {
    Ok(tokio::signal::ctrl_c().await?)
}
