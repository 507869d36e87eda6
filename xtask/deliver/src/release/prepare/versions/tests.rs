use expect_test::{Expect, expect};

use super::*;
use crate::release::config::Config;
use crate::release::facts::Package;
use crate::release::units;

fn package(name: &str, version: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: version.parse().unwrap(),
        folder: name.to_owned(),
        registries: if name == "hidden" { Some(Vec::new()) } else { None },
        repository: None,
        binaries: Vec::new(),
        library: true,
        dependencies: Vec::new(),
    }
}

fn manifest(name: &str, version: &str) -> Manifest {
    let text = format!("[package]\nname = \"{name}\"\nversion{version}\n");
    Manifest::parse(format!("{name}/Cargo.toml"), text).unwrap()
}

/// `one` and `two` with versions of their own, `heir` and the never released `hidden` with that of the workspace.
#[track_caller]
fn check(config: &str, wanted: &[(&str, &str)], expected: Expect) {
    let config: Config = toml::from_str(config).unwrap();
    let facts = Facts {
        packages: ["one", "two", "heir", "second", "hidden"].map(|name| package(name, "0.1.0")).into(),
        tags: [("two-v0.2.0".to_owned(), "0123456789abcdef".to_owned())].into(),
        ..Facts::default()
    };
    let own = ["one", "two"].map(|name| manifest(name, " = \"0.1.0\""));
    let heirs = ["heir", "second", "hidden"].map(|name| manifest(name, ".workspace = true"));
    let manifests: Vec<_> = own.into_iter().chain(heirs).collect();
    let units = units::units(&config, &facts).unwrap();
    let wanted =
        wanted.iter().map(|(name, version)| ((*name).to_owned(), version.parse().unwrap())).collect();
    let shown = match versions(&facts, &units, &manifests, &wanted) {
        Ok(versions) => {
            let bumps =
                versions.bumps.iter().map(|bump| format!("{} {} -> {}\n", bump.package, bump.from, bump.to));
            let inherited = versions.inherited.iter().map(|version| format!("inherited {version}\n"));
            let due = versions.due.iter().map(|due| format!("due {}\n", due.tag));
            due.chain(bumps).chain(inherited).collect::<String>()
        }
        Err(findings) => findings.iter().map(|finding| format!("{finding}\n")).collect(),
    };
    expected.assert_eq(&shown);
}

const APART: &str = "[packages.one]\ntag = \"one-v{version}\"\n";
const GROUP: &str = "[groups.family]\npackages = [\"heir\", \"second\"]\n";

#[test]
fn a_unit_moves_alone_or_with_all_that_share_its_version() {
    check(
        APART,
        &[("one", "0.2.0")],
        expect![[r#"
        due one-v0.2.0
        one 0.1.0 -> 0.2.0
    "#]],
    );
    check(
        GROUP,
        &[("family", "0.2.0")],
        expect![[r#"
        due family-v0.2.0
        heir 0.1.0 -> 0.2.0
        second 0.1.0 -> 0.2.0
        hidden 0.1.0 -> 0.2.0
        inherited 0.2.0
    "#]],
    );
    check(
        GROUP,
        &[("heir", "0.2.0"), ("second", "0.2.0"), ("one", "1.0.0")],
        expect![[r#"
        due family-v0.2.0
        due one-v1.0.0
        one 0.1.0 -> 1.0.0
        heir 0.1.0 -> 0.2.0
        second 0.1.0 -> 0.2.0
        hidden 0.1.0 -> 0.2.0
        inherited 0.2.0
    "#]],
    );
    check(
        "",
        &[("workspace", "0.2.0")],
        expect![[r#"
        due v0.2.0
        one 0.1.0 -> 0.2.0
        two 0.1.0 -> 0.2.0
        heir 0.1.0 -> 0.2.0
        second 0.1.0 -> 0.2.0
        hidden 0.1.0 -> 0.2.0
        inherited 0.2.0
    "#]],
    );
    check(
        APART,
        &[("one", "0.1.0")],
        expect![[r#"
        due one-v0.1.0
        one 0.1.0 -> 0.1.0
    "#]],
    );
}

#[test]
fn what_cannot_be_is_said_all_at_once() {
    check(
        APART,
        &[("three", "1.0.0"), ("one", "0.0.9"), ("two", "0.2.0")],
        expect![[r#"
        `one` is 0.1.0, and 0.0.9 is lower
          next: ask for a higher version: what is published cannot be taken back by a lower one
        `three` is nothing that is released
          next: one of `heir`, `one`, `second`, `two`
        0.2.0 of `two` is released: the tag `two-v0.2.0` is on 0123456789ab
          next: ask for a higher version
    "#]],
    );
    check(
        GROUP,
        &[("heir", "0.2.0"), ("second", "0.3.0")],
        expect![[r#"
        two versions are asked for `family`
          next: ask for one: its packages share a version
    "#]],
    );
    check(
        APART,
        &[("heir", "0.2.0")],
        expect![[r#"
        Cargo.toml: `second` inherits `workspace.package.version` too, and 0.2.0 is not asked for it
          next: put both into one group (`groups` in release/release.toml), or give `second` a version of its own
    "#]],
    );
}
