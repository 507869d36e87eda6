//! What is wrong before a deployment begins, or with another deployer.

use std::time::Duration;

use nexus_xtask::failure::Result;

use super::{SERVICE, Seen, WAVES, wrong};
use crate::acceptance::hosts::bed::{Bed, COMMAND_LIMIT, Done};
use crate::acceptance::hosts::deployer::{Deployer, State};
use crate::acceptance::hosts::fixture::Declared;

/// Fails unless the command ended so and every host serves what it served.
fn refused(bed: &Bed<'_>, done: Done, codes: &[i32], said: &str, before: &str) -> Result<Seen> {
    let status = bed.status()?;
    bed.doors.terminal.talk(&done.said);
    if !codes.contains(&done.code) || !done.said.contains(said) {
        return Err(wrong(format!("it ended with {}, without `{said}`", done.code), done.said).why(status));
    }
    let hosts = bed.observed()?;
    if hosts.iter().flatten().flat_map(|host| host.serving()).any(|release| release != before) {
        return Err(wrong("another release serves", status));
    }
    Ok(Seen { code: done.code, status })
}

/// What is declared gets everywhere now.
fn converges(bed: &Bed<'_>, before: &str) -> Result<()> {
    bed.run()?.require(0, "is confirmed on every host")?;
    match bed.settled()? == before {
        true => Err(wrong("the same command again did not go on", before)),
        false => Ok(()),
    }
}

/// A host whose sshd is down: nothing is begun.
pub(super) fn sshd_refuses(bed: &Bed<'_>) -> Result<Seen> {
    let before = bed.settled()?;
    bed.declare("refused", SERVICE, WAVES)?;
    bed.fault("refuse", 2)?;
    let seen = refused(bed, bed.run()?, &[3], "refused", &before);
    bed.fault("accept", 2)?;
    let seen = seen?;
    if !seen.status.contains("h2 unknown") {
        return Err(wrong("a host without sshd is not called unknown", seen.status));
    }
    converges(bed, &before)?;
    Ok(seen)
}

/// Two at the same moment: one deploys, the other is told who has the lock.
pub(super) fn two_race(bed: &Bed<'_>) -> Result<Seen> {
    let before = bed.settled()?;
    bed.declare("raced", SERVICE, WAVES)?;
    let deployers = [Deployer::start(bed, "first")?, Deployer::start(bed, "second")?];
    let mut ended = Vec::new();
    for deployer in deployers {
        ended.push(deployer.end(COMMAND_LIMIT)?);
    }
    ended.sort_by_key(|done| done.code);
    let status = bed.status()?;
    let [winner, loser] = ended.as_slice() else { return Err(wrong("two were started", status)) };
    bed.doors.terminal.talk(&loser.said);
    if (winner.code, loser.code) != (0, 75) || !loser.said.contains("holds the lock") {
        let codes = format!("they ended with {} and {}", winner.code, loser.code);
        return Err(wrong(codes, &winner.said).why(&loser.said));
    }
    match bed.settled()? == before {
        true => Err(wrong("nobody deployed", status)),
        false => Ok(Seen { code: loser.code, status }),
    }
}

/// A deployer that was frozen until another one was done wakes up: it changes nothing any more.
pub(super) fn zombie(bed: &Bed<'_>) -> Result<Seen> {
    bed.declare("zombie", SERVICE, WAVES)?;
    let mut zombie = Deployer::start(bed, "zombie")?;
    zombie.reaches(1, State::Started)?;
    zombie.signal("STOP")?;
    bed.until_locks_are_free()?;
    bed.declare("living", SERVICE, WAVES)?;
    bed.run()?.require(0, "is confirmed on every host")?;
    let living = bed.settled()?;
    zombie.signal("CONT")?;
    let done = zombie.end(COMMAND_LIMIT)?;
    let seen = refused(bed, done, &[75], "the lock was lost", &living)?;
    match bed.settled()? == living {
        true => Ok(seen),
        false => Err(wrong("the zombie changed something", seen.status)),
    }
}

/// The bytes of the release to go back to were changed on one host: it does not start there, and is staged anew.
pub(super) fn corrupt(bed: &Bed<'_>) -> Result<Seen> {
    bed.declare("corrupted", SERVICE, WAVES)?;
    bed.run()?.require(0, "is confirmed on every host")?;
    let corrupted = bed.settled()?;
    bed.declare("after-it", SERVICE, WAVES)?;
    bed.run()?.require(0, "is confirmed on every host")?;
    let before = bed.settled()?;
    bed.on_host(2, &format!("printf x >> \"$(readlink -f /opt/guestbook/releases/{corrupted}/program)\""))?;
    let seen = refused(bed, bed.rollback(Some(&corrupted))?, &[5], "are not what was staged", &before)?;
    bed.declare("corrupted", SERVICE, WAVES)?;
    converges(bed, &before)?;
    Ok(seen)
}

