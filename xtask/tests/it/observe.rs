//! What the journal says, by the real commands: whether it is whole, what happened, and metrics that `promtool` accepts.

use std::process::Stdio;

use crate::deploy::World;
use crate::peers::peer;
use crate::sandbox::{Sandbox, steps};

/// A workspace in which one run passed and one failed.
fn ran() -> Sandbox {
    let sandbox = steps("[steps.good]\ncommand = [\"true\"]\n[steps.bad]\ncommand = [\"false\"]\n");
    for (step, code) in [("good", 0), ("bad", 1)] {
        let done = sandbox.xtask(&["ci", "--step", step]);
        assert_eq!(done.code, code, "{}", done.transcript());
    }
    sandbox
}

fn journal(sandbox: &Sandbox) -> std::path::PathBuf {
    let files =
        std::fs::read_dir(sandbox.path(".xtask/journal")).unwrap().flatten().map(|entry| entry.path());
    files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "jsonl")).unwrap()
}

#[track_caller]
fn check(sandbox: &Sandbox, words: &[&str], code: i32, said: &str) {
    let done = sandbox.xtask(words);
    assert!(
        done.code == code && done.transcript().contains(said),
        "wanted {code} and `{said}`: {}",
        done.transcript()
    );
}

/// What the metrics say of it.
fn broken(sandbox: &Sandbox) -> u32 {
    check(sandbox, &["metrics", "--output", "xtask.prom"], 0, "");
    let text = sandbox.read("xtask.prom");
    let sample = text.lines().find_map(|line| line.strip_prefix("xtask_journal_broken_places "));
    sample.unwrap().parse().unwrap()
}

#[test]
fn a_flipped_bit_a_lost_line_and_a_torn_end_are_found() {
    let sandbox = ran();
    check(&sandbox, &["journal", "verify"], 0, "N broken");
    let file = journal(&sandbox);
    let whole = std::fs::read(&file).unwrap();
    let lines = whole.iter().filter(|byte| **byte == b'\n').count();
    assert!(lines >= 2, "{lines}");

    // The first line counts for the one after it, so a change anywhere in it shows.
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for place in [2, first / 2, first - 2] {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        std::fs::write(&file, &changed).unwrap();
        check(&sandbox, &["journal", "verify"], 1, ".jsonl:");
    }
    std::fs::write(&file, &whole[first + 1..]).unwrap();
    check(&sandbox, &["journal", "verify"], 1, "does not follow line N");
    std::fs::write(&file, &whole[..whole.len() - 9]).unwrap();
    check(&sandbox, &["journal", "verify"], 0, "a writer was killed; nothing whole was lost");
    assert_eq!(broken(&sandbox), 0);
    std::fs::write(&file, [&whole[..first + 1], b"{}\n", &whole[first + 1..]].concat()).unwrap();
    check(&sandbox, &["journal", "verify"], 1, "no journal line");
    assert_eq!(broken(&sandbox), 1);
}

#[test]
fn metrics_are_what_promtool_accepts() {
    let world = World::new();
    world.check(&world.run("staging"), 0, "is confirmed on every host");
    world.declare("GUESTBOOK_FAULTS = \"fail:100:0\"");
    world.check(&world.run("staging"), 5, "was taken back");
    check(&world.0, &["metrics", "--output", "xtask.txt"], 2, "does not end in `.prom`");
    check(&world.0, &["metrics", "--output", "xtask.prom"], 0, "");
    let text = world.0.read("xtask.prom");
    for sample in [
        "xtask_deploys_total{stage=\"staging\",outcome=\"rolled_back\"} 1\n",
        "xtask_deploys_total{stage=\"staging\",outcome=\"succeeded\"} 1\n",
        "xtask_deploys_unfinished{stage=\"staging\"} 0\n",
        "xtask_deploy_info{stage=\"staging\",release=\"0.2.0-",
    ] {
        assert!(text.contains(sample), "{sample} is not in {text}");
    }
    let Some(promtool) = peer("promtool") else { return };
    let accepts = |text: &str| {
        std::fs::write(world.0.path("given"), text).unwrap();
        let mut command = world.0.command(&promtool.display().to_string(), &["check", "metrics"]);
        command.stdin(std::fs::File::open(world.0.path("given")).unwrap()).stdout(Stdio::piped());
        let output = command.output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    };
    assert_eq!(accepts(&text), (true, String::new()));
    // A peer that accepts everything would show nothing.
    assert!(!accepts(&text.replace("_total counter", "_total gauge")).0);
    assert!(!accepts(&text.replace("} 1\n", "} one\n")).0);
}
