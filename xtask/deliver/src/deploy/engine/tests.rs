//! The engine against a model of hosts: ten thousand interleavings, and each invariant switched off in turn.

mod invariants;
mod schedule;
mod world;

use std::collections::BTreeMap;

use invariants::{Broken, Off};
use schedule::Schedule;

use crate::deploy::plan::Kind;

/// One interleaving, with all that happened in it.
fn run(seed: u64, off: Off) -> (Schedule, Result<(), Broken>) {
    let mut schedule = Schedule::new(seed, off);
    assert!(schedule.begin(Kind::Deploy));
    let result = (|| {
        for _ in 0..3000 {
            if schedule.all_over() {
                break;
            }
            schedule.step()?;
        }
        schedule.end()
    })();
    (schedule, result)
}

#[test]
fn ten_thousand_interleavings_break_nothing() {
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let mut steps = 0;
    for seed in 0..10_000 {
        let (schedule, result) = run(seed, Off::Nothing);
        steps += schedule.steps;
        if let Err(broken) = result {
            panic!("seed {seed}, {:?}: {broken:?}\n{}", schedule.quality, schedule.story.join("\n"));
        }
        for one in &schedule.runs {
            let word = one.outcome.as_ref().map_or("killed".to_owned(), |outcome| format!("{outcome:?}"));
            *ends.entry(word.split([' ', '{']).next().unwrap().to_owned()).or_default() += 1;
        }
    }
    println!("10000 interleavings, {steps} steps; runs by their end: {ends:?}");
    for end in
        ["Succeeded", "Already", "RolledBack", "Paused", "Person", "Busy", "LockLost", "Refused", "killed"]
    {
        assert!(ends.get(end).is_some_and(|count| *count >= 20), "{end} hardly happens: {ends:?}");
    }
}

#[test]
fn each_invariant_that_is_switched_off_is_missed() {
    for (off, number) in Off::ALL {
        let mut found: BTreeMap<u8, (u64, String)> = BTreeMap::new();
        for seed in 0..500 {
            if let (_, Err(broken)) = run(seed, off) {
                found.entry(broken.number).or_insert((0, broken.what)).0 += 1;
            }
        }
        println!("{off:?}: {found:?}");
        assert!(found.len() == 1 && found.contains_key(&number), "{off:?} must break {number}: {found:?}");
    }
}
