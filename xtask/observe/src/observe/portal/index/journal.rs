//! Takes the journal into the index, a piece at a time.
//!
//! The files are read in the order of their names, as `journal verify` does. Only the last file that is known may grow: where
//! another one did, or one changed below what was read, or is gone, everything is read again from the beginning.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use nexus_xtask::digest::Digest;
use nexus_xtask::files;
use nexus_xtask::journal::{Entry, Line};
use nexus_xtask::workspace::Workspace;

/// What is read at once, in bytes: a piece of this size is one transaction.
const PIECE: u64 = 1 << 20;

/// What `prev` is in the first line of a chain.
const NONE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How far a file was read.
#[derive(Clone, Debug)]
struct Known {
    name: String,
    length: u64,
    place: u64,
    lines: u64,
    last: u64,
    digest: String,
}

/// The files of the journal, in order.
pub(super) fn months(workspace: &Workspace) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = files::list(&workspace.journal())?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    Ok(paths)
}

/// Takes in the next piece. False: there is none.
pub(super) fn take_in(connection: &mut Connection, workspace: &Workspace) -> anyhow::Result<bool> {
    let paths = months(workspace)?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .context("cannot write the index")?;
    let mut known = known(&transaction).context("cannot read the index")?;
    if has_changed(&known, &paths)? {
        for table in ["files", "chains", "broken", "events", "newest", "totals"] {
            transaction.execute(&format!("DELETE FROM {table}"), []).context("cannot empty the index")?;
        }
        known.clear();
    }
    let next = paths.get(known.len());
    let more = match known.pop() {
        Some(current) => {
            let path = &paths[known.len()];
            match piece(path, current.place)? {
                (bytes, _) if !bytes.is_empty() => {
                    Piece::of(&transaction, current, &bytes)?;
                    true
                }
                (_, rest) => {
                    if let Some(next) = next {
                        close(&transaction, &current, rest)?;
                        begin(&transaction, next)?;
                    }
                    next.is_some()
                }
            }
        }
        None => {
            next.map(|next| begin(&transaction, next)).transpose()?;
            next.is_some()
        }
    };
    transaction.commit().context("cannot write the index")?;
    Ok(more)
}

fn known(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Known>> {
    let mut statement = transaction
        .prepare_cached("SELECT name, length, place, lines, last, digest FROM files ORDER BY name")?;
    let rows = statement.query_map([], |row| {
        Ok(Known {
            name: row.get(0)?,
            length: row.get(1)?,
            place: row.get(2)?,
            lines: row.get(3)?,
            last: row.get(4)?,
            digest: row.get(5)?,
        })
    })?;
    rows.collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// True where what is known is not a beginning of what is there.
fn has_changed(known: &[Known], paths: &[PathBuf]) -> anyhow::Result<bool> {
    if known.len() > paths.len() {
        return Ok(true);
    }
    for (place, (file, path)) in known.iter().zip(paths).enumerate() {
        let length = files::stamp(path).map_or(0, |stamp| stamp.length);
        let is_last = place + 1 == known.len();
        if file.name != name(path) || length < file.place || (!is_last && length != file.length) {
            return Ok(true);
        }
        let last = files::read_from(path, file.last, file.place - file.last)?;
        if file.place > 0 && Digest::of(&last).to_string() != file.digest {
            return Ok(true);
        }
    }
    Ok(false)
}

fn begin(transaction: &Transaction<'_>, path: &Path) -> anyhow::Result<()> {
    let sql = "INSERT INTO files VALUES (?1, 0, 0, 0, 0, '')";
    transaction.execute(sql, [name(path)]).context("cannot write the index")?;
    Ok(())
}

/// Another file follows: what has no end now will never have one.
fn close(transaction: &Transaction<'_>, file: &Known, rest: u64) -> anyhow::Result<()> {
    let write = || -> rusqlite::Result<()> {
        if rest > 0 {
            let sql = "INSERT INTO broken VALUES (?1, ?2, 'the line has no end')";
            transaction.execute(sql, params![file.name, file.lines + 1])?;
        }
        let sql = "UPDATE files SET length = ?2 WHERE name = ?1";
        transaction.execute(sql, params![file.name, file.place + rest]).map(drop)
    };
    write().context("cannot write the index")
}

/// Whole lines from a place on; where there is none, how many bytes of a line that has no end yet.
fn piece(path: &Path, place: u64) -> anyhow::Result<(Vec<u8>, u64)> {
    let mut limit = PIECE;
    loop {
        let mut bytes = files::read_from(path, place, limit)?;
        let read = bytes.len() as u64;
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                bytes.truncate(end + 1);
                return Ok((bytes, 0));
            }
            // A line longer than a piece.
            None if read == limit => limit *= 2,
            None => return Ok((Vec::new(), read)),
        }
    }
}

/// A piece on its way into the index.
struct Piece<'a> {
    transaction: &'a Transaction<'a>,
    file: Known,
    chains: HashMap<String, (u64, String)>,
    newest: HashMap<(String, String, String), Newest>,
    events: u64,
    latest: i64,
}

/// The newest of a kind, subject and word in this piece.
struct Newest {
    count: u64,
    at: i64,
    writer: String,
    seq: u64,
    text: String,
}

