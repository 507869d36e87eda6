//! How delivery goes, in the five figures of DORA (<https://dora.dev/guides/dora-metrics/>), for one stage and one span of
//! time. Pure: the same lines of the journal and the same moment give the same figures.
//!
//! - A deployment is a release that came to the stage and changed what serves: what was refused, found the stage busy, or
//!   found all done is none. A way back is none either: it is how a deployment turned out.
//! - A deployment failed when the toolkit took it back or stopped, when people went back from it, when an incident names
//!   it, or when a later commit does (`Caused-by: DEPLOYMENT`). Nothing else links: what merely came before an incident is
//!   a guess, shown apart and never counted.
//! - Each figure has the events that it counted, and the share of what it cannot know. Below a sample of `SAMPLE_MIN`
//!   nothing is said about it, nor where more than half is unknown; above, it is held against the span before.
//!
//! To change what is an event or a link: `history.rs`.

pub mod history;
pub mod render;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use history::{Deployment, End, History, Incident, Place, Way, named};
use nexus_xtask::journal::Line;

/// The version of what `dora --json` prints.
pub const VERSION: u32 = 1;

/// Below this many, nothing is said about a figure.
pub const SAMPLE_MIN: usize = 5;

/// Above this share of what is not known, nothing is said about a figure.
const UNKNOWN_SHARE_MAX: f64 = 0.5;

/// Figures that differ by less than this factor are about the same.
const SAME_FACTOR: f64 = 1.1;

const DAY_SECONDS: f64 = 86_400.0;

/// The figures of a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The version of the format.
    pub version: u32,
    /// The stage.
    pub stage: String,
    /// From when on; what happened at this very moment is not in it.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// When the journal begins; a rate is over the time since then, where that is later than `from`.
    pub since: Option<Timestamp>,
    /// The five figures.
    pub figures: Vec<Figure>,
    /// The deployments and ways back that ended in this span, the oldest first.
    pub deployments: Vec<Deployment>,
    /// Those of them that failed.
    pub failures: Vec<Failure>,
    /// Incidents that no link explains.
    pub guesses: Vec<Guess>,
    /// Links that lead to no deployment of this journal.
    pub lost_links: Vec<String>,
}

/// What a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// From the commit of a change until it is on every host; the median.
    ChangeLeadTime,
    /// Deployments each day.
    DeploymentFrequency,
    /// From the failure until the stage was well again; the median.
    FailedDeploymentRecoveryTime,
    /// The share of deployments that failed.
    ChangeFailRate,
    /// The share of deployments that another one made necessary.
    DeploymentReworkRate,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What it is about.
    pub name: Name,
    /// Seconds, deployments each day, or a share of 1; none where there is nothing to count.
    pub value: Option<f64>,
    /// How many it is made of: changes for the lead time, recoveries for the recovery time, else deployments.
    pub n: usize,
    /// How many deployments should have been counted and could not be.
    pub unknown: usize,
    /// Their share of all that should have been counted.
    pub unknown_share: f64,
    /// What may be said about it.
    pub judgement: Judgement,
    /// The events that it counted.
    pub events: Vec<Place>,
}

/// What may be said about a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// The sample is too small.
    TooFew,
    /// Too much is unknown.
    TooLittleKnown,
    /// There is nothing to hold it against: the journal does not reach back that far, or holds too little.
    NothingBefore,
    /// Better than in the span before.
    Better,
    /// About as in the span before.
    Same,
    /// Worse than in the span before.
    Worse,
}

/// A deployment that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// The deployment.
    pub deployment: String,
    /// How that is known, in the order in which it counts.
    pub causes: Vec<Cause>,
    /// Since when the stage was not well, as far as that is known: when the incident was opened; else when the deployment
    /// was on every host; else when it began.
    pub since: Timestamp,
    /// Until when; none while it goes on.
    pub until: Option<Timestamp>,
    /// The events that say so.
    pub events: Vec<Place>,
}

/// How a failure is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An incident names it.
    Incident(String),
    /// The toolkit took it back, or stopped.
    OwnEnd(End),
    /// People went back from it by this way back.
    WentBack(String),
    /// A commit of this deployment names it.
    Hotfix(String),
}

