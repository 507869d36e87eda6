//! Stock cargo judges the double: what it sends, what it reads, what it builds.

use std::path::Path;

use expect_test::expect;

use nexus_xtask::environment::Environment;
use nexus_xtask::shell::{Command, Shell};
use nexus_xtask_deliver::release::plan::Action;
use nexus_xtask_deliver::release::protocol::Endpoints;

use super::*;
use crate::consumer;
use crate::http::Http;
use crate::registry::Registry;
use crate::registry::fixture::{Scratch, Staging, library};
use crate::registry::metadata::{self, Locked};

const BASE: &str = r#"
[package]
name = "base"
version = "1.0.0"
edition = "2021"
description = "The one that the others need."
license = "MIT OR Apache-2.0"
authors = ["Ann <ann@example.com>", "Ben"]
documentation = "https://example.com/documentation"
homepage = "https://example.com"
repository = "https://example.com/repository"
keywords = ["one", "two"]
categories = ["development-tools"]
rust-version = "1.70"
publish = ["double"]

[features]
default = ["plain"]
plain = []
"#;

const MIDDLE: &str = r#"
[package]
name = "middle"
version = "0.2.0-rc.1"
edition = "2021"
description = "Needs things in every way."
license-file = "TERMS"
readme = "ABOUT.md"
links = "middle"
publish = ["double"]

[badges.maintenance]
status = "experimental"

[features]
all = ["dep:foundation", "third_party?/extra", "third_party"]
follows = ["all"]
plain = []

[dependencies]
base = { version = "1", registry = "double", path = "../base" }
foundation = { version = "1.0.0, <2", registry = "double", package = "base", optional = true, path = "../base" }
third_party = { version = "=3.1.4", optional = true, default-features = false, features = ["b", "a"] }

[target.'cfg(target_os = "linux")'.dependencies]
third_party = "3.1"

[target.x86_64-pc-windows-msvc.build-dependencies]
third_party = ">=3, <4"

[build-dependencies]
third_party = "3"

[dev-dependencies]
base = { version = "1", registry = "double", path = "../base", features = ["plain"] }
top = { path = "../top" }
"#;

const TOP: &str = r#"
[package]
name = "top"
version = "2.0.0"
edition = "2021"
description = "A program."
license = "MIT"
readme = false
publish = ["double"]

[dependencies]
middle = { version = "0.2.0-rc.1", registry = "double", path = "../middle" }
"#;

/// A registry with one third-party package, and a workspace that publishes there.
struct World {
    folder: Scratch,
    double: RegistryDouble,
}

impl World {
    fn new() -> World {
        let folder = Scratch::new();
        let third =
            library("third_party", "3.1.4", "[features]\na = []\nb = []\nextra = []\n", "//! Third.\n");
        let checksum = Digest::of(&third);
        nexus_xtask::files::write_cache(&folder.path().join("cache/third_party-3.1.4.crate"), &third)
            .unwrap();
        let lock = format!(
            "version = 4\n\n[[package]]\nname = \"third_party\"\nversion = \"3.1.4\"\nsource = \"registry+elsewhere\"\nchecksum = \"{checksum}\"\n"
        );
        let closure = Closure::of(&lock, &[folder.path().join("cache")]).unwrap();
        let rules = Rules { foreign: true, ..Rules::default() };
        let double = RegistryDouble::start(closure, rules, &Clock::system()).unwrap();
        let world = World { folder, double };
        world.write_workspace();
        world
    }

    fn write_workspace(&self) {
        let write = |name: &str, text: &str| self.folder.write(&format!("workspace/{name}"), text);
        write("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"base\", \"middle\", \"top\"]\n");
        write("base/Cargo.toml", BASE);
        write("base/src/lib.rs", "//! Base.\n\n/// Two.\npub fn two() -> u32 {\n    2\n}\n");
        write("base/README.md", "# Base\n\nWith \"quotes\" and ünïcode.\n");
        write("middle/Cargo.toml", MIDDLE);
        write("middle/build.rs", "fn main() {}\n");
        write("middle/src/lib.rs", "//! Middle.\n\npub use base::two;\n");
        write("middle/TERMS", "Do as you like.\n");
        write("middle/ABOUT.md", "# Middle\n");
        write("top/Cargo.toml", TOP);
        write("top/src/main.rs", "fn main() {\n    assert_eq!(middle::two(), 2);\n}\n");
        write(
            ".cargo/config.toml",
            &format!(
                "[registries.double]\nindex = \"sparse+{}\"\n\n[source.crates-io]\nreplace-with = \"double\"\n",
                self.double.index()
            ),
        );
    }

