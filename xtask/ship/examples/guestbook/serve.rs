//! The life of the service: sockets, database, ready, requests, the end.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::connection;
use crate::database::Database;
use crate::faults::Struck;
use crate::figures::Figures;
use crate::routes::Guestbook;
use crate::settings::Settings;
use crate::sockets::{self, Listener};

/// Serves until SIGTERM or SIGINT, then ends what is under way.
pub(crate) fn serve(settings: Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (open, started) = watch::channel(None);
        let guestbook = Arc::new(Guestbook {
            settings,
            begun: Instant::now(),
            started,
            figures: Figures::default(),
            struck: Struck::default(),
        });
        let listeners = sockets::listeners(guestbook.settings.port).await?;
        let (stop, stopping) = watch::channel(false);
        let accepting = JoinSet::from_iter(
            listeners.into_iter().map(|listener| accept(listener, Arc::clone(&guestbook), stopping.clone())),
        );
        drop(stopping);
        let starting = start(Arc::clone(&guestbook), open);
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            failed = starting => failed?,
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sockets::notify(guestbook.settings.notify.as_deref(), "STOPPING=1")?;
        stop.send(true).context("nobody accepts any more")?;
        // Each ends when its last connection has.
        accepting.join_all().await;
        Ok(())
    })
}

/// Opens the database, says that the service is ready, and then stays, or dies where that is planted.
async fn start(
    guestbook: Arc<Guestbook>,
    open: watch::Sender<Option<Arc<Mutex<Database>>>>,
) -> anyhow::Result<()> {
    let settings = &guestbook.settings;
    tokio::time::sleep(settings.faults.start).await;
    let path = if settings.faults.forget { Path::new(":memory:") } else { &settings.database };
    let database = Database::open(path)?;
    let (schema, known) = (database.schema()?, &settings.schemas);
    anyhow::ensure!(
        known.contains(&schema),
        "the database has schema {schema}, and this program knows {} to {}",
        known.start(),
        known.end()
    );
    open.send_replace(Some(Arc::new(Mutex::new(database))));
    // A log that is gone is no reason to end.
    writeln!(std::io::stderr(), "guestbook {} has its database", settings.version).ok();
    if !settings.faults.never_ready {
        sockets::notify(settings.notify.as_deref(), "READY=1")?;
    }
    match settings.faults.exit {
        Some(after) => {
            tokio::time::sleep(after).await;
            anyhow::bail!("it dies: this fault is planted")
        }
        None => std::future::pending().await,
    }
}

/// Takes connections until the end is asked for, then waits for those that it took.
async fn accept(listener: Listener, guestbook: Arc<Guestbook>, mut stopping: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let held = stopping.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of file handles, say: whoever waits for an answer sees it.
                if let Ok(stream) = accepted {
                    connections.spawn(connection::serve(stream, Arc::clone(&guestbook), held.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
            _ = stopping.wait_for(|stopping| *stopping) => break,
        }
    }
    drop(listener);
    connections.join_all().await;
}
