//! The gates of a release, asked by the real command on real repositories: each one open and shut.
//!
//! Programs that are not part of a Rust toolchain (`cargo semver-checks`, `cargo deny`) are small scripts that say and
//! exit what the real ones were seen to say and exit; approvals are made by the real `ssh-keygen` (approvals.rs).

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use expect_test::expect;
use nexus_xtask::clock::Clock;
use nexus_xtask::digest::Digest;
use nexus_xtask::journal::{self, Entry};
use nexus_xtask::workspace::Workspace;
use nexus_xtask_deliver::release::manifest::{self, Manifest, Staged};
use nexus_xtask_deliver::release::plan::{self, Plan};
use nexus_xtask_deliver::release::staging;

use crate::sandbox::{Sandbox, package};

/// What a gate said.
#[derive(serde::Deserialize)]
struct Asked {
    gate: String,
    verdict: String,
    evidence: Vec<String>,
}

/// A package that can be released as 0.2.0 after 0.1.0, with these gates and nothing else to ask.
pub(crate) fn releasable(gates: &str) -> Sandbox {
    let manifest = |version: &str| {
        format!(
            "[package]\nname = \"one\"\nversion = \"{version}\"\nedition = \"2024\"\nlicense = \"MIT\"\nrepository = \"https://forge.example/o/one\"\n"
        )
    };
    let lock =
        |version: &str| format!("version = 4\n\n[[package]]\nname = \"one\"\nversion = \"{version}\"\n");
    let ci = "remove = [\"fmt\", \"clippy\", \"build\", \"test\", \"doctest\", \"doc\", \"lock\"]\n[steps.quick]\ncommand = [\"test\", \"!\", \"-e\", \"broken\"]\n";
    let mut sandbox = package(&[
        ("Cargo.toml", &manifest("0.1.0")),
        ("Cargo.lock", &lock("0.1.0")),
        ("release/ci.toml", ci),
        ("release/gates.toml", gates),
        ("CHANGELOG.md", "# Changelog\n\n## [0.1.0]\n\n- Begun.\n"),
    ]);
    let home = sandbox.path("../own-cargo").display().to_string();
    sandbox.set("CARGO_HOME", &home);
    sandbox.git(&["config", "user.email", "run@example.com"]);
    sandbox.git(&["tag", "v0.1.0"]);
    sandbox.write("Cargo.toml", &manifest("0.2.0"));
    sandbox.write("Cargo.lock", &lock("0.2.0"));
    sandbox.write("CHANGELOG.md", "# Changelog\n\n## [0.2.0]\n\n- Better.\n\n## [0.1.0]\n\n- Begun.\n");
    sandbox
}

/// As [`releasable`], with the release commit made.
pub(crate) fn released(gates: &str) -> Sandbox {
    let sandbox = releasable(gates);
    sandbox.commit("release: 0.2.0");
    sandbox
}

/// Only this gate, as `g`.
fn only(gate: &str) -> String {
    format!("remove = [\"branch\", \"changelog\", \"ci\", \"clean-tree\", \"version\"]\n[gates.g]\n{gate}\n")
}

/// The verdict of a gate, and its evidence in one line.
#[track_caller]
pub(crate) fn said(sandbox: &Sandbox, gate: &str) -> (String, String) {
    let command = sandbox.command(crate::satellites::front(), &["--json", "release", "gate"]).output();
    let output = command.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let told = || format!("{text}{}", String::from_utf8_lossy(&output.stderr));
    let asked: Vec<Asked> = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}", told()));
    let is_open = asked.iter().all(|asked| asked.verdict == "pass");
    assert_eq!(output.status.code() == Some(0), is_open, "only a pass opens: {}", told());
    let found = asked.into_iter().find(|asked| asked.gate == gate).unwrap_or_else(|| panic!("{}", told()));
    (found.verdict, found.evidence.join("; "))
}

