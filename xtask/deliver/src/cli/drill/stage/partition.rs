//! `cargo xtask drill partition`: the way to a host is cut while a release is on trial there.

use std::time::Duration;

use nexus_xtask::failure::Result;
use nexus_xtask::shell::Ended;
use nexus_xtask::shell::session::Session;

use super::deployer_killed::{is_settled, undone_within};
use super::ground::Ground;
use crate::deploy::contract::{HostName, Line, Observed};
use crate::resilience::stage_drills::figures::{Figures, Parted};

/// How much longer than it should take is waited for the host's undo, and for the deployer.
const SLACK: Duration = Duration::from_secs(30);

/// A cut that is healed however the drill ends.
struct Cut<'a> {
    ground: &'a Ground<'a>,
    host: HostName,
    is_healed: bool,
}

/// Cuts the first host that is on trial, and lets it be.
pub(super) fn run(ground: &Ground<'_>, troubles: &mut Vec<String>) -> Result<Figures> {
    let way = ground.way()?;
    let mut figures = Parted { back: way.back.clone(), forward: way.forward.clone(), ..Parted::default() };
    let talk = |line: &str| ground.doors.terminal.talk(line);
    talk(&format!("bringing `{}` to {}, to be cut off on the way", ground.drill().stage, way.back));
    let mut deployer = ground.doors.shell.session(&ground.bring_to(&way.back))?;
    let on_trial = ground.until_on_trial(&way.back, || deployer.ended().is_some());
    let Some((host, observed)) = on_trial.into_iter().next() else {
        troubles.push("the deployer ended before a host could be cut off".to_owned());
        return Ok(Figures::Partition(figures));
    };
    figures.host = host.0.clone();
    let mut cut = Cut { ground, host: host.clone(), is_healed: false };
    talk(&format!("cutting {} off", host.0));
    let begun = ground.doors.clock.start();
    let wait = undone_within([&observed].into_iter()) + SLACK;
    if let Err(why) = cut.run(&ground.drill().cut) {
        troubles.push(format!("the cut failed: {why}"));
    } else {
        figures.is_cut = ground.observe(&host).is_err();
        figures.deployer_exit = ended(&mut deployer, wait + SLACK);
        // The host undoes it while nobody reaches it: it is given the time that it was armed for.
        while begun.elapsed() < wait {
            std::thread::park_timeout(wait.saturating_sub(begun.elapsed()));
        }
    }
    talk(&format!("healing {}", host.0));
    if let Err(why) = cut.heal() {
        troubles.push(format!("{} could not be healed: {why}", host.0));
    }
    after(ground, &mut figures, (&host, &observed), wait, troubles);
    Ok(Figures::Partition(figures))
}

/// What the host says once it is reached again: when it went back, and that the stage is as before.
fn after(
    ground: &Ground<'_>,
    figures: &mut Parted,
    (host, before): (&HostName, &Observed),
    limit: Duration,
    troubles: &mut Vec<String>,
) {
    let healed = ground.doors.clock.start();
    let forward = figures.forward.clone();
    let is_back = |observed: &Observed| {
        is_settled(observed) && observed.confirmed.as_ref().is_some_and(|one| one.0 == forward)
    };
    match ground.until(healed, limit, is_back) {
        Ok(took) => figures.healed_ms = Some(took),
        Err(why) => troubles.push(why),
    }
    if let Some(Ok(facts)) = ground.look().remove(host) {
        let is_undo = |line: &&Line| {
            line.step == "undo" && line.phase == "done" && line.at_seconds >= before.clock_seconds
        };
        let undone = facts.journal.iter().find(is_undo);
        // The clock of the host counts seconds: what took less counts as one.
        let took = undone.map(|line| (line.at_seconds - before.clock_seconds).unsigned_abs().max(1) * 1000);
        figures.undone_ms = took;
    }
}

fn ended(deployer: &mut Session, limit: Duration) -> Option<i32> {
    match deployer.wait_for(limit).ok()?? {
        Ended::Exit(code) => Some(code),
        Ended::Signal(_) | Ended::Missing | Ended::NotStarted(_) => None,
    }
}

impl Cut<'_> {
    fn run(&self, words: &[String]) -> std::result::Result<(), String> {
        let command = super::filled(words, &[("{host}", &self.host.0)]);
        let said = self.ground.doors.shell.capture(&command).map_err(|error| format!("{error:#}"))?;
        if said.is_success() { Ok(()) } else { Err(format!("{}: {}", said.ended, said.stderr.trim())) }
    }

    fn heal(&mut self) -> std::result::Result<(), String> {
        self.is_healed = true;
        self.run(&self.ground.drill().heal)
    }
}

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        if !self.is_healed
            && let Err(why) = self.heal()
        {
            self.ground.doors.terminal.talk(&format!("{} could not be healed: {why}", self.host.0));
        }
    }
}
