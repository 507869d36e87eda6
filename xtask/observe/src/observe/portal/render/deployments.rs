//! Releases, and what was deployed where.

use std::collections::BTreeMap;

use maud::{Markup, html};

use nexus_xtask::journal::Line;

use super::Frame;
use super::parts::{Tone, badge, count, nothing, older, short, table, toned, when};
use crate::observe::portal::index::ask::{self, Newest};

/// What the page says.
#[derive(Debug)]
pub(crate) struct Deployments {
    pub(crate) stages: Vec<Stage>,
    pub(crate) releases: Vec<Newest>,
    pub(crate) history: ask::Page,
}

/// A stage, as its deployments tell of it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) name: String,
    /// What was brought there last, with success.
    pub(crate) live: Option<Line>,
    /// How the last one ended.
    pub(crate) last: Option<Line>,
    /// One that began after the last end: it goes on, or somebody was killed.
    pub(crate) open: Option<Line>,
    pub(crate) ended: u64,
    pub(crate) succeeded: u64,
}

impl Stage {
    /// Every stage, from the newest of each outcome.
    pub(crate) fn all(begun: &[Newest], ended: &[Newest]) -> Vec<Stage> {
        let mut stages: BTreeMap<&str, Stage> = BTreeMap::new();
        let subjects = begun.iter().chain(ended).map(|newest| newest.line.entry.subject.as_str());
        for name in subjects {
            let stage =
                Stage { name: name.to_owned(), live: None, last: None, open: None, ended: 0, succeeded: 0 };
            stages.insert(name, stage);
        }
        for newest in ended {
            let Some(stage) = stages.get_mut(newest.line.entry.subject.as_str()) else { continue };
            stage.ended += newest.count;
            if is_success(&newest.word) {
                stage.succeeded += newest.count;
                keep(&mut stage.live, &newest.line);
            }
            keep(&mut stage.last, &newest.line);
        }
        for newest in begun {
            let Some(stage) = stages.get_mut(newest.line.entry.subject.as_str()) else { continue };
            if stage.last.as_ref().is_none_or(|last| order(last) < order(&newest.line)) {
                keep(&mut stage.open, &newest.line);
            }
        }
        stages.into_values().collect()
    }
}

fn keep(place: &mut Option<Line>, line: &Line) {
    if place.as_ref().is_none_or(|kept| order(kept) < order(line)) {
        *place = Some(line.clone());
    }
}

/// As the index orders events.
fn order(line: &Line) -> (i64, &str, u64) {
    (line.ts.as_millisecond(), &line.writer, line.seq)
}

fn is_success(outcome: &str) -> bool {
    matches!(outcome, "Succeeded" | "Already")
}

pub(crate) fn label<'a>(line: &'a Line, name: &str) -> &'a str {
    line.entry.labels.get(name).map_or("", String::as_str)
}

/// The page.
pub(crate) fn deployments(frame: Frame<'_>, values: &Deployments) -> String {
    let body = html! {
        section aria-labelledby="stages" {
            h2 #stages { "Stages" }
            (stages(frame, &values.stages))
        }
        section aria-labelledby="history" {
            h2 #history { "History" }
            (history(frame, &values.history))
        }
        section aria-labelledby="releases" {
            h2 #releases { "Releases" }
            (releases(frame, &values.releases))
        }
    };
    frame.document("Deployments", &body)
}

/// What is where, by what deployments said.
pub(super) fn stages(frame: Frame<'_>, stages: &[Stage]) -> Markup {
    if stages.is_empty() {
        return nothing("Nothing was deployed from here yet.", "cargo xtask deploy plan --to STAGE");
    }
    let now = frame.site.now;
    let rows: Vec<_> = stages
        .iter()
        .map(|stage| {
            let live = stage.live.as_ref();
            let last = stage.last.as_ref();
            vec![
                html! { (short(&stage.name, 40)) },
                html! { @if let Some(live) = live { code { (short(label(live, "release"), 48)) } } @else { "nothing yet" } },
                html! { @if let Some(live) = live { (when(live.ts, now)) } },
                html! {
                    @if stage.open.is_some() { (toned(Tone::Careful, "began, end not known")) }
                    @else if let Some(last) = last { (badge(label(last, "outcome"))) }
                },
                html! { (stage.succeeded) " of " (stage.ended) },
            ]
        })
        .collect();
    html! {
        (table("What deployments brought where", &["Stage", "Release", "Since", "Last", "Succeeded"], &rows))
        p.note { "This is what deployments said, on this machine. What serves now is asked of the hosts: " code { "cargo xtask deploy status" } }
    }
}