#[track_caller]
pub(crate) fn check(sandbox: &Sandbox, gate: &str, verdict: &str, evidence: &str) {
    let (said, why) = said(sandbox, gate);
    assert!(
        said == verdict && why.contains(evidence),
        "wanted {verdict} with `{evidence}`, got {said}: {why}"
    );
}

/// Stages files that were made up: their bytes are their names. Returns the plan and the seal.
pub(crate) fn stage(sandbox: &Sandbox) -> (Plan, Digest) {
    let folder = sandbox.path(".xtask/release/staging");
    let file = folder.join("plan.json").display().to_string();
    let done = sandbox.xtask(&["release", "plan", "--output", &file]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    let plan = plan::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let mut manifest = Manifest { version: manifest::VERSION, plan: plan.digest(), files: [].into() };
    for artifact in &plan.artifacts {
        let path = folder.join(&artifact.file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &artifact.file).unwrap();
        let staged = Staged { sha256: Digest::of(&artifact.file), bytes: artifact.file.len() as u64 };
        manifest.files.insert(artifact.file.clone(), staged);
    }
    std::fs::write(folder.join("manifest.json"), staging::text(&manifest).unwrap()).unwrap();
    let seal = manifest::seal(&plan, &manifest);
    (plan, seal)
}

/// A program that says and exits what the files beside it say.
fn program(sandbox: &mut Sandbox, name: &str) -> PathBuf {
    let folder = sandbox.path("../tools");
    std::fs::create_dir_all(&folder).unwrap();
    let script = "#!/bin/sh\nhere=$(dirname \"$0\")\ncat \"$here/said\" >&2\ncode=$(cat \"$here/code\")\ntest \"$code\" = killed && kill -9 $$\nexit \"$code\"\n";
    let path = folder.join(name);
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let all = format!("{}:{}", folder.display(), sandbox.variable("PATH"));
    sandbox.set("PATH", &all);
    folder
}

#[test]
fn gates_that_nobody_declared_open_one_by_one() {
    let sandbox = released("");
    let shut = sandbox.xtask(&["release", "gate"]);
    expect![[r#"
        exit 1
        --- stdout
        branch      Pass     `main` is checked out
        changelog   Pass     CHANGELOG.md tells of 0.2.0
        ci          Pending  no run of every step on commit COMMIT is recorded here
                             next: cargo xtask ci
        clean-tree  Pass     the work tree is commit COMMIT
        version     Pass     `v0.2.0` is free, and 0.2.0 follows 0.1.0
        N of N gates are open
        --- stderr
        error: N gate does not open
          next: cargo xtask ci
    "#]]
    .assert_eq(&shut.transcript().replace(&sandbox.git(&["rev-parse", "--short=12", "HEAD"]), "COMMIT"));
    let ci = sandbox.xtask(&["ci"]);
    assert_eq!(ci.code, 0, "{}", ci.transcript());
    let open = sandbox.xtask(&["release", "gate"]);
    expect![[r#"
        exit 0
        --- stdout
        branch      Pass     `main` is checked out
        changelog   Pass     CHANGELOG.md tells of 0.2.0
        ci          Pass     `cargo xtask ci` passed on this commit, N ago
        clean-tree  Pass     the work tree is commit COMMIT
        version     Pass     `v0.2.0` is free, and 0.2.0 follows 0.1.0
        N of N gates are open
    "#]]
    .assert_eq(&open.transcript().replace(&sandbox.git(&["rev-parse", "--short=12", "HEAD"]), "COMMIT"));
}

#[test]
fn gates_clean_tree() {
    let sandbox = released("");
    check(&sandbox, "clean-tree", "pass", "the work tree is commit");
    sandbox.write("src/new.rs", "");
    check(&sandbox, "clean-tree", "fail", "`?? src/new.rs`");
    std::fs::remove_file(sandbox.path("src/new.rs")).unwrap();
    sandbox.git(&["update-index", "--assume-unchanged", "src/lib.rs"]);
    sandbox.write("src/lib.rs", "compile_error!(\"changed\");");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "", "git does not see it");
    check(&sandbox, "clean-tree", "fail", "git is told not to look at `src/lib.rs`");
}

#[test]
fn gates_branch() {
    let sandbox = released("");
    check(&sandbox, "branch", "pass", "`main` is checked out");
    sandbox.git(&["switch", "--quiet", "--create", "feature"]);
    check(&sandbox, "branch", "fail", "`feature` is checked out");
    sandbox.git(&["switch", "--quiet", "--detach"]);
    check(&sandbox, "branch", "fail", "no branch of origin");
    sandbox.git(&["update-ref", "refs/remotes/pull/1/merge", "HEAD"]);
    sandbox.git(&["update-ref", "refs/remotes/origin/feature", "HEAD"]);
    sandbox.git(&["update-ref", "refs/remotes/origin/main", "HEAD^"]);
    check(&sandbox, "branch", "fail", "no branch of origin");
    sandbox.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    check(&sandbox, "branch", "pass", "`origin/main` holds its commit");
}

#[test]
fn gates_version() {
    let sandbox = released("");
    check(&sandbox, "version", "pass", "0.2.0 follows 0.1.0");
    sandbox.git(&["tag", "v0.2.0"]);
    check(&sandbox, "version", "pass", "`v0.2.0` is on this commit");
    sandbox.git(&["tag", "--force", "v0.2.0", "HEAD^"]);
    check(&sandbox, "version", "fail", "`v0.2.0` is on commit");
    sandbox.git(&["tag", "--delete", "v0.2.0"]);
    sandbox.git(&["tag", "v0.3.0-rc.1", "HEAD^"]);
    check(&sandbox, "version", "fail", "does not come after 0.3.0-rc.1");
    // What another line of development released is no earlier version of this one.
    sandbox.git(&["tag", "--delete", "v0.3.0-rc.1"]);
    let other = sandbox.git(&["commit-tree", "-m", "other", "HEAD^{tree}"]);
    sandbox.git(&["tag", "v9.0.0", &other]);
    check(&sandbox, "version", "pass", "0.2.0 follows 0.1.0");
    std::fs::write(sandbox.path(".git/shallow"), sandbox.git(&["rev-parse", "HEAD"]) + "\n").unwrap();
    check(&sandbox, "version", "error", "a shallow clone does not have all tags");
}

#[test]
fn gates_changelog() {
    let sandbox = released("");
    check(&sandbox, "changelog", "pass", "CHANGELOG.md tells of 0.2.0");
    for (text, problem) in [
        ("## [Unreleased]\n\n- Better.\n\n## [0.1.0]\n\n- Begun.\n", "no entry `## [0.2.0]`"),
        ("## [0.2.0]\n\n### Added\n\n## [0.1.0]\n\n- Begun.\n", "says nothing"),
        ("## [0.2.0-rc.1]\n\n- Better.\n", "no entry `## [0.2.0]`"),
    ] {
        sandbox.write("CHANGELOG.md", text);
        check(&sandbox, "changelog", "fail", problem);
    }
}

#[test]
fn gates_ci() {
    let sandbox = released("");
    let ci = |arguments: &[&str]| sandbox.xtask(&[&["ci"], arguments].concat()).code;
    check(&sandbox, "ci", "pending", "no run of every step on commit");
    assert_eq!(ci(&["--step", "quick"]), 0);
    check(&sandbox, "ci", "pending", "no run of every step on commit");
    // Everything is proven already; the whole run says so of the commit.
    assert_eq!(ci(&[]), 0);
    check(&sandbox, "ci", "pass", "passed on this commit");
    let lines = || {
        std::fs::read_dir(sandbox.path(".xtask/journal"))
            .unwrap()
            .flatten()
            .map(|file| std::fs::read_to_string(file.path()).unwrap().matches("\"ci.verdict\"").count())
            .sum::<usize>()
    };
    assert_eq!((ci(&[]), lines()), (0, 1), "what is told is not told again");

    // A run on other files than the commit's tells nothing of the commit.
    sandbox.write("broken", "");
    assert_eq!((ci(&[]), lines()), (1, 1));
    sandbox.commit("ci: break it");
    assert_eq!(ci(&["--step", "quick"]), 1);
    check(&sandbox, "ci", "fail", "a part of `cargo xtask ci`: failed");
    sandbox.git(&["rm", "--quiet", "broken"]);
    sandbox.commit("ci: repair it");
    check(&sandbox, "ci", "pending", "no run of every step on commit");
    assert_eq!(ci(&[]), 0);
    check(&sandbox, "ci", "pass", "passed on this commit");

    let journal = std::fs::read_dir(sandbox.path(".xtask/journal")).unwrap().flatten();
    let file = journal.map(|file| file.path()).find(|path| path.extension().is_some_and(|it| it == "jsonl"));
    let file = file.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("\"failed\"", "\"passed\"", 1)).unwrap();
    check(&sandbox, "ci", "error", "the journal does not prove itself");
}

#[test]
fn gates_api() {
    let mut sandbox = released(&only("kind = \"api\""));
    check(&sandbox, "g", "error", "no such command");
    let tool = program(&mut sandbox, "cargo-semver-checks");
    let broke = "--- failure function_missing: gone ---\n";
    for (code, text, verdict, evidence) in [
        ("0", "", "pass", "not seen by it: changed types of parameters"),
        // 0.2.0 may break users of 0.1.0, as cargo reads versions.
        ("100", broke, "pass", "0.2.0 breaks users of 0.1.0, and says so"),
        ("101", "error: unsupported rustdoc format v99", "error", "unsupported rustdoc format v99"),
        ("1", "error: usage", "error", "could not tell"),
        ("killed", "", "error", "could not tell"),
    ] {
        std::fs::write(tool.join("said"), text).unwrap();
        std::fs::write(tool.join("code"), code).unwrap();
        check(&sandbox, "g", verdict, evidence);
    }
    let text = sandbox.read("Cargo.toml").replace("0.2.0", "0.1.1");
    sandbox.write("Cargo.toml", &text);
    sandbox.write("Cargo.lock", &sandbox.read("Cargo.lock").replace("0.2.0", "0.1.1"));
    sandbox.commit("release: 0.1.1");
    std::fs::write(tool.join("said"), broke).unwrap();
    std::fs::write(tool.join("code"), "100").unwrap();
    check(&sandbox, "g", "fail", "0.1.1 breaks users of 0.1.0: function_missing");
    sandbox.git(&["tag", "--delete", "v0.1.0"]);
    check(&sandbox, "g", "pass", "the first release");
}

#[test]
fn gates_policy() {
    let mut sandbox = released(&only("kind = \"policy\"\ndays_max = 30"));
    check(&sandbox, "g", "error", "no such command");
    let tool = program(&mut sandbox, "cargo-deny");
    sandbox.write("deny.toml", "[advisories]\ndb-path = \"../advisories\"\n");
    sandbox.commit("deps: what is allowed");
    let summary = |advisories: u32| {
        let fields = ["advisories", "bans", "licenses", "sources"].map(|name| {
            format!(
                "\"{name}\":{{\"errors\":{},\"warnings\":0}}",
                if name == "advisories" { advisories } else { 0 }
            )
        });
        format!("{{\"type\":\"summary\",\"fields\":{{{}}}}}\n", fields.join(","))
    };
    let tell = |code: &str, text: &str| {
        std::fs::write(tool.join("said"), text).unwrap();
        std::fs::write(tool.join("code"), code).unwrap();
    };
    tell("0", &summary(0));
    check(&sandbox, "g", "error", "there is no database of advisories");
    let database = sandbox.path("../advisories/db");
    std::fs::create_dir_all(&database).unwrap();
    let database = database.display().to_string();
    let advisory = |sandbox: &Sandbox| {
        sandbox.git(&["-C", &database, "commit", "--quiet", "--allow-empty", "--message", "an advisory"]);
    };
    sandbox.git(&["-C", &database, "init", "--quiet"]);
    advisory(&sandbox);
    check(&sandbox, "g", "expired", "allowed are 30 days");
    let now = Clock::system().now().to_string();
    sandbox.set("GIT_COMMITTER_DATE", &now);
    advisory(&sandbox);
    check(&sandbox, "g", "pass", "the newest advisory in the database is of");
    for (code, text, verdict, evidence) in [
        ("1", summary(2), "fail", "advisories: 2"),
        (
            "1",
            "{\"type\":\"log\",\"fields\":{\"message\":\"failed to parse config\"}}".to_owned(),
            "error",
            "failed to parse config",
        ),
        ("0", String::new(), "error", "it said nothing"),
        ("killed", summary(0), "fail", "not allowed"),
    ] {
        tell(code, &text);
        check(&sandbox, "g", verdict, evidence);
    }
}

#[test]
fn gates_command() {
    for (command, verdict, evidence) in [
        ("[\"sh\", \"-c\", \"exit 0\"]", "pass", "exited with 0"),
        ("[\"sh\", \"-c\", \"echo not today; exit 1\"]", "fail", "says no: not today"),
        ("[\"sh\", \"-c\", \"echo soon; exit 75\"]", "pending", "says not yet: soon"),
        ("[\"sh\", \"-c\", \"exit 2\"]", "error", "could not tell, exit 2"),
        ("[\"sh\", \"-c\", \"kill -9 $$\"]", "error", "could not tell, signal 9"),
        ("[\"no-such-program\"]", "error", "could not tell, no such program"),
        (
            "[\"sh\", \"-c\", \"echo begun; read line < fifo\"]\ntimeout = \"1s\"",
            "error",
            "longer than it may: begun",
        ),
        ("[\"cargo\", \"xtask\", \"--version\"]", "pass", "exited with 0"),
    ] {
        let sandbox = released(&only(&format!("kind = \"command\"\ncommand = {command}")));
        // Nobody ever writes into it: who reads from it waits for ever.
        assert!(sandbox.command("mkfifo", &["fifo"]).status().unwrap().success());
        check(&sandbox, "g", verdict, evidence);
    }
}

#[test]
fn gates_window() {
    let always = "from = \"2000-01-01 00:00\", to = \"9000-01-01 00:00\"";
    let never = "from = \"2000-01-01 00:00\", to = \"2000-01-02 00:00\"";
    for (freeze, verdict, evidence) in [
        (format!("{never}, zone = \"CET-1CEST,M3.5.0,M10.5.0/3\""), "pass", "it is not"),
        (format!("{always}, zone = \"UTC\""), "pending", "nothing is released until 9000-01-01T00:00:00Z"),
        (format!("{never}, zone = \"Mars/Base\""), "error", "knows no time zone `Mars/Base`"),
        (format!("{never}, zone = \"../../etc/passwd\""), "error", "knows no time zone"),
    ] {
        let sandbox = released(&only(&format!("kind = \"window\"\nfreezes = [{{ {freeze} }}]")));
        check(&sandbox, "g", verdict, evidence);
    }
}

#[test]
fn gates_soak() {
    let gate =
        "kind = \"soak\"\nevent = \"release.published\"\nsubject = \"v{version}-rc.*\"\nhours_min = 48";
    let sandbox = released(&only(gate));
    check(&sandbox, "g", "pending", "the journal knows no");
    let publish = |subject: &str, clock: Clock| {
        let (kind, subject) = ("release.published".to_owned(), subject.to_owned());
        let entry = Entry { kind, subject, ..Entry::default() };
        journal::append(&Workspace::at(sandbox.root()), &clock, vec![entry]).unwrap();
    };
    let old = "2026-01-01T00:00:00Z".parse().unwrap();
    publish("v0.1.0-rc.1", Clock::fixed(old));
    check(&sandbox, "g", "pending", "the journal knows no");
    publish("v0.2.0-rc.1", Clock::fixed(old));
    check(&sandbox, "g", "pass", "`v0.2.0-rc.1`");
    publish("v0.2.0-rc.2", Clock::system());
    check(&sandbox, "g", "pending", "48 hours must have passed");
}

#[test]
fn gates_about_bytes() {
    let gates = "remove = [\"branch\", \"changelog\", \"ci\", \"clean-tree\", \"version\"]\n[gates.twice]\nkind = \"reproducible\"\n";
    let sandbox = released(gates);
    let (verdict, evidence) = {
        let done = sandbox.xtask(&["--json", "release", "gate", "--when", "build"]);
        assert_eq!(done.code, 0, "a gate about bytes stops no build: {}", done.transcript());
        let asked: Vec<Asked> = serde_json::from_str(&done.stdout).unwrap();
        (asked[0].verdict.clone(), asked[0].evidence.join("; "))
    };
    assert_eq!((verdict.as_str(), evidence.as_str()), ("pending", "nothing is staged yet"));

    let (plan, _) = stage(&sandbox);
    check(&sandbox, "twice", "pending", "nobody has looked yet");
    let staged = "crates/one-0.2.0.crate";
    let path = format!(".xtask/release/{}/reproducible.json", plan.digest());
    let keep = |plan: Digest, first: &str, second: &str| {
        let of = |bytes: &str| format!("{{\"{staged}\":\"{}\"}}", Digest::of(bytes));
        let builds = format!("{},{}", of(first), of(second));
        let evidence =
            format!("{{\"plan\":\"{plan}\",\"at\":\"2026-01-02T00:00:00Z\",\"builds\":[{builds}]}}");
        let text = format!("{{\"check\":\"{}\",\"evidence\":{evidence}}}", Digest::of(&evidence));
        sandbox.write(&path, &text);
        text
    };
    let text = keep(plan.digest(), staged, staged);
    check(&sandbox, "twice", "pass", "2 builds gave the same 1 files");
    keep(plan.digest(), staged, "other");
    check(&sandbox, "twice", "fail", "two builds gave different bytes");
    keep(plan.digest(), "other", "other");
    check(&sandbox, "twice", "fail", "what was built twice is not what is staged");
    keep(Digest::of("other"), staged, staged);
    check(&sandbox, "twice", "fail", "the evidence is of another plan");
    sandbox.write(&path, &text.replace("2026-01-02", "2026-01-03"));
    check(&sandbox, "twice", "error", "was changed after it was written");
    sandbox.write(&path, &text[..text.len() / 2]);
    check(&sandbox, "twice", "error", "cannot be read");

    // A changed byte of the staged files is refused before any gate is asked.
    sandbox.write(&format!(".xtask/release/staging/{staged}"), "crates/one-0.2.0.crat3");
    let done = sandbox.xtask(&["release", "gate"]);
    assert_eq!(done.code, 3, "{}", done.transcript());
}

#[test]
fn gates_file_is_refused_with_all_its_problems() {
    let sandbox =
        released("remove = [\"nothing\"]\n\n[gates.a]\nkind = \"aproval\"\n\n[gates.b]\nkind = \"soak\"\n");
    for arguments in [&["release", "gate"][..], &["release", "plan"]] {
        let done = sandbox.xtask(arguments);
        assert_eq!(done.code, 2);
        for line in ["release/gates.toml:1: ", "release/gates.toml:4: ", "release/gates.toml:6: "] {
            assert!(done.stderr.contains(line), "{line}: {}", done.stderr);
        }
    }
}

#[test]
fn gates_are_in_the_plan() {
    let sandbox = released("remove = [\"branch\"]\n[gates.two]\nkind = \"approvals\"\nneeded = 2\n");
    let done = sandbox.xtask(&["release", "plan"]);
    assert!(
        done.stdout.contains("gates       changelog, ci, clean-tree, two, version"),
        "{}",
        done.transcript()
    );
}
