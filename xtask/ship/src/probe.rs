//! Probes services: round after round, all targets at once, in one process.
//!
//! - A probe opens a connection of its own, asks once, and repeats nothing: a service that answers every second time is
//!   seen as that.
//! - What an answer means is decided in `verdict.rs`, from the answer alone.
//! - What is not known is unknown. Silence is never up, and never down either.

mod exchange;
mod verdict;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use nexus_xtask::clock::{Clock, Started};
use nexus_xtask::failure::Result;
use nexus_xtask_deliver::deploy::protocol::{
    Expectation, Fault, Probe, Probed, Sample, State, Target, Until,
};

pub(crate) use exchange::{Answer, Client};
use verdict::Step;

/// Probes until the rounds are over, or what is waited for is there. Each sample is handed over when it is known.
pub(crate) async fn probe(
    clock: &Clock,
    wanted: &Probe,
    mut each: impl FnMut(&Sample),
) -> Result<Vec<Probed>> {
    let client = Client::new();
    let targets: Vec<Arc<Target>> = wanted.targets.iter().cloned().map(Arc::new).collect();
    let begun = clock.start();
    let mut rounds = interval(Duration::from_millis(wanted.interval_ms.max(1)));
    // A round that took longer than the interval is not made up for by a burst.
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); targets.len()];
    for round in 1..=wanted.rounds_max {
        rounds.tick().await;
        let at_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut asked = JoinSet::new();
        for (index, target) in targets.iter().enumerate() {
            let (client, target, clock) = (client.clone(), Arc::clone(target), clock.clone());
            asked.spawn(async move {
                let (state, took_ms) = look(&client, &clock, &target).await;
                (index, Sample { target: target.name.clone(), round, at_ms, state, took_ms })
            });
        }
        while let Some(answered) = asked.join_next().await {
            let (index, sample) = answered.context("a probe panicked")?;
            each(&sample);
            samples[index].push(sample);
        }
        if is_enough(wanted.until, &samples) {
            break;
        }
    }
    Ok(samples.into_iter().filter_map(summed).collect())
}

/// How a target is now, and how long the question took that decided.
async fn look(client: &Client, clock: &Clock, target: &Target) -> (State, f64) {
    let probes = &target.probes;
    let limit = Duration::from_millis(probes.timeout_ms);
    let mut took_ms = 0.0;
    for (step, expectation) in
        [(Step::Live, &probes.live), (Step::Started, &probes.started), (Step::Ready, &probes.ready)]
    {
        let Some(expectation) = expectation else { continue };
        let begun = clock.start();
        let found = meets(client, target, expectation, limit).await;
        took_ms = milliseconds(begun);
        if let Err(fault) = found {
            return (verdict::state(step, fault), took_ms);
        }
    }
    let mut version = None;
    if let Some(identity) = &probes.identity {
        let answer = client.ask(&target.address, &identity.path, limit).await;
        match answer.and_then(|answer| verdict::version(identity, &answer)) {
            Ok(said) => version = Some(said),
            Err(fault) => return (verdict::state(Step::Identity, fault), took_ms),
        }
    }
    let state = if probes.ready.is_some() { State::Ready { version } } else { State::Started };
    (state, took_ms)
}

async fn meets(
    client: &Client,
    target: &Target,
    expectation: &Expectation,
    limit: Duration,
) -> std::result::Result<(), Fault> {
    verdict::meets(expectation, &client.ask(&target.address, &expectation.path, limit).await?)
}

fn milliseconds(begun: Started) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}

fn is_enough(until: Until, samples: &[Vec<Sample>]) -> bool {
    match until {
        Until::Rounds => false,
        Until::Ready { rounds } => {
            let rounds = usize::try_from(rounds.max(1)).unwrap_or(usize::MAX);
            samples.iter().all(|samples| {
                samples.len() >= rounds
                    && samples.iter().rev().take(rounds).all(|sample| sample.state.is_ready())
            })
        }
    }
}

/// The numbers of a target; none where there was no round.
fn summed(samples: Vec<Sample>) -> Option<Probed> {
    let mut faults = BTreeMap::new();
    let (mut n, mut failed, mut unknown) = (0, 0, 0);
    let mut latencies_ms = Vec::new();
    for sample in &samples {
        match &sample.state {
            State::Unknown { fault } => {
                unknown += 1;
                *faults.entry(fault.word().to_owned()).or_default() += 1;
            }
            State::Ready { .. } => {
                n += 1;
                latencies_ms.push(sample.took_ms);
            }
            State::Down { fault } => {
                (n, failed) = (n + 1, failed + 1);
                *faults.entry(fault.word().to_owned()).or_default() += 1;
            }
            State::Starting | State::Live | State::Started => (n, failed) = (n + 1, failed + 1),
        }
    }
    let last = samples.into_iter().last()?;
    Some(Probed { target: last.target.clone(), last, n, failed, unknown, faults, latencies_ms })
}
