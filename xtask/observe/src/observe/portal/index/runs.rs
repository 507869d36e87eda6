//! Takes the recordings of runs into the index. A recording whose length or time is another one is read again as a whole;
//! one that was removed is forgotten.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use nexus_xtask::event::Stamped;
use nexus_xtask::report::run::Run;
use nexus_xtask::workspace::Workspace;
use nexus_xtask::{files, recording};

/// The file of a recording.
pub(super) const EVENTS: &str = "events.jsonl";

/// Makes the index say what the recordings say.
pub(super) fn take_in(connection: &mut Connection, workspace: &Workspace) -> anyhow::Result<()> {
    let mut there: BTreeMap<String, (PathBuf, String)> = BTreeMap::new();
    for name in recording::list(workspace)?.into_iter().filter(|name| is_name(name)) {
        let path = workspace.run(&name).join(EVENTS);
        if let Some(stamp) = files::stamp(&path) {
            there.insert(name, (path, format!("{} {}", stamp.length, stamp.modified)));
        }
    }
    let known: BTreeMap<String, String> = known(connection).context("cannot read the index")?;
    let is_known = |name: &str, stamp: &str| known.get(name).is_some_and(|known| known == stamp);
    let gone = known.keys().filter(|name| !there.contains_key(*name));
    let new: Vec<_> = there.iter().filter(|(name, (_, stamp))| !is_known(name, stamp)).collect();
    if new.is_empty() && known.len() == there.len() {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .context("cannot write the index")?;
    for name in gone {
        forget(&transaction, name).context("cannot write the index")?;
    }
    for (name, (_, stamp)) in new {
        // One that cannot be read is shown as such, not left out.
        let events = recording::read(workspace, name).ok();
        forget(&transaction, name).context("cannot write the index")?;
        write(&transaction, name, stamp, events.as_deref()).context("cannot write the index")?;
    }
    transaction.commit().context("cannot write the index")
}

/// The name that a recorder gives: nothing that means something else in a path or an address.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    !name.is_empty() && name.chars().all(is_plain)
}

fn known(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare_cached("SELECT name, stamp FROM runs")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn forget(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM runs WHERE name = ?1", [name])?;
    transaction.execute("DELETE FROM steps WHERE run = ?1", [name]).map(drop)
}

fn write(
    transaction: &Transaction<'_>,
    name: &str,
    stamp: &str,
    events: Option<&[Stamped]>,
) -> rusqlite::Result<()> {
    let run = Run::of(events.unwrap_or_default());
    let began = run.began.map_or(0, |began| began.as_millisecond());
    let ended = events.and_then(<[Stamped]>::last).map_or(began, |last| last.at.as_millisecond());
    let result = match (&events, &run.end) {
        (None, _) => "unreadable",
        (Some(_), Some(end)) => end.status.word(),
        (Some(_), None) => "unfinished",
    };
    let hash = run.commit.clone().unwrap_or_default();
    let total = run.total_ms();
    let row = params![name, stamp, began, ended, run.command, hash, result, total, run.counted()];
    transaction
        .prepare_cached("INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(row)?;
    let mut statement =
        transaction.prepare_cached("INSERT INTO steps VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for (place, step) in run.steps.iter().enumerate() {
        let verdict = step.verdict.as_ref();
        let took = verdict.map_or(0, |verdict| verdict.duration_ms);
        let log = verdict.is_some_and(|verdict| verdict.log.is_some());
        let row =
            params![name, place, step.plan.step, step.plan.job, step.word(), took, step.tries.len(), log];
        statement.execute(row)?;
    }
    Ok(())
}
