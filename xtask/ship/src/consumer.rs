//! Takes the packages of a plan as a stranger does: from a registry, without the workspace.
//!
//! - A package that depends on every library of the plan, in exactly its version, is built and tested.
//! - The programs of every package are checked by the compiler, from what is inside its `.crate`.
//!
//! Cargo gets a home of its own, and every registry that the packages name is replaced by the one on loopback. So a file that
//! was not packed, a dependency that is there by its path alone, and a package that the lock file does not know are found.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;

use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Captured, Command, Shell};
use nexus_xtask_deliver::release::plan::{Action, Package, Plan};

use crate::registry::packed::Packed;

/// How many lines of cargo's first error are shown.
const ERROR_LINES_MAX: usize = 12;

/// Files by which a workspace chooses its toolchain.
const TOOLCHAINS: [&str; 2] = ["rust-toolchain.toml", "rust-toolchain"];

/// What was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Consumed {
    /// Packages whose library the consumer depends on.
    pub(crate) libraries: Vec<String>,
    /// Packages whose programs were checked.
    pub(crate) programs: Vec<String>,
}

/// Builds a consumer of the plan's packages in an empty folder, from the registry with this index.
pub(crate) fn check(
    shell: &Shell,
    plan: &Plan,
    staging: &Path,
    index: &str,
    folder: &Path,
) -> Result<Consumed> {
    let packages = packages(plan, staging)?;
    let mut consumed = Consumed::default();
    forget(&packages, folder)?;
    configure(shell, &packages, index, folder)?;
    let mut libraries = Vec::new();
    for (package, packed) in &packages {
        if packed.is_library()? {
            consumed.libraries.push(package.name.clone());
            libraries.push(*package);
        }
        if packed.is_program()? {
            consumed.programs.push(package.name.clone());
        }
    }
    write_consumer(&libraries, folder)?;
    for words in [["build", "--quiet"], ["test", "--quiet"]] {
        cargo(shell, folder, &folder.join("consumer"), &words, "consumer")?;
    }
    for (package, packed) in &packages {
        if consumed.programs.contains(&package.name) {
            let unpacked = folder.join("unpacked").join(format!("{}-{}", package.name, package.version));
            packed.unpack(&unpacked)?;
            alone(&unpacked)?;
            cargo(shell, folder, &unpacked, &["check", "--quiet", "--bins"], &package.name)?;
        }
    }
    Ok(consumed)
}

/// Makes an unpacked package a workspace of its own, or cargo would look for one in the folders above. What is packed
/// never says that itself.
fn alone(package: &Path) -> Result<()> {
    let manifest = package.join("Cargo.toml");
    let text = files::read_text(&manifest)?.unwrap_or_default();
    Ok(files::write_cache(&manifest, text + "\n[workspace]\n")?)
}

/// Removes all but what was compiled of others. To cargo a version of a registry has always the same bytes; here each
/// rehearsal has its own.
fn forget(packages: &[(&Package, Packed)], folder: &Path) -> Result<()> {
    for part in ["home", "unpacked", "consumer", "Cargo.lock"] {
        let path = folder.join(part);
        if path.is_file() { files::remove(&path)? } else { files::remove_folder(&path)? }
    }
    for compiled in files::list(&folder.join("target").join("debug").join(".fingerprint"))? {
        let name = compiled.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_of = |package: &Package| {
            name.strip_prefix(&package.name).is_some_and(|rest| {
                rest.strip_prefix('-').is_some_and(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
            })
        };
        if packages.iter().any(|(package, _)| is_of(package)) {
            files::remove_folder(&compiled)?;
        }
    }
    Ok(())
}

fn packages<'a>(plan: &'a Plan, staging: &Path) -> Result<Vec<(&'a Package, Packed)>> {
    let mut packages = Vec::new();
    for package in &plan.packages {
        let file = format!("crates/{}-{}.crate", package.name, package.version);
        let published = plan.steps.iter().find_map(|step| match &step.action {
            Action::Publish { package: name, file } if *name == package.name => Some(file),
            _ => None,
        });
        let path = staging.join(published.unwrap_or(&file));
        let bytes = files::read(&path)?.with_context(|| format!("there is no `{}`", path.display()))?;
        let packed = Packed::read(Bytes::from(bytes)).with_context(|| format!("`{}`", path.display()))?;
        packages.push((package, packed));
    }
    Ok(packages)
}

