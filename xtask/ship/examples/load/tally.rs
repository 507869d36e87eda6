//! What was counted, by all clients together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

/// Failures that are told one by one; all of them are counted.
const TOLD_MAX: usize = 20;

/// The counts.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    begun: Instant,
    requests_max: u64,
    counted: Arc<Mutex<Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    asked: u64,
    failed: u64,
    connections: u64,
    acknowledged: u64,
    last_id: i64,
    took_us: Vec<u32>,
    by_kind: BTreeMap<String, u64>,
    versions: BTreeMap<String, u64>,
    told: Vec<Value>,
}

impl Tally {
    pub(crate) fn begin(requests_max: u64) -> Tally {
        Tally { begun: Instant::now(), requests_max, counted: Arc::default() }
    }

    /// Takes one request from what is left of them.
    pub(crate) fn may_ask(&self) -> bool {
        let mut counted = self.counted();
        let may = counted.asked < self.requests_max;
        counted.asked += u64::from(may);
        may
    }

    pub(crate) fn connected(&self) {
        self.counted().connections += 1;
    }

    /// Counts a request that ended: with an answer, or with the kind of what went wrong.
    pub(crate) fn count(&self, took: Duration, what: &str, judged: Result<Value, String>) {
        let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut counted = self.counted();
        counted.took_us.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        match judged {
            Ok(body) => {
                if let Some(version) = body["version"].as_str() {
                    *counted.versions.entry(version.to_owned()).or_default() += 1;
                }
                if let Some(id) = body["id"].as_i64().filter(|_| what.starts_with("POST ")) {
                    counted.acknowledged += 1;
                    counted.last_id = counted.last_id.max(id);
                }
            }
            Err(kind) => {
                counted.failed += 1;
                if counted.told.len() < TOLD_MAX {
                    counted.told.push(json!({ "at_ms": at_ms, "asked": what, "kind": kind }));
                }
                *counted.by_kind.entry(kind).or_default() += 1;
            }
        }
    }

    pub(crate) fn failed(&self) -> u64 {
        self.counted().failed
    }

    pub(crate) fn report(&self) -> Value {
        let mut counted = self.counted();
        counted.took_us.sort_unstable();
        let at = |percent: usize| {
            let index = (counted.took_us.len() * percent / 100).min(counted.took_us.len().saturating_sub(1));
            counted.took_us.get(index).map(|took| f64::from(*took) / 1000.0)
        };
        json!({
            "requests": counted.took_us.len(),
            "failed": counted.failed,
            "by_kind": counted.by_kind,
            "p50_ms": at(50),
            "p99_ms": at(99),
            "worst_ms": at(100),
            "versions": counted.versions,
            "acknowledged": counted.acknowledged,
            "last_id": counted.last_id,
            "connections": counted.connections,
            "seconds": self.begun.elapsed().as_secs_f64(),
            "failures": counted.told,
        })
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.counted.lock().expect("no panic while counting")
    }
}
