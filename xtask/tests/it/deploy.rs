//! `cargo xtask deploy` with the real commands, on local hosts: a small service from a sealed folder to stages, and back.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use expect_test::expect;
use nexus_xtask::digest::Digest;
use nexus_xtask_deliver::deploy::contract::ReleaseId;
use nexus_xtask_deliver::deploy::drivers::words;
use nexus_xtask_deliver::release::manifest::{self, Manifest, Staged};
use nexus_xtask_deliver::release::{plan, staging};

use crate::gates::releasable;
use crate::sandbox::{Done, Sandbox};
use crate::satellites;

/// A workspace whose release has the service in it, staged, and two stages on this machine.
pub(crate) struct World(pub(crate) Sandbox);

impl World {
    pub(crate) fn new() -> World {
        let mut sandbox = releasable("");
        satellites::ship();
        sandbox.write("src/main.rs", "fn main() {}\n");
        sandbox.write("release/release.toml", "[artifacts]\ndeployed = [{ package = \"one\" }]\n");
        sandbox.set("TMPDIR", "/tmp");
        sandbox.commit("release: 0.2.0");
        let world = World(sandbox);
        world.stage();
        world.declare("");
        world
    }

    /// Two stages, each of one host; `staging` has this configuration.
    pub(crate) fn declare(&self, configuration: &str) {
        let address = |name: &str| {
            // Whoever asks again gets the same: a release is the bytes and the configuration, not the address.
            let path = self.0.path(&format!("../{name}.port"));
            if let Ok(known) = std::fs::read_to_string(&path) {
                return known;
            }
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
            std::fs::write(&path, &free).unwrap();
            free
        };
        let (staging, production) = (address("staging"), address("production"));
        let analysis = "[stages.STAGE.analysis]\nfailures_permille_max = 300\nsamples_min = 5\ninterval_milliseconds = 50\npaths = [\"/entries\"]\n";
        let text = format!(
            "[service]\nname = \"one\"\nartifact = \"one\"\nprogram = \"guestbook\"\ndrain_seconds = 3\n\
             [service.probe]\nstartup_seconds = 5\n\
             [stages.staging]\ndriver = \"local\"\nhosts.a.listen = \"{staging}\"\n{}configuration = {{ {configuration} }}\n{}\
             [stages.production]\nafter = [\"staging\"]\ndriver = \"local\"\nhosts.b.listen = \"{production}\"\n{}",
            "soak_seconds = 1\n",
            analysis.replace("STAGE", "staging"),
            analysis.replace("STAGE", "production"),
        );
        self.0.write("release/stages.toml", &text);
    }

