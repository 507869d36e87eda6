//! The bill of materials of a release: CycloneDX 1.5, in JSON.
//!
//! Its serial number comes from the plan's digest, and it has no time: the same plan has the same bill. It lists what
//! cargo resolves for the targets of the plan, with the features that are on by default; what a build script fetches or
//! a C library brings along is not known to cargo, and not listed.

use std::str::FromStr as _;

use anyhow::{Context as _, ensure};
use cyclonedx_bom::external_models::spdx::SpdxExpression;
use cyclonedx_bom::external_models::uri::{Purl, Uri};
use cyclonedx_bom::models::bom::{Bom, SpecVersion, UrnUuid};
use cyclonedx_bom::models::component::{Classification, Component, Components, Scope};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::external_reference::{
    ExternalReference, ExternalReferenceType, ExternalReferences,
};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::models::tool::Tools;
use cyclonedx_bom::prelude::Validate as _;

use nexus_xtask::digest::{Digest, Parts};
use nexus_xtask_deliver::release::plan::{Kind, Plan, Release};

use super::graph::{Graph, Package};

const VERSION: SpecVersion = SpecVersion::V1_5;

/// The bill, as text.
pub(super) fn text(plan: &Plan, release: &Release, graph: &Graph) -> anyhow::Result<String> {
    let bom = bom(plan, release, graph)?;
    let verdict = bom.validate_version(VERSION);
    ensure!(verdict.passed(), "the bill of materials does not hold to its format: {verdict:?}");
    let mut text = Vec::new();
    bom.output_as_json(&mut text, VERSION).context("cannot write the bill of materials")?;
    text.push(b'\n');
    Ok(String::from_utf8(text)?)
}

fn bom(plan: &Plan, release: &Release, graph: &Graph) -> anyhow::Result<Bom> {
    let roots = graph.roots(&release.packages);
    let closure = graph.closure(&roots);
    let archives = plan.assets(&release.tag).filter(|artifact| artifact.kind == Kind::Archive);
    let programs: Vec<_> = archives.filter_map(|artifact| artifact.package.as_deref()).collect();
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (id, is_linked) in &closure {
        let package = graph.packages.get(*id).with_context(|| format!("cargo does not describe `{id}`"))?;
        let is_program = package.source.is_none() && programs.contains(&package.name.as_str());
        components.push(component(package, *is_linked, is_program)?);
        let needed = package.normal.iter().chain(&package.build).filter_map(|id| graph.packages.get(id));
        let mut needed = needed.map(reference).collect::<anyhow::Result<Vec<_>>>()?;
        needed.sort();
        needed.dedup();
        dependencies.push(Dependency { dependency_ref: reference(package)?, dependencies: needed });
    }
    components.sort_by(|a, b| a.bom_ref.cmp(&b.bom_ref));
    let whole = format!("release:{}", release.tag);
    let needed = roots.iter().filter_map(|id| graph.packages.get(*id)).map(reference);
    let mut needed = needed.collect::<anyhow::Result<Vec<_>>>()?;
    needed.sort();
    dependencies.push(Dependency { dependency_ref: whole.clone(), dependencies: needed });
    dependencies.sort_by(|a, b| a.dependency_ref.cmp(&b.dependency_ref));
    let (name, version) = (&plan.repository, release.version.to_string());
    let tool = Component::new(Classification::Application, "nexus-xtask", env!("CARGO_PKG_VERSION"), None);
    Ok(Bom {
        version: 1,
        serial_number: Some(serial(plan, release)?),
        metadata: Some(Metadata {
            tools: Some(Tools::Object { services: None, components: Some(Components(vec![tool])) }),
            component: Some(Component::new(Classification::Application, name, &version, Some(whole))),
            ..Metadata::default()
        }),
        components: Some(Components(components)),
        services: None,
        external_references: None,
        dependencies: Some(Dependencies(dependencies)),
        compositions: None,
        properties: None,
        vulnerabilities: None,
        signature: None,
        annotations: None,
        formulation: None,
        spec_version: VERSION,
    })
}

/// A number that is the plan's and the tag's alone, in the form that RFC 9562 leaves to those who use it (version 8).
fn serial(plan: &Plan, release: &Release) -> anyhow::Result<UrnUuid> {
    let mut parts = Parts::default();
    parts.add("bill of materials").add(plan.digest().to_string()).add(&release.tag);
    let digits = parts.digest().to_string();
    let variant = u8::from_str_radix(&digits[16..17], 16)? & 0b0011 | 0b1000;
    let text = format!(
        "urn:uuid:{}-{}-8{}-{variant:x}{}-{}",
        &digits[0..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..32]
    );
    UrnUuid::new(text).map_err(|error| anyhow::anyhow!("{error:?}"))
}

fn component(package: &Package, is_linked: bool, is_program: bool) -> anyhow::Result<Component> {
    let kind = if is_program { Classification::Application } else { Classification::Library };
    let mut component = Component::new(kind, &package.name, &package.version, Some(reference(package)?));
    component.purl = Some(Purl::new("cargo", &package.name, &package.version)?);
    component.scope = Some(if is_linked { Scope::Required } else { Scope::Excluded });
    component.hashes = package.checksum.as_ref().and_then(|checksum| {
        let digest = Digest::from_str(checksum).ok()?;
        Some(Hashes(vec![Hash { alg: HashAlgorithm::SHA_256, content: HashValue(digest.to_string()) }]))
    });
    component.licenses = package.license.as_ref().map(|license| {
        Licenses(vec![match SpdxExpression::parse_lax(license.clone()) {
            Ok(expression) => LicenseChoice::Expression(expression),
            // What is no expression is a name; a bill must not fail on a manifest of somebody else.
            Err(_) => LicenseChoice::license(license),
        }])
    });
    let address = package.repository.as_deref().filter(|address| url::Url::parse(address).is_ok());
    component.external_references = address.map(|address| {
        let uri = Uri::new(address);
        ExternalReferences(vec![ExternalReference::new(ExternalReferenceType::Vcs, uri)])
    });
    Ok(component)
}

/// The name of a package in the bill. One from a place of its own says so, because two places may have one version.
fn reference(package: &Package) -> anyhow::Result<String> {
    let name = Purl::new("cargo", &package.name, &package.version)?.to_string();
    Ok(match package.source.as_deref().filter(|source| source.starts_with("git+")) {
        Some(source) => format!("{name}?vcs_url={source}"),
        None => name,
    })
}
