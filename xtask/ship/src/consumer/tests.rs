use nexus_xtask::clock::Clock;
use nexus_xtask::environment::Environment;
use nexus_xtask_deliver::release::protocol::Endpoints;

use super::*;
use crate::http::Http;
use crate::loopback::registry::{Closure, RegistryDouble, Rules};
use crate::registry::Registry;
use crate::registry::fixture::{Scratch, Staging, library, manifest, packed};

/// Publishes packages to a registry on loopback, and consumes them from there.
fn consume(rules: Rules, packages: &[(&str, &str, Bytes)]) -> Result<Consumed> {
    let double = RegistryDouble::start(Closure::default(), rules, &Clock::system()).unwrap();
    let staging = Staging::of(packages);
    let environment = Environment::of(&[("CARGO_REGISTRY_TOKEN", "sesame-open")], Path::new("/"));
    let endpoints = Endpoints { forge: String::new(), registry: double.index(), trusted: false };
    let registry = Registry::new(&Http::new().unwrap(), &Clock::system(), &environment, &endpoints).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for index in 0..packages.len() {
        let (plan, files, folder) = (&staging.plan, &staging.manifest, staging.folder.path());
        runtime.block_on(registry.apply(plan, files, folder, &staging.action(index))).unwrap();
    }
    let folder = Scratch::new();
    let shell = Shell::new(folder.path(), &Environment::of_process().unwrap());
    check(&shell, &staging.plan, staging.folder.path(), &double.index(), folder.path())
}

#[test]
fn libraries_and_programs_are_built_from_the_registry_alone() {
    let base = library("base", "1.0.0", "[features]\nextra = []\n", "pub fn two() -> u32 { 2 }\n");
    let top = manifest(
        "top",
        "0.2.0",
        "[dependencies.foundation]\npackage = \"base\"\nversion = \"1\"\nfeatures = [\"extra\"]\n",
    );
    let main = "fn main() { assert_eq!(foundation::two(), 2); }\n";
    let top = packed("top-0.2.0", &[("Cargo.toml", &top), ("src/main.rs", main)]);
    let consumed = consume(Rules::default(), &[("base", "1.0.0", base), ("top", "0.2.0", top)]).unwrap();
    let expected = Consumed { libraries: vec!["base".to_owned()], programs: vec!["top".to_owned()] };
    assert_eq!(consumed, expected);
}

#[test]
fn a_file_that_was_not_packed_is_found() {
    let code = "pub const TEXT: &str = include_str!(\"text.txt\");\n";
    let failure =
        consume(Rules::default(), &[("alone", "1.0.0", library("alone", "1.0.0", "", code))]).unwrap_err();
    assert_eq!(failure.problem, "`alone` cannot be used as it is packed");
    assert!(
        failure.why[0].starts_with("error: couldn't read `") && failure.why[0].contains("text.txt"),
        "{failure}"
    );
}

#[test]
fn a_dependency_that_is_there_by_its_path_alone_is_found() {
    // In the workspace the path decides. The registry has the package in another version, so it takes what needs it.
    let outer = library("outer", "1.0.0", "[dependencies.inner]\nversion = \"1\"\n", "//! Outer.\n");
    let rules = Rules { known: vec!["inner".to_owned()], ..Rules::default() };
    let failure = consume(rules, &[("outer", "1.0.0", outer)]).unwrap_err();
    assert_eq!(failure.problem, "`outer` cannot be used as it is packed");
    assert!(failure.why[0].contains("`inner"), "{failure}");
}

#[test]
fn code_that_does_not_compile_names_its_package() {
    let broken = library("broken", "1.0.0", "", "pub fn f() { missing() }\n");
    let uses = library("uses", "1.0.0", "[dependencies]\nbroken = \"1\"\n", "pub use broken::f;\n");
    let failure =
        consume(Rules::default(), &[("broken", "1.0.0", broken), ("uses", "1.0.0", uses)]).unwrap_err();
    assert_eq!(failure.problem, "`broken` cannot be used as it is packed");
    assert!(failure.why[0].starts_with("error[E0425]: cannot find function `missing`"), "{failure}");
}
