//! Carries the effects of a plan out: observe, decide, intend, apply, verify, record, for each of them.
//!
//! First the whole world is looked at: where anything is different from the plan, nothing is changed at all. Then the
//! effects are applied in the plan's order; those that do not need each other are verified together, so that a registry
//! shows a whole wave of packages in the time that it needs for one. The journal is evidence, not memory: a run without
//! it finds the same by looking.

mod record;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use nexus_xtask::clock::Clock;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Exit, Failure, Finding, Result};
use nexus_xtask::files;
use nexus_xtask::satellite::Message;
use nexus_xtask::workspace::Workspace;
use nexus_xtask_deliver::release::effect::{Decision, Observed, decide};
use nexus_xtask_deliver::release::manifest::Manifest;
use nexus_xtask_deliver::release::plan::{Action, Plan, Step, defects};
use nexus_xtask_deliver::release::protocol::{Fault, FaultKind, Publish, Published, Seen};

use crate::ask::TOKEN;
use crate::forge::Forge;
use crate::http::Http;
use crate::registry::Registry;
use crate::speak::say;
use crate::trouble::Trouble;
use record::Record;

/// The first pause before looking again whether an effect is visible; each one is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// How often is looked for a draft that an earlier run meant to make and did not record, before it is made again.
const LOOKS_AFTER_INTENT: u32 = 6;

/// How often where no record tells of earlier runs, as on another machine.
const LOOKS_ANEW: u32 = 3;

/// The longest pause between two looks.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Everything that a run of the effects needs.
struct Run {
    plan: Plan,
    manifest: Manifest,
    staging: PathBuf,
    forge: Forge,
    registry: Registry,
    record: Record,
    faults: Vec<Fault>,
    /// What may still be waited.
    patience: Duration,
    /// The first pause before looking again for a draft.
    pause: Duration,
    published: Published,
}

/// Carries the effects out. The same request again goes on where the last one stopped.
pub(crate) async fn publish(
    workspace: &Workspace,
    environment: &Environment,
    clock: &Clock,
    wanted: Publish,
) -> Result<Published> {
    let _alone = files::try_lock(&workspace.state().join("release.lock"))?.ok_or_else(|| {
        Failure::new(Exit::Temporary, "another run publishes from this folder")
            .why("it holds `.xtask/release.lock`")
            .next("wait for its end, then run the same command again: it finds what is done")
    })?;
    let mut run = open(workspace, environment, clock, wanted)?;
    let done = run.all().await;
    // The registry's token ends by itself where this cannot be said.
    run.registry.end().await;
    done?;
    Ok(run.published)
}

/// Looks at every effect, and changes nothing.
pub(crate) async fn observe(
    workspace: &Workspace,
    environment: &Environment,
    clock: &Clock,
    wanted: Publish,
) -> Result<Vec<Seen>> {
    let mut run = open(workspace, environment, clock, wanted)?;
    let steps: Vec<Step> = run.plan.effects().cloned().collect();
    let mut seen = Vec::new();
    for step in &steps {
        seen.push(Seen { step: step.id.clone(), observed: run.observe(step).await? });
    }
    Ok(seen)
}

/// Checks the staged bytes, and finds the way to forge and registry.
fn open(workspace: &Workspace, environment: &Environment, clock: &Clock, wanted: Publish) -> Result<Run> {
    let unsound = defects(&wanted.plan);
    if !unsound.is_empty() {
        return Err(Failure::found(Exit::Usage, "the plan is not sound", unsound));
    }
    let (plan, manifest, seal) = nexus_xtask_deliver::release::staging::check(&wanted.staging)?;
    if plan.digest() != wanted.plan.digest() {
        return Err(Failure::refused("the staging folder was made for another plan")
            .why(format!(
                "it has {}, and {} is asked for",
                plan.digest().short(),
                wanted.plan.digest().short()
            ))
            .next("cargo xtask release stage"));
    }
    Ok(Run {
        forge: Forge::new(&wanted.endpoints.forge, &plan.repository, environment.get(TOKEN), clock)?,
        registry: Registry::new(&Http::new()?, clock, environment, &wanted.endpoints)?,
        record: Record::new(workspace, clock, seal),
        plan,
        manifest,
        staging: wanted.staging,
        faults: wanted.faults,
        patience: Duration::from_secs(wanted.wait_seconds_max),
        pause: Duration::from_millis(wanted.pause_milliseconds),
        published: Published::default(),
    })
}

impl Run {
    async fn all(&mut self) -> Result<()> {
        self.can_publish().await?;
        let steps: Vec<Step> = self.plan.effects().cloned().collect();
        let mut absent: BTreeSet<String> = BTreeSet::new();
        let mut conflicts = Vec::new();
        for step in &steps {
            match decide(self.observe(step).await?) {
                Decision::Apply => {
                    absent.insert(step.id.clone());
                }
                Decision::Leave => self.leave(step),
                Decision::Stop(difference) => conflicts.push((step, difference)),
            }
        }
        if !conflicts.is_empty() {
            return Err(conflict(&conflicts));
        }
        for batch in batches(&steps) {
            for (number, step) in &batch {
                if absent.contains(&step.id) {
                    self.apply(*number, step).await?;
                }
            }
            for (number, step) in &batch {
                if absent.contains(&step.id) {
                    self.verify(step).await?;
                    self.done(*number, step)?;
                }
            }
        }
        self.record.all_done(&self.plan)?;
        Ok(())
    }

    /// What the registry would refuse in the middle is refused before the beginning.
    async fn can_publish(&mut self) -> Result<()> {
        if self.plan.packages.is_empty() {
            return Ok(());
        }
        loop {
            match self.registry.check(&self.plan).await {
                Ok(()) => return Ok(()),
                Err(Trouble::Later { wait, why }) => self.wait("registry", wait, &why).await?,
                Err(Trouble::Failed(failure)) => return Err(failure),
            }
        }
    }

