//! `cargo xtask backup`: what is kept safe, made and read back.

use std::path::PathBuf;

use serde::Serialize;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};

use crate::resilience::{self, config, report};

/// What to do with backups.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make the repository of a backup; one that is there already is left alone, and refused
    Init(Which),
    /// Make a backup and read it back: only then it counts
    Create {
        #[command(flatten)]
        which: Which,
        /// Why the backup may be much smaller than the last one; written down with it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Restore the newest snapshot for a moment, compare it with what was backed up, and read the whole repository
    Verify(Which),
    /// Restore into an empty folder
    Restore {
        /// The backup
        #[arg(value_name = "NAME")]
        name: String,
        /// The folder; nothing is overwritten
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// The snapshot, as `backup list` names it; the newest where nothing is said
        #[arg(long, value_name = "ID")]
        snapshot: Option<String>,
    },
    /// Show which old snapshots go, and with `--execute` remove them; the newest that was read back always stays
    Prune {
        #[command(flatten)]
        which: Which,
        /// Remove them; without this they are only shown
        #[arg(long)]
        execute: bool,
    },
    /// What was read back when, and which snapshots there are
    List(Which),
}

/// Which backups.
#[derive(Debug, clap::Args)]
struct Which {
    /// The backup; all of them where nothing is said
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let config = config::load(&doors.workspace)?;
    let all = |which: &Which| chosen("backup", config.backups.keys(), which.name.as_deref());
    match &arguments.verb {
        Verb::Init(which) => each(
            doors,
            all(which)?,
            |name| resilience::init(doors, &config, name),
            |name, ()| format!("{name}: its repository is made"),
        ),
        Verb::Create { which, reason } => each(
            doors,
            all(which)?,
            |name| resilience::create(doors, &config, name, reason.as_deref()),
            report::created,
        ),
        Verb::Verify(which) => {
            each(doors, all(which)?, |name| resilience::verify(doors, &config, name), report::verified)
        }
        Verb::Restore { name, into, snapshot } => {
            let into = doors.environment.folder().join(into);
            let (snapshot, size) = resilience::restore(doors, &config, name, &into, snapshot.as_deref())?;
            let place = into.display().to_string();
            if doors.terminal.is_json() {
                let said =
                    serde_json::json!({ "name": name, "snapshot": snapshot, "size": size, "into": place });
                doors.terminal.json(&said)?;
            } else {
                doors.terminal.data(&report::restored(name, &snapshot, &size, &place));
            }
            Ok(Exit::Done)
        }
        Verb::Prune { which, execute } => {
            let exit = each(
                doors,
                all(which)?,
                |name| resilience::prune(doors, &config, name, *execute),
                |name, pruned| report::pruned(name, pruned, *execute),
            )?;
            if !execute {
                doors.terminal.talk("nothing was removed; to do it: add --execute");
            }
            Ok(exit)
        }
        Verb::List(which) => {
            let now = doors.clock.now();
            each(
                doors,
                all(which)?,
                |name| resilience::list(doors, &config, name),
                |name, listed| report::listed(name, listed, now),
            )
        }
    }
}

/// The one that is named, or all.
///
/// # Errors
/// Exit 3 where none is declared: to do nothing would look like a success.
pub(super) fn chosen<'a>(
    what: &str,
    known: impl Iterator<Item = &'a String>,
    named: Option<&str>,
) -> Result<Vec<String>> {
    let names: Vec<String> = named.map_or_else(|| known.cloned().collect(), |named| vec![named.to_owned()]);
    if names.is_empty() {
        return Err(Failure::refused(format!("no {what} is declared"))
            .next(format!("declare one in `{}`; docs/resilience.md says how", config::FILE)));
    }
    Ok(names)
}

/// Does something with each of several, shows each that went well, and fails with all that did not.
pub(super) fn each<T: Serialize>(
    doors: &Doors,
    names: Vec<String>,
    act: impl Fn(&str) -> Result<T>,
    show: impl Fn(&str, &T) -> String,
) -> Result<Exit> {
    let mut done = Vec::new();
    let mut failed: Vec<(String, Failure)> = Vec::new();
    for name in names {
        match act(&name) {
            Ok(value) if doors.terminal.is_json() => {
                done.push(serde_json::json!({ "name": name, "done": value }));
            }
            Ok(value) => doors.terminal.data(&show(&name, &value)),
            Err(failure) => failed.push((name, failure)),
        }
    }
    if doors.terminal.is_json() && !done.is_empty() {
        doors.terminal.json(&done)?;
    }
    match failed.len() {
        0 => Ok(Exit::Done),
        1 => Err(failed.remove(0).1),
        count => Err(together(count, failed)),
    }
}

/// Several failures as one: its exit code is that of the first.
fn together(count: usize, failed: Vec<(String, Failure)>) -> Failure {
    let exit = failed.first().map_or(Exit::No, |(_, failure)| failure.exit);
    let findings = failed.into_iter().map(|(name, failure)| {
        Finding::at("", 0, format!("{name}: {}", failure.in_one_line()), failure.next.unwrap_or_default())
    });
    Failure::found(exit, format!("{count} of them failed"), findings.collect())
}
