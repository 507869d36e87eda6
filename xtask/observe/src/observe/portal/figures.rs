//! The five figures of delivery for each stage. They are computed once for each state of the journal and hour, not for each page.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use nexus_xtask_deliver::observe::dora::{self, Report};

use super::index::ask;
use super::site::{Place, Site};

/// How far back it is looked.
const WINDOW: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Events of deployments and incidents that are looked at, the newest: more are years of a team that deploys all day.
pub(crate) const EVENTS_MAX: usize = 5_000;

/// Stages that figures are made of.
const STAGES_MAX: usize = 20;

const HOUR_SECONDS: i64 = 3600;

/// The figures, and what they are of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) reports: Vec<Report>,
    /// True where older events were left out.
    pub(crate) is_cut: bool,
}

/// What was computed last, and from what: how many events there were, and until when it was looked.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<(u64, Timestamp, Arc<Figures>)>>);

impl Kept {
    /// The figures of these stages.
    pub(crate) fn figures(
        &self,
        asked: &Connection,
        site: &Site,
        stages: &[String],
    ) -> rusqlite::Result<Arc<Figures>> {
        let until = until(site);
        let events = ask::of_delivery(asked)?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, moment, figures)) = &*kept
            && (*known, *moment) == (events, until)
        {
            return Ok(Arc::clone(figures));
        }
        let (lines, is_cut) = ask::delivery(asked, EVENTS_MAX)?;
        let report = |stage: &String| dora::report(&lines, stage, WINDOW, until);
        let reports = stages.iter().take(STAGES_MAX).map(report).collect();
        let figures = Arc::new(Figures { reports, is_cut });
        *kept = Some((events, until, Arc::clone(&figures)));
        Ok(figures)
    }
}

/// A server looks from the end of this hour, so that what happened a moment ago counts and the figures stay for an hour.
fn until(site: &Site) -> Timestamp {
    match site.place {
        Place::Files => site.now,
        Place::Served => {
            let hours = site.now.as_second().div_euclid(HOUR_SECONDS) + 1;
            Timestamp::from_second(hours * HOUR_SECONDS).unwrap_or(site.now)
        }
    }
}