/// A workspace that ends cargo's search for another one above it, and where cargo finds packages.
fn configure(shell: &Shell, packages: &[(&Package, Packed)], index: &str, folder: &Path) -> Result<()> {
    files::write_cache(
        &folder.join("Cargo.toml"),
        "[workspace]\nresolver = \"2\"\nmembers = [\"consumer\"]\n",
    )?;
    let address = format!("sparse+{}/", index.trim_start_matches("sparse+").trim_end_matches('/'));
    let mut text = format!(
        "[source.rehearsal]\nregistry = {address:?}\n\n[source.crates-io]\nreplace-with = \"rehearsal\"\n"
    );
    let others: BTreeSet<_> = packages.iter().flat_map(|(_, packed)| packed.manifest.registries()).collect();
    for (count, other) in others.into_iter().filter(|other| **other != address).enumerate() {
        // Writing to a string cannot fail.
        write!(text, "\n[source.other-{count}]\nregistry = {other:?}\nreplace-with = \"rehearsal\"\n").ok();
    }
    files::write_cache(&folder.join(".cargo").join("config.toml"), text)?;
    for name in TOOLCHAINS {
        let chosen = shell.root().join(name);
        if chosen.is_file() {
            files::copy(&chosen, &folder.join(name))?;
        }
    }
    Ok(())
}

fn write_consumer(libraries: &[&Package], folder: &Path) -> Result<()> {
    let mut manifest = "[package]\nname = \"consumer\"\nversion = \"0.0.0\"\nedition = \"2021\"\npublish = false\n\n[dependencies]\n".to_owned();
    let mut uses = String::new();
    for (count, library) in libraries.iter().enumerate() {
        let (name, version) = (&library.name, &library.version);
        // A name of the consumer's own: a library may be called otherwise than its package. Writing to a string cannot fail.
        writeln!(manifest, "library_{count} = {{ package = {name:?}, version = \"={version}\" }}").ok();
        writeln!(uses, "use library_{count} as _;").ok();
    }
    let consumer = folder.join("consumer");
    files::write_cache(&consumer.join("Cargo.toml"), manifest)?;
    files::write_cache(&consumer.join("src").join("lib.rs"), &uses)?;
    let test = format!("{uses}\n#[test]\nfn every_library_links() {{}}\n");
    files::write_cache(&consumer.join("tests").join("links.rs"), test)?;
    Ok(())
}

/// Runs cargo as on a machine that has nothing but the toolchain.
fn cargo(shell: &Shell, folder: &Path, within: &Path, words: &[&str], what: &str) -> Result<()> {
    let path = |name: &str| folder.join(name).display().to_string();
    let command = Command::new("cargo", words.iter().copied())
        .within(within)
        .with("CARGO_HOME", path("home"))
        .with("CARGO_TARGET_DIR", path("target"))
        .with("CARGO_NET_OFFLINE", "false")
        .with("CARGO_INCREMENTAL", "0")
        .with("CARGO_PROFILE_DEV_DEBUG", "0")
        .with("CARGO_PROFILE_TEST_DEBUG", "0")
        .with("CARGO_TERM_COLOR", "never")
        // The registry is on this machine: no proxy may come between.
        .with("NO_PROXY", "127.0.0.1")
        .with("no_proxy", "127.0.0.1");
    let captured = shell.capture(&command)?;
    if captured.is_success() { Ok(()) } else { Err(failed(&captured, &command, what)) }
}

fn failed(captured: &Captured, command: &Command, what: &str) -> Failure {
    let said = format!("{}\n{}", captured.stderr, captured.text());
    let error: Vec<_> = said
        .lines()
        .skip_while(|line| !line.starts_with("error"))
        .take_while(|line| !line.trim().is_empty())
        .take(ERROR_LINES_MAX)
        .collect();
    let error = if error.is_empty() { captured.ended.to_string() } else { error.join("\n") };
    let of = |start: &str| Some(said.split_once(start)?.1.split(['`', ' ']).next()?.to_owned());
    let guilty = of("could not compile `").or_else(|| of("required by package `"));
    let guilty = guilty.filter(|name| name != "consumer").unwrap_or_else(|| what.to_owned());
    Failure::no(format!("`{guilty}` cannot be used as it is packed"))
        .why(error)
        .next(format!(
            "correct `include`, `exclude` or the dependencies in the manifest of `{guilty}`, then stage again; {} is where `{}` failed",
            command.folder.as_deref().unwrap_or(Path::new(".")).display(),
            ["cargo"].into_iter().chain(command.arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
        ))
}

#[cfg(test)]
mod tests;
