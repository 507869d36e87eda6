//! Backups and restore drills with the real `sqlite3` and `restic`, and a small service that answers from the database.
//! They need `restic`, `sqlite3` and `python3` (`scripts/peers.sh`), and say why they skip where one is missing; with
//! XTASK_PEERS_REQUIRED=1 they fail there instead.

#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests stand outside the doors"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nexus_xtask::clock::Clock;
use nexus_xtask::doors::Doors;
use nexus_xtask::environment::Environment;
use nexus_xtask::shell::Shell;
use nexus_xtask::terminal::Terminal;
use nexus_xtask::workspace::Workspace;
use nexus_xtask_deliver::resilience::{self, config, evidence::Age, execute};

/// 20 records of one megabyte each; the newest is of now.
const FILL: &str = "create table note(at integer, body blob);
    insert into note select strftime('%s','now') - 20 + value, randomblob(1000000) from generate_series(1, 20);";

const SERVICE: &str = "import http.server, sqlite3, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        rows = sqlite3.connect(sys.argv[1]).execute('select count(*) from note').fetchone()[0]
        self.send_response(200); self.end_headers(); self.wfile.write(str(rows).encode())
    def log_message(self, *words): pass
http.server.HTTPServer(('127.0.0.1', int(sys.argv[2])), Answer).serve_forever()
";

const ASK: &str = "import sys, urllib.request
print(urllib.request.urlopen('http://127.0.0.1:' + sys.argv[1]).read().decode())";

/// True where every program that these tests need is there.
fn peers_are_there() -> bool {
    let environment = Environment::of_process().unwrap();
    let missing =
        ["restic", "sqlite3", "python3"].into_iter().find(|program| environment.find(program).is_none());
    let Some(missing) = missing else { return true };
    let required = std::env::var("XTASK_PEERS_REQUIRED").is_ok_and(|value| value == "1");
    assert!(!required, "`{missing}` is missing; scripts/peers.sh installs it");
    println!("skipped 1 test: `{missing}` is missing; scripts/peers.sh installs it");
    false
}

struct Bed {
    root: PathBuf,
    doors: Doors,
}

impl Drop for Bed {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.root).ok();
    }
}

