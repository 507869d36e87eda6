//! Hosts that a killed deployment left behind, answers that never came, and what the engine makes of them.

use std::collections::{BTreeMap, BTreeSet};

use nexus_xtask::digest::Digest;

use super::*;
use crate::deploy::contract::{Armed, Bundle, Fence, Instance, Observed, ReleaseId};
use crate::deploy::plan::VERSION;

fn id(name: &str) -> ReleaseId {
    ReleaseId(name.to_owned())
}

fn name(host: &str) -> HostName {
    HostName(host.to_owned())
}

fn serves(release: &str) -> Observed {
    let instance = Instance { release: id(release), serving: true, state: "active".to_owned(), restarts: 0 };
    Observed { confirmed: Some(id(release)), running: vec![instance], ..Observed::default() }
}

fn plan(waves: &[&[&str]], unfinished: &[&str]) -> Plan {
    let waves: Vec<Vec<HostName>> =
        waves.iter().map(|wave| wave.iter().map(|host| name(host)).collect()).collect();
    let bundle = Bundle {
        id: id("new"),
        version: "2.0.0".to_owned(),
        archive: "new.tar.gz".into(),
        digest: Digest::of("new"),
        seal: "seal".to_owned(),
        commit: String::new(),
        program: "app".to_owned(),
        configuration: BTreeMap::new(),
        secrets: Vec::new(),
    };
    Plan {
        version: VERSION,
        stage: "production".to_owned(),
        kind: Kind::Deploy,
        way_back: waves.iter().flatten().map(|host| (host.clone(), Some(id("old")))).collect(),
        unfinished: unfinished.iter().map(|host| name(host)).collect::<BTreeSet<_>>(),
        bundle,
        waves,
        parallel: 1,
        before: Vec::new(),
        after: Vec::new(),
        seen: BTreeMap::new(),
        contract: None,
        contract_waits: Vec::new(),
        restored: None,
        keep: Vec::new(),
        soak_seconds: 0,
        wait_seconds_max: 0,
        drain_seconds: 1,
        arm_seconds: 60,
        on_inconclusive: Inconclusive::Rollback,
        schema: (0, 0),
    }
}

/// Runs it to its end. `lost` says which calls have no answer. The end, and what each host was asked.
fn run(
    plan: &Plan,
    hosts: &[(&str, Observed)],
    lost: impl Fn(&str, &Call) -> bool,
) -> (Outcome, Vec<String>) {
    run_where(plan, hosts, lost, &Verdict::Pass, &Ok(()))
}

/// As [`run`], with what watching and hooks come to.
fn run_where(
    plan: &Plan,
    hosts: &[(&str, Observed)],
    lost: impl Fn(&str, &Call) -> bool,
    verdict: &Verdict,
    ran: &Result<(), String>,
) -> (Outcome, Vec<String>) {
    let observed: BTreeMap<HostName, Observed> =
        hosts.iter().map(|(host, observed)| (name(host), observed.clone())).collect();
    let mut asked = Vec::new();
    let mut state = begin(plan);
    let mut events = vec![Event::Begun];
    while let Some(event) = events.pop() {
        let (next, effects) = step(plan, state, event);
        state = next;
        events.extend(effects.into_iter().rev().map(|effect| match effect {
            Effect::Lock { .. } => Event::Locked,
            Effect::Perform { host, call } => {
                asked.push(format!("{} {}", host.0, call.word()));
                let result = match (&call, lost(&host.0, &call)) {
                    (_, true) => Err(Trouble::Unreachable { why: "cut".to_owned() }),
                    (Call::Observe, _) => Ok(Answer::Observed(Box::new(observed[&host].clone()))),
                    _ => Ok(Answer::Done),
                };
                Event::Performed { host, call: Box::new(call), result }
            }
            Effect::Probe { host, .. } => Event::Probed { host, result: Ok(()) },
            Effect::Watch { .. } => Event::Watched { verdict: verdict.clone() },
            Effect::Run { hook } => {
                asked.push(hook.to_string());
                Event::Ran { result: ran.clone() }
            }
        }));
    }
    (state.outcome.expect("it ended"), asked)
}

#[test]
fn a_host_behind_one_that_is_confirmed_gets_its_turn() {
    let plan = plan(&[&["a", "b", "c"]], &["b"]);
    let (outcome, asked) =
        run(&plan, &[("a", serves("old")), ("b", serves("new")), ("c", serves("old"))], |_, _| false);
    assert_eq!(outcome, Outcome::Succeeded);
    assert!(asked.contains(&"c switch".to_owned()), "{asked:?}");
}

