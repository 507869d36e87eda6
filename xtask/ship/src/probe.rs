//! Probes services: round after round, each target by itself, in one process.
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
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use nexus_xtask::clock::{Clock, Started};
use nexus_xtask::failure::Result;
use nexus_xtask_deliver::deploy::protocol::{
    Expectation, Fault, Probe, Probed, Sample, State, Target, Until,
};

pub(crate) use exchange::{Answer, Client};
use verdict::Step;

/// Probes until the rounds are over, or their time is, or what is waited for is there. Each sample is handed over when it is
/// known. A target that is slow takes no round from the others.
pub(crate) async fn probe(
    clock: &Clock,
    wanted: &Probe,
    mut each: impl FnMut(&Sample),
) -> Result<Vec<Probed>> {
    let client = Client::new();
    let begun = clock.start();
    let (tell, mut told) = mpsc::unbounded_channel();
    // Ends with this function, and what is asked at that moment with it.
    let mut asking = JoinSet::new();
    for (index, target) in wanted.targets.iter().enumerate() {
        let one = Asking { client: client.clone(), clock: clock.clone(), begun, target: target.clone() };
        let (tell, rounds_max, interval_ms) = (tell.clone(), wanted.rounds_max, wanted.interval_ms.max(1));
        asking.spawn(async move {
            one.rounds(rounds_max, interval_ms, |sample| tell.send((index, sample))).await
        });
    }
    drop(tell);
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); wanted.targets.len()];
    while let Some((index, sample)) = told.recv().await {
        each(&sample);
        samples[index].push(sample);
        if is_enough(wanted.until, &samples) {
            break;
        }
    }
    Ok(samples.into_iter().filter_map(summed).collect())
}

/// One target, asked round after round.
struct Asking {
    client: Client,
    clock: Clock,
    begun: Started,
    target: Target,
}

impl Asking {
    /// At least one round; no other begins once the time of all rounds is over.
    async fn rounds<E>(
        &self,
        rounds_max: u32,
        interval_ms: u64,
        mut tell: impl FnMut(Sample) -> std::result::Result<(), E>,
    ) {
        let mut rounds = interval(Duration::from_millis(interval_ms));
        // A round that took longer than the interval is not made up for by a burst.
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let limit_ms = interval_ms.saturating_mul(u64::from(rounds_max));
        for round in 1..=rounds_max {
            rounds.tick().await;
            let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            if round > 1 && at_ms >= limit_ms {
                break;
            }
            let (state, took_ms) = look(&self.client, &self.clock, &self.target).await;
            // Nobody listens any more once there is enough.
            if tell(Sample { target: self.target.name.clone(), round, at_ms, state, took_ms }).is_err() {
                break;
            }
        }
    }
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
            samples.iter().all(|samples| streak(samples) >= rounds)
        }
    }
}

/// In how many rounds in a row a target was ready at the end.
fn streak(samples: &[Sample]) -> usize {
    samples.iter().rev().take_while(|sample| sample.state.is_ready()).count()
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
    let streak = u32::try_from(streak(&samples)).unwrap_or(u32::MAX);
    let last = samples.into_iter().last()?;
    Some(Probed { target: last.target.clone(), last, n, failed, unknown, faults, latencies_ms, streak })
}
