//! The portal: what the journal and the recordings say, as pages for people.
//!
//! facts (the index, which is made from journal and recordings) -> values -> pages. Served, or written as files; nothing here
//! changes anything but the index, which can be deleted.

mod site;
mod index;
mod logs;
mod render;
mod figures;
mod scraped;
mod serve;
mod export;

pub(crate) use self::export::export;
pub(crate) use self::serve::serve;

use rusqlite::Connection;

use nexus_xtask::doors::Doors;
use nexus_xtask::report::run::Run;
use nexus_xtask::{files, recording};

use self::index::{Index, ask};
use self::render::Frame;
use self::site::{Page, Place, Question, Site};

/// Runs on the first page.
const RUNS_SHOWN: usize = 8;

/// Logs that are looked through for a text.
const LOGS_SEARCHED: usize = 200;

/// What an asset is: its name, its type and its bytes.
pub(crate) const ASSETS: [(&str, &str, &str); 3] = [
    ("portal.css", "text/css; charset=utf-8", include_str!("portal/assets/portal.css")),
    ("portal.js", "text/javascript; charset=utf-8", include_str!("portal/assets/portal.js")),
    ("portal.svg", "image/svg+xml", include_str!("portal/assets/portal.svg")),
];

/// What all pages share.
fn site(doors: &Doors, index: &Index, place: Place) -> anyhow::Result<Site> {
    let totals = index.ask(ask::totals)?;
    // Files have no time of their own: the same journal gives the same bytes.
    let now = match place {
        Place::Served => doors.clock.now(),
        Place::Files => totals.newest.unwrap_or_default(),
    };
    Ok(Site { name: name(doors)?, place, now, totals, version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// What the workspace calls itself: the end of its repository's address, else its folder.
fn name(doors: &Doors) -> anyhow::Result<String> {
    let manifest = files::read_text(&doors.workspace.file("Cargo.toml"))?.unwrap_or_default();
    let address = manifest.lines().find_map(|line| line.strip_prefix("repository = \"")?.strip_suffix('"'));
    let named = address.and_then(|address| address.trim_end_matches('/').rsplit('/').next());
    let folder = doors.workspace.root().file_name().unwrap_or_default().to_string_lossy();
    Ok(named.map_or_else(|| folder.into_owned(), str::to_owned))
}

/// A page; `None` where there is none like it.
fn page(
    doors: &Doors,
    index: &Index,
    site: &Site,
    here: &Page,
    question: &Question,
) -> anyhow::Result<Option<String>> {
    let frame = Frame { site, here };
    let before = question.before.as_ref();
    let text = match here {
        Page::Overview => render::overview(frame, &index.ask(overview)?),
        Page::Pipelines => render::pipelines(frame, &index.ask(pipelines)?),
        Page::Deployments => render::deployments(frame, &index.ask(|asked| deployments(asked, before))?),
        Page::Health => {
            let values = index.ask(|asked| {
                let signals = ask::current(asked, SIGNAL)?;
                Ok(render::Health { signals, history: ask::history(asked, "signal", before)? })
            })?;
            render::health(frame, &values)
        }
        Page::Alerts => {
            let values = index.ask(|asked| {
                let signals = ask::current(asked, SIGNAL)?;
                let incidents = ask::history(asked, "incident", None)?.lines;
                Ok(render::Alerts { signals, history: ask::history(asked, "alert", before)?, incidents })
            })?;
            render::alerts(frame, &values)
        }
        Page::Resilience => {
            let values = index.ask(|asked| {
                let backups = ask::newest(asked, "backup.")?;
                let drills = ask::newest(asked, "drill.")?;
                Ok(render::Resilience { backups, drills, history: ask::history(asked, "backup", before)? })
            })?;
            render::resilience(frame, &values)
        }
        Page::Truth => {
            let declared = doors.workspace.declared("truth").is_file();
            let values = index.ask(|asked| {
                let claims = ask::current(asked, CLAIM)?;
                Ok(render::Truth { claims, history: ask::history(asked, "claim", before)?, declared })
            })?;
            render::truth(frame, &values)
        }
        Page::Delivery => render::delivery(frame, &index.ask(|asked| delivery(asked, index, site))?),
        Page::Logs => render::logs(frame, &logs::all(doors, index, question)?, question),
        Page::Run(name) => return run(doors, frame, name),
        Page::Log(name, place) => {
            let Some(log) = logs::one(doors, name, *place, question)? else { return Ok(None) };
            render::log(frame, &log, question)
        }
        Page::Missing(_) => return Ok(None),
    };
    Ok(Some(text))
}

/// The kind of event that tells the state of a signal.
const SIGNAL: &str = "signal.changed";

/// The kind of event that tells the level of a claim.
const CLAIM: &str = "claim.level";

fn overview(asked: &Connection) -> rusqlite::Result<render::Overview> {
    let lines = |kind: &str| -> rusqlite::Result<Vec<_>> {
        Ok(ask::newest(asked, kind)?.into_iter().map(|newest| newest.line).collect())
    };
    let mut drills = lines("drill.")?;
    drills.retain(|line| !line.entry.kind.ends_with(".failed"));
    Ok(render::Overview {
        runs: ask::runs(asked, RUNS_SHOWN)?,
        stages: render::Stage::all(
            &ask::newest(asked, "deploy.begun")?,
            &ask::newest(asked, "deploy.ended")?,
        ),
        signals: ask::current(asked, SIGNAL)?,
        backups: lines("backup.create")?,
        drills,
        claims: ask::current(asked, CLAIM)?,
        broken: ask::broken(asked)?,
    })
}

fn pipelines(asked: &Connection) -> rusqlite::Result<render::Pipelines> {
    let results = ask::newest(asked, "ci.run")?;
    Ok(render::Pipelines {
        runs: ask::runs(asked, ask::ROWS_MAX)?,
        steps: ask::steps(asked)?,
        results: results.into_iter().map(|newest| (newest.line.entry.subject, newest.count)).collect(),
    })
}

fn deployments(asked: &Connection, before: Option<&ask::Cursor>) -> rusqlite::Result<render::Deployments> {
    Ok(render::Deployments {
        stages: render::Stage::all(
            &ask::newest(asked, "deploy.begun")?,
            &ask::newest(asked, "deploy.ended")?,
        ),
        releases: ask::newest_by_time(asked, "release.published")?,
        history: ask::history(asked, "deploy", before)?,
    })
}

fn delivery(asked: &Connection, index: &Index, site: &Site) -> rusqlite::Result<render::Delivery> {
    let ended = ask::newest(asked, "deploy.ended")?;
    let stages = render::Stage::all(&ask::newest(asked, "deploy.begun")?, &ended);
    let names: Vec<_> = stages.iter().map(|stage| stage.name.clone()).collect();
    Ok(render::Delivery {
        figures: index.figures.figures(asked, site, &names)?,
        stages: stages.len(),
        ended,
        releases: ask::counted(asked, "release.published")?,
    })
}

fn run(doors: &Doors, frame: Frame<'_>, name: &str) -> anyhow::Result<Option<String>> {
    if !doors.workspace.run(name).join("events.jsonl").is_file() {
        return Ok(None);
    }
    Ok(Some(match recording::read(&doors.workspace, name) {
        Ok(events) => render::run(frame, name, &Run::of(&events)),
        Err(failure) => render::missing(frame, "This recording cannot be read", &failure.in_one_line()),
    }))
}
