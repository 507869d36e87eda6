//! Approvals by the real `ssh-keygen`, kept in a real repository: those that count, and each one that does not.

use std::process::Command;

use expect_test::expect;
use nexus_xtask::clock::Clock;
use nexus_xtask::digest::Digest;

use crate::gates::{check, releasable, said, stage};
use crate::sandbox::Sandbox;

const GATES: &str = "remove = [\"branch\", \"changelog\", \"ci\", \"clean-tree\", \"version\"]\n[gates.people]\nkind = \"approvals\"\nneeded = 2\n";

/// The name of a person, as their e-mail address.
fn address(name: &str) -> String {
    format!("{name}@example.com")
}

fn key(sandbox: &Sandbox, name: &str) -> String {
    sandbox.path(&format!("../{name}.key")).display().to_string()
}

/// Makes a key, and returns the line of it in the list of signers.
fn person(sandbox: &Sandbox, name: &str) -> String {
    let file = key(sandbox, name);
    if !std::path::Path::new(&file).exists() {
        let made = sandbox.command("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", &file]);
        run(made);
    }
    format!("{} {}\n", address(name), std::fs::read_to_string(format!("{file}.pub")).unwrap().trim())
}

fn run(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

pub(crate) fn list(sandbox: &Sandbox, names: &[&str]) {
    let lines: String = names.iter().map(|name| person(sandbox, name)).collect();
    sandbox.write("release/approvers", &lines);
}

/// Ann releases 0.2.0. At 0.1.0 the signers were `before`; in the release commit they are `now`.
fn release(before: &[&str], now: &[&str]) -> Sandbox {
    let sandbox = releasable(GATES);
    sandbox.git(&["stash", "--quiet"]);
    list(&sandbox, before);
    sandbox.commit("release: who may approve");
    sandbox.git(&["tag", "--force", "v0.1.0"]);
    sandbox.git(&["stash", "pop", "--quiet"]);
    list(&sandbox, now);
    sandbox.commit("release: 0.2.0");
    sandbox
}

#[track_caller]
pub(crate) fn approve(sandbox: &Sandbox, seal: Digest, name: &str, more: &[&str]) {
    let (seal, key, who) = (seal.to_string(), key(sandbox, name), address(name));
    let words = [&["release", "approve", &seal, "--key", &key, "--name", &who], more].concat();
    let done = sandbox.xtask(&words);
    assert_eq!(done.code, 0, "{}", done.transcript());
}

fn reference(seal: Digest) -> String {
    format!("refs/xtask/approvals/{seal}")
}

/// Stores a text and a signature under a ref, as somebody would who can write to the repository.
fn plant(sandbox: &Sandbox, reference: &str, text: &str, signature: &str) {
    let blob = |text: &str| {
        let path = sandbox.path("../planted");
        std::fs::write(&path, text).unwrap();
        sandbox.git(&["hash-object", "-w", &path.display().to_string()])
    };
    let listing = format!("100644 blob {}\ta.json\n100644 blob {}\ta.sig\n", blob(text), blob(signature));
    let path = sandbox.path("../planted");
    std::fs::write(&path, listing).unwrap();
    let mut mktree = sandbox.command("git", &["mktree"]);
    mktree.stdin(std::fs::File::open(&path).unwrap());
    let commit = sandbox.git(&["commit-tree", "-m", "planted", &run(mktree)]);
    sandbox.git(&["update-ref", reference, &commit]);
}

/// Signs a text, as a person would without our command.
fn sign(sandbox: &Sandbox, name: &str, namespace: &str, text: &str) -> String {
    let path = sandbox.path("../statement");
    std::fs::write(&path, text).unwrap();
    let mut command =
        sandbox.command("ssh-keygen", &["-Y", "sign", "-q", "-n", namespace, "-f", &key(sandbox, name)]);
    command.stdin(std::fs::File::open(&path).unwrap());
    run(command) + "\n"
}

/// The one text under a ref, and its signature.
fn kept(sandbox: &Sandbox, reference: &str) -> (String, String) {
    let names = sandbox.git(&["ls-tree", "--name-only", reference]);
    let one = |ending: &str| {
        let name = names.lines().find(|name| name.ends_with(ending)).unwrap();
        sandbox.git(&["cat-file", "blob", &format!("{reference}:{name}")]) + "\n"
    };
    (one(".json"), one(".sig"))
}

/// Puts in the place of all approvals the one of a stage, as its person would have given it long ago.
pub(crate) fn age(sandbox: &Sandbox, seal: Digest, name: &str, stage: &str) {
    let reference = reference(seal);
    let names = sandbox.git(&["ls-tree", "--name-only", &reference]);
    let text = |name: &str| sandbox.git(&["cat-file", "blob", &format!("{reference}:{name}")]);
    let statements = names.lines().filter(|name| name.ends_with(".json")).map(text);
    let mut values = statements.map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap());
    let mut value = values.find(|value| value["stage"] == stage).unwrap();
    value["issued"] = "2026-01-01T00:00:00Z".into();
    value["expires"] = "2026-01-02T00:00:00Z".into();
    let text = value.to_string();
    plant(sandbox, &reference, &text, &sign(sandbox, name, "nexus-xtask-approval", &text));
}

