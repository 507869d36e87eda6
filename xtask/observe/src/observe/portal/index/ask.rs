//! The questions that pages ask the index. None of them looks at more than a page shows: counting was done when the events
//! came in.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use nexus_xtask::journal::Line;

/// The rows that a list on a page has at most.
pub(crate) const ROWS_MAX: usize = 100;

/// Different subjects that are looked at, of one kind.
const SUBJECTS_MAX: usize = 1000;

/// A place in the history of a family of events, to go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) at: i64,
    pub(crate) writer: String,
    pub(crate) seq: u64,
}

impl Cursor {
    /// As it stands in an address: `<milliseconds>.<number>.<writer>`.
    pub(crate) fn text(&self) -> String {
        format!("{}.{}.{}", self.at, self.seq, self.writer)
    }

    /// None: it is none.
    pub(crate) fn parse(text: &str) -> Option<Cursor> {
        let mut parts = text.splitn(3, '.');
        let (at, seq) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Cursor { at, seq, writer: parts.next()?.to_owned() })
    }

    fn of(line: &Line) -> Cursor {
        Cursor { at: line.ts.as_millisecond(), writer: line.writer.clone(), seq: line.seq }
    }
}

/// A part of the history, the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) lines: Vec<Line>,
    /// Where older ones go on.
    pub(crate) older: Option<Cursor>,
}

/// One row of `newest`.
#[derive(Clone, Debug)]
pub(crate) struct Newest {
    pub(crate) word: String,
    pub(crate) count: u64,
    pub(crate) line: Line,
}

/// What the foot of every page says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) events: u64,
    pub(crate) broken: u64,
    pub(crate) newest: Option<Timestamp>,
}

/// A run in a list.
#[derive(Clone, Debug)]
pub(crate) struct RunRow {
    pub(crate) name: String,
    pub(crate) began: Timestamp,
    pub(crate) command: String,
    pub(crate) commit: String,
    pub(crate) result: String,
    pub(crate) total_ms: u64,
    pub(crate) counted: String,
}

/// A step over all runs that are recorded.
#[derive(Clone, Debug)]
pub(crate) struct StepRow {
    pub(crate) step: String,
    pub(crate) runs: u64,
    pub(crate) passed: u64,
    pub(crate) flaky: u64,
    pub(crate) failed: u64,
    pub(crate) mean_ms: u64,
    pub(crate) max_ms: u64,
}

/// A log of a step.
#[derive(Clone, Debug)]
pub(crate) struct LogRow {
    pub(crate) run: String,
    pub(crate) place: usize,
    pub(crate) step: String,
    pub(crate) word: String,
    pub(crate) took_ms: u64,
}

/// The events of a family, the newest first.
pub(crate) fn history(
    connection: &Connection,
    family: &str,
    before: Option<&Cursor>,
) -> rusqlite::Result<Page> {
    let last = Cursor { at: i64::MAX, writer: String::new(), seq: 0 };
    let before = before.unwrap_or(&last);
    let sql = "SELECT text FROM events WHERE family = ?1 AND (at, writer, seq) < (?2, ?3, ?4)
        ORDER BY at DESC, writer DESC, seq DESC LIMIT ?5";
    let mut statement = connection.prepare_cached(sql)?;
    let limit = ROWS_MAX + 1;
    let rows = statement.query_map(params![family, before.at, before.writer, before.seq, limit], text)?;
    let mut lines = parsed(rows)?;
    let is_more = lines.len() > ROWS_MAX;
    lines.truncate(ROWS_MAX);
    let older = lines.last().filter(|_| is_more).map(Cursor::of);
    Ok(Page { lines, older })
}

/// Every event after this one, the oldest first.
pub(crate) fn each(
    connection: &Connection,
    after: Option<&Cursor>,
    mut take: impl FnMut(&Line, Cursor),
) -> rusqlite::Result<()> {
    let first = Cursor { at: i64::MIN, writer: String::new(), seq: 0 };
    let after = after.unwrap_or(&first);
    let sql = "SELECT text FROM events WHERE (at, writer, seq) > (?1, ?2, ?3) ORDER BY at, writer, seq";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![after.at, after.writer, after.seq])?;
    while let Some(row) = rows.next()? {
        if let Ok(line) = serde_json::from_str::<Line>(row.get_ref(0)?.as_str()?) {
            take(&line, Cursor::of(&line));
        }
    }
    Ok(())
}