    /// The folder as `release stage` writes it, with the service in the place of the package's binaries.
    pub(crate) fn stage(&self) {
        let folder = self.0.path(".xtask/release/staging");
        let file = folder.join("plan.json").display().to_string();
        let done = self.0.xtask(&["release", "plan", "--output", &file]);
        assert_eq!(done.code, 0, "{}", done.transcript());
        let plan = plan::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let mut manifest = Manifest { version: manifest::VERSION, plan: plan.digest(), files: [].into() };
        for artifact in &plan.artifacts {
            let path = folder.join(&artifact.file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match artifact.file.starts_with("deployed/") {
                true => pack(&path),
                false => std::fs::write(&path, &artifact.file).unwrap(),
            }
            let bytes = std::fs::read(&path).unwrap();
            let staged = Staged { sha256: Digest::of(&bytes), bytes: bytes.len() as u64 };
            manifest.files.insert(artifact.file.clone(), staged);
        }
        std::fs::write(folder.join("manifest.json"), staging::text(&manifest).unwrap()).unwrap();
    }

    pub(crate) fn run(&self, stage: &str) -> Done {
        self.0.xtask(&["deploy", "run", "--to", stage, "--execute"])
    }

    /// What runs in a stage: `confirmed 0.2.0-...`.
    pub(crate) fn status(&self, stage: &str) -> String {
        let done = self.0.xtask(&["deploy", "status", "--stage", stage]);
        done.stdout
            .lines()
            .nth(1)
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[track_caller]
    pub(crate) fn check(&self, done: &Done, code: i32, said: &str) {
        assert!(
            done.code == code && done.transcript().contains(said),
            "wanted {code} and `{said}`: {}",
            done.transcript()
        );
    }
}

/// Host processes end with the test that started them, however it ends.
impl Drop for World {
    fn drop(&mut self) {
        end_hosts(&self.0.root().display().to_string());
    }
}

/// Ends the host processes whose folders are below this one.
pub(crate) fn end_hosts(folder: &str) {
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains("__host ") && line.contains(folder) {
            let id = entry.file_name().to_string_lossy().into_owned();
            Command::new("kill").args(["-KILL", &id]).status().unwrap();
        }
    }
}

fn pack(archive: &Path) {
    let name = archive.file_name().unwrap().to_string_lossy().replace(".tar.gz", "");
    let folder = archive.with_file_name(&name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(satellites::guestbook(), folder.join("guestbook")).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-czf").arg(archive).arg("-C").arg(archive.parent().unwrap()).arg(&name);
    assert!(tar.status().unwrap().success());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_sealed_release_gets_to_its_stages_in_their_order_and_back() {
    let world = World::new();
    // Nothing goes where the stage before has not confirmed it.
    world.check(&world.run("production"), 3, "0.2.0 has not been confirmed there with these bytes");
    assert_eq!(world.status("production"), "empty nothing serves");
    world.check(&world.0.xtask(&["deploy", "run", "--to", "staging"]), 0, "no host was changed");
    assert_eq!(world.status("staging"), "empty nothing serves");

    world.check(&world.run("staging"), 0, "is confirmed on every host");
    world.check(&world.run("staging"), 0, "was confirmed on every host before");
    let first = world.status("staging");
    assert!(first.starts_with("confirmed 0.2.0-"), "{first}");
    world.check(&world.run("production"), 0, "is confirmed on every host");

    // The same bytes with another configuration are another release; going back brings the old one back.
    world.declare("GREETING = \"2\"");
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    let second = world.status("staging");
    assert_ne!(first, second);
    let back = ["deploy", "rollback", "--stage", "staging", "--execute"];
    world.check(&world.0.xtask(&back), 0, "is confirmed on every host");
    assert_eq!(world.status("staging"), first);

    let logs = |words: &[&str]| world.0.xtask(&[&["deploy", "logs", "--stage", "staging"], words].concat());
    let id = first.trim_start_matches("confirmed ");
    world.check(&logs(&["--release", id]), 0, &format!("a: {}: ", id.replace(':', "+")));
    let newest = logs(&["--host", "a", "--lines", "1", "--json"]);
    world.check(&newest, 0, "\"host\":\"a\"");
    world.check(&logs(&["--host", "z"]), 2, "it has `a`");
    world.check(&logs(&["--release", "../a"]), 2, "a release is named as");
    world.check(&logs(&["--lines", "0"]), 2, "N is not in 1..=10000");

    let audit = world.0.xtask(&["deploy", "audit", "--verify"]);
    world.check(&audit, 0, "every chain is whole");
    let journal = world.0.path(".xtask/hosts/staging/a/state/journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen("\"phase\":\"done\"", "\"phase\":\"gone\"", 1)).unwrap();
    world.check(&world.0.xtask(&["deploy", "audit"]), 1, "staging/a");
}

#[test]
fn a_way_back_is_proven_before_anything_is_touched() {
    let world = World::new();
    let back = |to: &[&str]| {
        let words = ["deploy", "rollback", "--stage", "staging", "--execute"];
        world.0.xtask(&[&words, to].concat())
    };
    world.check(&back(&[]), 3, "no release to go back to was good");
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    let first = world.status("staging");
    world.declare("GREETING = \"2\"");
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    let second = world.status("staging");

    // What was given up is not what a second word goes back to.
    world.check(&back(&[]), 0, "is confirmed on every host");
    world.check(&back(&[]), 3, "no release to go back to was good");
    assert_eq!(world.status("staging"), first);

    world.check(&world.run("staging"), 0, "is confirmed on every host");
    assert_eq!(world.status("staging"), second);
    let id = first.trim_start_matches("confirmed ");
    let folder = format!(".xtask/hosts/staging/a/releases/{}", words::key(&ReleaseId(id.to_owned())));
    std::fs::remove_dir_all(world.0.path(&folder)).unwrap();
    let journal = || world.0.read(".xtask/hosts/staging/a/state/journal.jsonl");
    let before = journal();
    world.check(&back(&[]), 3, "is gone");
    world.check(&back(&["--to", id]), 3, "is gone");
    assert_eq!((world.status("staging"), journal()), (second, before));
}

#[test]
fn a_bad_release_is_caught_and_taken_back() {
    let world = World::new();
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    let good = world.status("staging");
    for (faults, said) in [
        ("never_ready", "it did not say that it is ready"),
        ("html", "Html"),
        ("fail:100:0", "answers were not well"),
    ] {
        world.declare(&format!("GUESTBOOK_FAULTS = \"{faults}\""));
        world.check(&world.run("staging"), 5, said);
        assert_eq!(world.status("staging"), good, "{faults}");
    }
}

#[test]
fn what_a_person_or_a_wrong_word_forbids_is_not_done() {
    let world = World::new();
    let hold = ["deploy", "hold", "--stage", "staging", "--reason", "we count the stock", "--execute"];
    world.check(&world.0.xtask(&hold), 0, "nobody deploys to `staging`");
    world.check(&world.run("staging"), 1, "we count the stock");
    assert_eq!(world.status("staging"), "empty nothing serves");
    world.check(
        &world.0.xtask(&["deploy", "resume", "--stage", "staging", "--execute"]),
        0,
        "may be deployed to",
    );
    world.check(&world.0.xtask(&["deploy", "unlock", "--stage", "staging"]), 0, "free");
    world.check(&world.0.xtask(&["deploy", "plan", "--to", "moon"]), 2, "there is no stage `moon`");
    let back = ["deploy", "rollback", "--stage", "staging", "--to", "9.9.9-000000000000", "--execute"];
    world.check(&world.0.xtask(&back), 3, "no release to go back to was good");

    let file =
        std::fs::read_dir(world.0.path(".xtask/release/staging/deployed")).unwrap().next().unwrap().unwrap();
    let mut bytes = std::fs::read(file.path()).unwrap();
    bytes[100] ^= 1;
    std::fs::write(file.path(), bytes).unwrap();
    world.check(&world.run("staging"), 3, "is not what was staged");
    world.0.write("release/stages.toml", "[service]\nname = \"one\"\n");
    expect![[r#"
        exit 2
        --- stderr
        release/stages.toml:1: missing field `artifact`
          next: see release/schema/stages.json
        error: `release/stages.toml` cannot be used
    "#]]
    .assert_eq(&world.0.xtask(&["deploy", "status"]).transcript());
}

/// What is not known is said to be so, and the exit code says it too.
#[test]
fn a_host_that_gives_no_answer_is_named() {
    let world = World::new();
    let declared = world.0.read("release/stages.toml");
    let (head, _) = declared.split_once("[stages.production]").unwrap();
    let far = "[stages.production]\nafter = [\"staging\"]\ndriver = \"ssh\"\n\
               hosts.b = { at = \"deploy@host.invalid\", listen = \"0.0.0.0:80\" }\n";
    world.0.write("release/stages.toml", &format!("{head}{far}"));
    for verb in ["status", "history", "logs"] {
        let done = world.0.xtask(&["deploy", verb, "--stage", "production"]);
        world.check(&done, 6, "unknown");
        let done = world.0.xtask(&["--json", "deploy", verb, "--stage", "production"]);
        world.check(&done, 6, "\"unknown\":");
    }
}
