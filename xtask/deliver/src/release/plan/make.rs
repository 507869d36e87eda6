//! Makes the plan of a release commit.

use std::collections::{BTreeMap, BTreeSet};

use crate::release::config::{Config, Deployed};
use crate::release::facts::{self, Facts};
use crate::release::plan::{Action, Artifact, Class, Kind, Package, Plan, Release, Step, VERSION, WayBack};
use crate::release::units::Unit;
use nexus_xtask::digest::Digest;
use nexus_xtask::failure::Finding;

/// What a plan needs to know beside what is declared and what the repository says.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) configuration: Digest,
    pub(crate) tools: BTreeMap<String, String>,
    /// The triple of this machine's toolchain.
    pub(crate) host: String,
    /// The text of each release, by tag.
    pub(crate) notes: BTreeMap<String, String>,
    /// The gates, in the order they are asked.
    pub(crate) gates: Vec<String>,
}

/// The plan of a commit, or all that keeps it from having one.
pub(crate) fn make(
    config: &Config,
    facts: &Facts,
    units: &[Unit],
    known: &Known,
) -> Result<Plan, Vec<Finding>> {
    let units: Vec<_> = units.iter().filter(|unit| is_due(facts, unit)).collect();
    let names: BTreeSet<_> = units.iter().flat_map(|unit| unit.packages.iter().map(String::as_str)).collect();
    let of_release: Vec<_> =
        facts.packages.iter().filter(|package| names.contains(package.name.as_str())).collect();
    let packages = publishable(config, &of_release)?;
    let repository = repository(config, facts)?;
    let targets = match config.artifacts.targets.as_slice() {
        [] => vec![known.host.clone()],
        targets => targets.to_vec(),
    };
    let mut plan = Plan {
        version: VERSION,
        commit: facts.commit.clone(),
        tree: facts.tree.clone(),
        commit_time: facts.commit_time,
        configuration: known.configuration,
        tools: known.tools.clone(),
        registry: config.registry.name.clone(),
        repository,
        immutable: config.forge.immutable,
        releases: units.iter().map(|unit| release(unit, known)).collect(),
        packages,
        targets,
        artifacts: Vec::new(),
        steps: Vec::new(),
        way_back: Vec::new(),
    };
    plan.artifacts = artifacts(config, &plan, &of_release);
    if !plan.artifacts.iter().any(|artifact| artifact.kind == Kind::Archive) {
        plan.targets.clear();
    }
    plan.steps = steps(&plan, &known.gates);
    plan.way_back = way_back(&plan);
    Ok(plan)
}

/// A version is due until its tag is on another commit. A tag on this commit is this release, begun before.
fn is_due(facts: &Facts, unit: &Unit) -> bool {
    facts.tags.get(&unit.tag(&unit.version)).is_none_or(|commit| *commit == facts.commit)
}

fn release(unit: &Unit, known: &Known) -> Release {
    let tag = unit.tag(&unit.version);
    Release {
        notes: known.notes.get(&tag).cloned().unwrap_or_default(),
        tag,
        version: unit.version.clone(),
        packages: unit.packages.clone(),
        prerelease: !unit.version.pre.is_empty(),
    }
}

/// The packages that go to the registry, dependencies first.
fn publishable(config: &Config, packages: &[&facts::Package]) -> Result<Vec<Package>, Vec<Finding>> {
    let mut left: Vec<Package> = packages
        .iter()
        .filter(|package| package.is_published_to(&config.registry.name))
        .map(|package| Package {
            name: package.name.clone(),
            version: package.version.clone(),
            folder: package.folder.clone(),
            requires: requires(config, packages, package),
        })
        .collect();
    let mut sorted: Vec<Package> = Vec::new();
    while !left.is_empty() {
        let is_done = |name: &String| sorted.iter().any(|package| package.name == *name);
        let (ready, rest): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|package| package.requires.iter().all(is_done));
        if ready.is_empty() {
            let cycle: Vec<_> = rest.iter().map(|package| format!("`{}`", package.name)).collect();
            return Err(vec![Finding::at(
                "",
                0,
                format!("{} need each other, so none can be published first", cycle.join(", ")),
                "leave the version out of the dev-dependency that closes the circle; cargo then strips it",
            )]);
        }
        sorted.extend(ready);
        left = rest;
    }
    Ok(sorted)
}

