//! Booted hosts, and the commands that a person would run against them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Captured, Command, Ended};

use super::fixture::{self, Declared, Programs, SERVICE, STAGE};
use super::said::{Line, Observed};
use crate::acceptance::world::World;

/// Booting ten hosts on a busy machine.
const BOOT_LIMIT: Duration = Duration::from_secs(180);

/// One command of `deploy`, on a busy machine.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_secs(300);

/// How soon a lock is free after its holder died, froze or lost its connection: what the lock promises.
const LOCK_LIMIT: Duration = Duration::from_secs(35);

/// From one look to the next.
const LOOK: Duration = Duration::from_millis(20);

/// Booted hosts and the workspace that deploys to them. Dropping it turns the hosts off.
pub(super) struct Bed<'a> {
    pub(super) doors: &'a Doors,
    pub(super) world: World,
    pub(super) programs: Programs,
    /// Name and address of each.
    pub(super) hosts: Vec<(String, String)>,
    /// What `hosts.sh` knows of them.
    pub(super) folder: PathBuf,
    has_ended: bool,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) code: i32,
    /// Both of its outputs.
    pub(super) said: String,
}

/// What is missing to boot hosts; empty where nothing is.
pub(super) fn missing(doors: &Doors) -> Result<String> {
    Ok(doors.shell.read(&script(doors, &["check"]))?)
}

/// Turns off the hosts of suites that were killed: their folders end with the id of a process that is no more.
fn turn_off_leftovers(doors: &Doors) -> Result<()> {
    for folder in files::list(&doors.environment.temporary())? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((_, id)) = name.strip_prefix("xtask-hosts-").and_then(|name| name.rsplit_once('-')) else {
            continue;
        };
        if !Path::new("/proc").join(id).exists() {
            let bed = folder.join("bed").display().to_string();
            doors.shell.capture(&script(doors, &["down", &bed]))?;
            files::remove_folder(&folder)?;
        }
    }
    Ok(())
}

fn script(doors: &Doors, words: &[&str]) -> Command {
    Command::new(doors.workspace.file("scripts/hosts.sh").display().to_string(), words.iter().copied())
}

