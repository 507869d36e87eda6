//! A workspace with a database, a repository, a backup and a drill on it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nexus_xtask::clock::Clock;
use nexus_xtask::doors::Doors;
use nexus_xtask::environment::Environment;
use nexus_xtask::shell::Shell;
use nexus_xtask::terminal::Terminal;
use nexus_xtask::workspace::Workspace;
use nexus_xtask_deliver::resilience::{self, config, evidence::Age};

/// Answers with the number of records, which the rest of its words print.
const SERVICE: &str = "import http.server, subprocess, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        rows = subprocess.run(sys.argv[2:], capture_output=True, check=True).stdout
        self.send_response(200); self.end_headers(); self.wfile.write(rows.strip())
    def log_message(self, *words): pass
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Answer).serve_forever()
";

pub(crate) const ASK: &str = "import sys, urllib.request
print(urllib.request.urlopen('http://127.0.0.1:' + sys.argv[1]).read().decode())";

/// A database file of SQLite as the source.
pub(crate) const SQLITE: &str = "{ sqlite = { file = 'notes.sqlite' } }";

/// This process's environment, with the folder on `PATH` that scripts/peers.sh installs into.
fn environment() -> Environment {
    let environment = Environment::of_process().unwrap();
    let default = || environment.home().unwrap_or_default().join(".cache/nexus-xtask/peers");
    let peers = environment.get("XTASK_PEERS").map_or_else(default, PathBuf::from);
    environment.with_path_in_front(&[peers.join("bin")])
}

/// True where every program that these tests need is there.
pub(crate) fn peers_are_there() -> bool {
    let environment = environment();
    let missing =
        ["restic", "sqlite3", "python3"].into_iter().find(|program| environment.find(program).is_none());
    let Some(missing) = missing else { return true };
    let required = std::env::var("XTASK_PEERS_REQUIRED").is_ok_and(|value| value == "1");
    assert!(!required, "`{missing}` is missing; scripts/peers.sh installs it");
    println!("skipped 1 test: `{missing}` is missing; scripts/peers.sh installs it");
    false
}

pub(crate) struct Bed {
    pub(crate) root: PathBuf,
    pub(crate) doors: Doors,
    /// How much data there is: so many records of a megabyte each, that cannot be compressed.
    pub(crate) megabytes: u32,
}

impl Drop for Bed {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.root).ok();
    }
}

impl Bed {
    /// An empty workspace with the service.
    pub(crate) fn empty(name: &str, megabytes: u32) -> Bed {
        let root = std::env::temp_dir().join(format!("resilience-{name}-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        let environment = environment().with("BED_PASSWORD", "not-a-secret");
        let doors = Doors {
            workspace: Workspace::at(&root),
            shell: Shell::new(&root, &environment),
            clock: Clock::system(),
            terminal: Terminal::of_process(&environment, false),
            environment,
        };
        fs::write(root.join("service.py"), SERVICE).unwrap();
        Bed { root, doors, megabytes }
    }

    /// A workspace with a database of SQLite and an empty repository.
    pub(crate) fn sqlite(name: &str, megabytes: u32) -> Bed {
        let bed = Bed::empty(name, megabytes);
        bed.sql("create table note(at integer, body blob)");
        bed.sql(&format!(
            "insert into note select strftime('%s','now') - {megabytes} + value, randomblob(1000000)
             from generate_series(1, {megabytes})"
        ));
        resilience::init(&bed.doors, &bed.config(SQLITE), "notes").unwrap();
        bed
    }

    pub(crate) fn sql(&self, sql: &str) {
        let sqlite3 = self.doors.shell.find("sqlite3").unwrap();
        let ended = Command::new(sqlite3).arg(self.root.join("notes.sqlite")).arg(sql).status().unwrap();
        assert!(ended.success());
    }

    /// The backup and the drill of a SQLite database that is made in this way.
    pub(crate) fn config(&self, source: &str) -> config::Config {
        let (root, records, limit) = (self.root.display(), self.megabytes, self.megabytes.max(15));
        self.parse(
            source,
            &format!(
                r#"
recovery_seconds_max = {limit}
boot = ['python3', '{root}/service.py', '{{port}}', 'sqlite3', '{{folder}}/database.sqlite', 'select count(*) from note']
newest = ['sqlite3', '{{folder}}/database.sqlite', 'select max(at) from note']
checks = [
  {{ command = ['sqlite3', '{{folder}}/database.sqlite', 'pragma integrity_check'], expect = 'ok' }},
  {{ command = ['python3', '-c', """{ASK}""", '{{port}}'], expect = '{records}' }},
]
"#
            ),
        )
    }

    pub(crate) fn parse(&self, source: &str, drill: &str) -> config::Config {
        config::parse(&format!(
            r#"
[backups.notes]
source = {source}
repository = 'repository'
password_variable = 'BED_PASSWORD'
schedule = 'hourly'
owner = 'operations'
restored_by = 'operations'
shrink_percent_max = 20
keep = {{ last = 1 }}

[restore_drills.notes]
backup = 'notes'
probe = ['python3', '-c', """{ASK}""", '{{port}}']
newest_age_seconds_max = 3600
age_days_max = 30
{drill}
"#
        ))
        .unwrap()
    }

    pub(crate) fn restic(&self, words: &[&str]) {
        let ended = Command::new(self.doors.shell.find("restic").unwrap())
            .args(["--quiet", "--no-cache", "--repo"])
            .arg(self.root.join("repository"))
            .args(words)
            .env("RESTIC_PASSWORD", "not-a-secret")
            .status()
            .unwrap();
        assert!(ended.success());
    }

    pub(crate) fn create(&self, config: &config::Config) {
        resilience::create(&self.doors, config, "notes", None).unwrap();
    }

    /// Why the drill is red.
    #[track_caller]
    pub(crate) fn red(&self, config: &config::Config) -> String {
        let failure = resilience::drill_restore(&self.doors, config, "notes", None).unwrap_err();
        assert_eq!(failure.exit.code(), 1);
        let ages = resilience::ages(&self.doors, config).unwrap();
        assert!(matches!(ages[0].1, Age::Failed(_)), "{ages:?}");
        failure.why.join("\n")
    }
}
