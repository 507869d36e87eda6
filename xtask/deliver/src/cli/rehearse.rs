//! `cargo xtask rehearse`: from what would ship to a service that runs, with what must be caught planted on the way. It
//! needs no secret and no root, and reaches nothing but this machine.

mod picture;
mod stages;

use std::path::PathBuf;

use nexus_xtask::clock::spoken;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Result};
use nexus_xtask::files;

use crate::cli::release::{gate, rehearse as publish};
use crate::deploy::{config, facts};
use crate::release::manifest::Manifest;
use crate::release::plan::Plan;
use crate::release::{self, rehearsal, staging};

use picture::{Act, Picture};
use stages::Stages;

/// How far the rehearsal goes, and what stays of it.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Build no consumer of the published packages, which takes longest
    #[arg(long)]
    no_consumer: bool,
    /// Leave the hosts of the rehearsal running
    #[arg(long)]
    keep: bool,
    /// End the hosts that `--keep` left running, and do nothing else
    #[arg(long, conflicts_with_all = ["keep", "no_consumer"])]
    stop: bool,
}

/// What is done, one after the other, each told when it begins and when it is done.
pub(super) struct Acts<'a> {
    doors: &'a Doors,
    done: Vec<Act>,
}

impl Acts<'_> {
    pub(super) fn play<T>(&mut self, name: &str, act: impl FnOnce() -> Result<(T, String)>) -> Result<T> {
        self.doors.terminal.talk(&picture::row(name, "..."));
        let begun = self.doors.clock.start();
        let (found, what) = act()?;
        let act = Act { name: name.to_owned(), what, seconds: begun.elapsed().as_secs_f64() };
        self.doors.terminal.talk(&act.line());
        self.done.push(act);
        Ok(found)
    }
}

pub(super) fn run(doors: &Doors, arguments: &Arguments) -> Result<Exit> {
    let own = doors.rehearsing();
    // What an earlier rehearsal left, too: each begins with hosts that never had a release.
    facts::end_local(&own)?;
    if arguments.stop {
        doors.terminal.talk("no host of a rehearsal runs");
        return Ok(Exit::Done);
    }
    let played = play(doors, &own, arguments);
    if !arguments.keep {
        facts::end_local(&own)?;
    }
    let picture = played?;
    if doors.terminal.is_json() {
        doors.terminal.json(&picture)?;
    } else {
        doors.terminal.data(&picture.text());
    }
    Ok(Exit::Done)
}

fn play(doors: &Doors, own: &Doors, arguments: &Arguments) -> Result<Picture> {
    let begun = doors.clock.start();
    let mut acts = Acts { doors, done: Vec::new() };
    acts.play("propose", || propose(doors))?;
    let (plan, folder) = acts.play("build", || build(doors, own))?;
    let (_, manifest, seal) = staging::check(&folder)?;
    acts.play("gates", || gates(doors, &plan, &manifest))?;
    acts.play("publish", || publish_here(doors, &plan, folder.clone(), !arguments.no_consumer))?;
    let mut picture = Picture {
        commit: plan.commit.clone(),
        seal: seal.to_string(),
        kept: arguments.keep,
        ..Picture::default()
    };
    if files::read_text(&doors.workspace.file(config::FILE))?.is_some() {
        let stages = Stages::raise(own, &folder)?;
        stages.play(&mut acts)?;
        picture.live = stages.live()?;
        picture.left_out = stages.left_out();
    } else {
        let nothing = format!("nothing: there is no {}", config::FILE);
        acts.play("deploy", || Ok(((), nothing)))?;
    }
    picture.acts = acts.done;
    picture.took = spoken(begun.elapsed());
    Ok(picture)
}

fn propose(doors: &Doors) -> Result<((), String)> {
    let proposal = match release::proposal_of(doors, false) {
        Ok(proposal) => proposal,
        // A clone without its history can be built and deployed all the same.
        Err(failure) if failure.exit == Exit::Refused => {
            return Ok(((), format!("not available: {}", failure.problem)));
        }
        Err(failure) => return Err(failure),
    };
    let of_one = |next: &release::propose::Next| match next.since {
        Some(_) if next.now == next.next => format!("{} {}, as it is prepared", next.unit, next.next),
        Some(_) => format!("{} {} -> {}", next.unit, next.now, next.next),
        None => format!("{} {}, its first release", next.unit, next.next),
    };
    let due: Vec<_> = proposal.releases.iter().map(of_one).collect();
    let what = if due.is_empty() { "nothing is due".to_owned() } else { due.join("; ") };
    Ok(((), format!("{what}; {} commits were read", proposal.commits)))
}

fn build(doors: &Doors, own: &Doors) -> Result<((Plan, PathBuf), String)> {
    let (plan, folder) = rehearsal::stage(doors, &own.workspace.state())?;
    let what = format!("{} artifacts for {}, sealed", plan.artifacts.len(), plan.targets.join(", "));
    Ok(((plan, folder), what))
}

/// A rehearsal asks the gates, and goes on: what is missing for a release is known today.
fn gates(doors: &Doors, plan: &Plan, manifest: &Manifest) -> Result<((), String)> {
    let asked = gate::asked(doors, plan, manifest)?;
    let shut: Vec<_> = asked.iter().filter(|asked| asked.stops()).map(|asked| asked.gate.as_str()).collect();
    let open = asked.len() - shut.len();
    let what = match shut.is_empty() {
        true => format!("all {open} are open"),
        false => format!("{open} of {} are open; a release waits for {}", asked.len(), shut.join(", ")),
    };
    Ok(((), what))
}

fn publish_here(doors: &Doors, plan: &Plan, folder: PathBuf, consumer: bool) -> Result<((), String)> {
    let rehearsed = publish::publish(doors, plan.clone(), folder, consumer)?;
    let consumed = match rehearsed.consumed.as_slice() {
        [] => "no consumer was built".to_owned(),
        packages => format!("a consumer was built and tested with {}", packages.join(", ")),
    };
    Ok(((), format!("{} effects on loopback servers; {consumed}", rehearsed.effects)))
}
