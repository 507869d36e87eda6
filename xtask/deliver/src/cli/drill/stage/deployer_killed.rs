//! `cargo xtask drill deployer-killed`: a deployer dies while its release is on trial.

use std::time::Duration;

use nexus_xtask::failure::Result;

use super::ground::{Ground, milliseconds, serves};
use crate::deploy::contract::Observed;
use crate::resilience::stage_drills::figures::{Figures, Killed};
use crate::resilience::stage_drills::verdict::LOCK_SECONDS_MAX;

/// How much longer than it should take is waited for what a host does by itself.
const SLACK: Duration = Duration::from_secs(30);

/// Kills a deployer, waits without touching anything, and then runs the same command again.
pub(super) fn run(ground: &Ground<'_>, troubles: &mut Vec<String>) -> Result<Figures> {
    let way = ground.way()?;
    let mut figures = Killed { back: way.back.clone(), forward: way.forward.clone(), ..Killed::default() };
    let talk = |line: &str| ground.doors.terminal.talk(line);
    talk(&format!("bringing `{}` to {}, to be killed on the way", ground.drill().stage, way.back));
    let begun = ground.doors.clock.start();
    let mut deployer = ground.doors.shell.session(&ground.bring_to(&way.back))?;
    let on_trial = ground.until_on_trial(&way.back, || deployer.ended().is_some());
    let ended = deployer.kill().map_err(anyhow::Error::from)?;
    let killed = ground.doors.clock.start();
    figures.on_trial = on_trial.keys().map(|host| host.0.clone()).collect();
    if on_trial.is_empty() {
        troubles.push(format!("the deployer ended before it could be killed: {ended}"));
    } else {
        figures.killed_after_ms = Some(milliseconds(begun.until(killed)));
        talk(&format!("killed with {} on trial; the hosts are left alone", way.back));
    }
    let mut figure = |result: std::result::Result<u64, String>| result.map_err(|why| troubles.push(why)).ok();
    let limit = Duration::from_secs(LOCK_SECONDS_MAX) + SLACK;
    figures.lock_free_ms = figure(ground.until(killed, limit, |observed| observed.holder.is_none()));
    let limit = undone_within(on_trial.values()).max(ground.patience()) + SLACK;
    figures.confirmed_ms = figure(ground.until(killed, limit, is_settled));
    figures.again_ms = figure(ground.brought_to(&way.back));
    let begun = ground.doors.clock.start();
    let forward = ground.brought_to(&way.forward);
    let all = forward.and_then(|_| ground.until_all_serve(&way.forward, begun, limit));
    figures.forward_ms = figure(all);
    Ok(Figures::DeployerKilled(figures))
}

/// Nothing is on trial, nothing is armed, and what is confirmed serves alone.
pub(super) fn is_settled(observed: &Observed) -> bool {
    observed.trial.is_none() && observed.armed.is_none() && serves(observed)
}

/// How long it is until the last armed undo fires.
pub(super) fn undone_within<'a>(hosts: impl Iterator<Item = &'a Observed>) -> Duration {
    let left = |observed: &Observed| {
        let armed = observed.armed.as_ref()?;
        u64::try_from(armed.at_seconds - observed.clock_seconds).ok()
    };
    Duration::from_secs(hosts.filter_map(left).max().unwrap_or(0))
}