    /// Applies an effect that was absent, until it has been. After every trouble the world is looked at first: the other
    /// side may have done it and not been able to say so.
    async fn apply(&mut self, number: usize, step: &Step) -> Result<()> {
        loop {
            match decide(self.look(step).await?) {
                Decision::Apply => {}
                Decision::Leave => return Ok(()),
                Decision::Stop(difference) => return Err(conflict(&[(step, difference)])),
            }
            self.record.intent(step)?;
            self.crash(number, FaultKind::CrashBefore);
            let applied = match &step.action {
                Action::Publish { .. } => {
                    self.registry.apply(&self.plan, &self.manifest, &self.staging, &step.action).await
                }
                action => self.forge.apply(&self.plan, &self.manifest, &self.staging, action).await,
            };
            match applied {
                Ok(()) => {
                    self.crash(number, FaultKind::CrashAfter);
                    return Ok(());
                }
                Err(Trouble::Later { wait, why }) => {
                    self.crash(number, FaultKind::LostResponse);
                    self.wait(&step.id, wait, &why).await?;
                }
                Err(Trouble::Failed(failure)) => return Err(failure),
            }
        }
    }

    /// What the world says before an effect is applied. A second draft is the one thing that the other side takes without
    /// a word, and the list in which the first one would be seen may lag behind: so what is absent there is looked for
    /// several times. These pauses are few, and do not count as waiting for a limit.
    async fn look(&mut self, step: &Step) -> Result<Observed> {
        let looks = match &step.action {
            Action::Draft { .. } if self.record.is_intended(step)? => LOOKS_AFTER_INTENT,
            Action::Draft { .. } => LOOKS_ANEW,
            _ => 1,
        };
        let mut pause = self.pause;
        for _ in 1..looks {
            let observed = self.observe(step).await?;
            if observed != Observed::Absent {
                return Ok(observed);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        self.observe(step).await
    }

    /// Looks until the effect is visible.
    async fn verify(&mut self, step: &Step) -> Result<()> {
        let mut pause = PAUSE_MIN;
        loop {
            match self.observe(step).await? {
                Observed::Same => return Ok(()),
                Observed::Different(difference) => return Err(conflict(&[(step, difference)])),
                Observed::Absent => self.wait(&step.id, pause, "it is not visible yet").await?,
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn observe(&mut self, step: &Step) -> Result<Observed> {
        loop {
            let observed = match &step.action {
                Action::Publish { .. } => {
                    self.registry.observe(&self.plan, &self.manifest, &step.action).await
                }
                action => self.forge.observe(&self.plan, &self.manifest, action).await,
            };
            match observed {
                Ok(observed) => return Ok(observed),
                Err(Trouble::Later { wait, why }) => self.wait(&step.id, wait, &why).await?,
                Err(Trouble::Failed(failure)) => return Err(failure),
            }
        }
    }

    /// Waits, or gives up where that would take longer than is allowed.
    async fn wait(&mut self, what: &str, wait: Duration, why: &str) -> Result<()> {
        let Some(left) = self.patience.checked_sub(wait) else {
            return Err(Trouble::Later { wait, why: format!("`{what}`: {why}") }.into_failure());
        };
        self.patience = left;
        if wait >= Duration::from_secs(1) {
            tell(what, "waiting", &format!("{} s: {why}", wait.as_secs()));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn leave(&mut self, step: &Step) {
        tell(&step.id, "left", "it is so already");
        self.published.left.push(step.id.clone());
    }

    fn done(&mut self, number: usize, step: &Step) -> Result<()> {
        if self.is_planned(number, FaultKind::TornRecord) {
            self.record.tear(step)?;
            std::process::abort();
        }
        self.record.done(step)?;
        tell(&step.id, "applied", "");
        self.published.applied.push(step.id.clone());
        Ok(())
    }

    /// Ends this process at once where a rehearsal wants it to end here.
    fn crash(&self, number: usize, kind: FaultKind) {
        if self.is_planned(number, kind) {
            std::process::abort();
        }
    }

    fn is_planned(&self, number: usize, kind: FaultKind) -> bool {
        self.faults.contains(&Fault { effect: number, kind })
    }
}

/// Effects with their numbers, in groups of which no member needs another.
fn batches(steps: &[Step]) -> Vec<Vec<(usize, Step)>> {
    let mut batches: Vec<Vec<(usize, Step)>> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let fits = batches
            .last()
            .is_some_and(|batch| !batch.iter().any(|(_, other)| step.needs.contains(&other.id)));
        match batches.last_mut() {
            Some(batch) if fits => batch.push((index + 1, step.clone())),
            _ => batches.push(vec![(index + 1, step.clone())]),
        }
    }
    batches
}

fn tell(id: &str, state: &str, detail: &str) {
    say(&Message::Step { id: id.to_owned(), state: state.to_owned(), detail: detail.to_owned() });
}

/// The world is different from the plan.
fn conflict(differences: &[(&Step, Vec<String>)]) -> Failure {
    let findings = differences
        .iter()
        .map(|(step, difference)| {
            Finding::at("", 0, format!("{}\n    {}", step.id, difference.join("\n    ")), "")
        })
        .collect();
    Failure::found(
        Exit::Conflict,
        "the world is different from the plan, and nothing is overwritten",
        findings,
    )
    .why("`-` is what the plan says, `+` is what is there")
    .next("find out who made it; a release whose name or version is taken needs another version")
}

#[cfg(test)]
mod tests;
