//! `cargo xtask drill`: recovery that was really tried.

mod stage;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::shell::quoted;

use super::backup::{chosen, each};
use crate::deploy;
use crate::resilience::config::{self, Config};
use crate::resilience::{self, Previous, evidence::Age, report};

/// Which drill.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Restore into an empty place, boot the previous release on it, check it, and measure how long that took
    Restore {
        /// The drill in release/resilience.toml; all restore drills where nothing is said
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Those that disturb a stage.
    #[command(flatten)]
    Stage(stage::Verb),
    /// When each drill was last good, and whether that still counts
    List,
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let config = || config::load(&doors.workspace);
    match &arguments.verb {
        Verb::Restore { name } => {
            let config = config()?;
            let names = chosen("restore drill", config.restore_drills.keys(), name.as_deref())?;
            each(doors, names, |name| restore(doors, &config, name), report::drilled)
        }
        Verb::Stage(verb) => stage::run(doors, verb),
        Verb::List => list(doors, &config()?),
    }
}

fn restore(doors: &Doors, config: &Config, name: &str) -> Result<resilience::evidence::Drilled> {
    let stage = resilience::drill(config, name)?.release_of.as_deref();
    let previous = stage.map(|stage| previous(doors, stage)).transpose()?;
    resilience::drill_restore(doors, config, name, previous.as_ref())
}

/// The release that is confirmed in a stage of this machine.
#[cfg(unix)]
fn previous(doors: &Doors, name: &str) -> Result<Previous> {
    let config = deploy::config::load(&doors.workspace)?;
    let stage = config.stage(name)?;
    let found = match stage.driver {
        deploy::config::DriverKind::Local => deploy::facts::local(doors, &config, name, stage).confirmed()?,
        deploy::config::DriverKind::Ssh => {
            return Err(Failure::refused(format!("the hosts of `{name}` are not on this machine"))
                .why("a drill boots the previous release here")
                .next("leave `release_of` out, and say in `boot` where that release is"));
        }
    };
    let (release, folder) = found.ok_or_else(|| {
        Failure::refused(format!("no release is confirmed in `{name}`"))
            .why("a restore drill boots the release that would be gone back to")
            .next(format!("cargo xtask deploy run --to {name} --execute"))
    })?;
    Ok(Previous { release: release.0, folder })
}

#[cfg(not(unix))]
fn previous(_doors: &Doors, name: &str) -> Result<Previous> {
    Err(Failure::refused(format!("the stage `{name}` is local, and that needs a Unix"))
        .next("leave `release_of` out, and say in `boot` where the previous release is"))
}

/// What the last run of a drill is worth now, for a gate.
///
/// # Errors
/// Exit 2 where no such drill is declared.
pub(super) fn age(doors: &Doors, name: &str) -> Result<Age> {
    let config = config::load(&doors.workspace)?;
    if !config.stage_drills.contains_key(name) {
        resilience::drill(&config, name)?;
    }
    let ages = resilience::ages(doors, &config)?;
    Ok(ages.into_iter().find(|(known, _)| known == name).map_or(Age::Missing, |(_, age)| age))
}

/// The command that runs a drill.
pub(super) fn command(doors: &Doors, name: &str) -> String {
    // Where the file cannot be read, the gate has said so already.
    let config = config::load(&doors.workspace).unwrap_or_default();
    match config.stage_drills.get(name) {
        Some(drill) => format!("cargo xtask drill {} {} --execute", drill.kind.word(), quoted(name)),
        None => format!("cargo xtask drill restore {}", quoted(name)),
    }
}

fn list(doors: &Doors, config: &Config) -> Result<Exit> {
    let ages = resilience::ages(doors, config)?;
    if doors.terminal.is_json() {
        let said: Vec<_> = ages
            .iter()
            .map(|(name, age)| {
                let is_good = matches!(age, Age::Good(_));
                serde_json::json!({ "name": name, "good": is_good, "said": report::age(age) })
            })
            .collect();
        doors.terminal.json(&said)?;
    } else {
        ages.iter().for_each(|(name, age)| doors.terminal.data(&format!("{name}: {}", report::age(age))));
    }
    Ok(Exit::Done)
}
