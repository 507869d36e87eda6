//! The entries, in SQLite. The number of the schema is in the database (`user_version`).
//!
//! | schema | what it is | who may use it |
//! |---|---|---|
//! | 1 | `entries(id, text, at_ms)` | every program |
//! | 2 | expanded: `message` beside `text`, kept alike by a trigger | programs that know 1, and those that know 2 |
//! | 3 | contracted: `text` is gone | programs that know 3 |
//!
//! The schema is read inside of each transaction: it may be expanded while a process runs. There is no way down; the way
//! back over a contraction is the backup.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior};
use serde::Serialize;

/// How long a process waits for the other one's transaction.
const BUSY: Duration = Duration::from_secs(10);

/// The newest schema.
const NEWEST: u32 = 3;

/// Rows of the longest answer.
const ROWS_MAX: u32 = 1000;

/// An entry.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) message: String,
    pub(crate) at_ms: i64,
}

/// The open database.
#[derive(Debug)]
pub(crate) struct Database(Connection);

impl Database {
    /// Opens the file, and makes the first schema in an empty one.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Database> {
        let connection =
            Connection::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
        connection.busy_timeout(BUSY)?;
        // WAL lets two processes share the file; FULL makes a commit wait for the disk.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        let mut database = Database(connection);
        if database.schema()? == 0 {
            database.migrate(1)?;
        }
        Ok(database)
    }

    pub(crate) fn schema(&self) -> anyhow::Result<u32> {
        Ok(schema(&self.0)?)
    }

    /// Brings the database to a schema, step by step in one transaction. It is no error when it is there already.
    pub(crate) fn migrate(&mut self, wanted: u32) -> anyhow::Result<u32> {
        anyhow::ensure!(
            (1..=NEWEST).contains(&wanted),
            "there is no schema {wanted}; the newest is {NEWEST}"
        );
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = schema(&transaction)?;
        // Two processes may open an empty file at once; the second finds what the first has made.
        anyhow::ensure!(
            now <= wanted,
            "the database has schema {now}: there is no way down to {wanted} but the backup"
        );
        for next in now + 1..=wanted {
            transaction.execute_batch(step(next))?;
            transaction.pragma_update(None, "user_version", next)?;
        }
        transaction.commit()?;
        self.schema()
    }

    /// Writes an entry. When this returns, it is on the disk.
    pub(crate) fn write(&mut self, message: &str, at_ms: i64) -> anyhow::Result<Entry> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let column = column(schema(&transaction)?);
        transaction
            .execute(&format!("insert into entries ({column}, at_ms) values (?1, ?2)"), (message, at_ms))?;
        let id = transaction.last_insert_rowid();
        transaction.commit()?;
        Ok(Entry { id, message: message.to_owned(), at_ms })
    }

    /// How many entries there are, and those after one of them, oldest first.
    pub(crate) fn after(&mut self, id: i64, limit: u32) -> anyhow::Result<(u64, Vec<Entry>)> {
        let transaction = self.0.transaction()?;
        let count = transaction.query_row("select count(*) from entries", (), |row| row.get(0))?;
        let column = column(schema(&transaction)?);
        let mut question = transaction.prepare(&format!(
            "select id, {column}, at_ms from entries where id > ?1 order by id limit ?2"
        ))?;
        let rows = question.query_map((id, limit.min(ROWS_MAX)), entry)?;
        Ok((count, rows.collect::<Result<_, _>>()?))
    }

    pub(crate) fn newest(&mut self) -> anyhow::Result<Option<Entry>> {
        let transaction = self.0.transaction()?;
        let column = column(schema(&transaction)?);
        let question = format!("select id, {column}, at_ms from entries order by id desc limit 1");
        Ok(transaction.query_row(&question, (), entry).optional()?)
    }
}

fn schema(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The column with the text. As long as there is the old one, it is the one that every program knows.
fn column(schema: u32) -> &'static str {
    if schema < 3 { "text" } else { "message" }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry { id: row.get(0)?, message: row.get(1)?, at_ms: row.get(2)? })
}

/// What leads from the schema before to this one.
fn step(next: u32) -> &'static str {
    match next {
        1 => {
            "create table entries (id integer primary key autoincrement, text text not null, at_ms integer not null);"
        }
        2 => {
            "alter table entries add column message text;
             update entries set message = text;
             create trigger entries_message after insert on entries when new.message is null
             begin update entries set message = new.text where id = new.id; end;"
        }
        _ => "drop trigger entries_message; alter table entries drop column text;",
    }
}
