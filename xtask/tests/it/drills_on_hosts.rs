//! Every drill on a stage of two real hosts, booted by `scripts/hosts.sh`: what a local stage has no network or no systemd for.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::deploy::World;

/// Two booted hosts, prepared, with two releases of the service one after the other.
struct Hosts {
    world: World,
    folder: PathBuf,
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/hosts.sh").canonicalize().unwrap()
}

fn hosts(words: &[&str]) -> String {
    let output = Command::new(script()).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Hosts {
    fn new() -> Option<Hosts> {
        if std::env::var_os("XTASK_HOSTS").is_none() {
            println!("skipped: booting hosts takes minutes and root; XTASK_HOSTS=1 does it");
            return None;
        }
        assert_eq!(hosts(&["check"]), "");
        let mut world = World::new();
        let folder = PathBuf::from(format!("/tmp/xtask-drills-{}", std::process::id()));
        hosts(&["up", &folder.display().to_string(), "2"]);
        for (name, file) in [("XTASK_SSH_IDENTITY", "key"), ("XTASK_SSH_KNOWN_HOSTS", "known_hosts")] {
            world.0.set(name, &folder.join(file).display().to_string());
        }
        world.0.set("XTASK_SSH_CONFIG", "/dev/null");
        let hosts = Hosts { world, folder };
        hosts.configure("1");
        hosts.prepare("1");
        hosts.prepare("2");
        for greeting in ["1", "2"] {
            hosts.configure(greeting);
            hosts.world.check(&hosts.world.run("field"), 0, "is confirmed on every host");
        }
        Some(hosts)
    }

    /// A bare host gets what the service needs, and the deploying user its key.
    fn prepare(&self, number: &str) {
        let host = format!("field/h{number}");
        let setup = ["deploy", "setup", &host, "--login", "root", "--execute"];
        self.world.check(&self.world.0.xtask(&setup), 0, "is prepared");
        let key = "install -d -m 700 -o deploy ~deploy/.ssh && \
                   install -m 600 -o deploy ~root/.ssh/authorized_keys ~deploy/.ssh/authorized_keys";
        hosts(&["ssh", &self.folder.display().to_string(), number, key]);
    }

    fn address(&self, host: &str) -> String {
        std::fs::read_to_string(self.folder.join(host).join("address")).unwrap().trim().to_owned()
    }

    fn configure(&self, greeting: &str) {
        let host = |host: &str| {
            format!("hosts.{host} = {{ at = \"deploy@{}\", listen = \"0.0.0.0:8080\" }}", self.address(host))
        };
        self.world.0.write(
            "release/stages.toml",
            &format!(
                "[service]\nname = \"guestbook\"\nartifact = \"one\"\nprogram = \"guestbook\"\ndrain_seconds = 1\n\
                 [service.probe]\nstartup_seconds = 10\n\
                 [stages.field]\ndriver = \"ssh\"\nparallel = 2\n{}\n{}\nconfiguration.GREETING = \"{greeting}\"\n\
                 [stages.field.analysis]\nfailures_permille_max = 300\nsamples_min = 5\n\
                 interval_milliseconds = 50\n",
                host("h1"),
                host("h2")
            ),
        );
    }

    /// Carries out a drill that must be green, and returns its figures.
    fn drill(&self, kind: &str, seconds_max: u32, more: &str) -> Value {
        let text = format!(
            "[stage_drills.it]\nkind = \"{kind}\"\nstage = \"field\"\nage_days_max = 30\n\
             seconds_max = {seconds_max}\n{more}\n"
        );
        self.world.0.write("release/resilience.toml", &text);
        let done = self.world.0.xtask(&["drill", kind, "it", "--execute"]);
        let receipt = self.world.0.path(".xtask/resilience/stage-drill/it.json");
        let receipt = std::fs::read_to_string(receipt).unwrap_or_default();
        println!("{receipt}");
        self.world.check(&done, 0, "green");
        serde_json::from_str::<Value>(&receipt).unwrap()["evidence"]["figures"].clone()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        hosts(&["down", &self.folder.display().to_string()]);
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

#[test]
fn every_drill_is_green_on_real_hosts() {
    let Some(hosts) = Hosts::new() else { return };
    let (one, two) = (hosts.address("h1"), hosts.address("h2"));
    let curl = format!(
        "\"curl\", \"-sSf\", \"--connect-to\", \"h1:80:{one}:8080\", \"--connect-to\", \"h2:80:{two}:8080\""
    );
    let write =
        format!("write = [{curl}, \"-d\", '{{\"message\":\"{{token}}\"}}', \"http://{{host}}/entries\"]");
    let read = format!("read = [{curl}, \"http://{{host}}/entries?limit=1000\"]");
    let before = hosts.world.status("field");

    let figures = hosts.drill("restart", 20, &format!("{write}\n{read}"));
    assert_eq!(figures["hosts"].as_array().unwrap().len(), 2);
    hosts.drill("rollback", 60, "");
    let figures = hosts.drill("stale-lock", 35, "");
    assert_eq!(figures["hosts"].as_array().unwrap().len(), 2);
    hosts.drill("deployer-killed", 90, "");
    let way = |word: &str| {
        let (script, folder) = (script().display().to_string(), hosts.folder.display().to_string());
        format!(
            "{word} = [\"sh\", \"-c\", 'exec \"$0\" \"$1\" \"$2\" \"${{3#h}}\"', \"{script}\", \"{word}\", \"{folder}\", \"{{host}}\"]"
        )
    };
    let figures = hosts.drill("partition", 90, &format!("{}\n{}", way("cut"), way("heal")));
    assert_eq!(figures["is_cut"], true, "{figures}");
    assert_eq!(hosts.world.status("field"), before);
}
