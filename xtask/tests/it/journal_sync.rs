//! The journals of two machines on one branch, by the real command and real git: nothing is lost or doubled, also where processes are
//! killed at any moment and where both write at once.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::sandbox::{Done, Sandbox, steps};

/// How many processes are killed in every run; `XTASK_KILLS=200` for all that must be shown.
const KILLS: u32 = 24;

/// Machines with clones of their own of one repository.
struct Machines(Vec<Sandbox>);

impl Machines {
    fn new(count: usize) -> Machines {
        let mut all = vec![machine()];
        all[0].git(&["init", "--quiet", "--bare", "../shared.git"]);
        let shared = all[0].path("../shared.git").display().to_string();
        all.extend((1..count).map(|_| machine()));
        for machine in &all {
            machine.git(&["remote", "add", "origin", &shared]);
        }
        Machines(all)
    }

    /// The lines on the branch, by writer.
    fn branch(&self) -> BTreeMap<String, Vec<Value>> {
        let shared = |words: &[&str]| self.0[0].git(&[&["-C", "../shared.git"], words].concat());
        let listed = shared(&["ls-tree", "-r", "--name-only", "xtask-state"]);
        let mut lines: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for path in listed.lines() {
            let writer = path.split('/').nth(1).unwrap().to_owned();
            let text = shared(&["show", &format!("xtask-state:{path}")]);
            lines
                .entry(writer)
                .or_default()
                .extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
        }
        lines
    }

    /// Every machine has shared all; each knows the lines of all, each line once, and every chain is whole.
    #[track_caller]
    fn check(&self) {
        for _ in 0..2 {
            self.0.iter().for_each(|machine| ended(sync(machine), 0));
        }
        let branch = self.branch();
        assert_eq!(branch.len(), self.0.len());
        for machine in &self.0 {
            let verified = machine.xtask(&["journal", "verify"]);
            assert_eq!(verified.code, 0, "{}", verified.transcript());
            assert_eq!(known(machine), branch);
        }
        for lines in branch.values() {
            let places: Vec<_> = lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
            assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>());
        }
    }
}

/// A workspace with a step that passes, so that each run is an event.
fn machine() -> Sandbox {
    steps("[steps.good]\ncommand = [\"true\"]\n")
}

fn append(machine: &Sandbox) -> Done {
    machine.xtask(&["ci", "--step", "good", "--no-cache"])
}

fn sync(machine: &Sandbox) -> Done {
    machine.xtask(&["journal", "sync", "--execute"])
}

#[track_caller]
fn ended(done: Done, code: i32) {
    assert_eq!(done.code, code, "{}", done.transcript());
}

/// The lines that a machine has, its own and those of others, by writer.
fn known(machine: &Sandbox) -> BTreeMap<String, Vec<Value>> {
    let mut folders = vec![machine.path(".xtask/journal")];
    folders.extend(
        std::fs::read_dir(machine.path(".xtask/journal/others"))
            .into_iter()
            .flatten()
            .map(|one| one.unwrap().path()),
    );
    let mut lines: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for folder in folders {
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|one| one.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"))
        {
            for line in std::fs::read_to_string(file).unwrap().lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                lines.entry(line["writer"].as_str().unwrap().to_owned()).or_default().push(line);
            }
        }
    }
    lines
}

