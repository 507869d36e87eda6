//! The front: what every user of every command pays for on a fresh machine.
//!
//! A cold build of the front is held against a cold build of an empty crate with the same direct dependencies, in the
//! processor time of all compilers together: wall time depends on what else the machine does.

use std::path::Path;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Command, Shell};

use super::figures::{Figure, median};

/// Packages of the front, itself included, on the machine at hand.
const PACKAGES_MAX: f64 = 89.0;

/// How much dearer the front may be than its dependencies alone.
const RATIO_MAX: f64 = 1.3;

/// Names that an async runtime, TLS or SQL would bring.
const HEAVY: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "hyper",
    "rustls",
    "openssl",
    "native-tls",
    "rusqlite",
    "sqlx",
    "libsqlite3-sys",
];

pub(super) fn measure(doors: &Doors, folder: &Path, pairs: usize) -> Result<Vec<Figure>> {
    let package = doors.workspace.file("xtask");
    if !package.join("Cargo.toml").is_file() {
        return Err(
            Failure::refused("the front is built from the toolkit's own repository").next("run it there")
        );
    }
    let tree = [
        "tree",
        "--package",
        "nexus-xtask",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--locked",
    ];
    let listed = doors.shell.read(&Command::new("cargo", tree))?;
    let mut packages: Vec<_> =
        listed.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()).collect();
    packages.sort_unstable();
    packages.dedup();
    let heavy =
        packages.iter().filter(|line| HEAVY.iter().any(|name| line.split(' ').next() == Some(*name))).count();

    let empty = folder.join("empty");
    let manifest = files::read_text(&package.join("Cargo.toml"))?.unwrap_or_default();
    let workspace = files::read_text(&doors.workspace.file("Cargo.toml"))?.unwrap_or_default();
    files::write_cache(&empty.join("Cargo.toml"), empty_manifest(&manifest, &workspace)?)?;
    files::write_cache(&empty.join("src/main.rs"), "fn main() {}\n")?;
    let lock = files::read_text(&doors.workspace.file("Cargo.lock"))?.unwrap_or_default();
    files::write_cache(&empty.join("Cargo.lock"), lock)?;

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        let target = folder.join(format!("target-{pair}"));
        let shell = Shell::new(&empty, &doors.environment);
        theirs.push(build(doors, &shell, &target, &["build", "--offline"])?);
        files::remove_folder(&target)?;
        ours.push(build(
            doors,
            &doors.shell,
            &target,
            &["build", "--package", "nexus-xtask", "--bin", "xtask", "--locked"],
        )?);
        files::remove_folder(&target)?;
    }
    let (our, their) = (median(&ours), median(&theirs));
    Ok(vec![
        Figure::plain("packages of the front", count(packages.len()), "").at_most(PACKAGES_MAX),
        Figure::plain("of them async, TLS or SQL", count(heavy), "").at_most(0.0),
        Figure::plain("cold build of the front", our, "s"),
        Figure::plain("cold build of an empty crate", their, "s"),
        Figure::plain("front / empty crate, processor time", our / their, "").at_most(RATIO_MAX),
    ])
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The front's manifest without its own code: the same dependencies, built by the same profile.
fn empty_manifest(manifest: &str, workspace: &str) -> Result<String> {
    let read = |text: &str| {
        text.parse::<toml_edit::DocumentMut>().map_err(|error| {
            Failure::usage("cannot read the manifest of the front")
                .why(error.to_string())
                .next("correct the manifest")
        })
    };
    let (theirs, workspace) = (read(manifest)?, read(workspace)?);
    let mut ours = toml_edit::DocumentMut::new();
    ours["package"] = toml_edit::table();
    ours["package"]["name"] = toml_edit::value("empty-front");
    ours["package"]["version"] = toml_edit::value("0.0.0");
    ours["package"]["edition"] = toml_edit::value("2024");
    for key in ["dependencies", "target"] {
        if let Some(item) = theirs.get(key) {
            ours[key] = item.clone();
        }
    }
    ours["workspace"] = toml_edit::table();
    if let Some(profile) = workspace.get("profile") {
        ours["profile"] = profile.clone();
        // What is set for the front itself has nothing to act on here.
        if let Some(packages) = ours["profile"]["dev"]["package"].as_table_like_mut() {
            packages.remove("nexus-xtask");
        }
    }
    Ok(ours.to_string())
}

/// The processor seconds of one cold build.
fn build(doors: &Doors, shell: &Shell, target: &Path, words: &[&str]) -> Result<f64> {
    let before = doors.clock.children()?;
    let command = Command::new("cargo", words.iter().copied())
        .with("CARGO_TARGET_DIR", target.display().to_string())
        .with("CARGO_INCREMENTAL", "0");
    shell.read(&command)?;
    Ok((doors.clock.children()? - before).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_crate_has_the_dependencies_and_nothing_else_of_the_front() {
        let manifest = "[package]\nname = \"front\"\n[[bin]]\nname = \"x\"\n[dependencies]\na = \"1\"\n[target.'cfg(unix)'.dependencies]\nb = { version = \"2\" }\n[dev-dependencies]\nc = \"3\"\n";
        let workspace = "[workspace]\nmembers = [\"x\"]\n[profile.dev]\ndebug = 1\n[profile.dev.package.nexus-xtask]\ndebug = 0\n[profile.dev.package.sha2]\nopt-level = 3\n";
        let empty = empty_manifest(manifest, workspace).unwrap();
        assert!(
            empty.contains("opt-level = 3") && empty.contains("debug = 1") && !empty.contains("nexus-xtask"),
            "{empty}"
        );
        assert!(empty.contains("a = \"1\"") && empty.contains("b = { version = \"2\" }"), "{empty}");
        assert!(!empty.contains("c = ") && !empty.contains("bin") && !empty.contains("\"front\""), "{empty}");
    }
}
