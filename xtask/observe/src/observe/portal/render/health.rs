//! The state of signals and its history; and those that somebody should look at.

use maud::{Markup, html};

use nexus_xtask::journal::Line;

use super::Frame;
use super::deployments::label;
use super::graph::{Span, strip};
use super::parts::{Tone, badge, nothing, older, short, table, when};
use crate::observe::portal::index::ask;

/// The states that are known for sure. Every other one is not known, and not well.
pub(super) const UP: &str = "up";
pub(super) const DOWN: &str = "down";

/// What nobody has told yet.
const NO_SIGNAL: &str = "No signal has told its state yet.";

/// What the page about health says.
#[derive(Debug)]
pub(crate) struct Health {
    pub(crate) signals: Vec<Line>,
    pub(crate) history: ask::Page,
}

/// What the page about alerts says.
#[derive(Debug)]
pub(crate) struct Alerts {
    pub(crate) signals: Vec<Line>,
    pub(crate) history: ask::Page,
    pub(crate) incidents: Vec<Line>,
}

/// The page about health.
pub(crate) fn health(frame: Frame<'_>, values: &Health) -> String {
    let body = html! {
        section aria-labelledby="signals" {
            h2 #signals { "Signals" }
            @if values.signals.is_empty() { (nothing(NO_SIGNAL, "")) }
            @else { (signals(frame, "The last known state of each signal", &values.signals, &values.history.lines)) }
        }
        section aria-labelledby="history" {
            h2 #history { "History" }
            @if values.history.lines.is_empty() { (nothing("No change of a state is recorded.", "")) }
            @else {
                (changes(frame, &values.history.lines))
                (older(frame, values.history.older.as_ref()))
            }
        }
    };
    frame.document("Health", &body)
}

/// The page about alerts.
pub(crate) fn alerts(frame: Frame<'_>, values: &Alerts) -> String {
    let with = |wanted: &dyn Fn(&str) -> bool| -> Vec<Line> {
        values.signals.iter().filter(|line| wanted(label(line, "state"))).cloned().collect()
    };
    let down = with(&|state| state == DOWN);
    let unknown = with(&|state| state != DOWN && state != UP);
    let body = html! {
        section aria-labelledby="down" {
            h2 #down { "Down" }
            @if values.signals.is_empty() { (nothing(NO_SIGNAL, "")) }
            @else if down.is_empty() { (nothing("No signal is down.", "")) }
            @else { (signals(frame, "Signals that are down", &down, &[])) }
        }
        section aria-labelledby="unknown" {
            h2 #unknown { "Not known" }
            @if unknown.is_empty() { (nothing("No signal is unknown or stale.", "")) }
            @else { (signals(frame, "Signals whose state is not known: not up", &unknown, &[])) }
        }
        section aria-labelledby="incidents" {
            h2 #incidents { "Incidents" }
            @if values.incidents.is_empty() { (nothing("No incident is written down.", "")) }
            @else { (events(frame, "What was written down of incidents, the newest first", &values.incidents)) }
        }
        section aria-labelledby="sent" {
            h2 #sent { "What was sent" }
            @if values.history.lines.is_empty() { (nothing("No alert is recorded in the journal.", "")) }
            @else {
                (events(frame, "Alerts, the newest first", &values.history.lines))
                (older(frame, values.history.older.as_ref()))
            }
        }
    };
    frame.document("Alerts", &body)
}

/// Signals with their state; with changes, the newest first, also what their states were lately.
fn signals(frame: Frame<'_>, caption: &str, lines: &[Line], changes: &[Line]) -> Markup {
    let until = frame.site.now.as_second();
    let from = changes.last().map_or(until, |line| line.ts.as_second());
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            let mut row = vec![
                html! { (short(&line.entry.subject, 60)) },
                badge(label(line, "state")),
                when(line.ts, frame.site.now),
                html! { (short(label(line, "reason"), 160)) },
            ];
            if from < until {
                row.push(strip(&spans(line, changes, until), from, until));
            }
            row
        })
        .collect();
    let lately = (from < until).then(|| format!("Since {}", short(&day(from), 10)));
    let columns: Vec<&str> =
        ["Signal", "State", "Since", "Reason"].into_iter().chain(lately.as_deref()).collect();
    table(caption, &columns, &rows)
}

fn day(second: i64) -> String {
    jiff::Timestamp::from_second(second).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}

/// The states of a signal, one after another, as far as these changes go.
fn spans(signal: &Line, changes: &[Line], until: i64) -> Vec<Span> {
    let mut end = until;
    let mut spans = Vec::new();
    let own = changes.iter().filter(|change| change.entry.subject == signal.entry.subject);
    for change in own {
        let from = change.ts.as_second();
        spans.push(Span { from, until: end, tone: Tone::of(label(change, "state")) });
        end = from;
    }
    // One that did not change lately is what it was.
    if spans.is_empty() {
        spans.push(Span { from: signal.ts.as_second(), until, tone: Tone::of(label(signal, "state")) });
    }
    spans
}

fn changes(frame: Frame<'_>, lines: &[Line]) -> Markup {
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            let before = label(line, "before");
            vec![
                when(line.ts, frame.site.now),
                html! { (short(&line.entry.subject, 60)) },
                html! { span.whole { @if !before.is_empty() { (badge(before)) " to " } (badge(label(line, "state"))) } },
                html! { (short(label(line, "reason"), 160)) },
            ]
        })
        .collect();
    table("Changes, the newest first", &["When", "Signal", "State", "Reason"], &rows)
}

/// Events of any kind, by what they all have.
pub(super) fn events(frame: Frame<'_>, caption: &str, lines: &[Line]) -> Markup {
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            let labels: Vec<_> =
                line.entry.labels.iter().map(|(name, value)| format!("{name} {value}")).collect();
            vec![
                when(line.ts, frame.site.now),
                html! { code { (short(&line.entry.kind, 40)) } },
                html! { (short(&line.entry.subject, 60)) },
                html! { (short(&labels.join(", "), 160)) },
            ]
        })
        .collect();
    table(caption, &["When", "Event", "What", "Labels"], &rows)
}
