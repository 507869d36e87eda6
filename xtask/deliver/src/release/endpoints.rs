//! Where the effects of a release go.

use crate::release::config::Config;
use crate::release::protocol::Endpoints;
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;

/// The variables that reach the satellite when it publishes: secrets, and what the identity of a GitHub job is made of.
pub(crate) const PASSED: &[&str] = &[
    "GITHUB_TOKEN",
    "CARGO_REGISTRY_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "GITHUB_EVENT_NAME",
];

/// The forge and the registry that are configured.
pub(crate) fn configured(doors: &Doors, config: &Config) -> Result<Endpoints> {
    let forge = doors.environment.get("GITHUB_API_URL").unwrap_or(&config.forge.api);
    Ok(Endpoints {
        forge: forge.trim_end_matches('/').to_owned(),
        registry: registry(doors, config)?,
        trusted: config.registry.trusted,
    })
}

/// The index of the registry: what is declared, else what cargo is configured with.
fn registry(doors: &Doors, config: &Config) -> Result<String> {
    let name = &config.registry.name;
    let variable = format!("CARGO_REGISTRIES_{}_INDEX", name.to_uppercase().replace('-', "_"));
    let address = match (&config.registry.index, doors.environment.get(&variable)) {
        (Some(index), _) => Some(index.clone()),
        (None, Some(index)) => Some(index.to_owned()),
        (None, None) => of_cargo(doors, name)?,
    };
    let address = address.ok_or_else(|| {
        Failure::usage(format!("the index of the registry `{name}` is not known"))
            .why(format!("neither `registry.index` nor `{variable}` nor `.cargo/config.toml` names it"))
            .next("set `registry.index = \"sparse+https://...\"` in release/release.toml; the registry's documentation has it")
    })?;
    match address.strip_prefix("sparse+") {
        Some(sparse) => Ok(sparse.trim_end_matches('/').to_owned()),
        None => Err(Failure::usage(format!("`{address}` is no sparse index"))
            .why("an index in a git repository cannot be asked for a single package")
            .next("set `registry.index` to the address that begins with `sparse+`")),
    }
}

/// What `.cargo/config.toml` of this workspace says.
fn of_cargo(doors: &Doors, name: &str) -> Result<Option<String>> {
    let text = files::read_text(&doors.workspace.file(".cargo/config.toml"))?.unwrap_or_default();
    // A file that cannot be read is reported by cargo itself, in every command before this one.
    let table: toml::Table = text.parse().unwrap_or_default();
    let index = table.get("registries").and_then(|registries| registries.get(name)?.get("index")?.as_str());
    Ok(index.map(str::to_owned))
}