/// An incident that no link explains, and what was deployed last before it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guess {
    /// The incident.
    pub incident: String,
    /// The last deployment that succeeded before it.
    pub deployment: Option<String>,
}

/// The figures at a moment, over the time before.
pub fn report(lines: &[Line], stage: &str, window: SignedDuration, until: Timestamp) -> Report {
    let from = until - window;
    let history = history::fold(lines, until);
    let mut view = View::of(&history, stage, from, until);
    let mut figures = view.figures();
    let earlier = history::fold(lines, from);
    let has_earlier = history.since.is_some_and(|since| since <= from - window);
    let before = has_earlier.then(|| View::of(&earlier, stage, from - window, from).figures());
    for (place, figure) in figures.iter_mut().enumerate() {
        figure.judgement = judge(figure, before.as_ref().and_then(|figures| figures.get(place)));
    }
    Report {
        version: VERSION,
        stage: stage.to_owned(),
        from,
        until,
        since: history.since,
        figures,
        deployments: view.all().cloned().collect(),
        failures: std::mem::take(&mut view.failures),
        guesses: view.guesses(),
        lost_links: lost_links(&history),
    }
}

/// What may be said: nothing of a small sample, and else nothing but how it was before.
fn judge(figure: &Figure, before: Option<&Figure>) -> Judgement {
    let speaks = |figure: &Figure| figure.n >= SAMPLE_MIN && figure.unknown_share <= UNKNOWN_SHARE_MAX;
    if figure.n < SAMPLE_MIN {
        return Judgement::TooFew;
    }
    if !speaks(figure) {
        return Judgement::TooLittleKnown;
    }
    let before = before.filter(|before| speaks(before)).and_then(|before| before.value);
    let (Some(now), Some(before)) = (figure.value, before) else { return Judgement::NothingBefore };
    let (low, high) = if now < before { (now, before) } else { (before, now) };
    if high <= low * SAME_FACTOR {
        return Judgement::Same;
    }
    match (now > before) == (figure.name == Name::DeploymentFrequency) {
        true => Judgement::Better,
        false => Judgement::Worse,
    }
}

/// One stage in one span of time.
struct View<'a> {
    history: &'a History,
    stage: &'a str,
    from: Timestamp,
    until: Timestamp,
    failures: Vec<Failure>,
}

