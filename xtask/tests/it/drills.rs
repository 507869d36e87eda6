//! `cargo xtask drill` with the real commands, on local stages that run the guestbook.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Child, Stdio};

use expect_test::expect;
use nexus_xtask::digest::Digest;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::deploy::World;
use crate::sandbox::Done;
use crate::satellites;

const WRITE: &str = r#"["curl", "-sSf", "-d", '{"message":"{token}"}', "{address}/entries"]"#;
const READ: &str = r#"["curl", "-sSf", "{address}/entries?limit=1000"]"#;

/// The stages `field` with the hosts `a` and `b`, `meadow` with `c`, `marsh` with `d`.
struct Field(World);

impl Field {
    fn new() -> Field {
        let field = Field(World::new());
        field.configure("");
        field
    }

    /// The same hosts with another configuration of the service, which makes another release.
    fn configure(&self, configuration: &str) {
        let sandbox = &self.0.0;
        let known = sandbox.path("../field.ports");
        if !known.is_file() {
            let all = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
            let all = all.map(|socket| socket.local_addr().unwrap().to_string());
            std::fs::write(&known, all.join(" ")).unwrap();
        }
        let known = std::fs::read_to_string(known).unwrap();
        let ports: Vec<_> = known.split(' ').collect();
        let mut text = String::from(
            "[service]\nname = \"one\"\nartifact = \"one\"\nprogram = \"guestbook\"\ndrain_seconds = 1\n\
             [service.probe]\nstartup_seconds = 5\n",
        );
        let hosts = |stage: &str| match stage {
            "field" => format!("hosts.a.listen = \"{}\"\nhosts.b.listen = \"{}\"", ports[0], ports[1]),
            "meadow" => format!("hosts.c.listen = \"{}\"", ports[2]),
            _ => format!("hosts.d.listen = \"{}\"", ports[3]),
        };
        for stage in ["field", "meadow", "marsh"] {
            text += &format!(
                "[stages.{stage}]\ndriver = \"local\"\n{}\nparallel = 2\n\
                 configuration = {{ {configuration} }}\n\
                 [stages.{stage}.analysis]\nfailures_permille_max = 300\nsamples_min = 5\ninterval_milliseconds = 50\n",
                hosts(stage)
            );
        }
        sandbox.write("release/stages.toml", &text);
    }

    /// Drills of one kind: each a name, which is that of its stage, and its keys.
    fn declare(&self, kind: &str, drills: &[(&str, &str)]) {
        let table = |(stage, keys): &(&str, &str)| {
            format!(
                "[stage_drills.{stage}]\nkind = \"{kind}\"\nstage = \"{stage}\"\nage_days_max = 30\n{keys}\n"
            )
        };
        self.0.0.write("release/resilience.toml", &drills.iter().map(table).collect::<String>());
    }

    fn deploy(&self, stage: &str) {
        self.0.check(&self.0.run(stage), 0, "is confirmed on every host");
    }

    fn drill(&self, kind: &str, name: &str) -> Done {
        self.0.0.xtask(&["drill", kind, name, "--execute"])
    }