#[test]
fn a_host_confirmed_by_a_killed_deployment_goes_back_too_whatever_it_left() {
    let half = Observed { armed: Some(Armed { to: Some(id("old")), at_seconds: 60 }), ..serves("new") };
    let dead = Observed { running: Vec::new(), ..serves("new") };
    for (case, found) in [("whole", serves("new")), ("still armed", half), ("not running", dead)] {
        let plan = plan(&[&["a"], &["b"]], &["b"]);
        let (_, asked) = run(&plan, &[("a", serves("old")), ("b", found)], |host, call| {
            host == "a" && matches!(call, Call::Start { .. })
        });
        let back = asked.iter().filter(|one| *one == "b revert").count();
        let wanted = if case == "still armed" { 2 } else { 1 };
        assert_eq!(back, wanted, "{case}: {asked:?}");
    }
}

#[test]
fn what_is_said_of_a_lost_confirmation_is_true() {
    let plan = plan(&[&["a"]], &[]);
    let (outcome, _) = run(&plan, &[("a", serves("old"))], |_, call| {
        matches!(call, Call::Confirm { .. } | Call::Revert { .. })
    });
    let Outcome::Person { why } = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        why,
        [
            "a: confirm: no answer: cut",
            "a: roll back: no answer: cut",
            "a: not known to be back to old; it may have confirmed new, which nothing undoes by itself",
        ]
    );
}

#[test]
fn cleaning_up_that_has_no_answer_is_not_nothing() {
    let plan = plan(&[&["a"]], &[]);
    let half = Observed { trial: Some(id("other")), ..serves("old") };
    let (outcome, asked) = run(&plan, &[("a", half)], |_, call| matches!(call, Call::Revert { .. }));
    assert!(matches!(outcome, Outcome::Person { .. }), "{outcome:?}");
    assert_eq!(asked, ["a observe", "a revert", "a revert"]);
}

#[test]
fn a_plan_that_somebody_deployed_after_changes_nothing() {
    let mut plan = plan(&[&["a"]], &[]);
    plan.seen = [(name("a"), Fence(4))].into();
    for (fence, is_outdated) in [(4, false), (5, false), (6, true)] {
        let found = Observed { fence: Fence(fence), ..serves("old") };
        let (outcome, asked) = run(&plan, &[("a", found)], |_, _| false);
        assert_eq!(outcome == Outcome::Outdated { host: name("a") }, is_outdated, "{fence}: {outcome:?}");
        assert_eq!(asked == ["a observe"], is_outdated, "{fence}: {asked:?}");
    }
}

#[test]
fn a_pause_takes_back_the_wave_on_trial_and_leaves_the_ones_before() {
    let plan = Plan { on_inconclusive: Inconclusive::Pause, ..plan(&[&["a"], &["b"]], &["a"]) };
    let hosts = [("a", serves("new")), ("b", serves("old"))];
    let unknown = Verdict::Inconclusive { why: "no answers".to_owned() };
    let (outcome, asked) = run_where(&plan, &hosts, |_, _| false, &unknown, &Ok(()));
    assert_eq!(outcome, Outcome::Paused { why: "no answers".to_owned() });
    assert_eq!(asked.last().map(String::as_str), Some("b revert"), "{asked:?}");
    assert!(!asked.contains(&"a revert".to_owned()), "{asked:?}");

    let lost = |_: &str, call: &Call| matches!(call, Call::Revert { .. });
    let (outcome, _) = run_where(&plan, &hosts, lost, &unknown, &Ok(()));
    assert!(matches!(outcome, Outcome::Person { .. }), "{outcome:?}");
}

#[test]
fn data_is_contracted_after_the_last_host_said_so_and_a_failure_takes_nothing_back() {
    let plan = Plan { contract: Some(vec!["drop".to_owned()]), ..plan(&[&["a"]], &[]) };
    let (outcome, asked) = run(&plan, &[("a", serves("old"))], |_, _| false);
    assert_eq!(outcome, Outcome::Succeeded);
    assert_eq!(asked[asked.len() - 3..], ["a note", "contract: drop", "a note"]);

    let failed = Err("no right".to_owned());
    let (outcome, asked) = run_where(&plan, &[("a", serves("old"))], |_, _| false, &Verdict::Pass, &failed);
    assert_eq!(outcome, Outcome::Person { why: vec!["no right".to_owned()] });
    assert_eq!(asked.last().map(String::as_str), Some("contract: drop"));

    // A deployer that died before it: the same command does it.
    let (outcome, asked) = run(&plan, &[("a", serves("new"))], |_, _| false);
    assert_eq!(outcome, Outcome::Succeeded);
    assert_eq!(asked, ["a observe", "contract: drop", "a note"]);
}