impl<'a> Bed<'a> {
    /// Boots hosts and prepares them by `deploy setup`.
    pub(super) fn boot(doors: &'a Doors, part: &str, count: usize) -> Result<Bed<'a>> {
        turn_off_leftovers(doors)?;
        let mut world = World::create(doors, &format!("hosts-{part}"))?;
        let programs = fixture::programs(doors, &world)?;
        let folder = world.base.join("bed");
        let file = |name: &str| folder.join(name).display().to_string();
        world.variables.extend([
            ("XTASK_SSH_KNOWN_HOSTS".to_owned(), file("known_hosts")),
            ("XTASK_SSH_IDENTITY".to_owned(), file("key")),
            ("XTASK_SSH_CONFIG".to_owned(), "/dev/null".to_owned()),
        ]);
        fixture::workspace(&world, &programs)?;
        let mut bed = Bed { doors, world, programs, hosts: Vec::new(), folder, has_ended: false };
        doors.terminal.talk(&format!("booting {count} hosts"));
        bed.hosts_script(&["up"], &[&count.to_string()])?;
        for number in 1..=count {
            let address = files::read_text(&bed.folder.join(format!("h{number}/address")))?;
            bed.hosts.push((name(number), address.unwrap_or_default().trim().to_owned()));
        }
        bed.declare("r0", "", "")?;
        for number in 1..=count {
            bed.prepare(number)?;
        }
        Ok(bed)
    }

    /// A bare host gets what the service needs, and the deploying user its key.
    fn prepare(&self, number: usize) -> Result<()> {
        let host = format!("{STAGE}/{}", name(number));
        self.deploy(&["setup", &host, "--login", "root", "--execute"])?.require(0, "is prepared")?;
        self.on_host(
            number,
            "install -d -m 700 -o deploy ~deploy/.ssh && \
             install -m 600 -o deploy ~root/.ssh/authorized_keys ~deploy/.ssh/authorized_keys",
        )?;
        Ok(())
    }

    /// Declares a release by its greeting, with more lines for the tables of the service and of the stage.
    pub(super) fn declare(&self, greeting: &str, service: &str, stage: &str) -> Result<()> {
        self.declare_as(&Declared { configuration: &format!("GREETING = \"{greeting}\""), service, stage })
    }

    pub(super) fn declare_as(&self, declared: &Declared<'_>) -> Result<()> {
        fixture::declare(&self.world, &self.hosts, declared)
    }

    fn hosts_script(&self, words: &[&str], rest: &[&str]) -> Result<String> {
        let folder = self.folder.display().to_string();
        let words: Vec<&str> =
            words.iter().copied().chain([folder.as_str()]).chain(rest.iter().copied()).collect();
        let command = script(self.doors, &words);
        let captured = self.within(&command, BOOT_LIMIT)?;
        if captured.is_success() {
            return Ok(captured.text());
        }
        Err(Failure::no(format!("`{command}` ended with {}", captured.ended))
            .why(captured.stderr.trim())
            .next(format!("look at {}", self.folder.display())))
    }

    fn within(&self, command: &Command, limit: Duration) -> Result<Captured> {
        let captured = self.doors.shell.within(command, None, limit)?;
        Ok(captured.with_context(|| format!("`{command}` took longer than {} s", limit.as_secs()))?)
    }

    /// `cut`, `heal`, `silence`, `refuse`, `accept`, `reboot`.
    pub(super) fn fault(&self, word: &str, number: usize) -> Result<()> {
        self.hosts_script(&[word], &[&number.to_string()]).map(drop)
    }

    /// Runs a script on a host as root.
    pub(super) fn on_host(&self, number: usize, text: &str) -> Result<String> {
        self.hosts_script(&["ssh"], &[&number.to_string(), text])
    }

    /// Runs a command of `deploy` to its end.
    pub(super) fn deploy(&self, words: &[&str]) -> Result<Done> {
        self.deploy_within(words, COMMAND_LIMIT)
    }

    pub(super) fn deploy_within(&self, words: &[&str], limit: Duration) -> Result<Done> {
        let captured = self.within(&self.command(words), limit)?;
        let code = match captured.ended {
            Ended::Exit(code) => code,
            Ended::Signal(_) | Ended::Missing | Ended::NotStarted(_) => -1,
        };
        let said = format!("{}\n{}", captured.stderr.trim(), captured.text());
        Ok(Done { code, said: said.trim().to_owned() })
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        let words: Vec<&str> = ["deploy"].into_iter().chain(words.iter().copied()).collect();
        self.world.xtask(&words)
    }

    /// `deploy run` of the release that is declared.
    pub(super) fn run(&self) -> Result<Done> {
        self.deploy(&["run", "--to", STAGE, "--execute"])
    }

    /// `deploy rollback`, to the last good release or to one that is named.
    pub(super) fn rollback(&self, to: Option<&str>) -> Result<Done> {
        let words = ["rollback", "--stage", STAGE, "--execute"];
        let to: Vec<&str> = to.into_iter().flat_map(|to| ["--to", to]).collect();
        self.deploy(&[&words[..], &to].concat())
    }

    /// What `deploy status` says of each host, in one line.
    pub(super) fn status(&self) -> Result<String> {
        let done = self.deploy(&["status", "--stage", STAGE])?;
        let hosts: Vec<String> = done
            .said
            .lines()
            .filter(|line| line.starts_with("  "))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        Ok(hosts.join("; "))
    }

    /// What `deploy status --json` says of each host; none where it gave no answer.
    pub(super) fn observed(&self) -> Result<Vec<Option<Observed>>> {
        let command = self.world.xtask(&["--json", "deploy", "status", "--stage", STAGE]);
        let captured = self.within(&command, COMMAND_LIMIT)?;
        let stages: Vec<serde_json::Value> = serde_json::from_slice(&captured.stdout)
            .with_context(|| format!("`{command}` said {}", captured.stderr.trim()))?;
        let hosts = stages[0]["hosts"].as_array().cloned().unwrap_or_default();
        Ok(hosts.into_iter().map(|host| serde_json::from_value(host["observed"].clone()).ok()).collect())
    }

    /// The one release that every host confirmed and serves, with nothing left undone.
    pub(super) fn settled(&self) -> Result<String> {
        let mut releases: Vec<String> = self
            .observed()?
            .iter()
            .map(|host| host.as_ref().map_or_else(String::new, Observed::settled))
            .collect();
        releases.sort();
        releases.dedup();
        match releases.as_slice() {
            [one] if !one.is_empty() => Ok(one.clone()),
            _ => Err(Failure::no("the hosts are not settled on one release")
                .why(self.status()?)
                .next(format!("look at {}", self.world.base.display()))),
        }
    }

    /// Waits until no host runs what it has not confirmed.
    pub(super) fn until_only_confirmed(&self, limit: Duration) -> Result<Duration> {
        self.until("no host runs what is not confirmed", limit, || {
            Ok(self.observed()?.iter().try_for_each(|host| match host {
                Some(host) => host.only_confirmed(),
                None => Err("a host gives no answer".to_owned()),
            }))
        })
    }

    /// Waits until nobody holds a lock of the stage, for as long as the lock promises.
    pub(super) fn until_locks_are_free(&self) -> Result<()> {
        self.until("every lock is free", LOCK_LIMIT, || {
            let asked = self.deploy(&["unlock", "--stage", STAGE])?;
            Ok(if asked.code == 0 { Ok(()) } else { Err(asked.said) })
        })?;
        Ok(())
    }

    /// The journal of a host, read from its disk: this needs no connection, and is as fast as what is waited for.
    pub(super) fn journal(&self, number: usize) -> Result<Vec<Line>> {
        let disk = self.folder.join(format!("h{number}/upper/opt/{SERVICE}/state/journal.jsonl"));
        let text = files::read_text(&disk)?.unwrap_or_default();
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Asks until the answer is yes, and fails at the limit with what was seen last.
    pub(super) fn until(
        &self,
        what: &str,
        limit: Duration,
        mut ask: impl FnMut() -> Result<std::result::Result<(), String>>,
    ) -> Result<Duration> {
        let begun = self.doors.clock.start();
        loop {
            let Err(seen) = ask()? else { return Ok(begun.elapsed()) };
            if begun.elapsed() >= limit {
                return Err(Failure::no(format!("{what}: not within {} s", limit.as_secs()))
                    .why(seen)
                    .next(format!("look at {}", self.world.base.display())));
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// Turns the hosts off and removes everything.
    pub(super) fn end(mut self) -> Result<()> {
        self.hosts_script(&["down"], &[])?;
        self.has_ended = true;
        files::remove_folder(&self.world.base)?;
        Ok(())
    }
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            // What failed before is what is told.
            self.hosts_script(&["down"], &[]).ok();
        }
    }
}

impl Done {
    /// Fails unless it ended so and said so.
    pub(super) fn require(self, code: i32, said: &str) -> Result<Done> {
        if self.code == code && self.said.contains(said) {
            return Ok(self);
        }
        Err(Failure::no(format!("a command ended with {}, not with {code} and `{said}`", self.code))
            .why(self.said)
            .next("cargo xtask acceptance hosts"))
    }
}

/// The name of a host by its number.
pub(super) fn name(number: usize) -> String {
    format!("h{number}")
}
