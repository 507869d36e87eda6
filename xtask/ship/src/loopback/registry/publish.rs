//! What a registry looks at before it takes a package: the checks of the default registry that a release can fail.

use bytes::{Buf as _, Bytes};
use semver::{Version, VersionReq};
use serde_json::json;

use nexus_xtask::digest::Digest;

use super::rights::{Wanted, too_many};
use super::{Published, RegistryFault, State, page, refused};
use crate::loopback::server::{Asked, Reply};
use crate::registry::index;
use crate::registry::metadata::{Metadata, MetadataDependency};
use crate::registry::packed::Packed;

/// The most that is said about a package, and the largest package, in bytes.
const METADATA_BYTES_MAX: usize = 1 << 20;
const PACKAGE_BYTES_MAX: usize = 10 << 20;

/// The longest name, in characters.
const NAME_LENGTH_MAX: usize = 64;

impl State {
    pub(super) fn upload(&mut self, asked: &Asked) -> Reply {
        self.uploads += 1;
        let faults = self.due();
        for fault in &faults {
            match fault {
                RegistryFault::TooMany { seconds, dated, .. } => {
                    return too_many(self.now(), i64::from(*seconds), *dated);
                }
                RegistryFault::Broken { .. } => return refused(500, "Internal Server Error"),
                RegistryFault::Page { .. } => return page(),
                RegistryFault::TokensGone { .. } => self.exchanged.forget(),
                RegistryFault::LostResponse { .. }
                | RegistryFault::LateIndex { .. }
                | RegistryFault::PageAlways => {}
            }
        }
        let (metadata, bytes) = match parts(asked.body.clone()) {
            Ok(parts) => parts,
            Err(problem) => return refused(400, &problem),
        };
        let is_known = self.knows(&metadata.name);
        let wanted = if is_known { Wanted::Update } else { Wanted::New };
        if let Err(reply) = self.allowed(asked, wanted, &metadata.name) {
            return reply;
        }
        if bytes.len() > PACKAGE_BYTES_MAX {
            return refused(413, &format!("max upload size is: {PACKAGE_BYTES_MAX}"));
        }
        if let Some(problem) = self.problem(&metadata, &bytes) {
            return refused(400, &problem);
        }
        let hidden = faults.iter().find_map(|fault| match fault {
            RegistryFault::LateIndex { looks, .. } => Some(*looks),
            _ => None,
        });
        let checksum = Digest::of(&bytes).to_string();
        let versions = self.published.entry(metadata.name.clone()).or_default();
        versions.push(Published {
            entry: index::entry(&metadata, &checksum),
            metadata: Some(metadata),
            bytes,
            hidden: hidden.unwrap_or(0),
        });
        if faults.iter().any(|fault| matches!(fault, RegistryFault::LostResponse { .. })) {
            return Reply::lost();
        }
        let nothing: [&str; 0] = [];
        let warnings = json!({ "invalid_categories": nothing, "invalid_badges": nothing, "other": nothing });
        Reply::json(200, &json!({ "warnings": warnings }))
    }

    /// The faults of this upload. They are gone with it.
    fn due(&mut self) -> Vec<RegistryFault> {
        let now = self.uploads;
        let is_due = |fault: &RegistryFault| match fault {
            RegistryFault::TooMany { upload, .. }
            | RegistryFault::LostResponse { upload }
            | RegistryFault::LateIndex { upload, .. }
            | RegistryFault::Broken { upload }
            | RegistryFault::Page { upload }
            | RegistryFault::TokensGone { upload } => *upload == now,
            RegistryFault::PageAlways => false,
        };
        self.rules.faults.extract_if(.., |fault| is_due(fault)).collect()
    }

    /// True for a package of this name, whatever its versions.
    fn knows(&self, name: &str) -> bool {
        self.published.contains_key(name) || self.closure.has(name)
    }

