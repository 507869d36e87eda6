//! Asks a service that a claim is about, by the probe of deployments.

use nexus_xtask::doors::Doors;
use nexus_xtask::satellite::{self, SHIP};

use crate::deploy::protocol::{Expectation, Pointer, Probe, Probed, Probes, Request, State, Target, Until};
use crate::truth::config;
use crate::truth::verdict::Verdict;

/// The limit of a question, in milliseconds.
const TIMEOUT: u64 = 5000;

/// What a service answers, once.
pub(super) fn ask(doors: &Doors, wanted: &config::Probe) -> (Verdict, String) {
    let pointers = wanted.pointers.iter().map(|(pointer, value)| Pointer {
        pointer: pointer.clone(),
        equals: serde_json::Value::String(value.clone()),
    });
    let expectation = Expectation {
        path: wanted.path.clone(),
        status: wanted.status.unwrap_or(200),
        content_type: Some(wanted.content_type.clone().unwrap_or_else(|| "application/json".into())),
        contains: wanted.contains.clone(),
        pointers: pointers.collect(),
    };
    let probes =
        Probes { live: None, started: None, ready: Some(expectation), identity: None, timeout_ms: TIMEOUT };
    let request = Probe {
        targets: vec![Target { name: "claim".into(), address: wanted.address.clone(), probes }],
        interval_ms: TIMEOUT,
        rounds_max: 1,
        until: Until::Rounds,
    };
    let probed: nexus_xtask::failure::Result<Vec<Probed>> =
        satellite::call(doors, SHIP, &Request::Probe(request), &[], |_| {});
    match probed.map(|probed| probed.into_iter().next()) {
        Err(failure) => (Verdict::Error, failure.in_one_line()),
        Ok(None) => (Verdict::Error, "the probe said nothing".into()),
        Ok(Some(probed)) => match probed.last.state {
            State::Ready { .. } => (Verdict::True, "it answered as expected".into()),
            State::Down { fault } => (Verdict::False, fault.to_string()),
            State::Starting | State::Live | State::Started => {
                (Verdict::False, "it says that it is not ready".into())
            }
            State::Unknown { fault } => (Verdict::NotAvailable, fault.to_string()),
        },
    }
}
