//! What `deploy status --json` and the journal of a host say, as somebody outside reads it: nothing is taken from `deploy`.

use serde::Deserialize;

/// A host that gave an answer.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Observed {
    pub(super) confirmed: Option<String>,
    trial: Option<String>,
    armed: Option<serde_json::Value>,
    pub(super) running: Vec<Instance>,
}

/// A process of the service there.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Instance {
    pub(super) release: String,
    pub(super) serving: bool,
    pub(super) state: String,
    pub(super) restarts: u32,
}

/// A line of a host's journal.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Line {
    /// The word of the call.
    pub(super) step: String,
    /// `intent`, `done`, `failed`, `note`.
    pub(super) phase: String,
}

impl Observed {
    /// The release that it confirmed and serves alone; empty where it is not settled.
    pub(super) fn settled(&self) -> String {
        let confirmed = self.confirmed.clone().unwrap_or_default();
        let is_settled = self.trial.is_none() && self.armed.is_none();
        match self.running.as_slice() {
            [one] if is_settled && one.serving && one.release == confirmed => confirmed,
            _ => String::new(),
        }
    }

    /// Whether it runs nothing but what it confirmed; otherwise how it is.
    pub(super) fn only_confirmed(&self) -> Result<(), String> {
        let is_confirmed = |one: &Instance| Some(&one.release) == self.confirmed.as_ref();
        match self.running.iter().all(is_confirmed) && self.trial.is_none() {
            true => Ok(()),
            false => Err(format!("{:?} runs, {:?} is confirmed", self.running, self.confirmed)),
        }
    }

    /// The releases that serve.
    pub(super) fn serving(&self) -> impl Iterator<Item = &str> {
        self.running.iter().filter(|one| one.serving).map(|one| one.release.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_settled_when_it_serves_what_it_confirmed_and_nothing_is_half_done() {
        let check = |text: &str, settled: &str, is_confirmed: bool| {
            let host: Observed = serde_json::from_str(text).unwrap();
            assert_eq!(
                (host.settled().as_str(), host.only_confirmed().is_ok()),
                (settled, is_confirmed),
                "{text}"
            );
        };
        let one = r#"{"release":"a","serving":true,"state":"active","restarts":0}"#;
        let private = r#"{"release":"b","serving":false,"state":"active","restarts":0}"#;
        check(r#"{"confirmed":"a","trial":null,"armed":null,"running":[]}"#, "", true);
        check(&format!(r#"{{"confirmed":"a","trial":null,"armed":null,"running":[{one}]}}"#), "a", true);
        check(&format!(r#"{{"confirmed":"a","trial":null,"armed":{{}},"running":[{one}]}}"#), "", true);
        check(&format!(r#"{{"confirmed":"a","trial":"b","armed":null,"running":[{one}]}}"#), "", false);
        check(
            &format!(r#"{{"confirmed":"a","trial":null,"armed":null,"running":[{one},{private}]}}"#),
            "",
            false,
        );
        check(&format!(r#"{{"confirmed":null,"trial":null,"armed":null,"running":[{one}]}}"#), "", false);
    }
}