impl Bed {
    fn new(name: &str) -> Bed {
        let root = std::env::temp_dir().join(format!("resilience-{name}-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        let environment = Environment::of_process().unwrap().with("BED_PASSWORD", "not-a-secret");
        let doors = Doors {
            workspace: Workspace::at(&root),
            shell: Shell::new(&root, &environment),
            clock: Clock::system(),
            terminal: Terminal::of_process(&environment, false),
            environment,
        };
        fs::write(root.join("service.py"), SERVICE).unwrap();
        let bed = Bed { root, doors };
        bed.sql(FILL);
        execute::init(
            &bed.doors,
            "notes",
            &bed.config("{ sqlite = { file = 'notes.sqlite' } }").backups["notes"],
        )
        .unwrap();
        bed
    }

    fn sql(&self, sql: &str) {
        let ended = Command::new("sqlite3").arg(self.root.join("notes.sqlite")).arg(sql).status().unwrap();
        assert!(ended.success());
    }

    fn config(&self, source: &str) -> config::Config {
        let (root, ask) = (self.root.display(), ASK);
        config::parse(&format!(
            r#"
[backups.notes]
source = {source}
repository = '{root}/repository'
password_variable = 'BED_PASSWORD'
schedule = 'hourly'
owner = 'operations'
restored_by = 'operations'
shrink_percent_max = 20

[restore_drills.notes]
backup = 'notes'
boot = ['python3', '{root}/service.py', '{{folder}}/database.sqlite', '{{port}}']
probe = ['python3', '-c', """{ask}""", '{{port}}']
newest = ['sqlite3', '{{folder}}/database.sqlite', 'select max(at) from note']
recovery_seconds_max = 60
newest_age_seconds_max = 600
age_days_max = 30
checks = [
  {{ command = ['sqlite3', '{{folder}}/database.sqlite', 'pragma integrity_check'], expect = 'ok' }},
  {{ command = ['python3', '-c', """{ask}""", '{{port}}'], expect = '20' }},
]
"#
        ))
        .unwrap()
    }

    fn sqlite(&self) -> config::Config {
        self.config("{ sqlite = { file = 'notes.sqlite' } }")
    }

    fn restic(&self, words: &[&str]) {
        let ended = Command::new("restic")
            .args(["--quiet", "--no-cache", "--repo"])
            .arg(self.root.join("repository"))
            .args(words)
            .env("RESTIC_PASSWORD", "not-a-secret")
            .status()
            .unwrap();
        assert!(ended.success());
    }

    /// The largest pack of the repository, changed in place.
    fn damage(&self, change: impl Fn(&mut Vec<u8>)) {
        let packs = nexus_xtask::files::walk(&self.root.join("repository/data")).unwrap();
        let pack = packs.into_iter().max_by_key(|pack| fs::metadata(pack).unwrap().len()).unwrap();
        let mut bytes = fs::read(&pack).unwrap();
        change(&mut bytes);
        fs::set_permissions(&pack, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&pack, bytes).unwrap();
    }

    /// Why the drill is red.
    fn red(&self) -> String {
        let failure = resilience::drill_restore(&self.doors, &self.sqlite(), "notes", None).unwrap_err();
        assert_eq!(failure.exit.code(), 1);
        let ages = resilience::ages(&self.doors, &self.sqlite()).unwrap();
        assert!(matches!(ages[0].1, Age::Failed(_)), "{ages:?}");
        failure.why.join("\n")
    }
}

fn check_red(name: &str, harm: impl Fn(&Bed), expect: &str) {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::new(name);
    resilience::create(&bed.doors, &bed.sqlite(), "notes", None).unwrap();
    harm(&bed);
    let why = bed.red();
    println!("{name}: {why}");
    assert!(why.contains(expect), "{name}: `{expect}` is not in: {why}");
}

#[test]
fn a_backup_is_read_back_and_the_drill_on_it_has_figures() {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::new("green");
    let config = bed.sqlite();
    assert_eq!(resilience::ages(&bed.doors, &config).unwrap()[0].1, Age::Missing);
    let created = resilience::create(&bed.doors, &config, "notes", None).unwrap();
    assert!(created.size.bytes > 20_000_000, "{created:?}");
    let drilled = resilience::drill_restore(&bed.doors, &config, "notes", None).unwrap();
    assert!(drilled.recovery_ms.unwrap() > 0);
    assert!(drilled.newest_age_seconds.unwrap() >= 0);
    println!("{created:?}\n{drilled:?}");
    assert!(matches!(resilience::ages(&bed.doors, &config).unwrap()[0].1, Age::Good(_)));

    let proof = bed.root.join(".xtask/resilience/drill/notes.json");
    let text = fs::read_to_string(&proof).unwrap();
    fs::write(&proof, text.replace("\"reasons\":[]", "\"reasons\":[ ]")).unwrap();
    assert!(matches!(resilience::ages(&bed.doors, &config).unwrap()[0].1, Age::Tampered(_)));

    let full = resilience::restore(&bed.doors, &config, "notes", Path::new(&bed.root), None).unwrap_err();
    assert_eq!(full.exit.code(), 3);
    resilience::restore(&bed.doors, &config, "notes", &bed.root.join("empty"), None).unwrap();
    assert!(bed.root.join("empty/database.sqlite").is_file());
}

#[test]
fn an_engine_that_leaves_nothing_or_much_less_makes_no_backup() {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::new("nothing");
    let nothing = bed.config("{ command = { command = ['true', '{folder}'] } }");
    let failure = resilience::create(&bed.doors, &nothing, "notes", None).unwrap_err();
    assert!(failure.why[0].contains("left no artifact"), "{failure}");

    resilience::create(&bed.doors, &bed.sqlite(), "notes", None).unwrap();
    bed.sql("delete from note where rowid > 10; vacuum;");
    let failure = resilience::create(&bed.doors, &bed.sqlite(), "notes", None).unwrap_err();
    assert!(failure.why[0].contains("it shrank"), "{failure}");
    let created = resilience::create(&bed.doors, &bed.sqlite(), "notes", Some("old notes went")).unwrap();
    assert_eq!(created.shrink_reason.as_deref(), Some("old notes went"));
}

#[test]
fn a_harmed_backup_turns_the_drill_red_with_its_reason() {
    check_red(
        "corrupt",
        |bed| bed.damage(|bytes| bytes.iter_mut().skip(1000).take(64).for_each(|b| *b ^= 0xff)),
        "restic could not restore",
    );
    check_red("emptied", |bed| bed.restic(&["forget", "--tag", "notes", "latest"]), "holds no snapshot");
    check_red(
        "older",
        |bed| {
            bed.sql("update note set at = at + 1");
            resilience::create(&bed.doors, &bed.sqlite(), "notes", None).unwrap();
            bed.restic(&["forget", "latest"]);
        },
        "the backup is stale",
    );
    check_red(
        "too-old",
        |bed| {
            bed.sql("update note set at = at - 86400");
            resilience::create(&bed.doors, &bed.sqlite(), "notes", None).unwrap();
        },
        "the backup is old",
    );
    check_red(
        "wrong",
        |bed| {
            bed.sql("delete from note where rowid = 3");
            resilience::create(&bed.doors, &bed.sqlite(), "notes", None).unwrap();
        },
        "says `19`, not `20`",
    );
}

/// Apart from the others: restic asks ten times for the missing half, for most of a minute.
#[test]
fn a_truncated_backup_turns_the_drill_red_with_its_reason() {
    check_red(
        "truncated",
        |bed| bed.damage(|bytes| bytes.truncate(bytes.len() / 2)),
        "restic could not restore",
    );
}
