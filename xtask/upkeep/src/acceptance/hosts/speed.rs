//! A rolling deployment to ten hosts, beside an Ansible play that does the same steps to the same hosts in the same batches.
//!
//! They run in turn, pair by pair, and the medians are compared. The play has an advantage or two: it logs in as root, keeps
//! its connections from one run to the next, has no lock, no journal, no undo, and does not watch what it has done. The
//! share of the engine is not larger than the processor time of the deploying process itself, without the programs that it
//! starts: planning, stepping, reading answers and hashing the archive are all in it.

use std::path::PathBuf;
use std::time::Duration;

use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::files;
use nexus_xtask::shell::{Captured, Command};

use super::bed::{Bed, COMMAND_LIMIT};
use super::deployer::Deployer;
use crate::acceptance::world::World;

const HOSTS: usize = 10;
const BATCH: usize = 5;
const PAIRS: usize = 3;

/// What is asked of the figures.
const TIMES_MIN: f64 = 3.0;
const SHARE_MAX: f64 = 0.05;

/// A run of the play on a busy machine.
const PLAY_LIMIT: Duration = Duration::from_secs(900);

const PLAY: &str = include_str!("speed/play.yml");

/// One shared connection for each host, modules through it without files, all hosts of a batch at once.
const CONFIGURATION: &str = "[defaults]\nforks = 10\ninterpreter_python = /usr/bin/python3\nremote_user = root\n\
    [ssh_connection]\npipelining = True\n";

/// The peer's host: as the one that `deploy setup` has made.
const PREPARATION: &str = "set -e; cd /etc/systemd/system; \
    for unit in guestbook*; do [ -f \"$unit\" ] || continue; \
    sed -e s/guestbook/peer/g -e s/8080/9090/ \"$unit\" > \"peer${unit#guestbook}\"; done; \
    useradd --system --no-create-home --shell /usr/sbin/nologin peer; mkdir -p /opt/peer/releases; \
    systemctl daemon-reload; systemctl start peer.socket";

