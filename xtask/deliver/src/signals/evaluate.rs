//! What looks mean together. Pure.
//!
//! - Only a look that was good makes a signal up; what is not known is unknown at once, and what nobody looked at is stale.
//! - A single bad look does not take down what was up; that takes `failures` in a row. What goes back and forth is down,
//!   or each of its good moments would hide it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Among how many of the newest looks changes are counted, and how many are too many.
const FLAP_LOOKS: usize = 6;
const FLAPS_MAX: usize = 2;

/// After how many times its interval a signal is stale.
const STALE_AFTER: u64 = 3;

/// What the looks at a signal mean, in seconds and in looks in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// From one look to the next.
    pub every: u64,
    /// Bad looks in a row until it is down.
    pub failures: u32,
    /// Good looks in a row until it is up.
    pub successes: u32,
    /// How long it may be starting.
    pub startup: u64,
}

/// What one look saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// It is as it must be.
    Up,
    /// It is not.
    Down,
    /// It says itself that it is not ready yet.
    Starting,
    /// Nothing was learnt.
    Unknown,
}

/// One look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// What was seen.
    pub seen: Seen,
    /// What shows it.
    pub why: String,
}

/// How a signal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was seen to be as it must be.
    Up,
    /// It was seen not to be.
    Down,
    /// It may still be starting.
    Starting,
    /// Nothing is known of it.
    Unknown,
    /// What was seen is too old to say anything.
    Stale,
}

impl State {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            State::Up => "up",
            State::Down => "down",
            State::Starting => "starting",
            State::Unknown => "unknown",
            State::Stale => "stale",
        }
    }
}

/// The state of a signal, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The state.
    pub state: State,
    /// Why.
    pub reason: String,
}

/// The state of a signal whose looks these are, the oldest first.
pub fn evaluate(rule: &Rule, samples: &[Sample], now: Timestamp) -> Judged {
    let judged = |state, reason: String| Judged { state, reason };
    let Some(newest) = samples.last() else {
        return judged(State::Unknown, "nobody has looked yet".into());
    };
    let age = seconds(newest.at, now);
    if age > rule.every.saturating_mul(STALE_AFTER) {
        return judged(
            State::Stale,
            format!("the last look is {age} s old, and one is due every {} s", rule.every),
        );
    }
    if newest.seen == Seen::Unknown {
        return judged(State::Unknown, newest.why.clone());
    }
    if let Some(left) = starts(rule, samples, now) {
        return judged(State::Starting, format!("{}; {left} s are left to start", newest.why));
    }
    let changes = flaps(samples);
    if changes > FLAPS_MAX {
        let looks = samples.len().min(FLAP_LOOKS);
        return judged(
            State::Down,
            format!("it changed {changes} times in {looks} looks; now: {}", newest.why),
        );
    }
    let state = settled(rule, samples);
    let streak = samples
        .iter()
        .rev()
        .take_while(|sample| sample.seen != Seen::Unknown && is_up(sample) == is_up(newest))
        .count();
    match (state, is_up(newest)) {
        (State::Up, false) => {
            judged(state, format!("{streak} of {} bad looks until it is down: {}", rule.failures, newest.why))
        }
        (State::Down | State::Unknown, true) => {
            judged(state, format!("{streak} of {} good looks until it is up: {}", rule.successes, newest.why))
        }
        (State::Up | State::Down | State::Starting | State::Unknown | State::Stale, _) => {
            judged(state, newest.why.clone())
        }
    }
}

fn is_up(sample: &Sample) -> bool {
    sample.seen == Seen::Up
}

fn seconds(from: Timestamp, until: Timestamp) -> u64 {
    u64::try_from(until.as_second() - from.as_second()).unwrap_or_default()
}

/// How long a signal that is not up may still take to start: one that was never up, or that says itself that it is starting.
fn starts(rule: &Rule, samples: &[Sample], now: Timestamp) -> Option<u64> {
    let newest = samples.last().filter(|newest| !is_up(newest))?;
    let first = samples.iter().rev().take_while(|sample| !is_up(sample)).last()?;
    let was_up = samples.iter().any(is_up);
    let left = rule.startup.checked_sub(seconds(first.at, now)).filter(|left| *left > 0)?;
    (!was_up || newest.seen == Seen::Starting).then_some(left)
}

/// How often it changed between up and not up in the newest looks.
fn flaps(samples: &[Sample]) -> usize {
    let newest = &samples[samples.len().saturating_sub(FLAP_LOOKS)..];
    // What is not known is no change.
    let known: Vec<bool> = newest.iter().filter(|sample| sample.seen != Seen::Unknown).map(is_up).collect();
    known.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// The state that looks in a row decided. The first bad look of all decides alone: there is nothing that it could take down.
fn settled(rule: &Rule, samples: &[Sample]) -> State {
    let (mut state, mut good, mut bad) = (State::Unknown, 0, 0);
    for sample in samples {
        match sample.seen {
            Seen::Up => (good, bad) = (good + 1, 0),
            Seen::Down | Seen::Starting => (good, bad) = (0, bad + 1),
            // It confirms nothing, and what was up is not known to be up any more.
            Seen::Unknown => {
                (good, bad) = (0, 0);
                state = if state == State::Up { State::Unknown } else { state };
            }
        }
        if good >= rule.successes {
            state = State::Up;
        } else if bad >= rule.failures || (bad > 0 && state == State::Unknown) {
            state = State::Down;
        }
    }
    state
}

#[cfg(test)]
mod tests;