#[test]
fn gates_approvals_of_two_people_open() {
    let sandbox = release(&["bob", "carol"], &["bob", "carol"]);
    let (_, seal) = stage(&sandbox);
    check(&sandbox, "people", "pending", "0 of 2 approvals; signers are those of `v0.1.0`");
    approve(&sandbox, seal, "bob", &[]);
    check(&sandbox, "people", "pending", "1 of 2 approvals");
    approve(&sandbox, seal, "bob", &[]);
    check(&sandbox, "people", "pending", "1 of 2 approvals");
    approve(&sandbox, seal, "carol", &[]);
    check(&sandbox, "people", "pass", "2 of 2 approvals");
    let (text, _) = kept(&sandbox, &format!("{}~2", reference(seal)));
    let normal = |word: &str| match word {
        word if word.contains("T") && word.contains("Z\"") => "TIME".to_owned(),
        word => word.to_owned(),
    };
    let text = sandbox.normal(&text.replace('"', " \" ")).replace(" \" ", "\"");
    let text: Vec<_> =
        text.lines().map(|line| line.split(' ').map(normal).collect::<Vec<_>>().join(" ")).collect();
    expect![[r#"
        {
          "statement": "nexus-xtask-approval N",
          "seal": "DIGEST",
          "commit": "DIGEST",
          "tags": [
            "v0.2.0"
          ],
          "who": "bob@example.com",
          "issued": TIME
          "expires": TIME
        }"#]]
    .assert_eq(&text.join("\n"));
}

/// Bob has approved; the second approval is the case. Each is shut, and says why.
#[test]
fn gates_approvals_that_do_not_count_say_why() {
    let sandbox = release(&["ann", "bob", "carol", "gone", "run"], &["ann", "bob", "carol", "new", "run"]);
    person(&sandbox, "mallory");
    let (_, seal) = stage(&sandbox);
    let reference = reference(seal);
    approve(&sandbox, seal, "bob", &[]);
    let bob = sandbox.git(&["rev-parse", &reference]);
    let verdict = |verdict: &str, why: &str| {
        check(&sandbox, "people", verdict, "1 of 2 approvals");
        check(&sandbox, "people", verdict, why);
        sandbox.git(&["update-ref", &reference, &bob]);
    };
    for (name, why) in [
        ("ann", "ann@example.com: made the release commit"),
        ("run", "run@example.com: runs the release"),
        ("new", "new@example.com: became a signer after the last release"),
        ("gone", "gone@example.com: is no signer any more"),
        ("mallory", "mallory@example.com: is no signer"),
    ] {
        approve(&sandbox, seal, name, &[]);
        verdict("fail", why);
    }
    // Carol's name with the key of somebody else.
    let (seal_text, who, stolen) = (seal.to_string(), address("carol"), key(&sandbox, "mallory"));
    let done = sandbox.xtask(&["release", "approve", &seal_text, "--key", &stolen, "--name", &who]);
    assert_eq!(done.code, 0, "{}", done.transcript());
    verdict("fail", "carol@example.com: is no signer");
}

#[test]
fn gates_approvals_that_were_changed_or_moved_do_not_count() {
    let sandbox = release(&["bob", "carol"], &["bob", "carol"]);
    let (_, seal) = stage(&sandbox);
    let reference = reference(seal);
    approve(&sandbox, seal, "bob", &[]);
    let (text, signature) = kept(&sandbox, &reference);
    let shut = |why: &str| {
        check(
            &sandbox,
            "people",
            "fail",
            &format!("0 of 2 approvals; signers are those of `v0.1.0`; does not count: {why}"),
        )
    };

    plant(&sandbox, &reference, &text.replace("bob@", "carol@"), &signature);
    shut("carol@example.com: the signature is not of this text");
    plant(&sandbox, &reference, &text.replace("\"expires\": \"2", "\"expires\": \"3"), &signature);
    shut("bob@example.com: the signature is not of this text");
    plant(&sandbox, &reference, "{}", &signature);
    shut("its text is no approval");
    plant(&sandbox, &reference, &text, &sign(&sandbox, "bob", "git", &text));
    shut("bob@example.com: the signature is not of this text");
    let other = text.replace(&seal.to_string(), &Digest::of("other").to_string());
    plant(&sandbox, &reference, &other, &sign(&sandbox, "bob", "nexus-xtask-approval", &other));
    shut("bob@example.com: approved another seal");
    let other = text.replace("v0.2.0", "v0.3.0");
    plant(&sandbox, &reference, &other, &sign(&sandbox, "bob", "nexus-xtask-approval", &other));
    shut("bob@example.com: approved another commit or other tags");

    let statement = |issued: &str, expires: &str| {
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["issued"] = issued.into();
        value["expires"] = expires.into();
        serde_json::to_string(&value).unwrap()
    };
    for (issued, expires, verdict, why) in [
        ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "expired", "bob@example.com: expired"),
        ("2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "expired", "bob@example.com: was made"),
        ("2998-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "fail", "at a time that cannot be"),
    ] {
        let text = statement(issued, expires);
        plant(&sandbox, &reference, &text, &sign(&sandbox, "bob", "nexus-xtask-approval", &text));
        check(&sandbox, "people", verdict, why);
    }

    // The approval of one seal, moved to another: the bytes have changed since.
    plant(&sandbox, &reference, &text, &signature);
    check(&sandbox, "people", "pending", "1 of 2 approvals");
    let manifest = sandbox.path(".xtask/release/staging/manifest.json");
    let staged = std::fs::read_to_string(&manifest).unwrap();
    let name = "crates/one-0.2.0.crate";
    sandbox.write(&format!(".xtask/release/staging/{name}"), &name.replace("0.2.0", "0.2.9"));
    let changed = Digest::of(name.replace("0.2.0", "0.2.9")).to_string();
    std::fs::write(&manifest, staged.replace(&Digest::of(name).to_string(), &changed)).unwrap();
    check(&sandbox, "people", "pending", "0 of 2 approvals");
    let done = sandbox.xtask(&["release", "approve", &seal.to_string(), "--key", &key(&sandbox, "bob")]);
    assert_eq!(done.code, 4, "the files have another seal: {}", done.transcript());
    let folder = sandbox.path(".xtask/release/staging");
    let plan = std::fs::read_to_string(folder.join("plan.json")).unwrap();
    let plan = nexus_xtask_deliver::release::plan::parse(&plan).unwrap();
    let manifest = serde_json::from_str(&std::fs::read_to_string(&manifest).unwrap()).unwrap();
    let now = nexus_xtask_deliver::release::manifest::seal(&plan, &manifest);
    sandbox.git(&["update-ref", &self::reference(now), &reference]);
    check(&sandbox, "people", "fail", "bob@example.com: approved another seal");
}

#[test]
fn gates_approvals_of_a_first_release_need_signers_from_before() {
    let sandbox = releasable(GATES);
    sandbox.git(&["tag", "--delete", "v0.1.0"]);
    list(&sandbox, &["bob", "carol"]);
    sandbox.commit("release: 0.2.0");
    stage(&sandbox);
    check(&sandbox, "people", "error", "no commit before it has `release/approvers`");

    sandbox.git(&["commit", "--quiet", "--allow-empty", "--message", "release: 0.2.0"]);
    let (_, seal) = stage(&sandbox);
    approve(&sandbox, seal, "bob", &[]);
    approve(&sandbox, seal, "carol", &[]);
    check(&sandbox, "people", "pass", "there is no earlier release");
}

#[test]
fn gates_approvals_need_to_know_who_runs_this() {
    let sandbox = release(&["bob"], &["bob"]);
    sandbox.git(&["config", "--unset", "user.email"]);
    stage(&sandbox);
    // The variables of the sandbox name Ann; without them nobody is named.
    let mut command = sandbox.command(crate::satellites::front(), &["release", "gate"]);
    command.env_remove("GIT_AUTHOR_EMAIL").env_remove("GIT_COMMITTER_EMAIL");
    let done = sandbox.finish(command.output().unwrap());
    assert!(done.code == 1 && done.stdout.contains("nobody knows who runs this"), "{}", done.transcript());
    command.env("GITHUB_ACTOR", "somebody");
    let done = sandbox.finish(command.output().unwrap());
    assert!(done.code == 1 && done.stdout.contains("N of N approvals"), "{}", done.transcript());
}

#[test]
fn gates_approvals_of_two_clones_are_joined() {
    let sandbox = release(&["bob", "carol"], &["bob", "carol"]);
    let origin = sandbox.path("../origin.git").display().to_string();
    sandbox.git(&["init", "--quiet", "--bare", &origin]);
    sandbox.git(&["remote", "add", "origin", &origin]);
    sandbox.git(&["push", "--quiet", "origin", "main", "v0.1.0"]);
    let (_, seal) = stage(&sandbox);
    let plain = sandbox.xtask(&[
        "release",
        "approve",
        &seal.to_string(),
        "--key",
        &key(&sandbox, "bob"),
        "--name",
        &address("bob"),
        "--push",
    ]);
    assert_eq!(plain.code, 0, "{}", plain.transcript());
    let sent = || sandbox.git(&["ls-remote", "origin", "refs/xtask/*"]).lines().count();
    assert_eq!(sent(), 0, "nothing leaves this machine without --execute");
    approve(&sandbox, seal, "bob", &["--push", "--execute"]);
    assert_eq!(sent(), 1);
    let of_bob = sandbox.git(&["rev-parse", &reference(seal)]);

    // Another machine that has never seen Bob's approval: it signs on nothing, and both are kept.
    sandbox.git(&["update-ref", "-d", &reference(seal)]);
    let fetched = reference(seal).replace("refs/xtask/", "refs/xtask-fetched/");
    sandbox.git(&["update-ref", "-d", &fetched]);
    approve(&sandbox, seal, "carol", &["--push", "--execute"]);
    sandbox.git(&["merge-base", "--is-ancestor", &of_bob, &reference(seal)]);
    sandbox.git(&["update-ref", "-d", &reference(seal)]);
    sandbox.git(&["update-ref", "-d", &fetched]);
    check(&sandbox, "people", "pass", "2 of 2 approvals");

    sandbox.git(&["update-ref", "-d", &fetched]);
    std::fs::remove_dir_all(&origin).unwrap();
    check(&sandbox, "people", "pending", "origin could not be asked");
}

#[test]
fn gates_github_settings() {
    let sandbox = release(&["bob"], &["bob"]);
    sandbox.write("release/gates.toml", &GATES.replace("approvals\"\nneeded = 2", "github_settings\""));
    sandbox.commit("release: another gate");
    person(&sandbox, "mallory");
    check(&sandbox, "people", "pending", "nobody has looked");
    let text = |at: &str, problems: &str| {
        format!(
            "{{\"statement\":\"nexus-xtask-github-settings 1\",\"repository\":\"o/one\",\"who\":\"bob@example.com\",\"at\":\"{at}\",\"problems\":[{problems}]}}"
        )
    };
    let now = Clock::system().now().to_string();
    let good = text(&now, "");
    let namespace = "nexus-xtask-github-settings";
    let plant = |text: &str, signature: &str| plant(&sandbox, "refs/xtask/settings/github", text, signature);
    plant(&good, &sign(&sandbox, "bob", namespace, &good));
    check(&sandbox, "people", "pass", "bob@example.com looked at o/one");
    for (text, verdict, why) in [
        (text(&now, "\"no reviewers\""), "fail", "no reviewers"),
        (text("2026-01-01T00:00:00Z", ""), "expired", "allowed are 7 days"),
        (good.replace("o/one", "o/two"), "fail", "the release is of o/one"),
    ] {
        plant(&text, &sign(&sandbox, "bob", namespace, &text));
        check(&sandbox, "people", verdict, why);
    }
    plant(&good, &sign(&sandbox, "mallory", namespace, &good));
    check(&sandbox, "people", "error", "bob@example.com is no signer");
    plant(&good, &sign(&sandbox, "bob", "nexus-xtask-approval", &good));
    check(&sandbox, "people", "error", "is not of what they saw");
    plant(&good.replace("\"problems\":[]", "\"problems\": []"), &sign(&sandbox, "bob", namespace, &good));
    let (verdict, why) = said(&sandbox, "people");
    assert!(verdict == "error" && why.contains("is not of what they saw"), "{verdict}: {why}");
}
