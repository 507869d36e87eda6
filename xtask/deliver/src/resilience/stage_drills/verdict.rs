//! What the figures of a drill on a stage must be. Pure: limits and figures in, reasons out.

use jiff::Timestamp;

use super::figures::{Figures, Killed, Parted, Restarted, RolledBack, Stale};
use super::{StageDrill, StageDrilled};
use crate::resilience::evidence::{Age, Kept};
use crate::resilience::plan;

/// A lock is free within this time after its holder died, in seconds: 30 s after the last sign of life, and the time to
/// notice.
pub const LOCK_SECONDS_MAX: u64 = 35;

/// Why a drill is red; nothing where it is green.
pub fn reasons(drill: &StageDrill, figures: &Figures) -> Vec<String> {
    match figures {
        Figures::Restart { hosts } if hosts.is_empty() => vec!["no host was killed".to_owned()],
        Figures::Restart { hosts } => hosts.iter().flat_map(|host| restarted(drill, host)).collect(),
        Figures::Rollback(figures) => rolled_back(drill, figures),
        Figures::DeployerKilled(figures) => killed(drill, figures),
        Figures::Partition(figures) => parted(drill, figures),
        Figures::StaleLock { hosts } if hosts.is_empty() => vec!["no lock was taken".to_owned()],
        Figures::StaleLock { hosts } => hosts.iter().flat_map(|host| stale(drill, host)).collect(),
    }
}

fn restarted(drill: &StageDrill, host: &Restarted) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut say = |reason: String| reasons.push(format!("{}: {reason}", host.host));
    if let Some(why) = too_long("it was ready again", host.ready_ms, drill.seconds_max) {
        say(why);
    }
    if !host.is_started_again {
        say("the host does not say that it started the service again: nothing was killed".to_owned());
    }
    match (host.acknowledged_before, host.acknowledged_after) {
        (0, _) => say("no record was acknowledged before the kill, so none could be lost".to_owned()),
        (_, 0) => say("no record was acknowledged after the kill".to_owned()),
        (_, _) => {}
    }
    if host.lost > 0 {
        let all = host.acknowledged_before + host.acknowledged_after;
        let first = host.lost_first.as_deref().unwrap_or("not known");
        say(format!("{} of {all} acknowledged records are lost, the first is {first}", host.lost));
    }
    reasons
}

fn rolled_back(drill: &StageDrill, figures: &RolledBack) -> Vec<String> {
    let back = format!("every host was ready with {}", figures.back);
    let forward = format!("every host was ready with {} again", figures.forward);
    let reasons = [
        too_long(&back, figures.back_ms, drill.seconds_max),
        too_long("`deploy rollback` ended well", figures.back_command_ms, u64::MAX),
        too_long(&forward, figures.forward_ms, u64::MAX),
        too_long("the way forward ended well", figures.forward_command_ms, u64::MAX),
    ];
    reasons.into_iter().flatten().collect()
}

fn killed(drill: &StageDrill, figures: &Killed) -> Vec<String> {
    let nobody = || "no host was on trial when the deployer was killed, so nothing was exercised".to_owned();
    let reasons = [
        figures.on_trial.is_empty().then(nobody),
        too_long("the locks were free", figures.lock_free_ms, LOCK_SECONDS_MAX),
        too_long("every host served what is confirmed", figures.confirmed_ms, drill.seconds_max),
        too_long("the same command ended well", figures.again_ms, u64::MAX),
        too_long("the stage was as before", figures.forward_ms, u64::MAX),
    ];
    reasons.into_iter().flatten().collect()
}

fn parted(drill: &StageDrill, figures: &Parted) -> Vec<String> {
    let not_cut = || format!("{} was still reached, so nothing was cut", figures.host);
    let well = || "the deployment ended well although a host was cut off".to_owned();
    let reasons = [
        (!figures.is_cut).then(not_cut),
        (figures.deployer_exit == Some(0)).then(well),
        too_long("the host undid its trial by itself", figures.undone_ms, drill.seconds_max),
        too_long("the stage was as before", figures.healed_ms, u64::MAX),
    ];
    reasons.into_iter().flatten().collect()
}

fn stale(drill: &StageDrill, host: &Stale) -> Vec<String> {
    let said = || format!("the frozen deployer was not refused when it went on: {}", host.zombie);
    let reasons = [
        too_long("the lock of a killed deployer was free", host.killed_free_ms, drill.seconds_max),
        too_long("the lock of a frozen deployer was free", host.frozen_free_ms, drill.seconds_max),
        (!host.is_zombie_refused).then(said),
    ];
    reasons.into_iter().flatten().map(|reason| format!("{}: {reason}", host.host)).collect()
}

/// Why a time does not meet the limit; nothing where it does. A time of zero was not measured.
fn too_long(what: &str, took_ms: Option<u64>, seconds_max: u64) -> Option<String> {
    match took_ms {
        None => Some(format!("it is not known that {what}")),
        Some(0) => Some(format!("{what} in no time at all: nothing was measured")),
        Some(took) if took > seconds_max.saturating_mul(1000) => {
            Some(format!("{what} after {took} ms, the limit is {seconds_max} s"))
        }
        Some(_) => None,
    }
}

/// What the last drill on a stage is worth now.
pub fn age(kept: Kept<StageDrilled>, now: Timestamp, age_days_max: u64) -> Age {
    plan::ended(kept.map(|drilled| (drilled.at, drilled.reasons)), now, age_days_max)
}
