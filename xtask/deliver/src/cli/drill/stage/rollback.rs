//! `cargo xtask drill rollback`: the stage goes back by the command that a person would type, and forward again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nexus_xtask::failure::Result;

use super::ground::Ground;
use super::wait::LOOK_EVERY;
use crate::resilience::stage_drills::figures::{Figures, RolledBack};

/// Goes back and forward. Without a way back there is none forward.
pub(super) fn run(ground: &Ground<'_>, troubles: &mut Vec<String>) -> Result<Figures> {
    let way = ground.way()?;
    let mut figures =
        RolledBack { back: way.back.clone(), forward: way.forward.clone(), ..RolledBack::default() };
    (figures.back_ms, figures.back_command_ms) = bring(ground, &way.back, ground.patience(), troubles);
    if figures.back_command_ms.is_some() {
        (figures.forward_ms, figures.forward_command_ms) =
            bring(ground, &way.forward, ground.patience(), troubles);
    }
    Ok(Figures::Rollback(figures))
}

/// Brings the stage to a release, and looks at it meanwhile: until every host was ready, and until the command ended.
fn bring(
    ground: &Ground<'_>,
    release: &str,
    limit: Duration,
    troubles: &mut Vec<String>,
) -> (Option<u64>, Option<u64>) {
    ground.doors.terminal.talk(&format!("bringing `{}` to {release}", ground.drill().stage));
    let begun = ground.doors.clock.start();
    let is_over = AtomicBool::new(false);
    let (ready, command) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            // As long as the command runs there is hope.
            loop {
                let is_last = is_over.load(Ordering::Relaxed);
                match ground.until_all_serve(release, begun, limit) {
                    Err(_) if !is_last => std::thread::park_timeout(LOOK_EVERY),
                    ready => return ready,
                }
            }
        });
        let command = ground.brought_to(release);
        is_over.store(true, Ordering::Relaxed);
        let ready = looking.join().unwrap_or_else(|_| Err("looking at the hosts panicked".to_owned()));
        (ready, command)
    });
    let mut figure = |result: std::result::Result<u64, String>| result.map_err(|why| troubles.push(why)).ok();
    (figure(ready), figure(command))
}
