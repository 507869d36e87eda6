use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::*;
use crate::release::config::Config;
use crate::release::facts::{Facts, Package};
use crate::release::manifest::Staged;
use crate::release::plan::{Known, make};
use crate::release::units;
use nexus_xtask::digest::Digest;
use nexus_xtask::scratch::Scratch;

/// The plan of one package with a library and a binary.
fn plan() -> Plan {
    let package = Package {
        name: "one".to_owned(),
        version: semver::Version::new(1, 2, 0),
        folder: String::new(),
        registries: None,
        repository: Some("https://example.com/ann/one".to_owned()),
        binaries: vec!["one".to_owned()],
        library: true,
        dependencies: Vec::new(),
    };
    let facts = Facts { commit: "c0ffee".to_owned(), packages: vec![package], ..Facts::default() };
    let known = Known {
        configuration: Digest::of("none"),
        tools: BTreeMap::from([("rustc".to_owned(), "rustc 1.95.0".to_owned())]),
        host: "x86_64-unknown-linux-gnu".to_owned(),
        notes: BTreeMap::new(),
        gates: Vec::new(),
    };
    let units = units::units(&Config::default(), &facts).unwrap();
    make(&Config::default(), &facts, &units, &known).unwrap()
}

/// A staging folder in which each file holds its own name.
fn staged() -> (Scratch, Manifest) {
    let scratch = Scratch::new();
    let plan = plan();
    let mut manifest = Manifest { version: manifest::VERSION, plan: plan.digest(), files: BTreeMap::new() };
    for artifact in &plan.artifacts {
        let bytes = artifact.file.as_bytes();
        files::write(&scratch.path().join(&artifact.file), bytes).unwrap();
        let staged = Staged { sha256: Digest::of(bytes), bytes: bytes.len() as u64 };
        manifest.files.insert(artifact.file.clone(), staged);
    }
    files::write(&scratch.path().join(manifest::PLAN), text(&plan).unwrap()).unwrap();
    files::write(&scratch.path().join(manifest::FILE), text(&manifest).unwrap()).unwrap();
    (scratch, manifest)
}

#[track_caller]
fn check_after(change: impl FnOnce(&Path), expected: Expect) {
    let (scratch, _) = staged();
    change(scratch.path());
    let said = match check(scratch.path()) {
        Ok((_, _, seal)) => format!("seal {}", seal.short()),
        Err(failure) => failure.to_string().replace(&scratch.path().display().to_string(), "FOLDER"),
    };
    expected.assert_eq(&said);
}

const ARCHIVE: &str = "assets/v1.2.0/one-1.2.0-x86_64-unknown-linux-gnu.tar.gz";