impl Piece<'_> {
    fn of(transaction: &Transaction<'_>, file: Known, bytes: &[u8]) -> anyhow::Result<()> {
        let mut piece = Piece {
            transaction,
            file,
            chains: HashMap::new(),
            newest: HashMap::new(),
            events: 0,
            latest: i64::MIN,
        };
        let mut take = || -> rusqlite::Result<()> {
            let mut last: &[u8] = &[];
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                piece.line(line)?;
                last = line;
            }
            piece.file.digest = Digest::of(last).to_string();
            piece.finish()
        };
        take().context("cannot write the index")
    }

    fn line(&mut self, bytes: &[u8]) -> rusqlite::Result<()> {
        let json = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        self.file.last = self.file.place;
        self.file.place += bytes.len() as u64;
        self.file.lines += 1;
        let Ok(line) = serde_json::from_slice::<Line>(json) else {
            return self.broken("no journal line");
        };
        let (seq, prev) = self.chain(&line.writer)?;
        if line.prev != prev || line.seq != seq + 1 {
            self.broken(&format!("does not follow line {seq} of writer {}", line.writer))?;
        }
        self.chains.insert(line.writer.clone(), (line.seq, Digest::of(json).to_string()));
        self.event(&line, String::from_utf8_lossy(json).into_owned())
    }

    fn broken(&mut self, why: &str) -> rusqlite::Result<()> {
        let sql = "INSERT INTO broken VALUES (?1, ?2, ?3)";
        self.transaction.prepare_cached(sql)?.execute(params![self.file.name, self.file.lines, why]).map(drop)
    }

    fn chain(&mut self, writer: &str) -> rusqlite::Result<(u64, String)> {
        if let Some(known) = self.chains.remove(writer) {
            return Ok(known);
        }
        let sql = "SELECT seq, digest FROM chains WHERE writer = ?1";
        let mut statement = self.transaction.prepare_cached(sql)?;
        let mut rows = statement.query([writer])?;
        match rows.next()? {
            Some(row) => Ok((row.get(0)?, row.get(1)?)),
            None => Ok((0, NONE.to_owned())),
        }
    }

    fn event(&mut self, line: &Line, text: String) -> rusqlite::Result<()> {
        let entry = &line.entry;
        let family = entry.kind.split('.').next().unwrap_or_default();
        let at = line.ts.as_millisecond();
        let sql = "INSERT INTO events (family, at, writer, seq, text) VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = params![family, at, line.writer, line.seq, text];
        self.transaction.prepare_cached(sql)?.execute(row)?;
        self.events += 1;
        self.latest = self.latest.max(at);
        let key = (entry.kind.clone(), entry.subject.clone(), word(entry));
        let newest = self.newest.entry(key).or_insert_with(|| Newest {
            count: 0,
            at: i64::MIN,
            writer: String::new(),
            seq: 0,
            text: String::new(),
        });
        newest.count += 1;
        if (newest.at, newest.writer.as_str(), newest.seq) <= (at, line.writer.as_str(), line.seq) {
            *newest = Newest { count: newest.count, at, writer: line.writer.clone(), seq: line.seq, text };
        }
        Ok(())
    }

    fn finish(&mut self) -> rusqlite::Result<()> {
        let of_chain = "INSERT INTO chains VALUES (?1, ?2, ?3)
            ON CONFLICT (writer) DO UPDATE SET seq = excluded.seq, digest = excluded.digest";
        for (writer, (seq, digest)) in &self.chains {
            self.transaction.prepare_cached(of_chain)?.execute(params![writer, seq, digest])?;
        }
        let of_newest = "INSERT INTO newest VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7)
            ON CONFLICT DO UPDATE SET at = excluded.at, writer = excluded.writer, seq = excluded.seq, text = excluded.text
            WHERE (excluded.at, excluded.writer, excluded.seq) > (at, writer, seq)";
        let counted = "UPDATE newest SET count = count + ?4 WHERE (kind, subject, word) = (?1, ?2, ?3)";
        for ((kind, subject, word), newest) in &self.newest {
            let Newest { count, at, writer, seq, text } = newest;
            let row = params![kind, subject, word, at, writer, seq, text];
            self.transaction.prepare_cached(of_newest)?.execute(row)?;
            self.transaction.prepare_cached(counted)?.execute(params![kind, subject, word, count])?;
        }
        let of_kind = "INSERT INTO totals VALUES ('kind ' || ?1, ?2)
            ON CONFLICT DO UPDATE SET value = value + excluded.value";
        for ((kind, ..), newest) in &self.newest {
            self.transaction.prepare_cached(of_kind)?.execute(params![kind, newest.count])?;
        }
        let sql = "INSERT INTO totals VALUES ('events', ?1) ON CONFLICT DO UPDATE SET value = value + excluded.value";
        self.transaction.execute(sql, [self.events])?;
        let sql = "INSERT INTO totals VALUES ('newest', ?1) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)";
        if self.events > 0 {
            self.transaction.execute(sql, [self.latest])?;
        }
        let sql =
            "UPDATE files SET length = ?2, place = ?3, lines = ?4, last = ?5, digest = ?6 WHERE name = ?1";
        let Known { name, place, lines, last, digest, .. } = &self.file;
        self.transaction.execute(sql, params![name, place, place, lines, last, digest]).map(drop)
    }
}

/// The word that tells events of one kind and subject apart: an outcome, a state, a level.
fn word(entry: &Entry) -> String {
    let names = ["outcome", "state", "level", "result"];
    names.iter().find_map(|name| entry.labels.get(*name)).cloned().unwrap_or_default()
}