/// What the registry must know before a package: its dependencies with a version. A development dependency without one
/// is stripped when the package is packed.
fn requires(config: &Config, packages: &[&facts::Package], package: &facts::Package) -> Vec<String> {
    let registry = &config.registry.name;
    let goes_along =
        |name: &str| packages.iter().any(|package| package.name == name && package.is_published_to(registry));
    let counts = |dependency: &&facts::Dependency| !dependency.development || dependency.requirement != "*";
    let names: BTreeSet<_> = package
        .dependencies
        .iter()
        .filter(counts)
        .filter(|dependency| goes_along(&dependency.name))
        .map(|dependency| dependency.name.clone())
        .collect();
    names.into_iter().collect()
}

/// `owner/name` of the repository that releases are published in.
pub(crate) fn repository(config: &Config, facts: &Facts) -> Result<String, Vec<Finding>> {
    let declared = config.forge.repository.clone();
    let of_manifest = || {
        let addresses = facts.packages.iter().filter_map(|package| package.repository.as_deref());
        addresses.filter_map(owner_and_name).next()
    };
    declared.or_else(of_manifest).ok_or_else(|| {
        vec![Finding::at(
            "Cargo.toml",
            0,
            "no manifest names the repository that releases are published in",
            "set `repository` in Cargo.toml, or `forge.repository = \"owner/name\"` in release/release.toml",
        )]
    })
}

/// `owner/name` of a repository's address.
fn owner_and_name(address: &str) -> Option<String> {
    let path = address.split_once("://")?.1.split_once('/')?.1;
    let mut parts = path.trim_end_matches('/').split('/');
    let (owner, name) = (parts.next()?, parts.next()?.trim_end_matches(".git"));
    (!owner.is_empty() && !name.is_empty()).then(|| format!("{owner}/{name}"))
}

/// What is built, for registry and releases.
fn artifacts(config: &Config, plan: &Plan, packages: &[&facts::Package]) -> Vec<Artifact> {
    let mut artifacts: Vec<_> = plan
        .packages
        .iter()
        .map(|package| Artifact {
            file: format!("crates/{}-{}.crate", package.name, package.version),
            kind: Kind::Crate,
            package: Some(package.name.clone()),
            target: None,
            release: None,
            example: None,
        })
        .collect();
    artifacts.extend(config.artifacts.deployed.iter().flat_map(|service| deployed(service, plan, packages)));
    let has_binaries = |package: &facts::Package| match &config.artifacts.packages {
        Some(wanted) => wanted.contains(&package.name),
        None => !package.binaries.is_empty(),
    };
    for release in &plan.releases {
        let folder = format!("assets/{}", release.tag.replace('/', "+"));
        let built: Vec<_> = packages
            .iter()
            .filter(|package| release.packages.contains(&package.name) && has_binaries(package))
            .collect();
        let asset = |kind, name: String, package: Option<&str>, target: Option<&str>| Artifact {
            file: format!("{folder}/{name}"),
            kind,
            package: package.map(str::to_owned),
            target: target.map(str::to_owned),
            release: Some(release.tag.clone()),
            example: None,
        };
        for package in &built {
            for target in &plan.targets {
                let stem = format!("{}-{}-{target}", package.name, release.version);
                let ending = if target.contains("windows") { "zip" } else { "tar.gz" };
                let (name, target) = (Some(package.name.as_str()), Some(target.as_str()));
                artifacts.push(asset(Kind::Archive, format!("{stem}.{ending}"), name, target));
                artifacts.push(asset(Kind::Symbols, format!("{stem}-symbols.{ending}"), name, target));
            }
            if plan.targets.iter().any(|target| !target.contains("windows")) {
                let name = format!("{}-install.sh", package.name);
                artifacts.push(asset(Kind::Installer, name, Some(&package.name), None));
            }
        }
        artifacts.push(asset(Kind::Bom, "bom.cdx.json".to_owned(), None, None));
        artifacts.push(asset(Kind::Provenance, "provenance.intoto.json".to_owned(), None, None));
        artifacts.push(asset(Kind::Checksums, "SHA256SUMS".to_owned(), None, None));
        if config.signing.public_key.is_some() {
            artifacts.push(asset(Kind::Signature, "SHA256SUMS.minisig".to_owned(), None, None));
        }
    }
    artifacts
}