/// The folder of the service on a small disk with so many kilobytes left.
fn small_disk(bed: &Bed<'_>, left: u32) -> Result<()> {
    bed.on_host(
        2,
        &format!(
            "set -e; base=/opt/guestbook; used=$(du -sk $base | cut -f 1); mkdir -p /tmp/small; \
             mount -t tmpfs -o size=$((used + used / 50 + 512))k tmpfs /tmp/small; cp -a $base/. /tmp/small; \
             cat /dev/zero > /tmp/small/filler 2> /dev/null || truncate -s -{left}K /tmp/small/filler; \
             mount --bind /tmp/small $base; umount /tmp/small"
        ),
    )?;
    Ok(())
}

/// The journal that was written meanwhile goes along.
fn large_disk(bed: &Bed<'_>) -> Result<()> {
    bed.on_host(
        2,
        "set -e; base=/opt/guestbook; rm -f $base/filler; cp -a $base/state /tmp/state; umount -l $base; \
         cp -a /tmp/state/. $base/state; rm -rf /tmp/state",
    )?;
    Ok(())
}

/// No room for another release: refused before anything is touched.
pub(super) fn disk_full(bed: &Bed<'_>) -> Result<Seen> {
    let before = bed.settled()?;
    bed.declare("no-room", SERVICE, WAVES)?;
    small_disk(bed, 256)?;
    let seen = bed.run().and_then(|done| refused(bed, done, &[3], "MB are free", &before));
    large_disk(bed)?;
    converges(bed, &before)?;
    seen
}

/// No room for a line of the journal: a host that cannot write what it does changes nothing.
pub(super) fn journal_full(bed: &Bed<'_>) -> Result<Seen> {
    let before = bed.settled()?;
    small_disk(bed, 0)?;
    // Whatever is left of the last block of the journal is filled too.
    let seen =
        bed.rollback(None).and_then(|done| refused(bed, done, &[3, 5, 6, 75], "is the disk full?", &before));
    large_disk(bed)?;
    bed.declare("room", SERVICE, WAVES)?;
    converges(bed, &before)?;
    seen
}

/// All hosts of a machine have its one clock, so the program that tells the time there is five minutes ahead.
pub(super) fn clock_skew(bed: &Bed<'_>) -> Result<Seen> {
    let before = bed.settled()?;
    bed.declare("skewed", SERVICE, WAVES)?;
    bed.on_host(
        2,
        "printf '#!/bin/sh\\nexec /bin/date -d \"+300 seconds\" \"$@\"\\n' > /usr/local/bin/date; \
         chmod 755 /usr/local/bin/date",
    )?;
    let seen = bed.run().and_then(|done| refused(bed, done, &[3], "s off", &before));
    bed.on_host(2, "rm /usr/local/bin/date")?;
    converges(bed, &before)?;
    seen
}

/// More ends of a service in a few seconds than systemd's limit: it is started again each time, and so is the next release.
pub(super) fn start_limit(bed: &Bed<'_>) -> Result<Seen> {
    let before = bed.settled()?;
    let script = format!(
        "unit=guestbook@{before}.service; ends=0; looks=0; while [ $ends -lt 8 ] && [ $looks -lt 400 ]; do \
         main=$(systemctl show -p MainPID --value $unit); if [ \"$main\" != 0 ]; then kill -KILL $main; \
         ends=$((ends + 1)); fi; looks=$((looks + 1)); sleep 0.05; done; echo $ends"
    );
    let ends = bed.on_host(1, &script)?;
    let limit = Duration::from_secs(20);
    bed.until("what was killed serves again", limit, || {
        let first = bed.observed()?.into_iter().next().flatten().unwrap_or_default();
        let serves = first.running.iter().any(|one| one.state == "active" && one.restarts >= 8);
        Ok(if serves { Ok(()) } else { Err(format!("{:?}", first.running)) })
    })?;
    let status = bed.status()?;
    if ends.trim() != "8" {
        return Err(wrong(format!("it was killed {ends} times"), status));
    }
    bed.declare("started", SERVICE, WAVES)?;
    converges(bed, &before)?;
    Ok(Seen { code: 0, status })
}

/// A release that is ready and dies, again and again, is taken back; then a good one gets there.
pub(super) fn keeps_dying(bed: &Bed<'_>) -> Result<Seen> {
    let before = bed.settled()?;
    let configuration = "GUESTBOOK_FAULTS = \"exit:1\"";
    bed.declare_as(&Declared { configuration, service: SERVICE, stage: WAVES })?;
    let seen = refused(bed, bed.run()?, &[5], "was taken back", &before)?;
    bed.declare("lives", SERVICE, WAVES)?;
    converges(bed, &before)?;
    Ok(seen)
}
