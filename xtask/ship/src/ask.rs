//! Requests that are one question to the forge: each makes a client, asks, and gives the answer back as it is.

use serde::Serialize;
use serde_json::Value;

use nexus_xtask::clock::Clock;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::Result;
use nexus_xtask_deliver::deploy::protocol::{Announce, Announced};
use nexus_xtask_deliver::release::protocol::forge::{AskPublished, AskSettings};
use nexus_xtask_deliver::release::protocol::{Checks, Issues, PullRequest};

use crate::forge::Forge;
use crate::trouble::Trouble;

/// The variable with the forge's token.
pub(crate) const TOKEN: &str = "GITHUB_TOKEN";

pub(crate) fn checks(environment: &Environment, clock: &Clock, wanted: &Checks) -> Result<Value> {
    let (forge, repository) = (&wanted.endpoints.forge, &wanted.repository);
    with_forge(environment, clock, (forge, repository), async |forge| forge.checks(&wanted.commit).await)
}

pub(crate) fn issues(environment: &Environment, clock: &Clock, wanted: &Issues) -> Result<Value> {
    let (forge, repository) = (&wanted.endpoints.forge, &wanted.repository);
    with_forge(environment, clock, (forge, repository), async |forge| forge.issues(&wanted.label).await)
}

pub(crate) fn pull_request(environment: &Environment, clock: &Clock, wanted: &PullRequest) -> Result<Value> {
    let (forge, repository) = (&wanted.endpoints.forge, &wanted.repository);
    with_forge(environment, clock, (forge, repository), async |forge| forge.pull_request(wanted).await)
}

pub(crate) fn settings(environment: &Environment, clock: &Clock, wanted: &AskSettings) -> Result<Value> {
    let (forge, repository) = (&wanted.forge, &wanted.repository);
    with_forge(environment, clock, (forge, repository), async |forge| forge.settings(wanted).await)
}

pub(crate) fn published(environment: &Environment, clock: &Clock, wanted: &AskPublished) -> Result<Value> {
    let (forge, repository) = (&wanted.forge, &wanted.repository);
    with_forge(environment, clock, (forge, repository), async |forge| forge.published(&wanted.tag).await)
}

/// Whatever goes wrong is part of the answer: nothing waits for the forge's record of a deployment, least of all a rollback.
pub(crate) fn announce(environment: &Environment, clock: &Clock, wanted: &Announce) -> Result<Value> {
    let (forge, repository) = (&wanted.forge, &wanted.repository);
    let announced = with_forge(environment, clock, (forge, repository), async |forge| {
        Ok(forge.announce_deployment(wanted).await)
    });
    announced.or_else(|failure| {
        let announced = Announced { deployment: wanted.deployment, problem: Some(failure.in_one_line()) };
        Ok(serde_json::to_value(announced).map_err(anyhow::Error::from)?)
    })
}

fn with_forge<A: Serialize>(
    environment: &Environment,
    clock: &Clock,
    (address, repository): (&str, &str),
    question: impl AsyncFnOnce(&Forge) -> std::result::Result<A, Trouble>,
) -> Result<Value> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
    let answer = runtime.block_on(async {
        let forge = Forge::new(address, repository, environment.get(TOKEN), clock)?;
        question(&forge).await.map_err(Trouble::into_failure)
    })?;
    Ok(serde_json::to_value(answer).map_err(anyhow::Error::from)?)
}