impl<'a> View<'a> {
    fn of(history: &'a History, stage: &'a str, from: Timestamp, until: Timestamp) -> View<'a> {
        let mut view = View { history, stage, from, until, failures: Vec::new() };
        view.failures = view.forward().filter_map(|one| view.failure(one)).collect();
        view
    }

    /// Everything on the stage that ended, or at least began, in this span.
    fn all(&self) -> impl Iterator<Item = &'a Deployment> {
        let (from, until) = (self.from, self.until);
        self.on_stage().filter(move |one| one.at() > from && one.at() <= until)
    }

    fn on_stage(&self) -> impl DoubleEndedIterator<Item = &'a Deployment> {
        let stage = self.stage;
        self.history.deployments.iter().filter(move |one| one.stage == stage)
    }

    /// Deployments of this span, whatever became of them.
    fn forward(&self) -> impl Iterator<Item = &'a Deployment> {
        self.all().filter(|one| one.way == Way::Forward)
    }

    /// How many of them nobody knows the end of.
    fn without_end(&self) -> usize {
        self.forward().filter(|one| one.end == End::Unknown).count()
    }

    fn incidents(&self) -> impl Iterator<Item = &'a Incident> {
        let stage = self.stage;
        self.history.incidents.iter().filter(move |one| one.stage == stage)
    }

    /// Why a deployment failed, and until when; none where nothing says that it did.
    fn failure(&self, deployment: &Deployment) -> Option<Failure> {
        let mut failure = Failure {
            deployment: deployment.id.clone(),
            causes: Vec::new(),
            since: deployment.at(),
            until: None,
            events: deployment.events.last().cloned().into_iter().collect(),
        };
        let is_it = |link: &String, seen| {
            named(&self.history.deployments, link, seen).is_some_and(|one| std::ptr::eq(one, deployment))
        };
        let own: Vec<&Incident> =
            self.incidents().filter(|one| one.caused_by.iter().any(|link| is_it(link, one.opened))).collect();
        let later: Vec<&Deployment> = self.on_stage().filter(|one| one.at() > deployment.at()).collect();
        let fixes: Vec<&Deployment> = (self.history.deployments.iter())
            .filter(|one| one.way == Way::Forward && one.end != End::Unknown)
            .filter(|one| one.caused_by.iter().any(|link| is_it(link, one.begun.unwrap_or(one.at()))))
            .collect();
        let leaves_it = |one: &&Deployment| self.left(one).is_some_and(|left| std::ptr::eq(left, deployment));
        let went_back = later.iter().copied().find(leaves_it);
        failure.causes.extend(own.iter().map(|one| Cause::Incident(one.id.clone())));
        failure.causes.extend(deployment.end.is_failure().then_some(Cause::OwnEnd(deployment.end)));
        failure.causes.extend(went_back.map(|one| Cause::WentBack(one.id.clone())));
        failure.causes.extend(fixes.iter().map(|one| Cause::Hotfix(one.id.clone())));
        failure.events.extend(own.iter().flat_map(|one| one.events.clone()));
        failure.events.extend(
            went_back.into_iter().chain(fixes.iter().copied()).filter_map(|one| one.events.last().cloned()),
        );

        let is_here = |one: &&&Deployment| one.stage == self.stage && one.came();
        (failure.since, failure.until) = match failure.causes.first()? {
            Cause::Incident(_) => (
                own.iter().map(|one| one.opened).min()?,
                // One that goes on is the last.
                own.iter()
                    .map(|one| one.closed)
                    .collect::<Option<Vec<_>>>()
                    .and_then(|all| all.into_iter().max()),
            ),
            Cause::OwnEnd(End::RolledBack) => (deployment.begun.unwrap_or(deployment.at()), deployment.ended),
            Cause::OwnEnd(_) => (
                deployment.begun.unwrap_or(deployment.at()),
                later.iter().find(|one| one.end == End::Succeeded).map(|one| one.at()),
            ),
            Cause::WentBack(_) => (deployment.at(), went_back.map(Deployment::at)),
            Cause::Hotfix(_) => (deployment.at(), fixes.iter().find(is_here).map(|one| one.at())),
        };
        Some(failure)
    }

    /// The deployment that a way back left.
    fn left(&self, back: &Deployment) -> Option<&'a Deployment> {
        if back.way != Way::Back || back.end != End::Succeeded {
            return None;
        }
        let before: Vec<&Deployment> = self.on_stage().filter(|one| one.at() < back.at()).collect();
        let stays = |one: &&&Deployment| one.end != End::Unknown && one.end != End::RolledBack;
        let release = match (&back.before, before.iter().rev().find(stays)) {
            (Some(release), _) => release,
            // It mended what stopped half-way, and says nothing about the release before that.
            (None, Some(last)) if !last.end.is_failure() => &last.release,
            (None, _) => return None,
        };
        before.into_iter().rev().find(|one| one.came() && one.release == *release)
    }

    fn figures(&self) -> Vec<Figure> {
        vec![self.lead_time(), self.frequency(), self.recovery(), self.fail_rate(), self.rework()]
    }

    fn lead_time(&self) -> Figure {
        let came: Vec<&Deployment> = self.forward().filter(|one| one.came()).collect();
        let mut seconds = Vec::new();
        let mut events = Vec::new();
        let mut known = 0;
        for one in &came {
            let (Some(changes), Some(ended)) = (&one.changes, one.ended) else { continue };
            known += 1;
            if !changes.is_empty() {
                seconds.extend(changes.iter().map(|at| (ended.as_second() - at).max(0) as f64));
                events.extend(last_event(one));
            }
        }
        let n = seconds.len();
        figure(Name::ChangeLeadTime, median(seconds), n, (came.len() - known, came.len()), events)
    }

    fn frequency(&self) -> Figure {
        let came: Vec<&Deployment> = self.forward().filter(|one| one.came()).collect();
        let from = self.history.since.map_or(self.from, |since| since.max(self.from));
        // Three on the first day are not three each day for ever, but they were not more than that either.
        let days = (self.until.duration_since(from).as_secs_f64() / DAY_SECONDS).max(1.0);
        let value = self.history.since.map(|_| came.len() as f64 / days);
        let unknown = self.without_end();
        let events = came.iter().copied().flat_map(last_event).collect();
        figure(Name::DeploymentFrequency, value, came.len(), (unknown, came.len() + unknown), events)
    }

    fn recovery(&self) -> Figure {
        let mut seconds = Vec::new();
        let mut events = Vec::new();
        for failure in &self.failures {
            if let Some(until) = failure.until {
                seconds.push(until.duration_since(failure.since).as_secs_f64().max(0.0));
                events.extend(failure.events.clone());
            }
        }
        let n = seconds.len();
        let unknown = (self.failures.len() - n, self.failures.len());
        figure(Name::FailedDeploymentRecoveryTime, median(seconds), n, unknown, events)
    }

    fn fail_rate(&self) -> Figure {
        let ended: Vec<&Deployment> = self.forward().filter(|one| one.end != End::Unknown).collect();
        let unknown = self.without_end();
        let mut events: Vec<Place> = ended.iter().copied().flat_map(last_event).collect();
        for place in self.failures.iter().flat_map(|failure| &failure.events) {
            if !events.contains(place) {
                events.push(place.clone());
            }
        }
        let value = share(self.failures.len(), ended.len());
        figure(Name::ChangeFailRate, value, ended.len(), (unknown, ended.len() + unknown), events)
    }

    fn rework(&self) -> Figure {
        let came: Vec<&Deployment> = self.forward().filter(|one| one.came()).collect();
        // Whose changes are not known may have been anything.
        let known: Vec<&Deployment> = came.iter().copied().filter(|one| one.changes.is_some()).collect();
        let again = known.iter().filter(|one| !one.caused_by.is_empty()).count();
        let unknown = (came.len() - known.len(), came.len());
        let events = known.iter().copied().flat_map(last_event).collect();
        figure(Name::DeploymentReworkRate, share(again, known.len()), known.len(), unknown, events)
    }

    /// Incidents of this span that nobody linked.
    fn guesses(&self) -> Vec<Guess> {
        let alone = self.incidents().filter(|one| one.caused_by.is_empty());
        let alone = alone.filter(|one| one.opened > self.from && one.opened <= self.until);
        alone
            .map(|one| Guess {
                incident: one.id.clone(),
                deployment: guess(self.history, one).map(|one| one.id.clone()),
            })
            .collect()
    }
}

