//! Tests and their recorded durations in, disjoint parts of about the same length out. Pure.
//!
//! The longest test goes first, each to the part that is shortest so far. A test without a recorded duration counts as
//! the median of those that have one. Whatever is known or not, the parts together are all tests, and no test is in two.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The most parts that make sense: GitHub runs at most 256 jobs of one matrix.
const COUNT_MAX: u32 = 256;

/// Which part of how many. A count of 0 stands for as many as the durations call for, an index of 0 for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// From 1; 0 for every part.
    pub(crate) index: u32,
    pub(crate) count: u32,
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.index, self.count) {
            (0, _) => f.write_str("auto"),
            (index, 0) => write!(f, "{index}/auto"),
            (index, count) => write!(f, "{index}/{count}"),
        }
    }
}

impl FromStr for Shard {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Shard> {
        let wrong = || anyhow::anyhow!("`{text}` names no part of the tests");
        if text == "auto" {
            return Ok(Shard { index: 0, count: 0 });
        }
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let index: u32 = index.parse().map_err(|_| wrong())?;
        let count = match count {
            "auto" => 0,
            count => count.parse().ok().filter(|count| (1..=COUNT_MAX).contains(count)).ok_or_else(wrong)?,
        };
        anyhow::ensure!(
            index >= 1 && (count == 0 || index <= count),
            "`{text}` names no part of the tests: they are counted from 1"
        );
        Ok(Shard { index, count })
    }
}

/// How many parts the recorded durations call for, when one should take `target_ms` at most.
pub(crate) fn count(tests: &[String], durations: &BTreeMap<String, u64>, target_ms: u64) -> u32 {
    let total: u64 = weights(tests, durations).iter().sum();
    u32::try_from(total.div_ceil(target_ms.max(1))).unwrap_or(COUNT_MAX).clamp(1, COUNT_MAX)
}

/// Divides tests into `count` parts.
pub(crate) fn divide(tests: &[String], durations: &BTreeMap<String, u64>, count: u32) -> Vec<Vec<String>> {
    let mut weighed: Vec<_> = tests.iter().zip(weights(tests, durations)).collect();
    // By name among equals, so that every machine divides alike.
    weighed.sort_by(|(name_a, a), (name_b, b)| b.cmp(a).then_with(|| name_a.cmp(name_b)));
    weighed.dedup_by(|(a, _), (b, _)| a == b);
    let mut parts = vec![(0_u64, Vec::new()); count.max(1) as usize];
    for (test, weight) in weighed {
        let (total, part) = parts
            .iter_mut()
            .min_by_key(|(total, part)| (*total, part.len()))
            .expect("there is at least one part");
        *total += weight;
        part.push(test.clone());
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

/// The duration of each test in milliseconds, and the median of the known ones for those that are not known.
fn weights(tests: &[String], durations: &BTreeMap<String, u64>) -> Vec<u64> {
    let mut known: Vec<_> = tests.iter().filter_map(|test| durations.get(test).copied()).collect();
    known.sort_unstable();
    let median = known.get(known.len() / 2).copied().unwrap_or(1);
    tests.iter().map(|test| durations.get(test).copied().unwrap_or(median).max(1)).collect()
}

#[cfg(test)]
mod tests;
