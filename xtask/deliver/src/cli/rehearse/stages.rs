//! The part of a rehearsal that deploys: every stage, then everything that must be caught in the last one.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;

use super::Acts;
use super::picture::Live;
use crate::address;
use crate::cli::deploy::Wanted;
use crate::cli::deploy::run::{Staged, Way, staged};
use crate::deploy::config::{self, Stage};
use crate::deploy::contract::{Bundle, Door, HostName, ReleaseId};
use crate::deploy::engine::Outcome;
use crate::deploy::plan::{HostFacts, Kind, Plan};
use crate::deploy::twin::{self, Twin};
use crate::deploy::{execute, facts};

/// A variable that makes the same bytes another release, which is as good.
const OTHER: (&str, &str) = ("XTASK_REHEARSAL", "another release");

/// The stages on this machine, and what is deployed to them.
pub(super) struct Stages<'a> {
    doors: &'a Doors,
    twin: Twin,
    staged: Staged,
    /// The stages in the order of promotion; there is at least one.
    order: Vec<String>,
}

impl<'a> Stages<'a> {
    pub(super) fn raise(doors: &'a Doors, folder: &Path) -> Result<Stages<'a>> {
        let declared = config::load(&doors.workspace)?;
        let addresses = address::free(twin::hosts(&declared))?;
        let addresses = addresses.iter().map(ToString::to_string).collect();
        let twin = twin::twin(&declared, addresses);
        let staged = staged(doors, &twin.config, Some(folder))?;
        let order = twin.config.order().into_iter().map(str::to_owned).collect();
        Ok(Stages { doors, twin, staged, order })
    }

    pub(super) fn left_out(&self) -> Vec<String> {
        self.twin.left_out.clone()
    }

    /// Deploys to every stage; plants in the last what must be caught, and looks each time at what it serves then.
    pub(super) fn play(&self, acts: &mut Acts<'_>) -> Result<()> {
        for name in &self.order {
            acts.play(name, || self.promote(name))?;
        }
        let Some(last) = self.order.last() else { return Ok(()) };
        let good = self.bundle(last, &BTreeMap::new())?;
        acts.play("damaged", || self.damaged(last, &good))?;
        acts.play("bad release", || self.bad(last, &good))?;
        acts.play("roll back", || self.there_and_back(last, &good))
    }

    fn promote(&self, name: &str) -> Result<((), String)> {
        let bundle = self.bundle(name, &BTreeMap::new())?;
        let (plan, outcome) = self.deploy(name, bundle.clone())?;
        must(name, &bundle.id, &outcome, matches!(outcome, Outcome::Succeeded))?;
        let hosts = self.serves(name, &bundle.id)?.len();
        Ok(((), format!("{} on {hosts} of {hosts} hosts, in {} waves", bundle.id.0, plan.waves.len())))
    }

    /// An archive that lost its last byte on the way.
    fn damaged(&self, name: &str, good: &Bundle) -> Result<((), String)> {
        let bytes = files::read(&good.archive)?.context("the archive was there a moment ago")?;
        let damaged = self.doors.workspace.state().join("damaged.tar.gz");
        files::write_cache(&damaged, &bytes[..bytes.len().saturating_sub(1)])?;
        let mut bundle = self.bundle(name, &variable("damaged"))?;
        bundle.archive = damaged;
        let (_, outcome) = self.deploy(name, bundle.clone())?;
        must(name, &bundle.id, &outcome, matches!(outcome, Outcome::Refused { .. }))?;
        self.serves(name, &good.id)?;
        Ok(((), "an archive without its last byte: refused, nothing was switched".to_owned()))
    }

    /// The sealed bytes with the variables that make them bad.
    fn bad(&self, name: &str, good: &Bundle) -> Result<((), String)> {
        let bad = &self.twin.config.rehearsal.bad;
        if bad.is_empty() {
            return Ok(((), format!("none was planted: {} has no `rehearsal.bad`", config::FILE)));
        }
        let bundle = self.bundle(name, bad)?;
        let (plan, outcome) = self.deploy(name, bundle.clone())?;
        must(name, &bundle.id, &outcome, matches!(outcome, Outcome::RolledBack { .. }))?;
        let hosts = self.serves(name, &good.id)?;
        let served = |facts: &HostFacts| {
            facts.journal.iter().any(|line| line.step == "switch" && line.subject == bundle.id.0)
        };
        let touched = hosts.iter().filter(|(_, facts)| served(facts));
        let touched: Vec<_> = touched.map(|(host, _)| host.0.as_str()).collect();
        let planted: Vec<_> = bad.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let what = format!(
            "{}: {}; of {} hosts it got to {}",
            planted.join(" "),
            word(&outcome),
            plan.hosts().len(),
            touched.join(" ")
        );
        Ok(((), what))
    }

    /// Another good release, and back to the one before.
    fn there_and_back(&self, name: &str, good: &Bundle) -> Result<((), String)> {
        let other = self.bundle(name, &variable(OTHER.1))?;
        let (_, outcome) = self.deploy(name, other.clone())?;
        must(name, &other.id, &outcome, matches!(outcome, Outcome::Succeeded))?;
        self.serves(name, &other.id)?;
        let begun = self.doors.clock.start();
        let way = Way::open(self.doors, &self.twin.config, name, self.stage(name)?)?;
        let back = way.good(None)?;
        let (plan, refused) = way.plan(Kind::Rollback, back.clone(), None, &Wanted::to(name))?;
        if !refused.is_empty() {
            return Err(crate::deploy::plan::failure(&refused, format!("`{name}` cannot go back")));
        }
        let outcome = way.carry_out(plan)?.outcome;
        must(name, &back.id, &outcome, matches!(outcome, Outcome::Succeeded))?;
        self.serves(name, &good.id)?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(((), format!("from {} to {} in {seconds:.1} s", other.id.0, good.id.0)))
    }

    fn stage(&self, name: &str) -> Result<&Stage> {
        self.twin.config.stage(name)
    }

    /// The sealed bytes with the variables of a stage, and these.
    fn bundle(&self, name: &str, more: &BTreeMap<String, String>) -> Result<Bundle> {
        let mut stage = self.stage(name)?.clone();
        stage.configuration.extend(more.clone());
        Ok(facts::bundle(&self.twin.config, &stage, &self.staged.sealed))
    }

    fn deploy(&self, name: &str, bundle: Bundle) -> Result<(Plan, Outcome)> {
        let way = Way::open(self.doors, &self.twin.config, name, self.stage(name)?)?;
        let (plan, refused) = way.plan(Kind::Deploy, bundle, Some(&self.staged), &Wanted::to(name))?;
        if !refused.is_empty() {
            return Err(crate::deploy::plan::failure(&refused, format!("`{name}` cannot have this release")));
        }
        let deployed = way.carry_out(plan)?;
        Ok((deployed.plan, deployed.outcome))
    }

    /// Every host of a stage, when each confirmed this release, serves it alone, and answers as it.
    fn serves(&self, name: &str, release: &ReleaseId) -> Result<BTreeMap<HostName, HostFacts>> {
        let config = &self.twin.config;
        let stage = self.stage(name)?;
        let driver = facts::driver(self.doors, config, name, stage)?;
        let mut hosts = BTreeMap::new();
        for (host, found) in facts::look(driver.as_ref(), stage) {
            let wrong = |why: String| {
                Failure::no(format!("`{}` of `{name}` does not serve {}", host.0, release.0))
                    .why(why)
                    .next("this is a defect of the toolkit or of the service; its log is below .xtask/rehearsal/hosts")
            };
            let found = found.map_err(|trouble| wrong(trouble.to_string()))?;
            let observed = &found.observed;
            let alone = observed.running.iter().all(|one| one.serving && one.release == *release);
            if observed.confirmed.as_ref() != Some(release) || observed.running.is_empty() || !alone {
                let confirmed = observed.confirmed.as_ref().map_or("nothing", |one| one.0.as_str());
                let runs: Vec<_> = observed.running.iter().map(|one| one.release.0.as_str()).collect();
                return Err(wrong(format!("{confirmed} is confirmed, and there runs: {}", runs.join(" "))));
            }
            execute::until_ready(self.doors, config, driver.as_ref(), &host, Door::Public, release)
                .map_err(wrong)?;
            hosts.insert(host, found);
        }
        Ok(hosts)
    }

    /// What runs where, each asked once more.
    pub(super) fn live(&self) -> Result<Vec<Live>> {
        let mut live = Vec::new();
        for name in &self.order {
            let bundle = self.bundle(name, &BTreeMap::new())?;
            let stage = self.stage(name)?;
            for (host, _) in self.serves(name, &bundle.id)? {
                live.push(Live {
                    stage: name.clone(),
                    address: stage.hosts.get(&host.0).map(|host| host.listen.clone()).unwrap_or_default(),
                    host: host.0,
                    release: bundle.id.0.clone(),
                    digest: bundle.digest.to_string(),
                });
            }
        }
        Ok(live)
    }
}

fn variable(value: &str) -> BTreeMap<String, String> {
    [(OTHER.0.to_owned(), value.to_owned())].into()
}

/// A rehearsal fails where a deployment ends in another way than it must.
fn must(name: &str, release: &ReleaseId, outcome: &Outcome, is_so: bool) -> Result<()> {
    if is_so {
        return Ok(());
    }
    Err(Failure::no(format!("the deployment of {} to `{name}` did not end as it must", release.0))
        .why(word(outcome))
        .next("the log of the service is below .xtask/rehearsal/hosts"))
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded => "confirmed".to_owned(),
        Outcome::Already => "there already".to_owned(),
        Outcome::Refused { why } => format!("refused ({})", why.join("; ")),
        Outcome::RolledBack { why } => format!("rolled back ({})", why.join("; ")),
        Outcome::Paused { why } => format!("paused ({why})"),
        Outcome::Person { why } => format!("a person must look ({})", why.join("; ")),
        Outcome::Busy { host, trouble } => format!("busy ({}: {trouble})", host.0),
        Outcome::Outdated { host } => format!("out of date ({})", host.0),
        Outcome::LockLost => "the lock was lost".to_owned(),
    }
}
