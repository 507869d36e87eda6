use expect_test::{Expect, expect};

use super::figures::{Figures, Killed, Parted, Restarted, RolledBack, Stale};
use super::refuse::{self, Host};
use super::rollback::{self, Past};
use super::{StageDrilled, report, verdict};
use crate::resilience::config;

#[track_caller]
fn declared(text: &str, expect: Expect) {
    let said = match config::parse(text) {
        Ok(config) => config.stage_drills.keys().cloned().collect::<Vec<_>>().join(", "),
        Err(findings) => findings.iter().map(|finding| format!("{finding}\n")).collect(),
    };
    expect.assert_eq(&said);
}

#[test]
fn a_drill_says_what_it_needs_and_nothing_else() {
    declared(
        "[stage_drills.a]\nkind = \"restart\"\nstage = \"s\"\nseconds_max = 5\nage_days_max = 30\n\
         write = [\"w\", \"{token}\"]\nread = [\"r\"]\n",
        expect!["a"],
    );
    declared(
        "[stage_drills.a]\nkind = \"restart\"\nstage = \"s\"\nseconds_max = 0\nage_days_max = 30\n\
         write = [\"w\"]\ncut = [\"c\"]\n",
        expect![[r#"
            release/resilience.toml:4: `seconds_max` is 0, which nothing can meet
              next: give the limit that people rely on
            release/resilience.toml:1: a `restart` drill needs `read`
              next: give the program and its arguments
            release/resilience.toml:7: a `restart` drill has no `cut`
              next: take it out
            release/resilience.toml:6: every record would be the same
              next: use `{token}` in it
        "#]],
    );
    let both = "[backups.b]\nsource.sqlite.file = \"f\"\nrepository = \"r\"\npassword_variable = \"PASSWORD\"\n\
                schedule = \"daily\"\nowner = \"ann\"\nrestored_by = \"ann\"\nshrink_percent_max = 10\n\
                [restore_drills.a]\nbackup = \"b\"\nboot = [\"x\"]\nprobe = [\"x\"]\nnewest = [\"x\"]\n\
                checks = [{ command = [\"x\"], expect = \"\" }]\nrecovery_seconds_max = 1\n\
                newest_age_seconds_max = 1\nage_days_max = 1\n\
                [stage_drills.a]\nkind = \"rollback\"\nstage = \"s\"\nseconds_max = 1\nage_days_max = 1\n";
    declared(
        both,
        expect![[r#"
            release/resilience.toml:18: `a` is a restore drill too
              next: give one of them another name
        "#]],
    );
    declared(
        "[stage_drills.a]\nkind = \"flood\"\nstage = \"s\"\nseconds_max = 1\nage_days_max = 30\n",
        expect![[r#"
            release/resilience.toml:2: unknown variant `flood`, expected one of `restart`, `rollback`, `deployer-killed`, `partition`, `stale-lock`
              next: see release/schema/resilience.json
        "#]],
    );
}

fn host() -> Restarted {
    Restarted {
        host: "a".into(),
        release: "1.0.0-0123456789ab".into(),
        ready_ms: Some(900),
        is_started_again: true,
        acknowledged_before: 10,
        acknowledged_after: 20,
        not_acknowledged: 1,
        gap_ms: 700,
        lost: 0,
        lost_first: None,
    }
}

#[track_caller]
fn restarted(host: Restarted, expect: Expect) {
    let text = "[stage_drills.a]\nkind = \"restart\"\nstage = \"s\"\nseconds_max = 5\nage_days_max = 30\n\
                write = [\"w\", \"{token}\"]\nread = [\"r\"]\n";
    let config = config::parse(text).unwrap();
    let reasons = verdict::reasons(&config.stage_drills["a"], &Figures::Restart { hosts: vec![host] });
    expect.assert_eq(&reasons.join("\n"));
}

#[test]
fn a_restart_is_green_only_with_every_figure() {
    restarted(host(), expect![]);
    restarted(
        Restarted { ready_ms: Some(5001), ..host() },
        expect!["a: it was ready again after 5001 ms, the limit is 5 s"],
    );
    restarted(
        Restarted { ready_ms: Some(0), ..host() },
        expect!["a: it was ready again in no time at all: nothing was measured"],
    );
    restarted(Restarted { ready_ms: None, ..host() }, expect!["a: it is not known that it was ready again"]);
    restarted(
        Restarted { is_started_again: false, ..host() },
        expect!["a: the host does not say that it started the service again: nothing was killed"],
    );
    restarted(
        Restarted { acknowledged_before: 0, ..host() },
        expect!["a: no record was acknowledged before the kill, so none could be lost"],
    );
    restarted(
        Restarted { acknowledged_after: 0, ..host() },
        expect!["a: no record was acknowledged after the kill"],
    );
    restarted(
        Restarted { lost: 2, lost_first: Some("t-1".into()), ..host() },
        expect!["a: 2 of 30 acknowledged records are lost, the first is t-1"],
    );
}

#[test]
fn figures_are_told_in_a_line_for_each_host() {
    let hosts = vec![host(), Restarted { host: "b".into(), ready_ms: None, ..host() }];
    let drilled = StageDrilled {
        v: 1,
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
        stage: "s".into(),
        seconds_max: 5,
        figures: Figures::Restart { hosts },
        reasons: vec!["b: gone".into()],
    };
    expect![[r#"
        a          900 ms from the kill until ready; 30 records acknowledged, 0 lost, none for 700 ms at the longest
        b          not known from the kill until ready; 30 records acknowledged, 0 lost, none for 700 ms at the longest
        kill       red; the limit is 5 s"#]].assert_eq(&report::drilled("kill", &drilled));
}

#[track_caller]
fn refused(hosts: &[Host], expect: Expect) {
    let said = match refuse::refusals("s", hosts) {
        None => "it begins".to_owned(),
        Some(failure) => format!("exit {}\n{failure}", failure.exit.code()),
    };
    expect.assert_eq(&said);
}

#[test]
fn everything_that_speaks_against_a_drill_is_said_at_once() {
    let good = Host {
        name: "a".into(),
        confirmed: Some("1.0.0-0123456789ab".into()),
        is_serving: true,
        ..Host::default()
    };
    refused(std::slice::from_ref(&good), expect!["it begins"]);
    let busy = Host { holder: Some("ann".into()), is_half_done: true, ..good.clone() };
    refused(
        &[good.clone(), busy.clone()],
        expect![[r#"
        exit 75
        a: ann deploys there
          next: wait for its end
        error: `s` cannot be drilled now"#]],
    );
    refused(
        &[
            busy,
            Host { unreachable: Some("no answer: timeout".into()), name: "b".into(), ..Host::default() },
            Host { hold: Some("ann: a fair".into()), name: "c".into(), ..good.clone() },
            Host { is_half_done: true, name: "d".into(), ..good.clone() },
            Host { confirmed: None, name: "e".into(), ..good.clone() },
            Host { is_serving: false, name: "f".into(), ..good },
        ],
        expect![[r#"
            exit 3
            a: ann deploys there
              next: wait for its end
            b: no answer: timeout
              next: make it reachable
            c: on hold by ann: a fair
              next: cargo xtask deploy resume --stage s
            d: a deployment is half done
              next: run that deployment again, or wait until the host has undone it
            e: nothing is confirmed there
              next: cargo xtask deploy run --to s
            f: 1.0.0-0123456789ab is confirmed, and is not what serves
              next: cargo xtask deploy status --stage s
            error: `s` cannot be drilled now"#]],
    );
}

#[track_caller]
fn judged(kind: &str, figures: Figures, expect: Expect) {
    let more = if kind == "partition" { "cut = [\"c\"]\nheal = [\"h\"]\n" } else { "" };
    let head = "stage = \"s\"\nseconds_max = 40\nage_days_max = 30\n";
    let config = config::parse(&format!("[stage_drills.a]\nkind = \"{kind}\"\n{head}{more}")).unwrap();
    expect.assert_eq(&verdict::reasons(&config.stage_drills["a"], &figures).join("\n"));
}

#[test]
fn a_rollback_is_green_only_when_both_ways_were_gone() {
    let good = RolledBack {
        back: "1".into(),
        forward: "2".into(),
        back_ms: Some(40_000),
        back_command_ms: Some(41_000),
        forward_ms: Some(90_000),
        forward_command_ms: Some(91_000),
    };
    let check = |figures, expect| judged("rollback", Figures::Rollback(figures), expect);
    check(good.clone(), expect![]);
    check(
        RolledBack { back_ms: Some(40_001), ..good.clone() },
        expect!["every host was ready with 1 after 40001 ms, the limit is 40 s"],
    );
    check(
        RolledBack { back_command_ms: None, forward_ms: None, forward_command_ms: None, ..good },
        expect![[r#"
            it is not known that `deploy rollback` ended well
            it is not known that every host was ready with 2 again
            it is not known that the way forward ended well"#]],
    );
}

#[test]
fn a_killed_deployer_is_green_only_when_it_left_something_to_undo() {
    let good = Killed {
        back: "1".into(),
        forward: "2".into(),
        killed_after_ms: Some(900),
        on_trial: vec!["a".into()],
        lock_free_ms: Some(35_000),
        confirmed_ms: Some(40_000),
        again_ms: Some(3000),
        forward_ms: Some(3000),
    };
    let check = |figures, expect| judged("deployer-killed", Figures::DeployerKilled(figures), expect);
    check(good.clone(), expect![]);
    check(
        Killed { on_trial: Vec::new(), ..good.clone() },
        expect!["no host was on trial when the deployer was killed, so nothing was exercised"],
    );
    check(
        Killed { lock_free_ms: Some(35_001), confirmed_ms: None, ..good.clone() },
        expect![[r#"
        the locks were free after 35001 ms, the limit is 35 s
        it is not known that every host served what is confirmed"#]],
    );
    check(
        Killed { again_ms: None, forward_ms: None, ..good },
        expect![[r#"
        it is not known that the same command ended well
        it is not known that the stage was as before"#]],
    );
}

#[test]
fn a_partition_is_green_only_when_the_host_went_back_alone() {
    let good = Parted {
        back: "1".into(),
        forward: "2".into(),
        host: "a".into(),
        is_cut: true,
        deployer_exit: Some(6),
        undone_ms: Some(40_000),
        healed_ms: Some(1000),
    };
    let check = |figures, expect| judged("partition", Figures::Partition(figures), expect);
    check(good.clone(), expect![]);
    check(
        Parted { is_cut: false, deployer_exit: Some(0), ..good.clone() },
        expect![[r#"
        a was still reached, so nothing was cut
        the deployment ended well although a host was cut off"#]],
    );
    check(
        Parted { undone_ms: Some(41_000), healed_ms: None, ..good },
        expect![[r#"
        the host undid its trial by itself after 41000 ms, the limit is 40 s
        it is not known that the stage was as before"#]],
    );
}

#[test]
fn a_stale_lock_is_green_only_when_the_frozen_one_is_refused() {
    let good = Stale {
        host: "a".into(),
        killed_free_ms: Some(100),
        frozen_free_ms: Some(30_000),
        zombie: "refused".into(),
        is_zombie_refused: true,
    };
    let check = |host, expect| judged("stale-lock", Figures::StaleLock { hosts: vec![host] }, expect);
    check(good.clone(), expect![]);
    check(
        Stale { frozen_free_ms: Some(40_001), killed_free_ms: None, ..good.clone() },
        expect![[r#"
        a: it is not known that the lock of a killed deployer was free
        a: the lock of a frozen deployer was free after 40001 ms, the limit is 40 s"#]],
    );
    check(
        Stale { is_zombie_refused: false, zombie: "{\"said\":\"acted\"}".into(), ..good },
        expect![[r#"a: the frozen deployer was not refused when it went on: {"said":"acted"}"#]],
    );
}

#[track_caller]
fn goes(hosts: &[(&str, &[&str])], expect: Expect) {
    let past = |(confirmed, good): &(&str, &[&str])| Past {
        confirmed: (*confirmed).to_owned(),
        good: good.iter().map(|good| (*good).to_owned()).collect(),
    };
    let said = match rollback::way("s", &hosts.iter().map(past).collect::<Vec<_>>()) {
        Ok(way) => format!("back to {}, forward to {}", way.back, way.forward),
        Err(failure) => format!("exit {}\n{failure}", failure.exit.code()),
    };
    expect.assert_eq(&said);
}

#[test]
fn a_way_back_is_the_last_good_release_of_every_host() {
    goes(&[("3", &["1", "2", "3"]), ("3", &["2", "3"])], expect!["back to 2, forward to 3"]);
    // It went back already once: what is good later than what is confirmed counts too.
    goes(&[("2", &["1", "3", "2"])], expect!["back to 3, forward to 2"]);
    goes(
        &[("1", &["1"])],
        expect![[r#"
        exit 3
        error: `s` has no two good releases
          why:  every host knows 1 alone
          next: deploy another release first: cargo xtask deploy run --to s"#]],
    );
    goes(
        &[("2", &["1"])],
        expect![[r#"
        exit 3
        error: `s` has no two good releases
          why:  the deployment of 2 did not end well
          next: deploy another release first: cargo xtask deploy run --to s"#]],
    );
    goes(
        &[("2", &["1", "2"]), ("2", &["2"])],
        expect![[r#"
        exit 3
        error: the hosts of `s` do not agree on what they serve
          why:  2 before it nothing; 2 before it 1
          next: bring them to one release: cargo xtask deploy run --to s"#]],
    );
}
