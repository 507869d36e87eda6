//! The cases. Each is a function of a bed; `local.rs` and `ssh.rs` run all of them.
//!
//! To add one: a function here, and its name in [`every_case`], from which both drivers have it.

mod undo;

use std::io::{BufRead as _, BufReader};
use std::process::Command;
use std::time::{Duration, Instant};

use expect_test::expect;
use nexus_xtask_deliver::deploy::contract::{Answer, Call, Door, Hold, ReleaseId, Trouble};
use nexus_xtask_deliver::deploy::drivers::chain;

use crate::bed::Bed;
use crate::client::{self, Load};
use crate::world::{World, picture};

pub(crate) use undo::{
    arming_again_moves_the_moment, confirm_dies_half_way, confirm_disarms, reboot_before_confirm, undo_fires,
    undo_selects_what_it_serves,
};

/// Hands the names of all cases to a macro that makes a test of each.
macro_rules! every_case {
    ($make:ident) => {
        $make! {
            good_path
            undo_fires
            confirm_disarms
            confirm_dies_half_way
            undo_selects_what_it_serves
            arming_again_moves_the_moment
            reboot_before_confirm
            zombie
            zombie_under_way
            lockers_race
            corrupt_archive
            tampered_release
            torn_line
            broken_releases
            logs
            starts_again
            drain_cuts
            configuration
            prune
            refusals
            holder_killed
            no_request_fails
        }
    };
}

