//! What a drill on a stage will do, and what it measured, as people read it. Pure.

use super::figures::{Figures, Killed, Parted, Restarted, RolledBack, Stale};
use super::{Kind, StageDrill, StageDrilled};

/// What will be done, before it is.
pub fn intent(drill: &StageDrill, hosts: &[String]) -> String {
    let what = match drill.kind {
        Kind::Restart => {
            "on one host at a time: write records, kill the service (SIGKILL), wait until it is ready, read every record"
        }
        Kind::Rollback => "go back to the last good release, and forward again to what is confirmed now",
        Kind::DeployerKilled => {
            "begin to go back, kill the deployer (SIGKILL) once a host is on trial, wait until the lock is free and every \
             host serves what is confirmed, run the same command again, and go forward again"
        }
        Kind::Partition => {
            "begin to go back, cut a host off once it is on trial, wait until it has undone that by itself, heal, and see \
             that the stage is as before"
        }
        Kind::StaleLock => {
            "on one host at a time: freeze a deployer that holds the lock (SIGSTOP), take the lock from it, see that it is \
             refused; then kill one (SIGKILL), and take the lock again"
        }
    };
    [
        row("drill", drill.kind.word()),
        row("stage", &format!("{}: {}", drill.stage, hosts.join(" "))),
        row("it will", what),
        row("limit", &format!("{} s", drill.seconds_max)),
    ]
    .join("\n")
}

/// What came of it.
pub fn drilled(name: &str, drilled: &StageDrilled) -> String {
    let mut lines = match &drilled.figures {
        Figures::Restart { hosts } => hosts.iter().map(restarted).collect::<Vec<_>>(),
        Figures::Rollback(figures) => rolled_back(figures),
        Figures::DeployerKilled(figures) => killed(figures),
        Figures::Partition(figures) => parted(figures),
        Figures::StaleLock { hosts } => hosts.iter().map(stale).collect(),
    };
    let word = if drilled.reasons.is_empty() { "green" } else { "red" };
    lines.push(row(name, &format!("{word}; the limit is {} s", drilled.seconds_max)));
    lines.join("\n")
}

fn restarted(host: &Restarted) -> String {
    let records = host.acknowledged_before + host.acknowledged_after;
    let text = format!(
        "{} from the kill until ready; {records} records acknowledged, {} lost, none for {} ms at the longest",
        milliseconds(host.ready_ms),
        host.lost,
        host.gap_ms
    );
    row(&host.host, &text)
}

fn rolled_back(figures: &RolledBack) -> Vec<String> {
    let text = |release: &str, ready, command| {
        let (ready, command) = (milliseconds(ready), milliseconds(command));
        format!("{ready} until every host was ready with {release}, {command} until the command had ended")
    };
    vec![
        row("back", &text(&figures.back, figures.back_ms, figures.back_command_ms)),
        row("forward", &text(&figures.forward, figures.forward_ms, figures.forward_command_ms)),
    ]
}

fn killed(figures: &Killed) -> Vec<String> {
    let hosts = if figures.on_trial.is_empty() { "no host".to_owned() } else { figures.on_trial.join(" ") };
    let after = milliseconds(figures.killed_after_ms);
    vec![
        row("killed", &format!("{after} after its begin, with {} on trial on {hosts}", figures.back)),
        row("lock", &format!("{} until no host was locked", milliseconds(figures.lock_free_ms))),
        row(
            "undone",
            &format!("{} until every host served what is confirmed", milliseconds(figures.confirmed_ms)),
        ),
        row("again", &format!("{} for the same command", milliseconds(figures.again_ms))),
        row("forward", &format!("{} until the stage was as before", milliseconds(figures.forward_ms))),
    ]
}

fn parted(figures: &Parted) -> Vec<String> {
    let exit =
        figures.deployer_exit.map_or_else(|| "did not end".to_owned(), |code| format!("ended with {code}"));
    vec![
        row("cut", &format!("{} with {} on trial; the deployer {exit}", figures.host, figures.back)),
        row("undone", &format!("{} until the host had undone it by itself", milliseconds(figures.undone_ms))),
        row("healed", &format!("{} until the stage was as before", milliseconds(figures.healed_ms))),
    ]
}

fn stale(host: &Stale) -> String {
    let (killed, frozen) = (milliseconds(host.killed_free_ms), milliseconds(host.frozen_free_ms));
    let zombie = if host.is_zombie_refused { "refused" } else { "not refused" };
    let text = format!(
        "free {killed} after the kill, {frozen} after the freeze; the frozen one was {zombie} afterwards"
    );
    row(&host.host, &text)
}

fn milliseconds(took: Option<u64>) -> String {
    took.map_or_else(|| "not known".to_owned(), |took| format!("{took} ms"))
}

fn row(name: &str, text: &str) -> String {
    format!("{name:<10} {text}")
}
