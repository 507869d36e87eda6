//! Runs for tests, written as text. A line is `<ms> <verb> <step> <more>`; `|` adds a line to the excerpt above it.

use jiff::Timestamp;

use crate::event::{Decision, Event, Outcome, Planned, Stamped, Status, VERSION};

/// When every run of the tests begins: 2026-11-22 19:53:01 UTC.
const BEGAN: i64 = 1_795_377_181;

/// A run in which everything can be seen.
pub(crate) const MIXED: &str = "
0 plan fmt last=400; build job=test lane=target last=20000; clippy lane=target last=11800; test job=test needs=build; doctest job=test needs=test; net optional; deny optional; doc; msrv skipped
0 proven fmt 700
0 skip msrv no rust-version is declared
0 unavailable deny cargo-deny
10 start build
10 start net
2000 retry net 1
2000 start net 2
5000 flaky net 2
20010 pass build
20100 start clippy
32000 fail clippy 101
| error[E0308]: mismatched types
|   --> src/lib.rs:3:5
|    |
| warning: unused variable: `x`
|   --> src/main.rs:7:9
32000 start test
38000 pass test
38001 start doctest
38500 pass doctest
38500 notrun doc the run stops at the first failure
38600 end failed cargo xtask ci --rerun failed
";

/// A run whose writer was killed.
pub(crate) const TORN: &str = "
0 plan fmt; clippy; test needs=clippy
10 start fmt
400 pass fmt
400 start clippy
";

/// What a step may print to break what shows it.
pub(crate) const HOSTILE: &[&str] = &[
    "::error file=a::injected",
    "   ::stop-commands::x",
    "##[error]injected",
    "text ##[group]injected",
    "]]></system-out></testsuite><testcase name=\"injected\"/>",
    "</testsuite> & <b>",
    "\u{1b}[31mred\u{1b}[0m \u{1b}[2J\u{1b}]0;title\u{7}\u{9b}2J",
    "```\n# injected\n````",
    "| cell | <img src=x> [link](http://x) @team",
    "nul \0 vertical \u{b} delete \u{7f} back\rover \u{fffe}\u{ffff}",
];

/// The events of a run written as text.
pub(crate) fn stream(text: &str) -> Vec<Stamped> {
    let mut events: Vec<Stamped> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(output) = line.strip_prefix("| ") {
            let last = events.last_mut().expect("an excerpt follows an event");
            let Event::StepFinished { excerpt, .. } = &mut last.event else { panic!("{line}") };
            excerpt.push(output.to_owned());
            continue;
        }
        let (ms, rest) = line.split_once(' ').expect(line);
        let ms = ms.parse().expect(line);
        let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let began = events.iter().rev().find_map(|stamped| match &stamped.event {
            Event::StepStarted { step, .. } if Some(step.as_str()) == rest.split(' ').next() => {
                Some(stamped.ms)
            }
            _ => None,
        });
        events.push(stamped(ms, event(verb, rest, began.map_or(0, |began| ms - began))));
    }
    events
}

/// The run of [`MIXED`] with every free text replaced.
pub(crate) fn hostile(text: &str) -> Vec<Stamped> {
    let mut events = stream(MIXED);
    for stamped in &mut events {
        for free in stamped.event.texts() {
            text.clone_into(free);
        }
    }
    events
}

pub(crate) fn stamped(ms: u64, event: Event) -> Stamped {
    let at = Timestamp::from_millisecond(BEGAN * 1000 + i64::try_from(ms).unwrap()).unwrap();
    Stamped { v: VERSION, at, ms, event }
}

fn event(verb: &str, rest: &str, duration_ms: u64) -> Event {
    let (step, more) = rest.split_once(' ').unwrap_or((rest, ""));
    let (step, more) = (step.to_owned(), more.to_owned());
    let attempt = more.parse().unwrap_or(1);
    let outcome = match verb {
        "plan" => {
            return Event::RunStarted {
                run: "20261122T195301Z-0a1b".into(),
                command: "cargo xtask ci".into(),
                commit: Some("0123456789abcdef".into()),
                steps: rest.split(';').filter(|text| !text.is_empty()).map(planned).collect(),
                notes: Vec::new(),
            };
        }
        "start" => return Event::StepStarted { step, attempt },
        "retry" => return Event::StepRetried { step, attempt, outcome: Outcome::Failed { exit: 1 } },
        "interrupt" => return Event::Interrupted { times: step.parse().unwrap() },
        "end" => {
            let status = serde_json::from_value(step.into()).unwrap();
            let next = Some(more).filter(|next| !next.is_empty());
            return Event::RunFinished { status, duration_ms: 38_600, next };
        }
        "pass" => Outcome::Passed,
        "flaky" => Outcome::Flaky { attempt },
        "proven" => {
            Outcome::Proven { since: Timestamp::from_second(BEGAN - more.parse::<i64>().unwrap()).unwrap() }
        }
        "fail" => Outcome::Failed { exit: more.parse().unwrap() },
        "timeout" => Outcome::TimedOut { limit_ms: more.parse().unwrap() },
        "unavailable" => {
            Outcome::Unavailable { install: format!("cargo xtask tools install {more}"), tool: more }
        }
        "notrun" => Outcome::NotRun { reason: more },
        "skip" => Outcome::Skipped { reason: more },
        "broken" => Outcome::Broken { why: more },
        "stopped" => Outcome::Interrupted,
        verb => panic!("{verb}"),
    };
    let ran = duration_ms > 0 && !outcome.is_pass();
    Event::StepFinished {
        log: ran.then(|| format!(".xtask/runs/20261122T195301Z-0a1b/{step}.log")),
        rerun: ran.then(|| format!("cargo xtask ci --step {step}")),
        step,
        outcome,
        duration_ms,
        excerpt: Vec::new(),
        notes: Vec::new(),
    }
}

fn planned(text: &str) -> Planned {
    let mut words = text.split_whitespace();
    let step = words.next().unwrap().to_owned();
    let mut planned = Planned {
        command: format!("cargo xtask ci --step {step}"),
        step,
        job: "lint".into(),
        needs: Vec::new(),
        lane: None,
        required: true,
        decision: Decision::Run { reason: "no pass is recorded".into() },
        last_ms: None,
    };
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("job", value) => planned.job = value.into(),
            ("needs", value) => planned.needs = value.split(',').map(str::to_owned).collect(),
            ("lane", value) => planned.lane = Some(value.into()),
            ("last", value) => planned.last_ms = Some(value.parse().unwrap()),
            ("skipped", _) => planned.decision = Decision::Skipped { reason: "not today".into() },
            ("optional", _) => planned.required = false,
            (word, _) => panic!("{word}"),
        }
    }
    planned
}

/// Any status, so that the tests name them all.
pub(crate) const STATUSES: [Status; 7] = [
    Status::Passed,
    Status::Incomplete,
    Status::Failed,
    Status::Unavailable,
    Status::Interrupted,
    Status::Nothing,
    Status::Unknown,
];