/// What was deployed last before an incident, and stayed.
pub fn guess<'a>(history: &'a History, incident: &Incident) -> Option<&'a Deployment> {
    let is_before =
        |one: &&Deployment| one.came() && one.stage == incident.stage && one.at() <= incident.opened;
    history.deployments.iter().rfind(is_before)
}

fn lost_links(history: &History) -> Vec<String> {
    let of_incidents = history.incidents.iter().flat_map(|one| &one.caused_by);
    let of_deployments = history.deployments.iter().flat_map(|one| &one.caused_by);
    let is_lost = |link: &&String| !history.deployments.iter().any(|one| one.is_named(link));
    let mut lost: Vec<String> = of_incidents.chain(of_deployments).filter(is_lost).cloned().collect();
    lost.sort();
    lost.dedup();
    lost
}

fn last_event(deployment: &Deployment) -> Option<Place> {
    deployment.events.last().cloned()
}

fn figure(
    name: Name,
    value: Option<f64>,
    n: usize,
    (unknown, all): (usize, usize),
    events: Vec<Place>,
) -> Figure {
    let unknown_share = share(unknown, all).unwrap_or_default();
    Figure { name, value, n, unknown, unknown_share, judgement: Judgement::TooFew, events }
}

fn share(some: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}

/// The middle, or the mean of the two middle ones.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (half, last) = (values.len() / 2, values.len().checked_sub(1)?);
    Some((values[half] + values[last - half]) / 2.0)
}

#[cfg(test)]
mod tests;
