//! Every kind of gate, open and shut, and shut for what is unknown, crashed, expired and changed.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use semver::Version;

use super::history::Tree;
use super::*;
use crate::release::manifest::{self, Manifest, Staged};
use crate::release::plan::{self, Artifact, Kind, Release};
use nexus_xtask::digest::Digest;
use nexus_xtask::journal::{Entry, Line};
use nexus_xtask::terminal::printable;

pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub(super) const ARCHIVE: &str = "assets/v1.2.0/one-1.2.0-t.tar.gz";
pub(super) const CRATE: &str = "crates/one-1.2.0.crate";

pub(super) fn now() -> Timestamp {
    at("2026-07-01T12:00:00Z")
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn version(text: &str) -> Version {
    text.parse().unwrap()
}

pub(super) fn plan() -> Plan {
    let artifact = |file: &str, kind, target: Option<&str>| Artifact {
        example: None,
        file: file.to_owned(),
        kind,
        package: Some("one".to_owned()),
        target: target.map(str::to_owned),
        release: target.map(|_| "v1.2.0".to_owned()),
    };
    Plan {
        version: plan::VERSION,
        commit: COMMIT.to_owned(),
        tree: String::new(),
        commit_time: 0,
        configuration: Digest::of(""),
        tools: BTreeMap::new(),
        registry: "r".to_owned(),
        repository: "o/one".to_owned(),
        immutable: true,
        releases: vec![Release {
            tag: "v1.2.0".to_owned(),
            version: version("1.2.0"),
            packages: vec!["one".to_owned()],
            prerelease: false,
            notes: String::new(),
        }],
        packages: Vec::new(),
        targets: vec!["t".to_owned()],
        artifacts: vec![artifact(ARCHIVE, Kind::Archive, Some("t")), artifact(CRATE, Kind::Crate, None)],
        steps: Vec::new(),
        way_back: Vec::new(),
    }
}

pub(super) fn staged() -> Manifest {
    let file = |name: &str| (name.to_owned(), Staged { sha256: Digest::of(name), bytes: 1 });
    Manifest { version: manifest::VERSION, plan: plan().digest(), files: [ARCHIVE, CRATE].map(file).into() }
}

/// Each case as a line: what it is, the verdict, the evidence, and what opens it.
#[track_caller]
pub(super) fn check(gate: &str, cases: Vec<(&str, Evidence)>, expected: Expect) {
    let gates = config::parse(&format!("[gates.g]\n{gate}")).unwrap().gates;
    let gate = &gates["g"];
    let (plan, manifest) = (plan(), staged());
    let case = Case { plan: &plan, manifest: Some(&manifest), now: now() };
    let seal = manifest::seal(&plan, &manifest).to_string();
    let mut text = String::new();
    let strange = [
        ("not asked", Evidence::Unknown(vec!["the tool is not there".to_owned()])),
        (
            "of another gate",
            match gate {
                Gate::CleanTree => Evidence::Changelog(Vec::new()),
                _ => Evidence::Tree(Tree { head: COMMIT.to_owned(), ..Tree::default() }),
            },
        ),
        ("no seal", Evidence::NoSeal),
    ];
    let mut verdicts = Vec::new();
    for (name, evidence) in cases {
        let asked = Asked::new("g", gate, &evidence, case);
        verdicts.push(asked.verdict);
        assert_eq!(asked.stops(), asked.verdict != Verdict::Pass, "{name}");
        assert_eq!(asked.next.is_empty(), asked.verdict == Verdict::Pass, "{name}: {asked:?}");
        text.push_str(&format!("{name}: {}", asked.verdict.word()));
        asked.evidence.iter().for_each(|fact| text.push_str(&format!("\n    {}", printable(fact))));
        text.push_str(&format!("\n    next: {}\n", asked.next).replace("\n    next: \n", "\n"));
    }
    assert!(verdicts.contains(&Verdict::Pass), "no case opens it");
    assert!(verdicts.iter().any(|verdict| *verdict != Verdict::Pass), "no case shuts it");
    for (name, evidence) in strange {
        assert_ne!(verdict(gate, &evidence, case).verdict, Verdict::Pass, "{name}");
    }
    expected.assert_eq(&text.replace(&seal, "SEAL"));
}

pub(super) fn line(kind: &str, subject: &str, when: &str, labels: &[(&str, &str)]) -> Line {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let entry = Entry { kind: kind.to_owned(), subject: subject.to_owned(), labels, ..Entry::default() };
    Line { v: 1, writer: "w".to_owned(), seq: 1, ts: at(when), entry, prev: String::new() }
}

#[test]
fn gates_about_bytes_wait_for_them_and_stop_no_build() {
    let plan = plan();
    let case = Case { plan: &plan, manifest: None, now: now() };
    let gates = config::parse(
        "[gates.a]\nkind = 'approvals'\nneeded = 1\n[gates.r]\nkind = 'reproducible'\n[gates.s]\nkind = 'smoke'\n",
    );
    let asked: Vec<_> = gates
        .unwrap()
        .gates
        .iter()
        .map(|(name, gate)| Asked::new(name, gate, &Evidence::NoSeal, case))
        .map(|asked| format!("{} {} {}", asked.gate, asked.verdict.word(), asked.stops()))
        .collect();
    expect![[r#"
        a Pending false
        branch Pending true
        changelog Pending true
        ci Pending true
        clean-tree Pending true
        r Pending false
        s Pending false
        version Pending true"#]]
    .assert_eq(&asked.join("\n"));
    assert!(Asked::unknown("x").stops());
}

#[test]
fn gates_of_no_answer_are_no_pass() {
    assert_eq!(Answer::all(Vec::new()).verdict, Verdict::Error);
}