/// From nothing to a first release to a second one, each call twice; what a probe sees before and after the switch.
pub(crate) fn good_path(bed: &dyn Bed) {
    let world = World::begin(bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0+build.7"));
    let names = [(&old, "old"), (&new, "new")];
    let show = || picture(&world.observe(), &names);
    expect!["confirmed none, trial none, armed nothing, running []"].assert_eq(&show());

    world.deploy(&old);
    expect!["confirmed old, trial none, armed nothing, running [old serving active]"].assert_eq(&show());
    assert_eq!(client::ask(&bed.address(), "/version").unwrap(), "1.0.0");

    world.done(Call::Arm { to: Some(old.clone()), seconds: 600 });
    world.done(Call::Start { release: new.clone() });
    expect!["confirmed old, trial none, armed back to old, running [new private active, old serving active]"]
        .assert_eq(&show());
    assert_eq!(world.probe(Door::Private, &new, "/version").unwrap(), "1.1.0+build.7");
    assert_eq!(world.probe(Door::Public, &new, "/version").unwrap(), "1.0.0");

    world.done(Call::Switch { release: new.clone() });
    expect!["confirmed old, trial new, armed back to old, running [new serving active, old serving active]"]
        .assert_eq(&show());
    let drained = world.call(Call::Drain { keep: new.clone(), seconds: 10 }).unwrap();
    assert_eq!(drained, Answer::Drained { cut: false });
    world.done(Call::Confirm { release: new.clone() });
    expect!["confirmed new, trial none, armed nothing, running [new serving active]"].assert_eq(&show());
    assert_eq!(world.probe(Door::Public, &new, "/version").unwrap(), "1.1.0+build.7");

    let observed = world.observe();
    let history: Vec<_> = observed.history.iter().map(|one| one.release.clone()).collect();
    assert_eq!(history[history.len() - 2..], [old.clone(), new.clone()]);
    assert!(observed.free_bytes > 0);
    assert_eq!(observed.holder.unwrap().who, "ann");

    world.done(Call::Revert { to: Some(old.clone()) });
    expect!["confirmed old, trial none, armed nothing, running [old serving active]"]
        .assert_eq(&picture(&world.observe(), &names));
    let lines = world.driver().journal(&bed.host()).unwrap();
    assert_eq!(chain::broken(&lines), None);
}

/// A deployer that lost its lock cannot change anything any more, whatever it calls.
pub(crate) fn zombie(bed: &dyn Bed) {
    let mut world = World::begin(bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0"));
    world.deploy(&old);
    let old_fence = world.fence;
    world.lease = None;
    let lease = world.driver().lock(&bed.host(), "eve", "d-2").unwrap();
    let newest = lease.fence();
    assert!(newest > old_fence);
    let before = picture(&world.observe(), &[(&old, "old"), (&new, "new")]);
    let bundle = world.bundle("1.2.0", &[]);
    for call in [
        Call::Stage { bundle },
        Call::Arm { to: Some(old.clone()), seconds: 60 },
        Call::Start { release: new.clone() },
        Call::Switch { release: new.clone() },
        Call::Drain { keep: old.clone(), seconds: 5 },
        Call::Confirm { release: new.clone() },
        Call::Revert { to: None },
        Call::Prune { keep: Vec::new() },
        Call::Note { kind: "deploy.ended".into(), labels: Default::default() },
        Call::Crash { release: old.clone() },
    ] {
        let word = call.word();
        assert_eq!(world.call(call), Err(Trouble::Fenced { newest }), "{word}");
    }
    let after = world.observe();
    assert_eq!(picture(&after, &[(&old, "old"), (&new, "new")]), before);
    assert_eq!(after.staged.len(), 2);
    drop(lease);
}

/// A call that is still under way when another deployer takes the lock is ended, and does not finish later.
pub(crate) fn zombie_under_way(bed: &dyn Bed) {
    let mut world = World::begin(bed);
    let old = world.stage("1.0.0");
    world.deploy(&old);
    let bundle = world.bundle("1.1.0", &[("READY", "no")]);
    let never = bundle.id.clone();
    world.done(Call::Stage { bundle });
    world.done(Call::Arm { to: Some(old.clone()), seconds: 600 });
    world.lease = None;
    let (fence, switch) = (world.fence, Call::Switch { release: never.clone() });
    std::thread::scope(|scope| {
        let under_way = scope.spawn(move || bed.driver().perform(&bed.host(), &switch, "d-1", fence));
        world.until("the switch is under way", Duration::from_secs(10), |host| host.running.len() == 2);
        let started = Instant::now();
        let lease = world.driver().lock(&bed.host(), "eve", "d-2").unwrap();
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        let revert = Call::Revert { to: Some(old.clone()) };
        assert_eq!(world.driver().perform(&bed.host(), &revert, "d-2", lease.fence()), Ok(Answer::Done));
        assert!(under_way.join().unwrap().is_err());
    });
    expect!["confirmed old, trial none, armed nothing, running [old serving active]"]
        .assert_eq(&picture(&world.observe(), &[(&old, "old"), (&never, "never")]));
}

/// Two deployers want the lock at the same moment: one has it, and the other is told who.
pub(crate) fn lockers_race(bed: &dyn Bed) {
    let lock = |who: &'static str| bed.driver().lock(&bed.host(), who, "d-1");
    for _ in 0..5 {
        let (first, second) = std::thread::scope(|scope| {
            let (first, second) = (scope.spawn(|| lock("ann")), scope.spawn(|| lock("eve")));
            // Both leases live until both are here.
            (first.join().unwrap(), second.join().unwrap())
        });
        let (mut winner, loser, name) = match (first, second) {
            (Ok(winner), Err(loser)) => (winner, loser, "ann"),
            (Err(loser), Ok(winner)) => (winner, loser, "eve"),
            (Ok(_), Ok(_)) => panic!("both have it"),
            (Err(first), Err(second)) => panic!("nobody has it: {first}; {second}"),
        };
        assert!(winner.lives());
        assert_eq!(loser.to_string(), format!("`{name}` holds the lock for d-1"));
    }
}

/// An archive that is not what was sealed: nothing is staged, and what serves goes on.
pub(crate) fn corrupt_archive(bed: &dyn Bed) {
    let world = World::begin(bed);
    let old = world.stage("1.0.0");
    world.deploy(&old);
    let mut bundle = world.bundle("1.1.0", &[]);
    let mut bytes = std::fs::read(&bundle.archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let corrupt = bundle.archive.with_file_name("corrupt.tar.gz");
    std::fs::write(&corrupt, bytes).unwrap();
    bundle.archive = corrupt;
    let wanted = bundle.digest;
    let why = world.trouble(Call::Stage { bundle });
    assert!(why.starts_with("refused: the archive that arrived has sha256 "), "{why}");
    assert!(why.ends_with(&format!(", not {wanted}")), "{why}");
    let observed = world.observe();
    assert_eq!(observed.staged.len(), 1);
    expect!["confirmed old, trial none, armed nothing, running [old serving active]"]
        .assert_eq(&picture(&observed, &[(&old, "old")]));
}

/// A release whose files were changed after it was staged does not start.
pub(crate) fn tampered_release(bed: &dyn Bed) {
    let world = World::begin(bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0"));
    world.deploy(&old);
    world.done(Call::Arm { to: Some(old), seconds: 600 });
    bed.on_host(&format!("echo VERSION=9 >> {}/releases/{}/environment", bed.base(), new.0));
    for call in [Call::Start { release: new.clone() }, Call::Switch { release: new.clone() }] {
        expect!["refused: the files of release \"NEW\" are not what was staged"]
            .assert_eq(&world.trouble(call).replace(&new.0, "NEW"));
    }
    // Staging it again makes it whole.
    world.stage("1.1.0");
    world.done(Call::Start { release: new });
}

/// No room for a release, then none for a line of the journal: each is a no, and nothing was changed.
pub(crate) fn disk_full(bed: &dyn Bed) {
    let world = World::begin(bed);
    let old = world.stage("1.0.0");
    world.deploy(&old);
    let base = bed.base();
    bed.on_host(&format!(
        "mkdir -p /tmp/small-$$ && mount -t tmpfs -o size=100m tmpfs /tmp/small-$$ && cp -a {base}/. /tmp/small-$$ && \
         mount --bind /tmp/small-$$ {base} && umount /tmp/small-$$ && rmdir /tmp/small-$$"
    ));
    let fill = |left: &str| {
        bed.on_host(&format!(
            "rm -f {base}/filler; cat /dev/zero > {base}/filler 2> /dev/null || truncate -s -{left} {base}/filler"
        ));
    };
    fill("64K");
    let bundle = world.bundle("1.1.0", &[]);
    let why = world.trouble(Call::Stage { bundle: bundle.clone() });
    assert!(why.starts_with("refused: the release cannot be written: is the disk full?"), "{why}");
    assert_eq!(world.observe().staged.len(), 1);

    fill("0");
    // What is left of the journal's last block takes a few lines; the one that does not fit is the first or the second
    // of a call.
    let arm = || world.call(Call::Arm { to: Some(old.clone()), seconds: 600 });
    let carried_out = "it is carried out, but the journal cannot be written: is the disk full?";
    let refusal = (0..50).find_map(|_| match arm() {
        Ok(_) => None,
        Err(Trouble::Failed { why }) if why == carried_out => None,
        Err(trouble) => Some(trouble.to_string()),
    });
    assert_eq!(refusal.unwrap(), "refused: the journal cannot be written: is the disk full?");
    let full = world.observe();
    assert_eq!(full.free_bytes, 0);
    expect!["confirmed old, trial none, armed back to old, running [old serving active]"]
        .assert_eq(&picture(&full, &[(&old, "old")]));

    bed.on_host(&format!("rm {base}/filler"));
    world.done(Call::Stage { bundle });
    assert_eq!(chain::broken(&world.driver().journal(&bed.host()).unwrap()), None);
    bed.on_host(&format!("umount -l {base}"));
}

/// A journal whose last line was not written to its end goes on after the last whole one.
pub(crate) fn torn_line(bed: &dyn Bed) {
    let world = World::begin(bed);
    let journal = format!("{}/state/journal.jsonl", bed.base());
    bed.on_host(&format!("printf '{{\"seq\":99,\"prev\":\"0' >> {journal}"));
    let before = world.driver().journal(&bed.host()).unwrap();
    world.done(Call::Note { kind: "deploy.begun".into(), labels: [("plan".into(), "7c1e".into())].into() });
    let after = world.driver().journal(&bed.host()).unwrap();
    assert_eq!(after.len(), before.len() + 2);
    assert_eq!(after.last().unwrap().labels["plan"], "7c1e");
    assert_eq!(chain::broken(&after), None);
    assert_eq!(bed.on_host(&format!("cat {journal}.torn-*")), "{\"seq\":99,\"prev\":\"0");
}

/// A release that dies at once and one that never gets ready: the call says so with the last words of its log, and what
/// served serves. More often than systemd's start limit allows, and then a good one starts.
pub(crate) fn broken_releases(bed: &dyn Bed) {
    let world = World::begin(bed);
    let old = world.stage("1.0.0");
    world.deploy(&old);
    let bundle = world.bundle("1.1.0", &[("READY", "die")]);
    let dies = bundle.id.clone();
    world.done(Call::Stage { bundle });
    world.done(Call::Arm { to: Some(old.clone()), seconds: 600 });
    for _ in 0..4 {
        for call in [Call::Start { release: dies.clone() }, Call::Switch { release: dies.clone() }] {
            let why = world.trouble(call);
            assert!(why.starts_with("failed: "), "{why}");
            assert!(why.contains("the table `notes` has no column `author`"), "{why}");
        }
    }
    let bundle = world.bundle("1.2.0", &[("READY", "no")]);
    let never = bundle.id.clone();
    world.done(Call::Stage { bundle });
    let why = world.trouble(Call::Start { release: never });
    assert!(why.starts_with("failed: "), "{why}");

    expect!["confirmed old, trial none, armed back to old, running [old serving active]"]
        .assert_eq(&picture(&world.observe(), &[(&old, "old")]));
    let good = world.stage("1.3.0");
    world.deploy(&good);
    assert_eq!(client::ask(&bed.address(), "/version").unwrap(), "1.3.0");
}

/// What instances said is found again, of one release or of all, and the newest of it.
pub(crate) fn logs(bed: &dyn Bed) {
    let world = World::begin(bed);
    let good = world.stage("2.0.0");
    world.deploy(&good);
    let bundle = world.bundle("2.1.0", &[("READY", "die")]);
    let dies = bundle.id.clone();
    world.done(Call::Stage { bundle });
    world.done(Call::Arm { to: Some(good.clone()), seconds: 600 });
    world.trouble(Call::Start { release: dies.clone() });
    let (serves, misses) = ("2.0.0 serves", "the table `notes` has no column `author`");
    for (release, serves_there, misses_there) in
        [(None, true, true), (Some(&good), true, false), (Some(&dies), false, true)]
    {
        // Whoever keeps the lines may be behind whoever said them.
        world.until("the log has what was said", Duration::from_secs(10), |_| {
            let said = world.driver().log(&bed.host(), release, 1000).unwrap().join("\n");
            said.contains(serves) == serves_there && said.contains(misses) == misses_there
        });
    }
    let newest = world.driver().log(&bed.host(), None, 1).unwrap();
    assert_eq!(newest.len(), 1, "{newest:?}");
    let unknown = ReleaseId("9.9.9-0123456789ab".into());
    assert_eq!(world.driver().log(&bed.host(), Some(&unknown), 10), Ok(Vec::new()));
}

/// What dies is started again, and that is seen.
pub(crate) fn starts_again(bed: &dyn Bed) {
    let world = World::begin(bed);
    let release = world.stage("1.0.0");
    world.deploy(&release);
    let process = client::ask(&bed.address(), "/process").unwrap();
    bed.on_host(&format!("kill -KILL {process}"));
    world.until("it was started again", Duration::from_secs(15), |host| {
        host.running.iter().any(|one| one.state == "active" && one.restarts == 1)
    });
    assert_ne!(client::ask(&bed.address(), "/process").unwrap(), process);
}

/// An instance that does not end by itself is killed at the limit, and the answer says so.
pub(crate) fn drain_cuts(bed: &dyn Bed) {
    let world = World::begin(bed);
    let bundle = world.bundle("1.0.0", &[("DRAIN", "no")]);
    let stubborn = bundle.id.clone();
    world.done(Call::Stage { bundle });
    world.deploy(&stubborn);
    let new = world.stage("1.1.0");
    world.switch(&new, 600);
    let started = Instant::now();
    let drained = world.call(Call::Drain { keep: new.clone(), seconds: 1 });
    assert_eq!(drained, Ok(Answer::Drained { cut: true }));
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    expect!["confirmed old, trial new, armed back to old, running [new serving active]"]
        .assert_eq(&picture(&world.observe(), &[(&stubborn, "old"), (&new, "new")]));
}

/// The configuration reaches the service byte by byte, a secret by the name of its file, and both come back on the way
/// back. A secret that is not there is a no.
pub(crate) fn configuration(bed: &dyn Bed) {
    let world = World::begin(bed);
    let odd = r#"$HOME `id` "x" \n it's 100%"#;
    let mut bundle = world.bundle("1.0.0", &[("VERSION", odd)]);
    bundle.secrets = vec!["WORD".into()];
    let base = bed.base();
    let why = world.trouble(Call::Stage { bundle: bundle.clone() });
    assert_eq!(why, format!("refused: there is no secret {base}/secrets/WORD"));
    bed.on_host(&format!("echo open-sesame > {base}/secrets/WORD && chmod 644 {base}/secrets/WORD"));
    let first = bundle.id.clone();
    world.done(Call::Stage { bundle });
    world.deploy(&first);
    assert_eq!(client::ask(&bed.address(), "/version").unwrap(), odd);
    assert_eq!(client::ask(&bed.address(), "/secret").unwrap(), "open-sesame");

    let second = world.bundle("1.0.0", &[("VERSION", "other")]);
    let id = second.id.clone();
    assert_ne!(id, first);
    world.done(Call::Stage { bundle: second });
    world.deploy(&id);
    assert_eq!(client::ask(&bed.address(), "/version").unwrap(), "other");
    world.done(Call::Revert { to: Some(first) });
    assert_eq!(client::ask(&bed.address(), "/version").unwrap(), odd);
}

/// What is confirmed, on trial, armed or running stays; the rest goes. What is gone cannot be gone back to.
pub(crate) fn prune(bed: &dyn Bed) {
    let world = World::begin(bed);
    let releases = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"].map(|version| world.stage(version));
    world.deploy(&releases[0]);
    world.switch(&releases[1], 600);
    world.done(Call::Prune { keep: vec![releases[2].clone()] });
    let mut staged: Vec<_> = world.observe().staged.into_iter().map(|one| one.release).collect();
    staged.sort();
    assert_eq!(staged, releases[..3]);
    let gone = world.trouble(Call::Revert { to: Some(releases[3].clone()) });
    expect![[r#"refused: there is no whole folder of release "GONE" here"#]]
        .assert_eq(&gone.replace(&releases[3].0, "GONE"));
}

/// No switch without an armed undo; a hold is there for everybody to see.
pub(crate) fn refusals(bed: &dyn Bed) {
    let world = World::begin(bed);
    let release = world.stage("1.0.0");
    expect!["refused: no undo is armed, or it has done its work"]
        .assert_eq(&world.trouble(Call::Switch { release: release.clone() }));
    expect![[r#"refused: "ID" is not on trial: the undo came first"#]]
        .assert_eq(&world.trouble(Call::Confirm { release: release.clone() }).replace(&release.0, "ID"));
    expect!["refused: `../../etc` is no id of a release"]
        .assert_eq(&world.trouble(Call::Start { release: ReleaseId("../../etc".into()) }));
    let hold =
        Hold { reason: "audit \"until\" Friday\\".into(), who: "ann".into(), until_seconds: 1_900_000_000 };
    world.done(Call::Hold { hold: Some(hold.clone()) });
    assert_eq!(world.observe().hold, Some(hold));
    world.done(Call::Hold { hold: None });
    assert_eq!(world.observe().hold, None);
}

/// Twenty switches, back and forth, under clients that never try again.
pub(crate) fn no_request_fails(bed: &dyn Bed) {
    let world = World::begin(bed);
    let releases = [world.stage("1.0.0"), world.stage("1.1.0")];
    world.deploy(&releases[0]);
    let load = Load::start(&bed.address(), 8);
    for switch in 1..=20 {
        let release = &releases[switch % 2];
        let to = world.observe().confirmed;
        let calls = [
            Call::Arm { to, seconds: 600 },
            Call::Start { release: release.clone() },
            Call::Switch { release: release.clone() },
            Call::Drain { keep: release.clone(), seconds: 20 },
            Call::Confirm { release: release.clone() },
        ];
        for call in calls {
            let word = call.word();
            let answer = world.call(call);
            assert!(
                matches!(answer, Ok(Answer::Done | Answer::Drained { cut: false })),
                "{word}: {answer:?}"
            );
        }
    }
    let counted = load.end();
    println!("20 switches: {} requests, {} failed", counted.requests, counted.failures.len());
    assert!(counted.requests > 2000, "{} requests are no load", counted.requests);
    assert_eq!(counted.failures, Vec::<String>::new());
}

/// The deployer that holds the lock is killed: the lock is free at once. It is frozen: after its thirty seconds.
pub(crate) fn holder_killed(bed: &dyn Bed) {
    drop(World::begin(bed));
    for (signal, limit) in [("KILL", 35), ("STOP", 40)] {
        let mut holder = bed.holder();
        let mut fence = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut fence).unwrap();
        let fence: u64 = fence.trim().parse().unwrap();
        let busy = bed.driver().lock(&bed.host(), "ann", "d-1").err().unwrap();
        assert_eq!(busy.to_string(), "`holder` holds the lock for d-0");
        let pid = holder.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
        let started = Instant::now();
        let lease = loop {
            match bed.driver().lock(&bed.host(), "ann", "d-1") {
                Ok(lease) => break lease,
                Err(trouble) => {
                    assert!(started.elapsed() < Duration::from_secs(limit), "{signal}: {trouble}")
                }
            }
            std::thread::park_timeout(Duration::from_millis(100));
        };
        println!("SIG{signal}: the lock was free after {:.1} s", started.elapsed().as_secs_f32());
        assert_eq!(lease.fence().0, fence + 1);
        holder.kill().unwrap();
        holder.wait().unwrap();
    }
}
