//! The real `deploy run`, killed with SIGKILL after each record that a host writes: the first, the second, and so on until it
//! ends before its death. Two hosts, one after the other, by the clock that a local host goes by.
//!
//! `sync` is what the host runs when a record is on its disk. The one here asks the real one, counts, and kills.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::deploy::World;
use crate::deploy_announced::{seed, shown};
use crate::github::Forge;
use crate::sandbox::Done;
use crate::world::ask;

const HOSTS: [&str; 2] = ["a", "b"];

/// After this a lock has no holder any more, whatever became of it.
const LOCK_LIMIT: Duration = Duration::from_secs(35);

/// How many records from one kill to the next where nothing is said: each of the three tests begins at another one.
const STEP: usize = 6;

/// What somebody does about a deployment that was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The same command, at once.
    Again,
    /// Nothing until the hosts have undone what they must; then the same command.
    Later,
    /// The way back, at once.
    Back,
}

struct Field {
    world: World,
    addresses: [String; 2],
    /// What else is declared.
    more: &'static str,
    lock_free_max: Duration,
}

impl Field {
    fn new() -> Field {
        let mut world = World::new();
        // Both are held until both are known, so that none is given twice.
        let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = held.map(|listener| listener.local_addr().unwrap().to_string());
        let programs = world.0.path("../programs");
        let real = world.0.variable("PATH");
        let script = format!(
            "#!/bin/sh\nPATH='{real}' sync \"$@\" || exit 1\ncase $1 in */journal.jsonl) ;; *) exit 0 ;; esac\n\
             cd '{folder}' && [ -f limit ] || exit 0\necho >> records\n\
             if [ -f deployer ] && [ \"$(wc -l < records)\" -ge \"$(cat limit)\" ]; then\n\
             kill -s \"$(cat signal)\" \"$(cat deployer)\" 2> /dev/null; rm -f deployer; fi\nexit 0\n",
            folder = programs.display()
        );
        world.0.write("../programs/sync", &script);
        world.0.write("../programs/deployer.sh", "echo $$ > \"$1\"\nshift\nexec \"$@\"\n");
        let mut executable = world.0.command("chmod", &["755", "../programs/sync"]);
        assert!(executable.status().unwrap().success());
        world.0.set("PATH", &format!("{}:{real}", programs.display()));
        let field = Field { world, addresses, more: "", lock_free_max: Duration::ZERO };
        field.declare("first");
        field.world.check(&field.world.run("field"), 0, "is confirmed on every host");
        field
    }

    /// One wave after the other, with a release of its own for each word.
    fn declare(&self, word: &str) {
        let [a, b] = &self.addresses;
        let text = format!(
            "[service]\nname = \"one\"\nartifact = \"one\"\nprogram = \"guestbook\"\ndrain_seconds = 3\n\
             [service.probe]\nstartup_seconds = 5\n\
             [stages.field]\ndriver = \"local\"\nwaves = [\"1\"]\nsoak_seconds = 0\nkeep = 3\n\
             hosts.a.listen = \"{a}\"\nhosts.b.listen = \"{b}\"\nconfiguration = {{ GREETING = \"{word}\" }}\n\
             [stages.field.analysis]\nfailures_permille_max = 500\nsamples_min = 3\ninterval_milliseconds = 50\n\
             paths = [\"/entries\"]\n"
        );
        self.world.0.write("release/stages.toml", &(text + self.more));
    }

    /// Deploys, and gets a signal after so many records.
    fn start(&self, records: usize, signal: &str) -> Child {
        self.world.0.write("../programs/records", "");
        self.world.0.write("../programs/signal", signal);
        self.world.0.write("../programs/limit", &records.to_string());
        let pid = self.world.0.path("../programs/deployer").display().to_string();
        let script = self.world.0.path("../programs/deployer.sh").display().to_string();

        let words =
            [&script, &pid, crate::satellites::front(), "deploy", "run", "--to", "field", "--execute"];
        let mut command = self.world.0.command("sh", &words);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Deploys, and dies after so many records. False where it ended before.
    fn dies_after(&self, records: usize) -> bool {
        let ended = self.start(records, "KILL").wait().unwrap();
        std::fs::remove_file(self.world.0.path("../programs/limit")).unwrap();
        assert!(ended.success() || ended.code().is_none(), "neither killed nor well: {ended}");
        ended.code().is_none()
    }

    fn hosts(&self) -> Vec<Value> {
        let done = self.world.0.xtask(&["deploy", "status", "--stage", "field", "--json"]);
        assert_eq!(done.code, 0, "{}", done.transcript());
        let all: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stdout));
        all[0]["hosts"].as_array().unwrap().iter().map(|host| host["observed"].clone()).collect()
    }

    /// How many records hosts have written since the last deployment began.
    fn records(&self) -> usize {
        self.world.0.read("../programs/records").lines().count()
    }

    /// Each host must answer as the release that it confirmed: what it says of itself is not enough.
    #[track_caller]
    fn served(&self) {
        for (host, address) in self.hosts().iter().zip(&self.addresses) {
            let (status, text) = ask("GET", &format!("http://{address}/version"), &[], b"");
            let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
            assert_eq!((status, &answer["release"]), (200, &host["confirmed"]), "{text}");
        }
    }

    /// The release that every host has confirmed and serves alone, with nothing armed and nothing on trial.
    fn settled(&self) -> Result<String, String> {
        let hosts = self.hosts();
        let confirmed: BTreeSet<_> = hosts.iter().map(|host| host["confirmed"].as_str()).collect();
        match confirmed.into_iter().collect::<Vec<_>>().as_slice() {
            [Some(one)] if hosts.iter().all(is_quiet) => Ok((*one).to_owned()),
            _ => Err(format!("{hosts:?}")),
        }
    }

    /// Waits until no host runs what is not confirmed, with its clock at a time when each undo is due.
    fn hosts_go_back(&self) {
        let clock = |seconds: u32| {
            for host in HOSTS {
                self.world.0.write(&format!(".xtask/hosts/field/{host}/clock"), &seconds.to_string());
            }
        };
        let begun = Instant::now();
        // A call that outlives its deployer may arm after any step of the clock.
        for step in 1.. {
            clock(step * 600);
            if self.hosts().iter().all(is_quiet) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "not by itself: {:?}", self.hosts());
        }
        clock(0);
        self.served();
    }

    /// A command, once the locks are free.
    fn unlocked(&mut self, act: impl Fn(&World) -> Done) -> Done {
        let begun = Instant::now();
        loop {
            let tried = begun.elapsed();
            let done = act(&self.world);
            if done.code != 75 || tried > LOCK_LIMIT {
                self.lock_free_max = self.lock_free_max.max(tried);
                return done;
            }
        }
    }
}