    /// Begins a drill, and reads what it says until a line has this word.
    fn begin(&self, kind: &str, name: &str, until: &str) -> Child {
        let mut command = self.0.0.command(satellites::front(), &["drill", kind, name, "--execute"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = Vec::new();
        // Byte by byte: what comes after the line is for whoever waits for the end.
        while !String::from_utf8_lossy(&line).contains(until) {
            let mut byte = [0];
            if child.stderr.as_mut().unwrap().read(&mut byte).unwrap() == 0 {
                let rest = self.0.0.finish(child.wait_with_output().unwrap());
                panic!("no `{until}`: {}{}", String::from_utf8_lossy(&line), rest.transcript());
            }
            line.push(byte[0]);
        }
        child
    }

    fn end(&self, child: Child) -> Done {
        self.0.0.finish(child.wait_with_output().unwrap())
    }

    /// The receipt of the last drill of a name, where it proves itself.
    fn receipt(&self, name: &str) -> Value {
        let text = self.0.0.read(&format!(".xtask/resilience/stage-drill/{name}.json"));
        let envelope: Envelope = serde_json::from_str(&text).unwrap();
        assert_eq!(Digest::of(envelope.evidence.get()).to_string(), envelope.check);
        println!("{name}: {}", envelope.evidence);
        serde_json::from_str(envelope.evidence.get()).unwrap()
    }

    /// Kinds of the events in this machine's journal.
    fn journal(&self) -> String {
        let folder = std::fs::read_dir(self.0.0.path(".xtask/journal")).unwrap();
        let text = folder.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        let kind =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned();
        text.collect::<String>().lines().map(kind).collect::<Vec<_>>().join(" ")
    }
}

#[derive(serde::Deserialize)]
struct Envelope {
    check: String,
    evidence: Box<RawValue>,
}

/// A figure in milliseconds that was measured.
#[track_caller]
fn figure(figures: &Value, name: &str) -> u64 {
    let figure = figures[name].as_u64();
    figure.filter(|figure| *figure > 0).unwrap_or_else(|| panic!("no `{name}` in {figures}"))
}

#[test]
fn nothing_acknowledged_is_lost_when_the_service_is_killed() {
    let field = Field::new();
    let world = &field.0;
    field.declare("restart", &[("field", &format!("seconds_max = 10\nwrite = {WRITE}\nread = {READ}"))]);
    world.check(&field.drill("restart", "field"), 3, "nothing is confirmed there");
    field.deploy("field");
    world.check(&world.0.xtask(&["drill", "restart", "field"]), 0, "no host was changed");
    assert!(!world.0.path(".xtask/resilience").exists());

    world.check(&field.drill("restart", "field"), 0, "green");
    let receipt = field.receipt("field");
    assert_eq!(receipt["reasons"], serde_json::json!([]));
    let hosts = receipt["figures"]["hosts"].as_array().unwrap();
    assert_eq!(hosts.len(), 2);
    for host in hosts {
        assert!(figure(host, "ready_ms") < 10_000, "{host}");
        assert!(
            figure(host, "acknowledged_before") >= 5 && figure(host, "acknowledged_after") >= 5,
            "{host}"
        );
        assert_eq!(host["lost"], 0);
    }
    // What the hosts say: each was hit once, and by this drill.
    for host in ["a", "b"] {
        let journal = world.0.read(&format!(".xtask/hosts/field/{host}/state/journal.jsonl"));
        let hits: Vec<_> = journal.lines().filter(|line| line.contains("\"step\":\"crash\"")).collect();
        assert_eq!(hits.len(), 2, "{journal}");
        assert!(hits.iter().all(|line| line.contains("\"deployment\":\"drill-field\"")), "{journal}");
    }
    let hold = ["deploy", "hold", "--stage", "field", "--reason", "a fair", "--execute"];
    world.check(&world.0.xtask(&hold), 0, "a fair");
    world.check(&field.drill("restart", "field"), 3, "a fair");
    world.check(&world.0.xtask(&["deploy", "resume", "--stage", "field", "--execute"]), 0, "");

    // Who says that a record is written, and writes none, is found out.
    let pretended = format!("seconds_max = 10\nwrite = [\"true\", \"{{token}}\"]\nread = {READ}");
    field.declare("restart", &[("field", &pretended)]);
    world.check(&field.drill("restart", "field"), 1, "acknowledged records are lost, the first is drill-");
    figure(&field.receipt("field")["figures"]["hosts"][0], "lost");
}

#[test]
fn a_service_that_forgets_or_is_slow_makes_the_drill_red() {
    let field = Field::new();
    field.configure("GUESTBOOK_FAULTS = \"forget,start:1500\"");
    field.deploy("field");
    field.declare("restart", &[("field", &format!("seconds_max = 1\nwrite = {WRITE}\nread = {READ}"))]);
    let done = field.drill("restart", "field");
    field.0.check(&done, 1, "acknowledged records are lost, the first is drill-");
    field.0.check(&done, 1, "ready again after N ms, the limit is N s");
    let hosts = &field.receipt("field")["figures"]["hosts"];
    assert!(figure(&hosts[0], "ready_ms") >= 1500, "{hosts}");
    // The next host had its turn: late is not the same as gone.
    assert_eq!(hosts.as_array().unwrap().len(), 2);
    assert_eq!(field.journal(), "deploy.begun deploy.ended drill.restart.failed");
}

#[test]
fn a_stage_goes_back_and_forward_again_in_measured_time() {
    let field = Field::new();
    let world = &field.0;
    field.configure("GUESTBOOK_FAULTS = \"start:1200\"");
    field.declare("rollback", &[("field", "seconds_max = 1")]);
    field.deploy("field");
    world.check(&field.drill("rollback", "field"), 3, "has no two good releases");
    field.configure("");
    field.deploy("field");
    let before = world.status("field");

    // What it goes back to takes longer to start than the limit.
    world.check(&field.drill("rollback", "field"), 1, "ms, the limit is N s");
    let figures = &field.receipt("field")["figures"];
    assert!(figure(figures, "back_ms") >= 1200, "{figures}");
    assert_eq!(world.status("field"), before);

    field.declare("rollback", &[("field", "seconds_max = 60")]);
    world.check(&field.drill("rollback", "field"), 0, "green");
    let figures = &field.receipt("field")["figures"];
    for name in ["back_ms", "back_command_ms", "forward_ms", "forward_command_ms"] {
        figure(figures, name);
    }
    assert_eq!(world.status("field"), before);
    let list = world.0.xtask(&["drill", "list"]);
    world.check(&list, 0, "field: good");
    let deployed = "deploy.begun deploy.ended ".repeat(2);
    assert_eq!(
        field.journal(),
        format!("{deployed}{deployed}drill.rollback.failed {deployed}drill.rollback")
    );
}

#[test]
fn a_stage_comes_back_by_itself_when_its_deployer_is_killed() {
    let field = Field::new();
    let world = &field.0;
    let stages = ["field", "meadow"];
    // The limit of one is met, that of the other is not.
    field.declare("deployer-killed", &[("field", "seconds_max = 40"), ("meadow", "seconds_max = 2")]);
    for configuration in ["GREETING = \"1\"", "GREETING = \"2\""] {
        field.configure(configuration);
        stages.iter().for_each(|stage| field.deploy(stage));
    }
    let before = stages.map(|stage| world.status(stage));
    let [green, red] = stages.map(|stage| field.begin("deployer-killed", stage, "the hosts are left alone"));
    // What was armed for most of a minute is due sooner: clocks may differ by less than half a minute.
    for host in ["field/a", "field/b", "meadow/c"] {
        world.0.write(&format!(".xtask/hosts/{host}/clock"), "27");
    }
    world.check(&field.end(green), 0, "green");
    world.check(&field.end(red), 1, "every host served what is confirmed after N ms, the limit is N s");
    for stage in stages {
        let figures = &field.receipt(stage)["figures"];
        assert!(!figures["on_trial"].as_array().unwrap().is_empty(), "{figures}");
        assert!(figure(figures, "lock_free_ms") < 35_000, "{figures}");
        for name in ["confirmed_ms", "again_ms", "forward_ms"] {
            figure(figures, name);
        }
    }
    assert_eq!(stages.map(|stage| world.status(stage)), before);
    // It was the host that went back, under the fence of the deployer that was dead.
    let journal = world.0.read(".xtask/hosts/meadow/c/state/journal.jsonl");
    assert_eq!(journal.matches("\"step\":\"undo\",\"phase\":\"done\"").count(), 1, "{journal}");
}

#[test]
fn a_lock_is_free_in_time_and_its_frozen_holder_cannot_act() {
    let field = Field::new();
    let stages = ["meadow", "marsh"];
    field.declare("stale-lock", &[("meadow", "seconds_max = 35"), ("marsh", "seconds_max = 1")]);
    stages.iter().for_each(|stage| field.deploy(stage));
    let [green, red] = stages.map(|stage| field.begin("stale-lock", stage, "freezing a deployer"));
    // Nobody else gets in between.
    field.0.check(&field.0.run("marsh"), 75, "could not be taken");
    field.0.check(&field.end(green), 0, "green");
    field.0.check(&field.end(red), 1, "the lock of a frozen deployer was free after N ms, the limit is N s");
    for stage in stages {
        let host = &field.receipt(stage)["figures"]["hosts"][0];
        assert!(figure(host, "killed_free_ms") < 35_000, "{host}");
        assert!((10_000..35_000).contains(&figure(host, "frozen_free_ms")), "{host}");
        assert_eq!(host["is_zombie_refused"], true, "{host}");
    }
}

#[test]
fn a_drill_that_is_not_declared_is_wrong_use() {
    let field = Field::new();
    let world = &field.0;
    world.check(&field.drill("restart", "field"), 2, "there is no `release/resilience.toml`");
    field.declare("rollback", &[("field", "seconds_max = 5")]);
    expect![[r#"
        exit 2
        --- stderr
        error: `field` is no `restart` drill
          why:  `release/resilience.toml` declares it as `rollback`
          next: cargo xtask drill rollback field
    "#]]
    .assert_eq(&field.drill("restart", "field").transcript());
    expect![[r#"
        exit 2
        --- stderr
        error: there is no `rollback` drill `meadow`
          why:  `release/resilience.toml` declares: field
          next: name one of these, or declare `[stage_drills.meadow]` in `release/resilience.toml`
    "#]]
    .assert_eq(&field.drill("rollback", "meadow").transcript());
    field.declare("rollback", &[("moon", "seconds_max = 5")]);
    world.check(&field.drill("rollback", "moon"), 2, "there is no stage `moon`");
}
