//! The way back: effects are taken back in the reverse of their order, as far as each of them can be.
//!
//! Dependants are yanked before what they need, so that at no time something can be resolved that needs what is gone.

use std::time::Duration;

use nexus_xtask::clock::Clock;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::Result;
use nexus_xtask::satellite::Message;
use nexus_xtask_deliver::release::plan::{Action, Plan};
use nexus_xtask_deliver::release::protocol::{Withdraw, Withdrawn};

use crate::ask::TOKEN;
use crate::forge::Forge;
use crate::http::Http;
use crate::registry::{Registry, Yank};
use crate::speak::say;
use crate::trouble::Trouble;

/// Takes the effects of a plan back. The same request again finds what is left to do.
pub(crate) async fn withdraw(
    environment: &Environment,
    clock: &Clock,
    wanted: &Withdraw,
) -> Result<Vec<Withdrawn>> {
    let plan = &wanted.plan;
    let forge = Forge::new(&wanted.endpoints.forge, &plan.repository, environment.get(TOKEN), clock)?;
    let registry = Registry::new(&Http::new()?, clock, environment, &wanted.endpoints)?;
    let done = all(plan, wanted, &forge, &registry).await;
    registry.end().await;
    done
}

async fn all(plan: &Plan, wanted: &Withdraw, forge: &Forge, registry: &Registry) -> Result<Vec<Withdrawn>> {
    let mut effects: Vec<_> = plan.effects().collect();
    effects.reverse();
    let mut patience = Duration::from_secs(wanted.wait_seconds_max);
    let mut withdrawn = Vec::new();
    for step in effects {
        let chosen = match &step.action {
            Action::Publish { .. } => wanted.packages,
            _ => wanted.releases,
        };
        if !chosen {
            continue;
        }
        let how = loop {
            match one(plan, &step.action, forge, registry).await {
                Ok(how) => break how,
                Err(Trouble::Later { wait, .. }) if wait <= patience => {
                    patience -= wait;
                    tokio::time::sleep(wait).await;
                }
                Err(trouble) => return Err(trouble.into_failure()),
            }
        };
        say(&Message::Step { id: step.id.clone(), state: "back".to_owned(), detail: how.clone() });
        withdrawn.push(Withdrawn { step: step.id.clone(), how });
    }
    Ok(withdrawn)
}

async fn one(
    plan: &Plan,
    action: &Action,
    forge: &Forge,
    registry: &Registry,
) -> std::result::Result<String, Trouble> {
    let Action::Publish { package, .. } = action else { return forge.take_back(plan, action).await };
    let Some(package) = plan.package(package) else { return Ok("the plan does not know it".to_owned()) };
    if registry.line(&package.name, &package.version).await?.is_none() {
        return Ok(format!("`{}` {} was not published", package.name, package.version));
    }
    registry.yank(&package.name, &package.version, Yank::Yank).await?;
    Ok(format!("`{}` {} is yanked", package.name, package.version))
}
