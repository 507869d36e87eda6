//! The cases. Each is a function of a bed; `local.rs` and `ssh.rs` run all of them.

use std::time::Duration;

use expect_test::expect;
use nexus_xtask_deliver::deploy::contract::{Answer, Call, Door};
use nexus_xtask_deliver::deploy::drivers::chain;

use crate::bed::Bed;
use crate::client;
use crate::world::{World, picture};

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

/// Nobody confirms: the host goes back by itself.
pub(crate) fn undo_fires(bed: &dyn Bed) {
    let world = World::begin(bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0"));
    world.deploy(&old);
    world.switch(&new, 4);
    bed.pass(4);
    world.until("the undo", Duration::from_secs(15), |host| {
        host.trial.is_none() && host.armed.is_none() && host.running.len() == 1
    });
    expect!["confirmed old, trial none, armed nothing, running [old serving active]"]
        .assert_eq(&picture(&world.observe(), &[(&old, "old"), (&new, "new")]));
    assert_eq!(client::ask(&bed.address(), "/version").unwrap(), "1.0.0");
    expect!["refused: \"NEW\" is not on trial: the undo came first"]
        .assert_eq(&world.trouble(Call::Confirm { release: new.clone() }).replace(&new.0, "NEW"));
}
