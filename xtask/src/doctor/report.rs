//! From what was found to one line a check: how it is, and what to run.

use serde::Serialize;

use super::facts::{Facts, Repository};

/// Less than this is too little for one build of a middling workspace, in bytes.
const DISK_FREE_MIN: u64 = 2 << 30;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// How it is.
    pub state: State,
    /// What was looked at.
    pub what: String,
    /// What was found.
    pub detail: String,
    /// What to run; empty when it is well.
    pub next: String,
    /// False when the work can be done without it.
    pub required: bool,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it must be.
    Ok,
    /// Not there.
    Missing,
    /// There, and not the one that is wanted.
    Old,
    /// There, and too little of it.
    Low,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Missing => "missing",
            State::Old => "old",
            State::Low => "low",
        }
    }
}

impl Line {
    /// A check that found what it wants.
    pub fn ok(what: &str, detail: impl Into<String>) -> Line {
        let (what, detail) = (what.to_owned(), detail.into());
        Line { state: State::Ok, what, detail, next: String::new(), required: true }
    }

    /// A check that did not.
    pub fn not(state: State, what: &str, detail: impl Into<String>, next: impl Into<String>) -> Line {
        Line { state, next: next.into(), ..Line::ok(what, detail) }
    }

    /// The work can be done without it.
    pub fn optional(self) -> Line {
        Line { required: false, ..self }
    }

    /// True when the work cannot be done like this.
    pub fn is_sick(&self) -> bool {
        self.state != State::Ok && self.required
    }
}

/// The checks as text: the word first, the next step below.
pub fn text(lines: &[Line]) -> Vec<String> {
    let width = lines.iter().map(|line| line.what.chars().count()).max().unwrap_or_default();
    let mut all = Vec::new();
    for line in lines {
        let optional = if line.required || line.state == State::Ok { "" } else { " (optional)" };
        all.push(format!("{:<8} {:<width$}  {}{optional}", line.state.word(), line.what, line.detail));
        if !line.next.is_empty() {
            all.push(format!("{:<8} {:<width$}  next: {}", "", "", line.next));
        }
    }
    all
}

/// The checks.
pub(super) fn lines(facts: &Facts) -> Vec<Line> {
    let mut lines =
        vec![rustc(facts), component("cargo", facts.cargo.as_deref(), "rustup toolchain install stable")];
    lines.push(component("clippy", facts.clippy.as_deref(), "rustup component add clippy"));
    lines.push(component("rustfmt", facts.rustfmt.as_deref(), "rustup component add rustfmt"));
    lines.push(match &facts.nextest {
        Some(version) => Line::ok("nextest", version),
        None => {
            let detail = "tests run with plain cargo: no retries of single tests, no shards";
            Line::not(State::Missing, "nextest", detail, "cargo install --locked cargo-nextest").optional()
        }
    });
    lines.extend(git(facts));
    lines.push(disk(facts));
    lines.push(match &facts.state_broken {
        None => Line::ok("state", ".xtask can be written to"),
        Some(why) => Line::not(State::Missing, "state", why, "make the folder .xtask writable for this user"),
    });
    lines
}

fn component(what: &str, version: Option<&str>, next: &str) -> Line {
    match version {
        Some(version) => Line::ok(what, version),
        None => Line::not(State::Missing, what, "is not there for the toolchain that counts here", next),
    }
}

fn rustc(facts: &Facts) -> Line {
    let Some(version) = &facts.rustc else {
        let next = match &facts.channel {
            Some(channel) => format!("rustup toolchain install {channel}"),
            None => "install rustup (https://rustup.rs), then `rustup toolchain install stable`".to_owned(),
        };
        return Line::not(State::Missing, "rustc", "there is no Rust compiler", next);
    };
    match &facts.channel {
        Some(channel) if !answers(channel, version) => Line::not(
            State::Old,
            "rustc",
            format!("{version}, and the toolchain file wants {channel}"),
            format!("rustup toolchain install {channel}"),
        ),
        Some(channel) => Line::ok("rustc", format!("{version}, as the toolchain file wants ({channel})")),
        None => Line::ok("rustc", format!("{version}, no toolchain file")),
    }
}

/// True when a compiler that says `rustc 1.95.0 (...)` can be what a channel names. A name without a number
/// (`stable`, the name of an own toolchain) can be any.
fn answers(channel: &str, version: &str) -> bool {
    let word = version.split_whitespace().nth(1).unwrap_or_default();
    if channel.starts_with("nightly") || channel.starts_with("beta") {
        return word.contains(channel.split('-').next().unwrap_or_default());
    }
    // `1.95.0-x86_64-unknown-linux-gnu` names a host too; `1.95` means any of its patches.
    let number = channel.split('-').next().unwrap_or_default();
    !number.starts_with(|c: char| c.is_ascii_digit())
        || word == number
        || word.strip_prefix(number).is_some_and(|patch| patch.starts_with('.'))
}

fn git(facts: &Facts) -> Vec<Line> {
    let Some(version) = &facts.git else {
        let next = "install git with the package manager of this system";
        return vec![Line::not(
            State::Missing,
            "git",
            "there is no git: nothing can be skipped safely",
            next,
        )];
    };
    let mut lines = vec![Line::ok("git", version)];
    let repository = match &facts.repository {
        None => return lines,
        Some(Err(why)) => {
            lines.push(Line::not(State::Missing, "repository", why, "git init"));
            return lines;
        }
        Some(Ok(repository)) => repository,
    };
    let Repository { is_shallow, has_commits, ignores_state } = repository;
    lines.push(if *has_commits {
        Line::ok("commits", "there is a commit")
    } else {
        Line::not(State::Missing, "commits", "no commit yet: no base to compare with", "git commit")
            .optional()
    });
    lines.push(if *is_shallow {
        let detail = "a shallow clone: `--affected` finds no merge base and takes everything";
        Line::not(State::Low, "history", detail, "git fetch --unshallow").optional()
    } else {
        Line::ok("history", "complete")
    });
    lines.push(if *ignores_state {
        Line::ok("ignored", "git ignores .xtask")
    } else {
        Line::not(State::Missing, "ignored", "git sees the state folder", "echo /.xtask/ >> .gitignore")
            .optional()
    });
    lines
}

fn disk(facts: &Facts) -> Line {
    let used: Vec<_> = facts
        .used
        .iter()
        .filter(|(_, bytes, _)| *bytes > 0)
        .map(|(folder, bytes, is_all)| {
            format!("{folder} {}{}", if *is_all { "" } else { "more than " }, size(*bytes))
        })
        .collect();
    let used = if used.is_empty() { "nothing used yet".to_owned() } else { used.join(", ") };
    match facts.disk_free {
        None => Line::ok("disk", format!("this system does not say what is free; {used}")),
        Some(free) if free < DISK_FREE_MIN => {
            Line::not(State::Low, "disk", format!("{} free; {used}", size(free)), "cargo clean")
        }
        Some(free) => Line::ok("disk", format!("{} free; {used}", size(free))),
    }
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{:.1} GiB", (bytes >> 20) as f64 / 1024.0),
    }
}

#[cfg(test)]
mod tests;