/// A service that is deployed: an archive for each of its targets, when its package is part of this plan.
fn deployed(service: &Deployed, plan: &Plan, packages: &[&facts::Package]) -> Vec<Artifact> {
    let Some(package) = packages.iter().find(|package| package.name == service.package) else {
        return Vec::new();
    };
    let name = service.example.as_ref().unwrap_or(&service.package);
    let is_wanted = |target: &&String| match service.targets.as_slice() {
        [] => !target.contains("windows"),
        wanted => wanted.contains(target),
    };
    let archive = |target: &String| Artifact {
        file: format!("deployed/{name}-{}-{target}.tar.gz", package.version),
        kind: Kind::Archive,
        package: Some(service.package.clone()),
        target: Some(target.clone()),
        release: None,
        example: service.example.clone(),
    };
    plan.targets.iter().filter(is_wanted).map(archive).collect()
}

/// Every step. Each waits for all that came before it in its own line of work, and every effect for all gates and checks.
fn steps(plan: &Plan, gates: &[String]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut add = |id: String, action: Action, needs: &[String]| {
        steps.push(Step { id: id.clone(), action, needs: needs.to_vec() });
        id
    };
    let asked: Vec<_> = gates
        .iter()
        .map(|gate| add(format!("gate:{gate}"), Action::Gate { gate: gate.clone() }, &[]))
        .collect();
    let mut made: Vec<_> = plan
        .targets
        .iter()
        .map(|target| add(format!("build:{target}"), Action::Build { target: target.clone() }, &asked))
        .collect();
    if !plan.packages.is_empty() {
        made.push(add("pack".to_owned(), Action::Pack, &asked));
    }
    made.extend(asked);
    let staged = add("stage".to_owned(), Action::Stage, &made);
    let checked: Vec<_> = plan
        .artifacts
        .iter()
        .map(|artifact| {
            let file = artifact.file.clone();
            add(format!("check:{file}"), Action::Check { file }, std::slice::from_ref(&staged))
        })
        .collect();
    let checked = if checked.is_empty() { vec![staged] } else { checked };

    let mut ready = Vec::new();
    for Release { tag, .. } in &plan.releases {
        let draft = add(format!("draft:{tag}"), Action::Draft { tag: tag.clone() }, &checked);
        ready.push(draft.clone());
        for artifact in plan.assets(tag) {
            let action = Action::Upload { tag: tag.clone(), file: artifact.file.clone() };
            let id = format!("upload:{tag}:{}", artifact.name());
            ready.push(add(id, action, std::slice::from_ref(&draft)));
        }
    }
    let mut last = Vec::new();
    for Release { tag, .. } in &plan.releases {
        last.push(add(format!("tag:{tag}"), Action::Tag { tag: tag.clone() }, &ready));
    }
    let tagged = last.clone();
    for package in &plan.packages {
        let file = format!("crates/{}-{}.crate", package.name, package.version);
        let mut needs: Vec<_> = package.requires.iter().map(|name| format!("publish:{name}")).collect();
        needs.extend(tagged.iter().cloned());
        let action = Action::Publish { package: package.name.clone(), file };
        last.push(add(format!("publish:{}", package.name), action, &needs));
    }
    for Release { tag, .. } in &plan.releases {
        add(format!("announce:{tag}"), Action::Announce { tag: tag.clone() }, &last);
    }
    steps
}

fn way_back(plan: &Plan) -> Vec<WayBack> {
    let mut effects: Vec<_> = plan.effects().collect();
    effects.reverse();
    effects
        .into_iter()
        .map(|step| WayBack {
            step: step.id.clone(),
            how: match (&step.action, plan.class(&step.action)) {
                (Action::Announce { tag }, Some(Class::Irreversible)) => format!(
                    "the release of `{tag}` stays; it is marked as not the latest, and the tag's name is used up"
                ),
                (Action::Announce { tag }, _) => format!("the release of `{tag}` becomes a draft again"),
                (Action::Publish { package, .. }, _) => {
                    format!("`{package}` is yanked; whoever has it in a lock file keeps it")
                }
                (Action::Tag { tag }, _) => {
                    format!("the tag `{tag}` is removed, unless its release is published")
                }
                (Action::Upload { file, .. }, _) => format!("`{file}` goes with its draft"),
                (Action::Draft { tag }, _) => format!("the draft of `{tag}` is removed"),
                _ => "nothing to take back".to_owned(),
            },
        })
        .collect()
}
