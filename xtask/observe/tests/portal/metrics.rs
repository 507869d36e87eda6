//! What is scraped.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::browser::peer;
use crate::world::{World, event, eventually};

fn accepts(promtool: &Path, text: &str) -> (bool, String) {
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn metrics_are_those_of_the_command_and_promtool_accepts_them() {
    let world = World::lived_in();
    let served = world.serve(&[]);
    let answer = served.get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for sample in [
        "xtask_deploys_total{stage=\"production\",outcome=\"succeeded\"} 1\n",
        "xtask_deploys_unfinished{stage=\"canary\"} 1\n",
    ] {
        assert!(answer.body.contains(sample), "{sample} is not in {}", answer.body);
    }
    world.append(90, vec![event("deploy.begun", "canary", &[], None)]);
    let two = "xtask_deploys_unfinished{stage=\"canary\"} 2\n";
    eventually("the next scrape has the next event", || served.get("/metrics").body.contains(two));
    let Some(promtool) = peer("promtool", "scripts/peers.sh") else { return };
    assert_eq!(accepts(&promtool, &answer.body), (true, String::new()));
    assert!(!accepts(&promtool, &answer.body.replace("_total counter", "_total gauge")).0);
}