fn history(frame: Frame<'_>, page: &ask::Page) -> Markup {
    if page.lines.is_empty() {
        return nothing("No deployment is recorded here.", "");
    }
    let now = frame.site.now;
    let rows: Vec<_> = page
        .lines
        .iter()
        .map(|line| {
            let what = line.entry.kind.rsplit('.').next().unwrap_or_default();
            let outcome = label(line, "outcome");
            vec![
                when(line.ts, now),
                html! { (short(&line.entry.subject, 40)) },
                html! { @if outcome.is_empty() { (toned(Tone::Quiet, what)) } @else { (badge(outcome)) } },
                html! { (short(label(line, "way"), 20)) },
                html! { code { (short(label(line, "release"), 48)) } },
            ]
        })
        .collect();
    html! {
        (table("Deployments, the newest first", &["When", "Stage", "Outcome", "Way", "Release"], &rows))
        (older(frame, page.older.as_ref()))
    }
}

fn releases(frame: Frame<'_>, releases: &[Newest]) -> Markup {
    if releases.is_empty() {
        return nothing("Nothing was released from here yet.", "cargo xtask release propose");
    }
    let now = frame.site.now;
    let rows: Vec<_> = releases
        .iter()
        .map(|newest| {
            let line = &newest.line;
            vec![
                html! { (short(&line.entry.subject, 60)) },
                html! { (short(label(line, "version"), 30)) },
                when(line.ts, now),
                super::parts::commit(label(line, "commit")),
                html! { code { (short(label(line, "seal"), 18)) } },
            ]
        })
        .collect();
    let head = ["Tag", "Version", "Published", "Commit", "Seal"];
    html! {
        p.note { (count(releases.len() as u64, "release")) " shown." }
        (table("Published releases, the newest first", &head, &rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(stage: &str, word: &str, second: i64, count: u64) -> Newest {
        let text = format!(
            r#"{{"v":1,"writer":"w","seq":{second},"ts":"1970-01-01T00:00:{second:02}Z","kind":"k","subject":"{stage}","prev":""}}"#
        );
        Newest { word: word.into(), count, line: serde_json::from_str(&text).unwrap() }
    }

    #[track_caller]
    fn check(begun: &[Newest], ended: &[Newest], expected: &str) {
        let second = |line: &Option<Line>| line.as_ref().map_or(-1, |line| line.ts.as_second());
        let told = Stage::all(begun, ended).into_iter().map(|stage| {
            let Stage { name, live, last, open, ended, succeeded } = &stage;
            format!(
                "{name} live {} last {} open {} {succeeded}/{ended}",
                second(live),
                second(last),
                second(open)
            )
        });
        assert_eq!(told.collect::<Vec<_>>().join("; "), expected);
    }

    #[test]
    fn a_stage_is_what_its_newest_deployments_say() {
        check(&[], &[], "");
        check(&[newest("s", "", 1, 1)], &[], "s live -1 last -1 open 1 0/0");
        let failed_last = [newest("s", "RolledBack", 5, 2), newest("s", "Succeeded", 3, 4)];
        check(&[newest("s", "", 4, 6)], &failed_last, "s live 3 last 5 open -1 4/6");
        check(&[newest("s", "", 6, 7)], &failed_last, "s live 3 last 5 open 6 4/6");
        let same = [newest("s", "Already", 4, 1), newest("s", "Succeeded", 3, 1)];
        check(&[], &same, "s live 4 last 4 open -1 2/2");
    }
}
