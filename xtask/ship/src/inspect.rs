//! Looks at releases of the past: tags, published releases, versions in the registry. Changes nothing.

use nexus_xtask::clock::Clock;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::Result;
use nexus_xtask_deliver::release::protocol::inspect::{Inspect, Inspected, Past, Registered};

use crate::ask::TOKEN;
use crate::forge::Forge;
use crate::http::Http;
use crate::registry::Registry;
use crate::trouble::Trouble;

/// What is there of each release.
pub(crate) async fn inspect(
    environment: &Environment,
    clock: &Clock,
    wanted: &Inspect,
) -> Result<Vec<Inspected>> {
    let forge = Forge::new(&wanted.endpoints.forge, &wanted.repository, environment.get(TOKEN), clock)?;
    let registry = Registry::new(&Http::new()?, clock, environment, &wanted.endpoints)?;
    let mut inspected = Vec::new();
    for past in &wanted.releases {
        inspected.push(one(&forge, &registry, past).await.map_err(Trouble::into_failure)?);
    }
    Ok(inspected)
}

async fn one(forge: &Forge, registry: &Registry, past: &Past) -> std::result::Result<Inspected, Trouble> {
    let mut packages = Vec::new();
    for (name, version) in &past.packages {
        packages.push(match registry.line(name, version).await? {
            None => Registered::Missing,
            Some(line) if line.yanked => Registered::Yanked,
            Some(_) => Registered::There,
        });
    }
    let published = forge.published(&past.tag).await?;
    Ok(Inspected { commit: forge.commit_of(&past.tag).await?, published, packages })
}
