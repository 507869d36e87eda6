//! The undo that is armed before every switch: when it comes, and who is faster.

use std::time::Duration;

use expect_test::expect;
use nexus_xtask_deliver::deploy::contract::{Call, Observed};

use crate::bed::Bed;
use crate::client;
use crate::world::{World, picture};

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

/// Whoever confirms in time keeps the new release, past the moment at which the undo would have come.
pub(crate) fn confirm_disarms(bed: &dyn Bed) {
    let world = World::begin(bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0"));
    world.deploy(&old);
    world.switch(&new, 5);
    let due = world.observe().armed.unwrap().at_seconds;
    world.done(Call::Confirm { release: new.clone() });
    bed.pass(5);
    world.until("the moment of the undo is over", Duration::from_secs(15), |host| {
        host.clock_seconds > due + 1
    });
    expect!["confirmed new, trial none, armed nothing, running [new serving active, old serving active]"]
        .assert_eq(&picture(&world.observe(), &[(&old, "old"), (&new, "new")]));
}

/// A confirmation dies after its first write: the disk says the new release, and so does the host once the undo came.
pub(crate) fn confirm_dies_half_way(bed: &dyn Bed) {
    let world = World::begin(bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0"));
    world.deploy(&old);
    world.switch(&new, 6);
    // The token of the arming has whole seconds, and so has the confirmation.
    let begun = world.observe().clock_seconds;
    world.until("a later second", Duration::from_secs(5), |host| host.clock_seconds > begun);
    let at = world.observe().clock_seconds;
    bed.on_host(&format!(
        "echo {} {at} one >> {}/state/confirmed.new && mv {1}/state/confirmed.new {1}/state/confirmed",
        new.0,
        bed.base()
    ));
    bed.pass(6);
    world.until("the undo", Duration::from_secs(15), |host| {
        host.trial.is_none() && host.armed.is_none() && host.running.len() == 1
    });
    expect!["confirmed new, trial none, armed nothing, running [new serving active]"]
        .assert_eq(&picture(&world.observe(), &[(&old, "old"), (&new, "new")]));
}

/// The undo goes back further than to what is confirmed: what it serves is what serves after a reboot, too.
pub(crate) fn undo_selects_what_it_serves(bed: &dyn Bed) {
    let world = World::begin(bed);
    let (good, half, new) = (world.stage("1.0.0"), world.stage("1.1.0"), world.stage("1.2.0"));
    world.deploy(&good);
    world.deploy(&half);
    world.done(Call::Arm { to: Some(good.clone()), seconds: 4 });
    world.done(Call::Start { release: new.clone() });
    world.done(Call::Switch { release: new.clone() });
    bed.pass(4);
    world.until("the undo", Duration::from_secs(15), |host| {
        host.trial.is_none() && host.armed.is_none() && host.running.len() == 1
    });
    expect!["confirmed good, trial none, armed nothing, running [good serving active]"]
        .assert_eq(&picture(&world.observe(), &[(&good, "good"), (&half, "half"), (&new, "new")]));
    assert_eq!(world.observe().history.last().map(|one| one.release.clone()), Some(good));
}

/// Arming again moves the moment.
pub(crate) fn arming_again_moves_the_moment(bed: &dyn Bed) {
    let world = World::begin(bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0"));
    world.deploy(&old);
    world.switch(&new, 4);
    let due = world.observe().armed.unwrap().at_seconds;
    world.done(Call::Arm { to: Some(old.clone()), seconds: 600 });
    bed.pass(4);
    world.until("the first moment is over", Duration::from_secs(15), |host| host.clock_seconds > due + 1);
    expect!["confirmed old, trial new, armed back to old, running [new serving active, old serving active]"]
        .assert_eq(&picture(&world.observe(), &[(&old, "old"), (&new, "new")]));
}

/// The power goes between switch and confirm: what is confirmed serves, and nothing is armed.
pub(crate) fn reboot_before_confirm(bed: &dyn Bed) {
    let mut world = World::begin(bed);
    let (old, new) = (world.stage("1.0.0"), world.stage("1.1.0"));
    world.deploy(&old);
    world.switch(&new, 600);
    world.done(Call::Drain { keep: new.clone(), seconds: 10 });
    world.lease = None;
    bed.reboot();
    let is_up = |host: &Observed| host.running.iter().any(|one| one.state == "active");
    world.until("the host serves", Duration::from_secs(30), is_up);
    expect!["confirmed old, trial none, armed nothing, running [old serving active]"]
        .assert_eq(&picture(&world.observe(), &[(&old, "old"), (&new, "new")]));
    assert_eq!(client::ask(&bed.address(), "/version").unwrap(), "1.0.0");
}
