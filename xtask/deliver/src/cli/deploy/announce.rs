//! A deployment as GitHub shows it. Hosts never wait for this record: it is asked for beside the deployment, and what goes
//! wrong with it is one warning.
//!
//! Whoever goes on with a deployment has its record, so only who holds the locks may write there: who comes too late, or
//! finds all done, says nothing.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::satellite::{self, SHIP};

use crate::deploy::config::Config;
use crate::deploy::contract::HostName;
use crate::deploy::engine::Outcome;
use crate::deploy::plan::{HostFacts, Kind, Plan};
use crate::deploy::protocol::{Announce, Announced, Progress, Request};
use crate::deploy::report;
use crate::release;

/// How long the forge may take for the begin of the record, and for its end: so much later may a command end for each.
const LIMIT_MILLISECONDS: u64 = 10_000;

/// The secret that may write it.
const TOKEN: &str = "GITHUB_TOKEN";

/// The record of one deployment.
pub(super) struct Record<'a> {
    doors: &'a Doors,
    plan: &'a Plan,
    /// Its own name there, the same for whoever goes on with it.
    id: String,
    is_last: bool,
}

impl<'a> Record<'a> {
    /// The record of a plan; none where `[github]` does not ask for one.
    pub(super) fn of(
        doors: &'a Doors,
        config: &Config,
        plan: &'a Plan,
        hosts: &BTreeMap<HostName, HostFacts>,
    ) -> Option<Record<'a>> {
        let ends = hosts.values().map(|facts| facts.ends_of(&plan.bundle.id)).max().unwrap_or_default();
        config.github.deployments.then(|| Record {
            doors,
            plan,
            id: format!("{} {} {ends}", plan.deployment(), plan.kind.word()),
            is_last: config.order().last() == Some(&plan.stage.as_str()),
        })
    }

    /// Deploys, and says so from the moment at which that is said to begin; then how it ended. What the forge answers changes
    /// nothing about the deployment.
    pub(super) fn around(
        &self,
        deploy: impl FnOnce(&(dyn Fn() + Sync)) -> Result<Outcome>,
    ) -> Result<Outcome> {
        let (outcome, begun) = std::thread::scope(|scope| {
            let asked = OnceLock::new();
            let outcome = deploy(&|| {
                asked.get_or_init(|| scope.spawn(|| self.begin()));
            });
            (outcome, asked.into_inner().map(std::thread::ScopedJoinHandle::join))
        });
        let Some(begun) = begun else { return outcome };
        let begun = begun.unwrap_or_else(|_| Err("asking for it panicked".to_owned()));
        let told = begun.and_then(|wanted| {
            let (progress, description) = self.end(&outcome);
            match self.ask(Announce { progress, description, ..wanted })?.problem {
                None => Ok(()),
                Some(why) => Err(why),
            }
        });
        if let Err(why) = told {
            self.doors
                .terminal
                .talk(&format!("warning: GitHub does not show how this deployment went: {why}"));
        }
        outcome
    }

    /// Makes the record, and says that it is under way. Where it has no number by then, nobody asks again: the end of the
    /// deployment would wait once more for a forge that is silent.
    fn begin(&self) -> std::result::Result<Announce, String> {
        let wanted = self.wanted().map_err(|failure| failure.in_one_line())?;
        match self.ask(wanted.clone())? {
            Announced { deployment: Some(deployment), .. } => {
                Ok(Announce { deployment: Some(deployment), ..wanted })
            }
            Announced { problem, .. } => Err(problem.unwrap_or_else(|| "it has no number".to_owned())),
        }
    }

    fn wanted(&self) -> Result<Announce> {
        let environment = &self.doors.environment;
        let config = release::config::load(&self.doors.workspace)?;
        let bundle = &self.plan.bundle;
        if bundle.commit.is_empty() {
            return Err(Failure::refused(format!("the hosts do not say the commit of {}", bundle.id.0))
                .next("it is written down since commits are noted: with its next deployment"));
        }
        let repository = match environment.get("GITHUB_REPOSITORY") {
            Some(repository) => repository.to_owned(),
            None => release::plan::repository(&config, &release::facts::gather(self.doors)?)
                .map_err(|findings| Failure::found(Exit::Usage, "no repository", findings))?,
        };
        let forge = environment.get("GITHUB_API_URL").unwrap_or(&config.forge.api);
        let run = environment.get("GITHUB_RUN_ID").zip(environment.get("GITHUB_SERVER_URL"));
        Ok(Announce {
            forge: forge.trim_end_matches('/').to_owned(),
            log_url: run.map(|(run, server)| format!("{server}/{repository}/actions/runs/{run}")),
            repository,
            limit_ms: LIMIT_MILLISECONDS,
            id: self.id.clone(),
            deployment: None,
            commit: bundle.commit.clone(),
            environment: self.plan.stage.clone(),
            production: self.is_last,
            task: match self.plan.kind {
                Kind::Deploy => "deploy".to_owned(),
                Kind::Rollback => "rollback".to_owned(),
            },
            seal: bundle.seal.clone(),
            release: bundle.id.0.clone(),
            progress: Progress::InProgress,
            description: format!("{} is on its way", bundle.id.0),
            environment_url: None,
        })
    }

    /// How it ended, in the words of the forge and of the report.
    fn end(&self, outcome: &Result<Outcome>) -> (Progress, String) {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(failure) => return (Progress::Error, failure.problem.clone()),
        };
        let progress = match outcome {
            Outcome::Succeeded | Outcome::Already => Progress::Success,
            Outcome::Refused { .. } | Outcome::RolledBack { .. } => Progress::Failure,
            Outcome::Paused { .. } | Outcome::Person { .. } | Outcome::LockLost => Progress::Error,
            // Neither began.
            Outcome::Busy { .. } | Outcome::Outdated { .. } => Progress::Inactive,
        };
        let text = match report::outcome(self.plan, outcome, &self.doors.environment.typed()) {
            Ok((_, text)) => text,
            Err(failure) => failure.problem,
        };
        (progress, text)
    }

    fn ask(&self, wanted: Announce) -> std::result::Result<Announced, String> {
        let request = Request::Announce(Box::new(wanted));
        satellite::call(self.doors, SHIP, &request, &[TOKEN], |_| {}).map_err(|failure| failure.in_one_line())
    }
}
