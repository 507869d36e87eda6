//! Gathers what the gates are judged by, and asks them all.
//!
//! Nothing is decided here. Whatever goes wrong while gathering is evidence too: the question could not be asked, and the
//! gate stays shut.

mod history;
mod people;
mod programs;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::release::config::{self, Config};
use crate::release::facts::{self, Facts};
use crate::release::gates::bytes::{Reproduced, Tried};
use crate::release::gates::checks::{Forge, Journal, KIND, Known};
use crate::release::gates::config::{FILE, Gate, Source, parse};
use crate::release::gates::waits::{Drill, Events};
use crate::release::gates::{Asked, Case, Evidence, Verdict, approvals};
use crate::release::kept;
use crate::release::manifest::{self, Manifest, Seal};
use crate::release::plan::{Action, Plan};
use crate::release::protocol::{Check, Checks, Endpoints, Issue, Issues, Request};
use crate::release::units::{self, Unit};
use nexus_xtask::doors::Doors;
use nexus_xtask::failure::{Exit, Failure, Result};
use nexus_xtask::files;
use nexus_xtask::journal;
use nexus_xtask::satellite::{self, Message, SHIP};
use nexus_xtask::workspace::Workspace;

pub(crate) use people::{APPROVAL, SETTINGS, SETTINGS_REF, approvals_of};

/// The variable with the forge's token.
const TOKEN: &str = "GITHUB_TOKEN";

/// Where systems keep the rules of their time zones.
const ZONES: &str = "/usr/share/zoneinfo";

/// The gates of this workspace, by name.
pub(crate) fn gates(workspace: &Workspace) -> Result<BTreeMap<String, Gate>> {
    let text = files::read_text(&workspace.file(FILE))?.unwrap_or_default();
    let config = parse(&text).map_err(|findings| {
        let plural = if findings.len() == 1 { "" } else { "s" };
        Failure::found(Exit::Usage, format!("{FILE} has {} problem{plural}", findings.len()), findings)
    })?;
    Ok(config.gates)
}

/// All that gathering may look at.
struct World<'a> {
    doors: &'a Doors,
    config: Config,
    facts: Facts,
    units: Vec<Unit>,
    plan: &'a Plan,
    manifest: Option<&'a Manifest>,
}

impl World<'_> {
    fn seal(&self) -> Result<Seal> {
        let manifest = self
            .manifest
            .ok_or_else(|| Failure::refused("nothing is staged").next("cargo xtask release stage"))?;
        Ok(manifest::seal(self.plan, manifest))
    }
}

/// Who knows what the last run of a drill is worth: drills are no part of this domain.
pub(crate) type Drills<'a> = dyn Fn(&str) -> Result<Drill> + 'a;

/// Asks every gate about a plan, and about its staged files where there are any.
pub(crate) fn ask(
    doors: &Doors,
    plan: &Plan,
    manifest: Option<&Manifest>,
    drills: &Drills,
) -> Result<Vec<Asked>> {
    let gates = gates(&doors.workspace)?;
    let config = config::load(&doors.workspace)?;
    let facts = facts::gather(doors)?;
    let units = units::units(&config, &facts)
        .map_err(|findings| Failure::found(Exit::Usage, "this commit has no plan", findings))?;
    let world = World { doors, config, facts, units, plan, manifest };
    let mut asked = Vec::new();
    for (name, gate) in &gates {
        let evidence = match gate.needs_seal() && manifest.is_none() {
            true => Evidence::NoSeal,
            false => gather(&world, gate, drills).unwrap_or_else(|failure| unknown(&failure)),
        };
        // Asking can take long: each gate is judged by the time at which it was answered.
        let case = Case { plan, manifest, now: doors.clock.now() };
        asked.push(Asked::new(name, gate, &evidence, case));
    }
    for step in &plan.steps {
        if let Action::Gate { gate } = &step.action
            && !gates.contains_key(gate)
        {
            asked.push(Asked::unknown(gate));
        }
    }
    Ok(asked)
}

/// How long an approval of a stage counts at most.
const STAGE_APPROVAL_AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Why staged bytes may not be deployed to a stage that so many people must approve; none where they may.
pub(crate) fn not_approved(
    doors: &Doors,
    (plan, manifest): (&Plan, &Manifest),
    stage: &str,
    needed: u32,
) -> Result<Option<String>> {
    let config = config::load(&doors.workspace)?;
    let facts = facts::gather(doors)?;
    let units = units::units(&config, &facts)
        .map_err(|findings| Failure::found(Exit::Usage, "this commit has no plan", findings))?;
    let world = World { doors, config, facts, units, plan, manifest: Some(manifest) };
    let found = people::approvals(&world)?;
    let case = Case { plan, manifest: Some(manifest), now: doors.clock.now() };
    let answer = approvals::judge(&found, needed, Some(STAGE_APPROVAL_AGE_MAX), Some(stage), case);
    Ok((answer.verdict != Verdict::Pass).then(|| answer.evidence.join("; ")))
}

