//! A real PostgreSQL on a Unix socket in a temporary folder, run by an unprivileged user: it refuses to run as root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nexus_xtask_deliver::resilience::{self, config::Config, evidence::Age};

use crate::bed::{ASK, Bed, peers_are_there};

/// Where Debian puts each version of it.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The user that nothing belongs to.
const NOBODY: u32 = 65534;

/// A cluster that runs. Dropping it ends it.
pub(crate) struct Cluster {
    programs: PathBuf,
    data: PathBuf,
    socket: PathBuf,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let words = ["-D", self.data.to_str().unwrap(), "-m", "immediate", "-w", "stop"];
        self.as_nobody("pg_ctl", &words).output().ok();
    }
}

/// The programs of the newest version that is there.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path));
    newest.map(|version| version.join("bin")).filter(|programs| programs.join("initdb").is_file())
}

/// What makes root another user.
fn nobody() -> Vec<String> {
    match rustix::process::geteuid().is_root() {
        true => ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(str::to_owned).into(),
        false => Vec::new(),
    }
}

impl Cluster {
    /// None, with the reason, where there is no PostgreSQL.
    pub(crate) fn boot(bed: &Bed) -> Option<Cluster> {
        let Some(programs) = programs() else {
            let required = std::env::var("XTASK_DATABASES").is_ok_and(|value| value == "1");
            assert!(!required, "PostgreSQL is missing; scripts/peers.sh --databases installs it");
            println!("skipped 1 test: PostgreSQL is missing; scripts/peers.sh --databases installs it");
            return None;
        };
        let home = bed.root.join("pg");
        fs::create_dir(&home).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let cluster = Cluster { programs, data: home.join("data"), socket: home.clone() };
        let data = cluster.data.to_str().unwrap();
        let run = |program: &str, words: &[&str]| {
            let log = fs::File::create(bed.root.join("boot.log")).unwrap();
            let mut command = cluster.as_nobody(program, words);
            let ended = command.stdout(log.try_clone().unwrap()).stderr(log).status().unwrap();
            let said = || fs::read_to_string(bed.root.join("boot.log")).unwrap();
            assert!(ended.success(), "{program}: {}", said());
        };
        run("initdb", &["-D", data, "-E", "UTF8", "-U", "notes", "-A", "trust", "--no-sync"]);
        let options = format!("-k {} -c listen_addresses= -F", home.display());
        run("pg_ctl", &["-D", data, "-o", &options, "-w", "-l", &format!("{}/log", home.display()), "start"]);
        run("createdb", &["-h", home.to_str().unwrap(), "-U", "notes", "notes"]);
        let megabytes = bed.megabytes;
        cluster.sql("create table note(at bigint, body text)");
        cluster.sql("alter table note alter body set storage external");
        cluster.sql("create extension pgcrypto");
        cluster.sql(&format!(
            "insert into note select extract(epoch from now())::bigint - {megabytes} + value,
             (select string_agg(encode(gen_random_bytes(500 + 0 * (value + part)), 'hex'), '')
              from generate_series(1, 1000) part)
             from generate_series(1, {megabytes}) value"
        ));
        cluster.sql("drop extension pgcrypto");
        Some(cluster)
    }

    fn as_nobody(&self, program: &str, words: &[&str]) -> Command {
        let mut all = nobody();
        all.push(self.programs.join(program).display().to_string());
        let mut command = Command::new(&all[0]);
        command.args(&all[1..]).args(words).current_dir("/");
        command
    }

    pub(crate) fn sql(&self, sql: &str) {
        let ended = Command::new(self.programs.join("psql"))
            .args(["--quiet", "-v", "ON_ERROR_STOP=1", "-U", "notes", "-h"])
            .arg(&self.socket)
            .args(["-c", sql, "notes"])
            .status()
            .unwrap();
        assert!(ended.success());
    }

    /// The database as the source of a backup.
    pub(crate) fn source(&self) -> String {
        let socket = self.socket.display();
        format!(
            "{{ postgres = {{ variables = {{ PGHOST = '{socket}', PGUSER = 'notes', PGDATABASE = 'notes' }} }} }}"
        )
    }

    /// The drill boots a cluster of its own, which is ended whatever comes of it.
    pub(crate) fn config(&self, bed: &Bed, source: &str) -> Config {
        let (root, programs) = (bed.root.display(), self.programs.display());
        let (records, limit) = (bed.megabytes, 60 + bed.megabytes);
        let nobody: String = nobody().iter().map(|word| format!("'{word}', ")).collect();
        let own = match nobody.is_empty() {
            true => String::new(),
            false => format!("['chown', '-R', '{NOBODY}:{NOBODY}', '{{folder}}'],"),
        };
        let query =
            |sql: &str| format!("'psql', '-h', '{{folder}}', '-U', 'notes', '-tAc', '{sql}', 'notes'");
        let (count, newest) = (query("select count(*) from note"), query("select max(at) from note"));
        bed.parse(
            source,
            &format!(
                r#"
recovery_seconds_max = {limit}
prepare = [
  {own}
  [{nobody}'{programs}/initdb', '-D', '{{folder}}/cluster', '-E', 'UTF8', '-U', 'notes', '-A', 'trust', '--no-sync'],
  [{nobody}'{programs}/pg_ctl', '-D', '{{folder}}/cluster', '-o', '-k {{folder}} -c listen_addresses= -F', '-w', '-l', '{{folder}}/log', 'start'],
  ['createdb', '-h', '{{folder}}', '-U', 'notes', 'notes'],
  ['pg_restore', '-h', '{{folder}}', '-U', 'notes', '-d', 'notes', '--exit-on-error', '{{folder}}/database.dump'],
]
boot = ['python3', '{root}/service.py', '{{port}}', {count}]
newest = [{newest}]
checks = [{{ command = ['python3', '-c', """{ASK}""", '{{port}}'], expect = '{records}' }}]
cleanup = [[{nobody}'{programs}/pg_ctl', '-D', '{{folder}}/cluster', '-m', 'immediate', '-w', 'stop']]
"#
            ),
        )
    }
}

#[test]
fn a_backup_of_postgresql_is_restored_into_a_cluster_of_its_own() {
    if !peers_are_there() {
        return;
    }
    let bed = Bed::empty("pg", 2);
    let Some(cluster) = Cluster::boot(&bed) else { return };
    let config = cluster.config(&bed, &cluster.source());
    resilience::init(&bed.doors, &config, "notes").unwrap();
    let created = resilience::create(&bed.doors, &config, "notes", None).unwrap();
    assert!(created.size.bytes > 2_000_000, "{created:?}");
    let drilled = resilience::drill_restore(&bed.doors, &config, "notes", None).unwrap();
    println!("{created:?}\n{drilled:?}");
    assert!(drilled.recovery_ms.unwrap() > drilled.restore_ms.unwrap(), "{drilled:?}");
    assert!((0..60).contains(&drilled.newest_age_seconds.unwrap()), "{drilled:?}");
    assert!(matches!(resilience::ages(&bed.doors, &config).unwrap()[0].1, Age::Good(_)));
}