    /// Why a package is not taken.
    fn problem(&self, metadata: &Metadata, bytes: &Bytes) -> Option<String> {
        if let Some(problem) = name_problem(&metadata.name) {
            return Some(problem);
        }
        let Ok(version) = Version::parse(&metadata.vers) else {
            return Some(format!("\"{}\" is an invalid semver version", metadata.vers));
        };
        let packed = match Packed::read(bytes.clone()) {
            Ok(packed) => packed,
            Err(error) => return Some(format!("failed to parse `Cargo.toml` manifest file: {error:#}")),
        };
        let inside = &packed.manifest.package;
        if inside.name != metadata.name || inside.version != metadata.vers {
            return Some(format!(
                "metadata name `{}` {} does not match manifest name `{}` {}",
                metadata.name, metadata.vers, inside.name, inside.version
            ));
        }
        let is_empty = |value: &Option<String>| value.as_ref().is_none_or(String::is_empty);
        let without_license = is_empty(&metadata.license) && is_empty(&metadata.license_file);
        let missing = [("description", is_empty(&metadata.description)), ("license", without_license)];
        let missing: Vec<_> = missing.iter().filter(|(_, missing)| *missing).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            return Some(format!("missing or empty metadata fields: {}", missing.join(", ")));
        }
        if let Some(problem) = metadata.deps.iter().find_map(|dependency| self.dependency_problem(dependency))
        {
            return Some(problem);
        }
        self.name_taken(&metadata.name).or_else(|| self.version_taken(&metadata.name, &version))
    }

    fn dependency_problem(&self, dependency: &MetadataDependency) -> Option<String> {
        let name = &dependency.name;
        if dependency.registry.is_some() {
            return (!self.rules.foreign).then(|| {
                format!("Dependency `{name}` is hosted on another registry. Cross-registry dependencies are not permitted.")
            });
        }
        match VersionReq::parse(&dependency.version_req) {
            Err(_) => Some(format!("\"{}\" is an invalid version requirement", dependency.version_req)),
            Ok(requirement) if requirement == VersionReq::STAR => Some(format!(
                "wildcard (`*`) dependency constraints are not allowed. Crate with this problem: `{name}`"
            )),
            Ok(_) => (!self.knows(name)).then(|| format!("no known crate named `{name}`")),
        }
    }

    /// Names that differ in case, or in `-` and `_`, are one name.
    fn name_taken(&self, name: &str) -> Option<String> {
        let canonical = |name: &str| name.to_lowercase().replace('-', "_");
        let known = self.published.keys().find(|known| canonical(known) == canonical(name))?;
        (known != name).then(|| format!("crate was previously named `{known}`"))
    }

    /// Versions that differ in their build metadata are one version.
    fn version_taken(&self, name: &str, version: &Version) -> Option<String> {
        let is_it = |published: &&Published| {
            Version::parse(&published.entry.vers).is_ok_and(|known| known.cmp_precedence(version).is_eq())
        };
        let own = self.published.get(name).into_iter().flatten().find(is_it).is_some();
        let taken = own || self.closure.has_version(name, &version.to_string());
        taken.then(|| format!("crate version `{version}` is already uploaded"))
    }
}

/// What is said about the package, and the package.
fn parts(mut body: Bytes) -> Result<(Metadata, Bytes), String> {
    let mut part = |limit: usize| {
        let length = (body.remaining() >= 4).then(|| body.get_u32_le() as usize);
        let length = length.filter(|length| body.remaining() >= *length);
        let length = length.ok_or("invalid length of a part of the upload")?;
        if length > limit { Err("a part of the upload is too large") } else { Ok(body.split_to(length)) }
    };
    let metadata = part(METADATA_BYTES_MAX)?;
    // The package's own size is checked by who may publish it.
    let package = part(usize::MAX)?;
    if body.has_remaining() {
        return Err("there is more than a package in the upload".to_owned());
    }
    let metadata =
        serde_json::from_slice(&metadata).map_err(|error| format!("invalid upload request: {error}"))?;
    Ok((metadata, package))
}

fn name_problem(name: &str) -> Option<String> {
    let mut characters = name.chars();
    if !characters.next().is_some_and(|first| first.is_ascii_alphabetic()) {
        return Some(format!("invalid character in crate name: `{name}` must start with a letter"));
    }
    if name.chars().count() > NAME_LENGTH_MAX {
        return Some(format!("the crate name `{name}` is too long (max {NAME_LENGTH_MAX} characters)"));
    }
    let bad = characters.find(|c| !c.is_ascii_alphanumeric() && !"-_".contains(*c))?;
    Some(format!("invalid character `{bad}` in crate name: `{name}`"))
}