#[test]
fn a_folder_as_it_was_staged_has_its_seal() {
    let (scratch, manifest) = staged();
    let (plan, read, seal) = check(scratch.path()).unwrap();
    assert_eq!((&read, seal), (&manifest, manifest::seal(&plan, &manifest)));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    check_after(
        |folder| {
            files::write(&folder.join(ARCHIVE), "other bytes").unwrap();
            files::write(&folder.join("assets/v1.2.0/SHA256SUMS"), "ASSETS/v1.2.0/SHA256SUMS").unwrap();
            files::remove(&folder.join("crates/one-1.2.0.crate")).unwrap();
            files::write(&folder.join("assets/v1.2.0/more"), "").unwrap();
            files::link(Path::new("SHA256SUMS"), &folder.join("assets/v1.2.0/link")).unwrap();
            let bom = folder.join("assets/v1.2.0/bom.cdx.json");
            files::remove(&bom).unwrap();
            files::link(Path::new("/etc/hostname"), &bom).unwrap();
        },
        expect![[r#"
            assets/v1.2.0/SHA256SUMS: has other bytes than those that were staged
              next: cargo xtask release stage
            assets/v1.2.0/bom.cdx.json: is a link
              next: cargo xtask release stage
            assets/v1.2.0/link: is in the folder, and nobody staged it
              next: cargo xtask release stage
            assets/v1.2.0/more: is in the folder, and nobody staged it
              next: cargo xtask release stage
            assets/v1.2.0/one-1.2.0-x86_64-unknown-linux-gnu.tar.gz: has 11 bytes, and 55 were staged
              next: cargo xtask release stage
            crates/one-1.2.0.crate: is missing
              next: cargo xtask release stage
            error: `FOLDER` is not what was staged
              why:  a release is published as it was staged, or not at all"#]],
    );
}

#[test]
fn a_manifest_that_leads_out_of_the_folder_is_refused() {
    check_after(
        |folder| {
            let (_, mut manifest) = staged();
            let staged = manifest.files.remove(ARCHIVE).unwrap();
            manifest.files.insert("../one.tar.gz".to_owned(), staged);
            files::write(&folder.join(manifest::FILE), text(&manifest).unwrap()).unwrap();
        },
        expect![[r#"
            ../one.tar.gz: is missing
              next: cargo xtask release stage
            assets/v1.2.0/one-1.2.0-x86_64-unknown-linux-gnu.tar.gz: is in the folder, and nobody staged it
              next: cargo xtask release stage
            manifest.json: does not list `assets/v1.2.0/one-1.2.0-x86_64-unknown-linux-gnu.tar.gz`, which the plan has
              next: cargo xtask release stage
            manifest.json: lists `../one.tar.gz`, which the plan does not have
              next: cargo xtask release stage
            error: `FOLDER` is not what was staged
              why:  a release is published as it was staged, or not at all"#]],
    );
}

#[test]
fn a_plan_that_leads_out_of_the_folder_is_refused() {
    check_after(
        |folder| {
            let path = folder.join(manifest::PLAN);
            let plan = files::read_text(&path).unwrap().unwrap();
            files::write(&path, plan.replace("crates/one-1.2.0.crate", "../one-1.2.0.crate")).unwrap();
        },
        expect![[r#"
            plan.json: `../one-1.2.0.crate` is no path inside the staging folder
              next: cargo xtask release stage
            error: `FOLDER` holds no release that can be read"#]],
    );
}

#[test]
fn a_folder_without_a_release_says_what_makes_one() {
    check_after(
        |folder| files::remove_folder(folder).unwrap(),
        expect![[r#"
        manifest.json: is no file here
          next: cargo xtask release stage
        plan.json: is no file here
          next: cargo xtask release stage
        error: `FOLDER` holds no release that can be read"#]],
    );
}

#[test]
fn each_first_middle_and_last_byte_of_each_file_counts() {
    let (scratch, _) = staged();
    let mut changed = 0;
    for path in files::walk(scratch.path()).unwrap() {
        let whole = files::read(&path).unwrap().unwrap();
        for index in [0, whole.len() / 2, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            files::write(&path, &bytes).unwrap();
            let failure = check(scratch.path()).unwrap_err();
            assert_eq!(failure.exit, Exit::Refused, "byte {index} of {}: {failure}", path.display());
            changed += 1;
        }
        files::write(&path, &whole).unwrap();
        assert!(check(scratch.path()).is_ok(), "{}", path.display());
    }
    // Nine files, three bytes each.
    assert_eq!(changed, 27);
}

#[test]
fn a_blank_in_plan_or_manifest_counts_too() {
    for name in [manifest::PLAN, manifest::FILE] {
        check_after(
            |folder| {
                let path = folder.join(name);
                let text = files::read_text(&path).unwrap().unwrap();
                files::write(&path, text.replacen(": ", ":  ", 1)).unwrap();
            },
            match name {
                manifest::PLAN => expect![[r#"
                    plan.json: is not the text that was staged
                      next: cargo xtask release stage
                    error: `FOLDER` is not what was staged
                      why:  a release is published as it was staged, or not at all"#]],
                _ => expect![[r#"
                    manifest.json: is not the text that was staged
                      next: cargo xtask release stage
                    error: `FOLDER` is not what was staged
                      why:  a release is published as it was staged, or not at all"#]],
            },
        );
    }
}

#[test]
fn other_tools_are_named() {
    let staged = plan();
    let mut here = staged.clone();
    here.tools.insert("rustc".to_owned(), "rustc 1.96.0".to_owned());
    here.tools.insert("cargo".to_owned(), "cargo 1.96.0".to_owned());
    let text: String =
        plan_differences(&staged, &here).iter().map(|finding| format!("{finding}\n")).collect();
    expect![[r#"
        `cargo` is `cargo 1.96.0` here, and `none` staged it
          next: use that version, or stage again: cargo xtask release stage
        `rustc` is `rustc 1.96.0` here, and `rustc 1.95.0` staged it
          next: use that version, or stage again: cargo xtask release stage
    "#]]
    .assert_eq(&text);
    here.tools = staged.tools.clone();
    here.steps.pop();
    let text: String =
        plan_differences(&staged, &here).iter().map(|finding| format!("{finding}\n")).collect();
    expect![[r#"
        plan.json: the plan of this commit, made here, is another one
          next: stage again: cargo xtask release stage
    "#]]
    .assert_eq(&text);
    assert_eq!(plan_differences(&staged, &staged), []);
}