fn unknown(failure: &Failure) -> Evidence {
    let findings = failure.findings.iter().map(|finding| finding.problem.clone());
    let next = failure.next.iter().map(|next| format!("next: {next}"));
    let why = failure.why.iter().flat_map(|why| why.lines().take(3)).map(str::to_owned);
    Evidence::Unknown(
        std::iter::once(failure.problem.clone()).chain(why).chain(findings).chain(next).collect(),
    )
}

fn gather(world: &World, gate: &Gate, drills: &Drills) -> Result<Evidence> {
    let workspace = &world.doors.workspace;
    Ok(match gate {
        Gate::CleanTree => Evidence::Tree(history::tree(world)?),
        Gate::Branch => Evidence::Branch(history::branch(world)?),
        Gate::Version => Evidence::Versions(history::versions(world)?),
        Gate::Changelog => Evidence::Changelog(history::changelog(world)?),
        Gate::Ci { source, .. } => Evidence::Ci(checks(world, *source)?),
        Gate::Api { skip } => Evidence::Api(programs::api(world, skip)?),
        Gate::Policy { checks, .. } => Evidence::Policy(programs::policy(world, checks)?),
        Gate::Reproducible { .. } => Evidence::Reproduced(kept::read::<Reproduced>(
            workspace,
            &world.plan.digest(),
            kept::REPRODUCIBLE,
        )?),
        Gate::Smoke { .. } => {
            Evidence::Tried(kept::read::<Tried>(workspace, &world.plan.digest(), kept::SMOKE)?)
        }
        Gate::Approvals { .. } => Evidence::Approvals(people::approvals(world)?),
        Gate::Window { freezes } => {
            Evidence::Zones(freezes.iter().map(|freeze| zone(&freeze.zone)).collect())
        }
        Gate::Issues { label } => Evidence::Issues(issues(world, label)?),
        Gate::Soak { subject, .. } => Evidence::Events(events(world, subject)?),
        Gate::Drill { name } => Evidence::Drill(drills(name)?),
        Gate::GithubSettings { .. } => Evidence::Settings(people::settings(world)?),
        Gate::Command { command, timeout } => {
            Evidence::Ran(programs::command(world.doors, command, timeout)?)
        }
    })
}

fn checks(world: &World, source: Source) -> Result<Known> {
    let journal = match source {
        Source::Journal | Source::Either => {
            let report = journal::verify(&world.doors.workspace)?;
            let about = |line: &journal::Line| {
                line.entry.kind == KIND && line.entry.labels.get("commit") == Some(&world.plan.commit)
            };
            let lines = report.lines.into_iter().filter(about).collect();
            Some(Journal { broken: report.broken, lines })
        }
        Source::Github => None,
    };
    let knows =
        journal.as_ref().is_some_and(|journal| !journal.lines.is_empty() || !journal.broken.is_empty());
    let forge = match source {
        Source::Journal => None,
        Source::Either if knows || world.doors.environment.get(TOKEN).is_none() => None,
        Source::Either | Source::Github => {
            let (endpoints, repository) = (endpoints(world), world.plan.repository.clone());
            let commit = world.plan.commit.clone();
            let request = Request::Checks(Checks { endpoints, repository, commit });
            let checks: Vec<Check> = answer(world.doors, &request)?;
            Some(Forge { allowed: world.config.branches.clone(), checks })
        }
    };
    Ok(Known { journal, forge })
}

fn issues(world: &World, label: &str) -> Result<Vec<Issue>> {
    let (endpoints, repository) = (endpoints(world), world.plan.repository.clone());
    answer(world.doors, &Request::Issues(Issues { endpoints, repository, label: label.to_owned() }))
}

fn endpoints(world: &World) -> Endpoints {
    let forge = world.doors.environment.get("GITHUB_API_URL").unwrap_or(&world.config.forge.api);
    // A question to the forge needs no registry.
    Endpoints { forge: forge.trim_end_matches('/').to_owned(), registry: String::new(), trusted: false }
}

fn answer<T: serde::de::DeserializeOwned>(doors: &Doors, request: &Request) -> Result<Vec<T>> {
    satellite::call(doors, SHIP, request, &[TOKEN], |message| {
        if let Message::Note { text } = message {
            doors.terminal.talk(text);
        }
    })
}

fn events(world: &World, subject: &str) -> Result<Vec<Events>> {
    let report = journal::verify(&world.doors.workspace)?;
    let of_each = subject.contains("{version}");
    let subjects: Vec<_> = match of_each {
        true => {
            let releases = world.plan.releases.iter().filter(|release| !release.prerelease);
            releases.map(|release| subject.replace("{version}", &release.version.to_string())).collect()
        }
        false => vec![subject.to_owned()],
    };
    let events = |subject| Events { subject, broken: report.broken.clone(), lines: report.lines.clone() };
    Ok(subjects.into_iter().map(events).collect())
}

/// The rules of a time zone, by its name or as POSIX writes them.
fn zone(name: &str) -> std::result::Result<TimeZone, String> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    let is_name = name
        .split('/')
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-+".contains(c)));
    if is_name && let Ok(Some(rules)) = files::read(&Path::new(ZONES).join(name)) {
        return TimeZone::tzif(name, &rules).map_err(|error| error.to_string());
    }
    TimeZone::posix(name).map_err(|_| format!("this machine knows no time zone `{name}`"))
}
