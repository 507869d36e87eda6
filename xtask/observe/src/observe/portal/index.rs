//! The index: SQLite in `.xtask/portal.sqlite`, over the journal and the recordings.
//!
//! - It holds nothing that is not elsewhere: whoever deletes it waits for it to be built again, and loses nothing.
//! - What was appended is read once, in pieces; a piece and the place up to which it was read are one transaction, so
//!   that a process that is killed leaves no event out and takes none in twice.
//! - What shrank or changed is found by the length of each file and the digest of the last line that was taken in; then
//!   all of it is built again.
//! - Pages read in a transaction of their own, and see one state from beginning to end.

mod journal;
mod runs;
pub(crate) mod ask;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::{Connection, ErrorCode};

use nexus_xtask::clock::Started;
use nexus_xtask::doors::Doors;
use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

use super::figures::Kept;

/// The version of the tables. One more where they change: another one is thrown away.
const VERSION: i64 = 1;

const SCHEMA: &str = include_str!("index/schema.sql");

/// How long one process waits for another that writes.
const BUSY: Duration = Duration::from_secs(30);

/// How long what was looked at is taken for what is there.
const FRESH: Duration = Duration::from_millis(200);

/// The index of a workspace.
#[derive(Debug)]
pub(crate) struct Index {
    workspace: Workspace,
    path: PathBuf,
    writing: Mutex<Writing>,
    readers: Mutex<Vec<Connection>>,
    /// What takes longer to compute than a page may.
    pub(crate) figures: Kept,
}

#[derive(Debug, Default)]
struct Writing {
    connection: Option<Connection>,
    looked: Option<Started>,
    seen: Vec<files::Stamp>,
}

impl Index {
    /// The index of this workspace, wherever it was left.
    pub(crate) fn of(workspace: &Workspace) -> Index {
        Index {
            workspace: workspace.clone(),
            path: workspace.state().join("portal.sqlite"),
            writing: Mutex::default(),
            readers: Mutex::default(),
            figures: Kept::default(),
        }
    }

    /// Takes in all there is, and waits for whoever does so already.
    pub(crate) fn build(&self, doors: &Doors) -> anyhow::Result<()> {
        self.take_in(doors, self.writing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in what was appended since. While somebody else does that, what is there is good enough.
    pub(crate) fn freshen(&self, doors: &Doors) -> anyhow::Result<()> {
        match self.writing.try_lock() {
            Ok(writing) => self.take_in(doors, writing),
            Err(TryLockError::Poisoned(writing)) => self.take_in(doors, writing.into_inner()),
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    fn take_in(&self, doors: &Doors, mut writing: MutexGuard<'_, Writing>) -> anyhow::Result<()> {
        if writing.looked.as_ref().is_some_and(|looked| looked.elapsed() < FRESH) {
            return Ok(());
        }
        if !self.path.is_file() {
            *writing = Writing::default();
            self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        let seen = self.sources()?;
        if writing.connection.is_none() || seen != writing.seen {
            let mut connection = match writing.connection.take() {
                Some(connection) => connection,
                None => self.open()?,
            };
            while journal::take_in(&mut connection, &self.workspace)? {}
            runs::take_in(&mut connection, &self.workspace)?;
            writing.connection = Some(connection);
            writing.seen = seen;
        }
        writing.looked = Some(doors.clock.start());
        Ok(())
    }

    /// What the pages are made from, as far as it can be seen without opening it.
    fn sources(&self) -> anyhow::Result<Vec<files::Stamp>> {
        let mut stamps = self.journal()?;
        for folder in files::list(&self.workspace.runs())? {
            stamps.extend(files::stamp(&folder.join(runs::EVENTS)));
        }
        Ok(stamps)
    }

    /// What the journal looks like without opening it.
    pub(crate) fn journal(&self) -> anyhow::Result<Vec<files::Stamp>> {
        Ok(journal::months(&self.workspace)?.iter().filter_map(|path| files::stamp(path)).collect())
    }

    /// Asks the index, in one transaction.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> anyhow::Result<T> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().context("cannot open the index")?,
        };
        let answer = {
            let transaction = connection.transaction().context("cannot read the index")?;
            question(&transaction).context("cannot read the index")?
        };
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }

    /// Opens it to write. What is of another version, or no database, is thrown away.
    fn open(&self) -> anyhow::Result<Connection> {
        files::create_folder(&self.workspace.state())?;
        match self.prepare() {
            Ok(Some(connection)) => return Ok(connection),
            Ok(None) => {}
            Err(error) if is_no_index(&error) => {}
            Err(error) => return Err(error).with_context(|| self.named()),
        }
        for ending in ["", "-wal", "-shm"] {
            files::remove(&self.path.with_file_name(format!("portal.sqlite{ending}")))?;
        }
        self.prepare().with_context(|| self.named())?.with_context(|| self.named())
    }

    fn named(&self) -> String {
        format!("cannot open the index `{}`", self.workspace.name_of(&self.path))
    }

    /// None: it is of another version.
    fn prepare(&self) -> rusqlite::Result<Option<Connection>> {
        let mut connection = self.connect()?;
        // A process that is killed loses nothing that was committed; a machine that is may lose the last pieces, which
        // are then read again.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()?;
            return Ok(Some(connection));
        }
        drop(transaction);
        Ok((version == VERSION).then_some(connection))
    }
}

fn is_no_index(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// True for the name of a recorded run.
pub(crate) fn is_run(name: &str) -> bool {
    runs::is_name(name)
}