/// How many events of deployments and incidents there are.
pub(crate) fn of_delivery(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(sum(value), 0) FROM totals WHERE name LIKE 'kind deploy.%' OR name LIKE 'kind incident.%'";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// The newest events of deployments and incidents, the oldest first, after the first event of all where none is left out: the
/// journal begins with it. True: some are left out.
pub(crate) fn delivery(connection: &Connection, limit: usize) -> rusqlite::Result<(Vec<Line>, bool)> {
    let sql = "SELECT text FROM events WHERE family IN ('deploy', 'incident') ORDER BY at DESC, writer DESC, seq DESC LIMIT ?1";
    let mut lines = parsed(connection.prepare_cached(sql)?.query_map([limit + 1], text)?)?;
    let is_cut = lines.len() > limit;
    lines.truncate(limit);
    if !is_cut {
        let sql = "SELECT text FROM events ORDER BY at, writer, seq LIMIT 1";
        lines.extend(parsed(connection.prepare_cached(sql)?.query_map([], text)?)?);
    }
    lines.reverse();
    // The first event of all may be one of them.
    lines.dedup();
    Ok((lines, is_cut))
}

/// For each subject and word of a kind the newest event; by subject, the newest word first. A kind that ends with a dot means
/// every kind that begins so.
pub(crate) fn newest(connection: &Connection, kind: &str) -> rusqlite::Result<Vec<Newest>> {
    let last = if kind.ends_with('.') { format!("{kind}\u{10ffff}") } else { kind.to_owned() };
    let sql = "SELECT word, count, text FROM newest WHERE kind BETWEEN ?1 AND ?2
        ORDER BY kind, subject, at DESC, writer DESC, seq DESC LIMIT ?3";
    rows_of_newest(connection, sql, params![kind, last, SUBJECTS_MAX])
}

/// The newest events of a kind, each subject and word once.
pub(crate) fn newest_by_time(connection: &Connection, kind: &str) -> rusqlite::Result<Vec<Newest>> {
    let sql = "SELECT word, count, text FROM newest WHERE kind = ?1 ORDER BY at DESC, writer DESC, seq DESC LIMIT ?2";
    rows_of_newest(connection, sql, params![kind, ROWS_MAX])
}

fn rows_of_newest(
    connection: &Connection,
    sql: &str,
    given: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<Newest>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(given, |row| {
        Ok((row.get(0)?, row.get(1)?, serde_json::from_str(&row.get::<_, String>(2)?).ok()))
    })?;
    let mut found = Vec::new();
    for row in rows {
        if let (word, count, Some(line)) = row? {
            found.push(Newest { word, count, line });
        }
    }
    Ok(found)
}

/// For each subject of a kind the newest event of all.
pub(crate) fn current(connection: &Connection, kind: &str) -> rusqlite::Result<Vec<Line>> {
    let mut lines: Vec<Line> = Vec::new();
    for newest in newest(connection, kind)? {
        if lines.last().is_none_or(|last| last.entry.subject != newest.line.entry.subject) {
            lines.push(newest.line);
        }
    }
    Ok(lines)
}

/// What the foot says.
pub(crate) fn totals(connection: &Connection) -> rusqlite::Result<Totals> {
    let number = |sql: &str| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, u64>(0));
    let newest = "SELECT max(at) FROM (SELECT value AS at FROM totals WHERE name = 'newest'
        UNION ALL SELECT max(ended) FROM runs)";
    let newest: Option<i64> = connection.prepare_cached(newest)?.query_row([], |row| row.get(0))?;
    Ok(Totals {
        events: number("SELECT coalesce(sum(value), 0) FROM totals WHERE name = 'events'")?,
        broken: number("SELECT count(*) FROM broken")?,
        newest: newest.and_then(|at| Timestamp::from_millisecond(at).ok()),
    })
}

/// The places at which a chain is broken.
pub(crate) fn broken(connection: &Connection) -> rusqlite::Result<Vec<(String, u64, String)>> {
    let sql = "SELECT file, line, why FROM broken ORDER BY file, line LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([ROWS_MAX], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// The recorded runs, the newest first.
pub(crate) fn runs(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<RunRow>> {
    let sql =
        "SELECT name, began, command, hash, result, total, counted FROM runs ORDER BY name DESC LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([limit], |row| {
        Ok(RunRow {
            name: row.get(0)?,
            began: Timestamp::from_millisecond(row.get(1)?).unwrap_or(Timestamp::UNIX_EPOCH),
            command: row.get(2)?,
            commit: row.get(3)?,
            result: row.get(4)?,
            total_ms: row.get(5)?,
            counted: row.get(6)?,
        })
    })?;
    rows.collect()
}

/// The steps whose programs ran, the slowest first.
pub(crate) fn steps(connection: &Connection) -> rusqlite::Result<Vec<StepRow>> {
    let sql = "SELECT step, count(*), sum(word = 'passed'), sum(word = 'flaky'),
            sum(word IN ('failed', 'killed', 'timed out', 'broken')), sum(took) / count(*), max(took)
        FROM steps WHERE tries > 0 GROUP BY step ORDER BY 6 DESC, step LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([ROWS_MAX], |row| {
        Ok(StepRow {
            step: row.get(0)?,
            runs: row.get(1)?,
            passed: row.get(2)?,
            flaky: row.get(3)?,
            failed: row.get(4)?,
            mean_ms: row.get(5)?,
            max_ms: row.get(6)?,
        })
    })?;
    rows.collect()
}

/// The steps that have a log, those of the newest run first.
pub(crate) fn logs(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<LogRow>> {
    let sql = "SELECT run, place, step, word, took FROM steps WHERE log ORDER BY run DESC, place LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([limit], |row| {
        Ok(LogRow {
            run: row.get(0)?,
            place: row.get(1)?,
            step: row.get(2)?,
            word: row.get(3)?,
            took_ms: row.get(4)?,
        })
    })?;
    rows.collect()
}

fn text(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}

/// Only what was read as a line is in the index.
fn parsed(rows: impl Iterator<Item = rusqlite::Result<String>>) -> rusqlite::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for row in rows {
        lines.extend(serde_json::from_str::<Line>(&row?));
    }
    Ok(lines)
}

/// How many events of a kind there are.
pub(crate) fn counted(connection: &Connection, kind: &str) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(sum(value), 0) FROM totals WHERE name = 'kind ' || ?1";
    connection.prepare_cached(sql)?.query_row([kind], |row| row.get(0))
}