/// True where a host serves what it confirmed and nothing else runs, waits or is selected.
fn is_quiet(host: &Value) -> bool {
    let running = host["running"].as_array().unwrap();
    host["trial"].is_null()
        && host["armed"].is_null()
        && running.len() == 1
        && running[0]["serving"] == true
        && running[0]["release"] == host["confirmed"]
}

/// Kills after each record, does what is next, and looks.
#[track_caller]
fn converges(next: Next) {
    let mut field = Field::new();
    let (mut kills, mut first, mut all) = (0, 1, 0);
    // Each takes seconds: other tests run beside this, so all together kill after each few records, and alone after each.
    let step = if std::env::var_os("XTASK_KILLS").is_some_and(|kills| kills == "every") { 1 } else { STEP };
    first += next as usize % step;
    for records in (first..).step_by(step) {
        let before = field.settled().unwrap();
        field.declare(&records.to_string());
        if !field.dies_after(records) {
            all = field.records();
            assert!(all < records, "it was to die after {records} records, and wrote {all}");
            break;
        }
        kills += 1;
        if next == Next::Later {
            field.hosts_go_back();
        }
        let again = |world: &World| world.run("field");
        let back = |world: &World| {
            world.0.xtask(&["deploy", "rollback", "--stage", "field", "--to", &before, "--execute"])
        };
        let done = match next {
            Next::Again | Next::Later => field.unlocked(again),
            Next::Back => field.unlocked(back),
        };
        field.world.check(&done, 0, "confirmed on every host");
        let after = field.settled().unwrap_or_else(|hosts| panic!("after {records} records: {hosts}"));
        field.served();
        assert_eq!(after == before, next == Next::Back, "after {records} records: {after}");
        let audit = field.world.0.xtask(&["deploy", "audit", "--stage", "field"]);
        field.world.check(&audit, 0, "every chain is whole");
    }
    println!(
        "{next:?}: {kills} kills in {all} records, one in every {step}, on {} hosts: every one converged; the lock was free after {:.1} s at most",
        HOSTS.len(),
        field.lock_free_max.as_secs_f32()
    );
    // A deployment that wrote less than two hosts do would have left kills out.
    assert!(kills * step + step > all && all >= 30, "{kills} kills in {all} records");
    assert!(field.lock_free_max <= LOCK_LIMIT);
}

#[test]
fn the_same_command_goes_on_at_once() {
    converges(Next::Again);
}

#[test]
fn hosts_undo_what_is_not_confirmed_and_the_same_command_goes_on() {
    converges(Next::Later);
}

#[test]
fn the_way_back_leads_back() {
    converges(Next::Back);
}

/// A field whose deployments this forge shows.
fn shown_by(forge: &Forge) -> Field {
    let mut field = Field::new();
    field.more = "[github]\ndeployments = true\n";
    for (name, value) in
        [("API_URL", forge.address.as_str()), ("REPOSITORY", "ann/one"), ("TOKEN", "a token")]
    {
        field.world.0.set(&format!("GITHUB_{name}"), value);
    }
    field
}

#[test]
fn who_goes_on_after_a_death_has_the_record_at_github() {
    let forge = Forge::serve(&seed(false));
    let mut field = shown_by(&forge);
    field.declare("next");
    // On the second host: the record was made before the first one was changed.
    assert!(field.dies_after(30));
    assert_eq!(shown(&forge), ["deploy field true: in_progress"]);
    let done = field.unlocked(|world| world.run("field"));
    field.world.check(&done, 0, "is confirmed on every host");
    assert_eq!(shown(&forge), ["deploy field true: in_progress in_progress success"]);
}

/// Two of the same: the second one finds the locks held, and the record is not its own.
#[test]
fn who_comes_too_late_changes_neither_hosts_nor_the_record() {
    let forge = Forge::serve(&seed(false));
    let field = shown_by(&forge);
    field.declare("next");
    let mut first = field.start(30, "STOP");
    let is_stopped = || {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", first.id())).unwrap();
        text.rsplit_once(") ").unwrap().1.starts_with('T')
    };
    let begun = Instant::now();
    while !is_stopped() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it ran on");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    field.world.check(&field.world.run("field"), 75, "could not be taken");
    assert_eq!(shown(&forge), ["deploy field true: in_progress"]);
    assert!(Command::new("kill").args(["-CONT", &first.id().to_string()]).status().unwrap().success());
    assert!(first.wait().unwrap().success());
    assert_eq!(shown(&forge), ["deploy field true: in_progress success"]);
    field.settled().unwrap();
    field.served();
}