/// Runs the part, and says the figures.
pub(super) fn run(doors: &Doors) -> Result<()> {
    let playbook = ansible(doors)?;
    let bed = Bed::boot(doors, "speed", HOSTS)?;
    let play = Play::prepare(&bed, playbook)?;
    let (mut ours, mut theirs, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    // One round that is not counted: nothing is there yet that would have to end.
    for round in 0..=PAIRS {
        let (our, share) = deployment(&bed, round)?;
        let their = play.run(&bed, round)?;
        doors.terminal.talk(&format!("round {round}: {our:.1} s, and {their:.1} s by the play"));
        if round > 0 {
            ours.push(our);
            theirs.push(their);
            shares.push(share);
        }
    }
    let (our, their, share) = (median(ours), median(theirs), median(shares));
    let times = their / our;
    doors.terminal.data(&format!(
        "speed: {HOSTS} hosts, {BATCH} at once, medians of {PAIRS} pairs: deploy run {our:.1} s, Ansible {their:.1} s, {times:.2} \
         times as long (at least {TIMES_MIN}); the engine's share is at most {:.1} % (at most {:.0} %)",
        share * 100.0,
        SHARE_MAX * 100.0
    ));
    if times >= TIMES_MIN && share <= SHARE_MAX {
        return bed.end();
    }
    Err(Failure::no("a figure of speed is beyond its limit").next("run it again on a quiet machine"))
}

/// The value in the middle: the number of pairs is odd.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The program that runs plays, installed where it is missing.
fn ansible(doors: &Doors) -> Result<PathBuf> {
    let install = Command::new("scripts/peers.sh", ["--ansible"]);
    let folder = doors.environment.get("XTASK_PEERS").map(PathBuf::from);
    let folder = folder.or_else(|| Some(doors.environment.home()?.join(".cache/nexus-xtask/peers")));
    let captured = doors.shell.capture(&match &folder {
        Some(folder) => install.with("XTASK_PEERS", folder.display().to_string()),
        None => install,
    })?;
    let playbook = folder.unwrap_or_default().join("ansible/bin/ansible-playbook");
    if captured.is_success() && playbook.is_file() {
        return Ok(playbook);
    }
    Err(Failure::refused("Ansible is not there to be measured beside")
        .why(captured.stderr.trim())
        .next("scripts/peers.sh --ansible"))
}

/// Seconds of a deployment of a new release, and the share of them that its process had a processor.
fn deployment(bed: &Bed<'_>, round: usize) -> Result<(f64, f64)> {
    bed.declare(&format!("s{round}"), "", &format!("parallel = {BATCH}\nkeep = 20\n"))?;
    let begun = bed.doors.clock.start();
    let deployer = Deployer::start(bed, "speed")?;
    let own = deployer.processor_time(COMMAND_LIMIT)?;
    let wall = begun.elapsed();
    deployer.end(COMMAND_LIMIT)?.require(0, "is confirmed on every host")?;
    bed.settled()?;
    Ok((wall.as_secs_f64(), own.as_secs_f64() / wall.as_secs_f64()))
}

/// What the play is called with.
struct Play {
    playbook: PathBuf,
    folder: PathBuf,
    archive: PathBuf,
    digest: String,
    program: String,
}

impl Play {
    /// What a host has before its first release: the user, the port, and the units of the service under another name and at
    /// another port. It is not measured, as `deploy setup` is not.
    fn prepare(bed: &Bed<'_>, playbook: PathBuf) -> Result<Play> {
        let folder = bed.world.base.join("play");
        for number in 1..=HOSTS {
            bed.on_host(number, PREPARATION)?;
        }
        let unit = bed.on_host(1, "cat /etc/systemd/system/peer@.service")?;
        files::write(&folder.join("peer@.service"), unit + "\n")?;
        let key = |name: &str| bed.folder.join(name).display().to_string();
        let hosts: String = bed.hosts.iter().map(|(_, address)| format!("{address}\n")).collect();
        let inventory = format!(
            "[all]\n{hosts}[all:vars]\nansible_ssh_private_key_file={}\n\
             ansible_ssh_common_args=-F /dev/null -o UserKnownHostsFile={}\n",
            key("key"),
            key("known_hosts")
        );
        files::write(&folder.join("inventory"), inventory)?;
        files::write(&folder.join("ansible.cfg"), CONFIGURATION)?;
        files::write(&folder.join("play.yml"), PLAY)?;
        let archive = archive(&bed.world)?;
        let name = archive.file_name().unwrap_or_default().to_string_lossy().replace(".tar.gz", "");
        let digest = files::digest(&archive)?.map(|digest| digest.to_string()).unwrap_or_default();
        Ok(Play { playbook, folder, archive, digest, program: format!("{name}/guestbook") })
    }

    /// Seconds of the play for a new release.
    fn run(&self, bed: &Bed<'_>, round: usize) -> Result<f64> {
        let old = if round == 0 { String::new() } else { format!("p{}", round - 1) };
        let variables = serde_json::json!({
            "release": format!("p{round}"),
            "old": old,
            "batch": BATCH,
            "archive": self.archive,
            "digest": self.digest,
            "program": self.program,
        });
        let words = ["-i", "inventory", "play.yml", "--extra-vars", &variables.to_string()];
        let command = bed.world.command(&self.playbook.display().to_string(), &words).within(&self.folder);
        let command = command.with("ANSIBLE_CONFIG", "ansible.cfg").with("LC_ALL", "C.UTF-8");
        let begun = bed.doors.clock.start();
        let captured = bed.doors.shell.within(&command, None, PLAY_LIMIT)?;
        let wall = begun.elapsed();
        served(bed, &format!("p{round}"), captured)?;
        Ok(wall.as_secs_f64())
    }
}

/// Fails unless the play ended well and every host serves its release.
fn served(bed: &Bed<'_>, release: &str, captured: Option<Captured>) -> Result<()> {
    let said = captured
        .as_ref()
        .map_or_else(String::new, |captured| format!("{}\n{}", captured.text(), captured.stderr.trim()));
    let wrong = |what: String| Failure::no(what).why(said.clone()).next("look at speed/play.yml");
    if !captured.as_ref().is_some_and(Captured::is_success) {
        return Err(wrong("the play did not end well".to_owned()));
    }
    for number in 1..=HOSTS {
        let units = bed.on_host(number, "systemctl list-units --plain --no-legend 'peer*@*.service'")?;
        let running: Vec<&str> = units.lines().filter_map(|line| line.split_whitespace().next()).collect();
        if running != [format!("peer@{release}.service")] {
            return Err(wrong(format!("h{number} runs {running:?} after the play")));
        }
    }
    Ok(())
}

/// The archive of the service that is staged.
fn archive(world: &World) -> Result<PathBuf> {
    let folder = world.root.join(".xtask/release/staging/deployed");
    let found = files::list(&folder)?.into_iter().next();
    found.ok_or_else(|| {
        Failure::no("nothing was staged to be deployed").next("look at the fixture of `acceptance hosts`")
    })
}