    fn cargo(&self, words: &[&str], target: &str) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let command = Command::new("cargo", words.iter().copied())
            .within(&self.folder.path().join("workspace"))
            .with("CARGO_HOME", path("home"))
            .with("CARGO_TARGET_DIR", path(target))
            .with("CARGO_NET_OFFLINE", "false")
            .with("CARGO_REGISTRIES_DOUBLE_TOKEN", "sesame-open");
        let shell = Shell::new(self.folder.path(), &Environment::of_process().unwrap());
        let captured = shell.capture(&command).unwrap();
        assert!(captured.is_success(), "cargo {words:?}: {}", captured.stderr);
    }
}

#[test]
fn stock_cargo_and_our_client_publish_the_same() {
    let world = World::new();
    world.cargo(&["publish", "--workspace", "--no-verify"], "published");
    let by_cargo = world.double.world();
    assert_eq!(by_cargo.matches("\"line\"").count(), 3, "{by_cargo}");

    let told: Value = serde_json::from_str(&by_cargo).unwrap();
    let requirement = |dependency: &Value| {
        let field = |name: &str| dependency[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {} {}\n", field("name"), field("version_req"), field("kind"), field("target"))
    };
    let middle = told["middle"][0]["told"]["deps"].as_array().unwrap().iter().map(requirement);
    expect![[r#"
        base ^1 normal -
        base ^1.0.0, <2 normal -
        third_party =3.1.4 normal -
        base ^1 dev -
        third_party ^3 build -
        third_party ^3.1 normal cfg(target_os = "linux")
        third_party >=3, <4 build x86_64-pc-windows-msvc
    "#]]
    .assert_eq(&middle.collect::<String>());

    lock(&world.double.state).published.clear();
    world.cargo(&["package", "--workspace", "--no-verify"], "packed");
    let packages = [("base", "1.0.0"), ("middle", "0.2.0-rc.1"), ("top", "2.0.0")];
    let packed = packages.map(|(name, version)| {
        let file = world.folder.path().join(format!("packed/package/{name}-{version}.crate"));
        (name, version, Bytes::from(nexus_xtask::files::read(&file).unwrap().unwrap()))
    });
    let mut staging = Staging::of(&packed);
    staging.plan.registry = "double".to_owned();
    let environment = Environment::of(&[("CARGO_REGISTRY_TOKEN", "sesame-open")], Path::new("/"));
    let endpoints = Endpoints { forge: String::new(), registry: world.double.index(), trusted: false };
    let registry = Registry::new(&Http::new().unwrap(), &Clock::system(), &environment, &endpoints).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for index in 0..packages.len() {
        let (plan, manifest, folder) = (&staging.plan, &staging.manifest, staging.folder.path());
        let action: Action = staging.action(index);
        runtime.block_on(registry.apply(plan, manifest, folder, &action)).unwrap();
    }
    assert_eq!(world.double.world(), by_cargo);

    // And a stock cargo builds what was published so, from this registry alone.
    let shell = Shell::new(world.folder.path(), &Environment::of_process().unwrap());
    let folder = world.folder.path().join("stranger");
    let index = world.double.index();
    let consumed = consumer::check(&shell, &staging.plan, staging.folder.path(), &index, &folder).unwrap();
    expect![[r#"Consumed { libraries: ["base", "middle"], programs: ["top"] }"#]]
        .assert_eq(&format!("{consumed:?}"));
}

#[test]
fn packages_that_are_not_on_this_machine_are_named() {
    let lock = format!(
        "[[package]]\nname = \"one\"\nversion = \"1.0.0\"\nsource = \"registry+a\"\nchecksum = \"{}\"\n",
        "0".repeat(64)
    );
    let failure = Closure::of(&lock, &[]).unwrap_err();
    expect![[r#"
        Cargo.lock: `one-1.0.0.crate` is not in cargo's cache
        error: 1 locked packages are not on this machine
          next: cargo fetch --locked"#]]
    .assert_eq(&failure.to_string());
}

#[test]
fn every_package_that_this_workspace_needs_has_a_line() {
    let environment = Environment::of_process().unwrap();
    let folders = Closure::folders(&environment.cargo_home().unwrap()).unwrap();
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let lock = nexus_xtask::files::read_text(&lock).unwrap().unwrap();
    // A package that this platform does not need was perhaps never downloaded.
    let is_here = |package: &Locked| {
        let name = format!("{}-{}.crate", package.name, package.version);
        package.checksum.is_some() && folders.iter().any(|folder| folder.join(&name).is_file())
    };
    let here: Vec<_> = metadata::locked(&lock).unwrap().into_iter().filter(is_here).collect();
    let lock: String = here
        .iter()
        .map(|package| {
            let checksum = package.checksum.as_deref().unwrap();
            format!(
                "[[package]]\nname = {:?}\nversion = {:?}\nchecksum = \"{checksum}\"\n",
                package.name, package.version
            )
        })
        .collect();
    let closure = Closure::of(&lock, &folders).unwrap();
    let lines: Vec<_> =
        here.iter().flat_map(|package| closure.lines(&package.name.to_lowercase()).unwrap()).collect();
    assert!(lines.len() >= here.len() && here.len() > 100, "{} packages, {} lines", here.len(), lines.len());
}
