//! Asks the services that signals are about, all at once, by the probe of deployments.

use std::collections::BTreeMap;

use nexus_xtask::doors::Doors;
use nexus_xtask::satellite::{self, SHIP};

use crate::deploy::protocol::{
    Expectation, Identity, Pointer, Probe, Probed, Probes, Request, State, Target, Until,
};
use crate::signals::config::Http;
use crate::signals::evaluate::Seen;
use crate::signals::execute::Sight;

/// What each service answers, once. A question that could not be asked is unknown for all.
pub(super) fn ask(doors: &Doors, wanted: &[(&str, &Http)]) -> Vec<Sight> {
    let request = Probe {
        targets: wanted.iter().map(|(name, http)| target(name, http)).collect(),
        interval_ms: 1,
        rounds_max: 1,
        until: Until::Rounds,
    };
    let probed: nexus_xtask::failure::Result<Vec<Probed>> =
        satellite::call(doors, SHIP, &Request::Probe(request), &[], |_| {});
    let (states, why) = match probed {
        Ok(probed) => {
            let states: BTreeMap<_, _> =
                probed.into_iter().map(|probed| (probed.target, probed.last.state)).collect();
            (states, "the probe said nothing".to_owned())
        }
        Err(failure) => (BTreeMap::new(), failure.in_one_line()),
    };
    let sight = |name: &str| states.get(name).map_or((Seen::Unknown, why.clone()), sight);
    wanted.iter().map(|(name, _)| sight(name)).collect()
}

fn sight(state: &State) -> Sight {
    match state {
        State::Ready { version: Some(version) } => (Seen::Up, format!("it answers as version {version}")),
        State::Ready { version: None } => (Seen::Up, "it answers as it must".into()),
        State::Down { fault } => (Seen::Down, fault.to_string()),
        State::Starting | State::Live | State::Started => {
            (Seen::Starting, "it says that it is not ready".into())
        }
        State::Unknown { fault } => (Seen::Unknown, fault.to_string()),
    }
}

fn target(name: &str, http: &Http) -> Target {
    let pointers = http.pointers.iter().map(|(pointer, value)| Pointer {
        pointer: pointer.clone(),
        equals: serde_json::Value::String(value.clone()),
    });
    let ready = Expectation {
        path: http.path.clone(),
        status: http.status.unwrap_or(200),
        content_type: Some(http.content_type.clone().unwrap_or_else(|| "application/json".into())),
        contains: http.contains.clone(),
        pointers: pointers.collect(),
    };
    let identity = http.version.as_ref().map(|version| Identity {
        path: version.path.clone(),
        pointer: version.pointer.clone(),
        wanted: version.wanted.clone(),
    });
    let timeout_ms = u64::try_from(http.limit().as_millis()).unwrap_or(u64::MAX);
    let probes = Probes { live: None, started: None, ready: Some(ready), identity, timeout_ms };
    Target { name: name.to_owned(), address: http.address.clone(), probes }
}
