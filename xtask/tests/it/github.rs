//! `cargo xtask doctor --github` against a double of the forge on loopback, which the real satellite serves.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use crate::sandbox::{Done, Sandbox};

const MANIFEST: &str = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\nrepository = \"https://github.com/ann/one\"\n";

/// A forge in a process of its own, which ends when this is dropped.
pub(crate) struct Forge {
    child: Child,
    pub(crate) address: String,
}

impl Forge {
    /// Serves a repository that is set up like this, as the state of the double has it.
    pub(crate) fn serve(seed: &serde_json::Value) -> Forge {
        Forge::answering(&serde_json::json!({ "verb": "serve_forge", "seed": seed }))
    }

    /// Serves what this request of the satellite asks for.
    pub(crate) fn answering(request: &serde_json::Value) -> Forge {
        let mut child = Command::new(crate::satellites::ship())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let envelope = serde_json::json!({ "version": 1, "root": "/", "request": request });
        writeln!(child.stdin.as_mut().unwrap(), "{envelope}").unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let note: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = note["text"].as_str().unwrap_or_else(|| panic!("{line}")).to_owned();
        Forge { child, address }
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        // It ends by the end of its input.
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

fn good() -> serde_json::Value {
    let environment = serde_json::json!({
        "reviewers": ["bob"], "prevent_self_review": true, "protected_branches": true,
    });
    serde_json::json!({
        "repository": "ann/one", "token": "a token", "immutable": true,
        "environments": { "release": environment },
        "protected": { "main": ["deletion", "non_fast_forward", "pull_request"] },
        "rulesets": [{
            "id": 1, "name": "tags", "target": "tag", "enforcement": "active", "include": ["refs/tags/v*"],
            "rules": ["deletion", "update"],
        }],
    })
}

fn clone(address: &str, token: &str) -> Sandbox {
    let files = [("Cargo.toml", MANIFEST), ("src/main.rs", "fn main() {}\n"), (".gitignore", "/.xtask/\n")];
    let mut sandbox = Sandbox::with(&files);
    sandbox.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    sandbox.git(&["update-ref", "refs/remotes/origin/other", "HEAD"]);
    sandbox.set("GITHUB_API_URL", address);
    sandbox.set("GITHUB_TOKEN", token);
    sandbox
}

fn doctor(seed: &serde_json::Value) -> (Done, String) {
    let forge = Forge::serve(seed);
    let sandbox = clone(&forge.address, "a token");
    let done = sandbox.xtask(&["doctor", "--github"]);
    assert!(!done.stdout.is_empty(), "{}", done.transcript());
    let kept = sandbox.read(".xtask/release/github-settings.json");
    (done, kept)
}

#[test]
fn a_repository_that_is_set_up_well_passes_and_one_that_is_not_says_where_to_go() {
    let (done, kept) = doctor(&good());
    assert_eq!(done.code, 0, "{}", done.transcript());
    let words: Vec<_> = done.stdout.lines().map(|line| &line[..30.min(line.len())]).collect();
    assert_eq!(words.len(), 5, "{}", done.transcript());
    assert!(words.iter().all(|line| line.starts_with("ok ")), "{}", done.transcript());
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!((&kept["repository"], &kept["found"]["immutable"]), (&"ann/one".into(), &true.into()));

    let bare = serde_json::json!({ "repository": "ann/one", "immutable": false, "token_writes": true });
    let (done, _) = doctor(&bare);
    assert_eq!(done.code, 3, "{}", done.transcript());
    for what in ["environment release", "branch main", "tag v0.1.0", "releases", "token"] {
        assert!(done.stderr.contains(&format!("{what}: ")), "{what}: {}", done.transcript());
    }
    assert!(
        done.stderr.contains("https://github.com/ann/one/settings/environments"),
        "{}",
        done.transcript()
    );
    assert!(!done.stdout.contains("other"), "{}", done.transcript());
}

#[test]
fn a_token_that_is_missing_or_not_taken_is_told() {
    let forge = Forge::serve(&good());
    let done = clone(&forge.address, "").xtask(&["doctor", "--github"]);
    assert_eq!(done.code, 3, "{}", done.transcript());
    assert!(done.stderr.starts_with("error: GITHUB_TOKEN is not set\n"), "{}", done.transcript());
    let done = clone(&forge.address, "another token").xtask(&["doctor", "--github"]);
    assert_eq!(done.code, 3, "{}", done.transcript());
    assert!(done.stderr.starts_with("error: the forge does not take the token\n"), "{}", done.transcript());
    assert!(!done.transcript().contains("another token"));
}

/// The line of the gate `settings` in `release gate`.
fn gate(sandbox: &Sandbox) -> String {
    let done = sandbox.xtask(&["release", "gate", "--when", "build"]);
    let shown = done.transcript();
    let line = shown.lines().find(|line| line.trim_start().starts_with("settings"));
    line.unwrap_or_else(|| panic!("{shown}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_signed_look_opens_the_gate_and_a_sick_one_shuts_it() {
    let forge = Forge::serve(&good());
    let sandbox = clone(&forge.address, "a token");
    let key = sandbox.path("../key").display().to_string();
    let made =
        sandbox.command("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &key]).output();
    assert!(made.unwrap().status.success());
    let public = std::fs::read_to_string(sandbox.path("../key.pub")).unwrap();
    sandbox.write("release/approvers", &format!("ann@example.com {public}"));
    sandbox.write(
        "release/gates.toml",
        "remove = [\"branch\", \"changelog\", \"ci\", \"clean-tree\", \"version\"]\n[gates.settings]\nkind = \"github_settings\"\n",
    );
    sandbox.commit("release: 0.1.0");
    sandbox.git(&["tag", "v0.1.0"]);
    sandbox.write("Cargo.toml", &MANIFEST.replace("0.1.0", "0.2.0"));
    sandbox.commit("release: 0.2.0");
    assert!(gate(&sandbox).starts_with("settings Pending"), "{}", gate(&sandbox));
    let look = |sandbox: &Sandbox| {
        sandbox.xtask(&["doctor", "--github", "--key", &key, "--name", "ann@example.com"])
    };
    assert_eq!(look(&sandbox).code, 0, "{}", look(&sandbox).transcript());
    assert!(gate(&sandbox).starts_with("settings Pass"), "{}", gate(&sandbox));
    let sick = serde_json::json!({ "repository": "ann/one", "immutable": true, "token": "a token" });
    let other = Forge::serve(&sick);
    let mut sandbox = sandbox;
    sandbox.set("GITHUB_API_URL", &other.address);
    assert_eq!(look(&sandbox).code, 3, "{}", look(&sandbox).transcript());
    assert!(gate(&sandbox).starts_with("settings Fail"), "{}", gate(&sandbox));
}