#[test]
fn two_machines_share_what_both_wrote() {
    let machines = Machines::new(2);
    let [one, other] = &machines.0[..] else { unreachable!() };
    ended(append(one), 0);
    ended(append(other), 0);
    // Without `--execute` nothing is made.
    let said = one.xtask(&["journal", "sync"]);
    assert!(said.stdout.contains("to push   N events of this machine"), "{}", said.transcript());
    assert!(!one.git(&["ls-remote", "origin"]).contains("xtask-state"));
    machines.check();
    // Both go on at once: whoever comes second finds another branch than it knows, and adds to it.
    ended(append(one), 0);
    ended(append(other), 0);
    let both = machines.0.iter().map(|machine| {
        let mut command = machine.command(crate::satellites::front(), &["journal", "sync", "--execute"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    });
    for mut child in both.collect::<Vec<_>>() {
        assert!(child.wait().unwrap().success());
    }
    machines.check();
    // Nothing of the person's work was touched.
    assert_eq!(one.git(&["status", "--porcelain"]), "");
    assert_eq!(one.git(&["branch", "--list", "xtask-state"]), "");
    // Metrics are those of both.
    let metrics = one.xtask(&["metrics"]).stdout;
    let count = known(one).values().map(Vec::len).sum::<usize>();
    assert_eq!(count, 4, "{metrics}");
    assert!(metrics.contains("xtask_journal_broken_places N"), "{metrics}");
}

#[test]
fn what_was_changed_is_never_overwritten() {
    let machines = Machines::new(1);
    let one = &machines.0[0];
    ended(append(one), 0);
    ended(append(one), 0);
    machines.check();
    let journal = one.path(".xtask/journal");
    let file = std::fs::read_dir(&journal).unwrap().map(|one| one.unwrap().path());
    let file =
        file.into_iter().find(|file| file.extension().is_some_and(|extension| extension == "jsonl")).unwrap();
    let whole = std::fs::read_to_string(&file).unwrap();
    let branch = machines.branch();
    // An older copy, a line that was changed, and one of a newer toolkit.
    let first = whole.lines().next().unwrap().to_owned() + "\n";
    std::fs::write(&file, &first).unwrap();
    ended(sync(one), 4);
    std::fs::write(&file, whole.replacen("passed", "failed", 1)).unwrap();
    ended(sync(one), 1);
    std::fs::write(&file, whole.replacen("{\"v\":1", "{\"v\":2", 1)).unwrap();
    let said = one.xtask(&["journal", "verify"]);
    assert!(
        said.code == 1 && said.stderr.contains("a line of version 2, and this xtask knows 1: update it"),
        "{}",
        said.transcript()
    );
    ended(sync(one), 1);
    std::fs::write(&file, whole.replace("{\"v\":1", "{\"v\":2")).unwrap();
    let newer = std::fs::read_to_string(&file).unwrap();
    let said = append(one);
    assert!(
        said.code != 0 && said.stderr.contains("update it; nothing was written"),
        "{}",
        said.transcript()
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), newer);
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(machines.branch(), branch);
    // A git that died left a lock behind, and a repository that takes no push says so.
    ended(append(one), 0);
    one.write(".xtask/cache/state-index.lock", "");
    one.write("../shared.git/hooks/pre-receive", "#!/bin/sh\necho not for you\nexit 1\n");
    assert!(one.command("chmod", &["755", "../shared.git/hooks/pre-receive"]).status().unwrap().success());
    let refused = sync(one);
    assert!(
        refused.code == 3 && refused.stderr.contains("does not take the branch"),
        "{}",
        refused.transcript()
    );
    std::fs::remove_file(one.path("../shared.git/hooks/pre-receive")).unwrap();
    machines.check();
    // A repository that is not there is temporary.
    one.git(&["remote", "set-url", "origin", "../nowhere.git"]);
    ended(sync(one), 75);
}

#[test]
fn who_is_killed_loses_and_doubles_nothing() {
    let kills = std::env::var("XTASK_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let machines = Machines::new(2);
    machines.0.iter().for_each(|machine| ended(append(machine), 0));
    let (mut acknowledged, mut started, mut killed, mut tried) = ([1, 1], [1, 1], 0, 0);
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    while killed < kills {
        tried += 1;
        assert!(tried < kills * 20, "only {killed} of {tried} processes were still there to be killed");
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = |of: u64| (seed >> 33) % of;
        let at = usize::from(random(2) == 1);
        let appends = random(5) < 2;
        let words: &[&str] =
            if appends { &["ci", "--step", "good", "--no-cache"] } else { &["journal", "sync", "--execute"] };
        started[at] += u32::from(appends);
        let mut command = machines.0[at].command(crate::satellites::front(), words);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + Duration::from_micros(random(if appends { 60_000 } else { 120_000 }));
        while Instant::now() < end && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        match child.try_wait().unwrap() {
            Some(status) => acknowledged[at] += u32::from(appends && status.success()),
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                killed += 1;
            }
        }
    }
    machines.check();
    let branch = machines.branch();
    for (at, machine) in machines.0.iter().enumerate() {
        let writer = std::fs::read_to_string(machine.path(".xtask/writer")).unwrap();
        let runs = branch[writer.trim()].iter().filter(|line| line["kind"] == "ci.run").count() as u32;
        assert!(
            acknowledged[at] <= runs && runs <= started[at],
            "{} <= {runs} <= {}",
            acknowledged[at],
            started[at]
        );
    }
    let events: usize = branch.values().map(Vec::len).sum();
    println!(
        "journal_sync: {killed} of {tried} processes were killed; {events} events, each once, every chain whole"
    );
}
