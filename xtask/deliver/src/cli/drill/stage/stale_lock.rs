//! `cargo xtask drill stale-lock`: a lock whose holder does not give it back.

use std::time::Duration;

use nexus_xtask::failure::Result;
use nexus_xtask::shell::session::Session;

use super::ground::Ground;
use super::hold_lock::Said;
use crate::deploy::contract::{HostName, Trouble};
use crate::resilience::stage_drills::figures::{Figures, Stale};

/// How long a holder may take until it has the lock, and until it says what came of its call.
const WORD_LIMIT: Duration = Duration::from_secs(60);

/// How much longer than the limit is waited for a lock.
const SLACK: Duration = Duration::from_secs(30);

/// Takes the lock of each host from a dead holder, and from a frozen one.
pub(super) fn run(ground: &Ground<'_>, troubles: &mut Vec<String>) -> Result<Figures> {
    let mut hosts = Vec::new();
    for (host, _) in ground.confirmed() {
        let mut figures = Stale { host: host.0.clone(), ..Stale::default() };
        for of_one in [killed, frozen] {
            if let Err(why) = of_one(ground, &host, &mut figures) {
                troubles.push(format!("{}: {why}", host.0));
            }
        }
        hosts.push(figures);
    }
    Ok(Figures::StaleLock { hosts })
}

fn killed(ground: &Ground<'_>, host: &HostName, figures: &mut Stale) -> std::result::Result<(), String> {
    ground.doors.terminal.talk(&format!("{}: killing a deployer that holds the lock", host.0));
    let mut holder = hold(ground, host)?;
    holder.kill().map_err(|error| format!("it cannot be killed: {error}"))?;
    let killed = ground.doors.clock.start();
    let (lease, took) = ground.until_locked(host, killed, ground.patience() + SLACK)?;
    figures.killed_free_ms = Some(took);
    drop(lease);
    Ok(())
}

fn frozen(ground: &Ground<'_>, host: &HostName, figures: &mut Stale) -> std::result::Result<(), String> {
    ground.doors.terminal.talk(&format!("{}: freezing a deployer that holds the lock", host.0));
    let mut holder = hold(ground, host)?;
    holder.freeze().map_err(|error| format!("it cannot be frozen: {error}"))?;
    let frozen = ground.doors.clock.start();
    let (lease, took) = ground.until_locked(host, frozen, ground.patience() + SLACK)?;
    figures.frozen_free_ms = Some(took);
    // It goes on while another one has the lock, as a machine does that was asleep.
    holder.thaw().map_err(|error| format!("it cannot go on: {error}"))?;
    figures.zombie = holder.line(WORD_LIMIT).unwrap_or_else(|| "nothing".to_owned());
    let said = serde_json::from_str::<Said>(&figures.zombie);
    let newest = lease.fence();
    figures.is_zombie_refused =
        said.is_ok_and(|said| said == Said::Refused { trouble: Trouble::Fenced { newest } });
    drop(lease);
    Ok(())
}

/// A deployer that has the lock.
fn hold(ground: &Ground<'_>, host: &HostName) -> std::result::Result<Session, String> {
    let command = ground.own(&["drill", "hold-lock", "--stage", &ground.drill().stage, "--host", &host.0]);
    let mut holder = ground.doors.shell.session(&command).map_err(|error| format!("{error:#}"))?;
    match holder.line(WORD_LIMIT).map(|line| serde_json::from_str::<Said>(&line)) {
        Some(Ok(Said::Holds { .. })) => Ok(holder),
        Some(Ok(Said::Refused { trouble })) => Err(format!("its lock cannot be taken: {trouble}")),
        Some(Ok(Said::Acted)) | Some(Err(_)) | None => {
            Err("the deployer that was to hold the lock did not say that it has it".to_owned())
        }
    }
}
