//! Drills on a stage that runs: what is declared, what was measured, and what that means.
//!
//! They are carried out by the command line, which may drive hosts; here is what is pure, and the record. Each disturbs a
//! stage on purpose and leaves it as it was: [`figures`] has what is measured, [`verdict`] what it must be,
//! [`refuse`] when nothing is begun, [`report`] how all of it is told.
//!
//! To add one: a [`Kind`], its figures, its verdict, its lines in the report, and its file in `cli/drill/`.

pub mod figures;
pub mod refuse;
pub mod report;
pub mod rollback;
pub mod verdict;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};

use super::config::{Config, FILE};
use super::evidence::{self, VERSION};
use super::execute;
use figures::Figures;

/// What is exercised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The service's process is killed on each host in turn, while records are written
    Restart,
    /// The stage goes back to the last good release, and forward again
    Rollback,
    /// A deployer is killed while a host is on trial
    DeployerKilled,
    /// A host is cut off while it is on trial
    Partition,
    /// A deployer that holds the lock is frozen, and another one is killed
    StaleLock,
}

impl Kind {
    /// Its word, as it stands in the file and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Restart => "restart",
            Kind::Rollback => "rollback",
            Kind::DeployerKilled => "deployer-killed",
            Kind::Partition => "partition",
            Kind::StaleLock => "stale-lock",
        }
    }
}

/// One drill on a stage. In its commands `{address}` is the address of the service on a host (`http://...`, or
/// `unix:<path>`), `{token}` a word that no other record has, `{host}` the host's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageDrill {
    /// What is exercised
    pub kind: Kind,
    /// The stage of release/stages.toml
    pub stage: String,
    /// The limit that people rely on, in seconds: until the service is ready again, until the stage is back, until every
    /// host serves what is confirmed, until the lock is free
    pub seconds_max: u64,
    /// After how many days the drill has to be repeated
    pub age_days_max: u64,
    /// For `restart`: writes the record `{token}` at `{address}`, and ends with 0 only once it is acknowledged
    #[serde(default)]
    pub write: Vec<String>,
    /// For `restart`: prints every record; with `{token}` in it, it is asked for each record and prints that one
    #[serde(default)]
    pub read: Vec<String>,
    /// For `partition`: cuts the way to `{host}`
    #[serde(default)]
    pub cut: Vec<String>,
    /// For `partition`: opens it again; it is always run, and may find nothing to do
    #[serde(default)]
    pub heal: Vec<String>,
}

impl StageDrill {
    /// Says everything that is wrong with it: a key, the problem, what to do.
    pub(super) fn check(&self, say: &mut impl FnMut(&str, String, &str)) {
        for (key, limit) in [("seconds_max", self.seconds_max), ("age_days_max", self.age_days_max)] {
            if limit == 0 {
                let next = "give the limit that people rely on";
                say(key, format!("`{key}` is 0, which nothing can meet"), next);
            }
        }
        let needed = |kind: Kind| self.kind == kind;
        for (key, command, is_needed) in [
            ("write", &self.write, needed(Kind::Restart)),
            ("read", &self.read, needed(Kind::Restart)),
            ("cut", &self.cut, needed(Kind::Partition)),
            ("heal", &self.heal, needed(Kind::Partition)),
        ] {
            let word = self.kind.word();
            if is_needed && command.is_empty() {
                say(key, format!("a `{word}` drill needs `{key}`"), "give the program and its arguments");
            }
            if !is_needed && !command.is_empty() {
                say(key, format!("a `{word}` drill has no `{key}`"), "take it out");
            }
        }
        let has = |command: &[String], mark: &str| command.iter().any(|word| word.contains(mark));
        if !self.write.is_empty() && !has(&self.write, "{token}") {
            say("write", "every record would be the same".into(), "use `{token}` in it");
        }
    }
}

/// A drill on a stage that was carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageDrilled {
    /// The version of the format.
    pub v: u32,
    /// When it ended.
    pub at: Timestamp,
    /// The stage.
    pub stage: String,
    /// The limit that held then, in seconds.
    pub seconds_max: u64,
    /// What was measured.
    pub figures: Figures,
    /// Why it is red; green where there is nothing.
    pub reasons: Vec<String>,
}

/// The drill of a name.
///
/// # Errors
/// Exit 2 where there is none of this name and kind, with those that there are.
pub fn declared<'a>(config: &'a Config, kind: Kind, name: &str) -> Result<&'a StageDrill> {
    match config.stage_drills.get(name) {
        Some(drill) if drill.kind == kind => Ok(drill),
        Some(drill) => Err(Failure::usage(format!("`{name}` is no `{}` drill", kind.word()))
            .why(format!("`{FILE}` declares it as `{}`", drill.kind.word()))
            .next(format!("cargo xtask drill {} {name}", drill.kind.word()))),
        None => {
            let of_kind = config.stage_drills.iter().filter(|(_, drill)| drill.kind == kind);
            let known: Vec<_> = of_kind.map(|(name, _)| name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(Failure::usage(format!("there is no `{}` drill `{name}`", kind.word()))
                .why(format!("`{FILE}` declares: {known}"))
                .next(format!("name one of these, or declare `[stage_drills.{name}]` in `{FILE}`")))
        }
    }
}

/// Judges what was measured, and writes it down: the receipt, and a line of the journal.
///
/// # Errors
/// Where the disk does not take it. A red drill is no error here.
pub fn record(
    doors: &Doors,
    name: &str,
    drill: &StageDrill,
    figures: Figures,
    troubles: Vec<String>,
) -> Result<StageDrilled> {
    let mut reasons = troubles;
    reasons.extend(verdict::reasons(drill, &figures));
    let reasons = reasons.iter().map(|reason| doors.environment.mask(reason)).collect();
    let (stage, seconds_max) = (drill.stage.clone(), drill.seconds_max);
    let drilled = StageDrilled { v: VERSION, at: doors.clock.now(), stage, seconds_max, figures, reasons };
    let path = evidence::write(&doors.workspace, evidence::STAGE_DRILL, name, &drilled)?;
    let kind = match drilled.reasons.is_empty() {
        true => format!("drill.{}", drill.kind.word()),
        false => format!("drill.{}.failed", drill.kind.word()),
    };
    let seconds = drilled.figures.longest_ms().map(|took| took as f64 / 1000.0);
    execute::tell(doors, &kind, name, seconds, vec![path])?;
    Ok(drilled)
}

#[cfg(test)]
mod tests;
