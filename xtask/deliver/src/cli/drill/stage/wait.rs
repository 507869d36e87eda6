//! What a drill waits for. Each wait has a limit, and says at the limit how it was instead.

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_xtask::clock::Started;

use super::ground::{Found, Ground, milliseconds};
use crate::deploy::contract::{Door, HostName, Instance, Lease, Observed, ReleaseId, Trouble};
use crate::deploy::plan::HostFacts;
use crate::deploy::{execute, facts};

/// From one look at hosts to the next.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Ground<'_> {
    /// How every host is now.
    pub(super) fn look(&self) -> Found {
        let stage = self.config.stages.get(&self.drill().stage);
        stage.map(|stage| facts::look(self.driver.as_ref(), stage)).unwrap_or_default()
    }

    /// Waits until the service is ready at its address and is this release.
    pub(super) fn until_ready(
        &self,
        host: &HostName,
        release: &ReleaseId,
        begun: Started,
        limit: Duration,
    ) -> Result<Duration, String> {
        loop {
            let (doors, config) = (self.doors, &self.config);
            let how = execute::until_ready(doors, config, self.driver.as_ref(), host, Door::Public, release);
            match how {
                Ok(()) => return Ok(begun.elapsed()),
                Err(why) if begun.elapsed() > limit => return Err(format!("{}: {why}", host.0)),
                Err(_) => std::thread::park_timeout(LOOK_EVERY),
            }
        }
    }

    /// Waits until this holds on every host, and returns the milliseconds since the begin.
    pub(super) fn until(
        &self,
        begun: Started,
        limit: Duration,
        holds: impl Fn(&Observed) -> bool,
    ) -> Result<u64, String> {
        loop {
            let hosts = self.look();
            let took = begun.elapsed();
            let how = |(host, found): (&HostName, &Result<_, Trouble>)| match found {
                Ok(HostFacts { observed, .. }) if holds(observed) => None,
                Ok(_) => Some(host.0.clone()),
                Err(trouble) => Some(format!("{} ({trouble})", host.0)),
            };
            let not: Vec<_> = hosts.iter().filter_map(how).collect();
            if not.is_empty() {
                return Ok(milliseconds(took));
            }
            if took > limit {
                return Err(format!("after {} s not yet: {}", took.as_secs(), not.join(", ")));
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// Waits until every host is ready with this release, and has nothing else.
    pub(super) fn until_all_serve(
        &self,
        release: &str,
        begun: Started,
        limit: Duration,
    ) -> Result<u64, String> {
        let is_it = |one: &Instance| one.serving && one.state == "active" && one.release.0 == release;
        let serves = |observed: &Observed| !observed.running.is_empty() && observed.running.iter().all(is_it);
        self.until(begun, limit, serves)?;
        for (host, _) in self.confirmed() {
            self.until_ready(&host, &ReleaseId(release.to_owned()), begun, limit)?;
        }
        Ok(milliseconds(begun.elapsed()))
    }

    /// Waits until a release is on trial somewhere, and says where; nowhere where it was over before.
    pub(super) fn until_on_trial(
        &self,
        release: &str,
        mut is_over: impl FnMut() -> bool,
    ) -> BTreeMap<HostName, Observed> {
        loop {
            let is_last = is_over();
            let mut on_trial = BTreeMap::new();
            for (host, found) in self.look() {
                if let Ok(facts) = found
                    && facts.observed.trial.as_ref().is_some_and(|trial| trial.0 == release)
                {
                    on_trial.insert(host, facts.observed);
                }
            }
            if is_last || !on_trial.is_empty() {
                return on_trial;
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// Waits until the lock of a host can be taken, and returns it with the milliseconds since the begin.
    pub(super) fn until_locked(
        &self,
        host: &HostName,
        begun: Started,
        limit: Duration,
    ) -> Result<(Box<dyn Lease>, u64), String> {
        loop {
            match self.lock(host) {
                Ok(lease) => return Ok((lease, milliseconds(begun.elapsed()))),
                Err(trouble) if begun.elapsed() > limit => return Err(trouble.to_string()),
                Err(_) => std::thread::park_timeout(LOOK_EVERY),
            }
        }
    }
}
