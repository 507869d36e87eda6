//! What a person sees of signals. Pure.

use serde::Serialize;

use super::evaluate::{Judged, State};

/// A signal as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its name.
    pub signal: String,
    /// Its state, and why.
    #[serde(flatten)]
    pub judged: Judged,
    /// What it was before, where that was something else.
    pub before: Option<String>,
    /// Who is asked when it is down.
    pub owner: Option<String>,
    /// True where it was looked at just now.
    pub looked: bool,
}

/// A line for each signal; the last line counts them.
pub fn table(told: &[Told]) -> String {
    let longest = told.iter().map(|one| one.signal.len()).max().unwrap_or_default();
    let mut lines: Vec<String> = told.iter().map(|one| line(one, longest)).collect();
    let states = [State::Up, State::Down, State::Starting, State::Unknown, State::Stale];
    let counts = states.into_iter().filter_map(|state| {
        let count = told.iter().filter(|one| one.judged.state == state).count();
        (count > 0).then(|| format!("{count} {}", state.word()))
    });
    let counts: Vec<_> = counts.collect();
    lines.push(if counts.is_empty() { "no signal is declared".into() } else { counts.join(", ") });
    lines.join("\n")
}

/// A signal in one line.
pub fn line(one: &Told, longest: usize) -> String {
    let was = one.before.as_ref().map_or(String::new(), |before| format!(" (was {before})"));
    let owner = one.owner.as_ref().filter(|_| one.judged.state != State::Up);
    let owner = owner.map_or(String::new(), |owner| format!("; ask {owner}"));
    let (state, reason) = (one.judged.state.word(), &one.judged.reason);
    format!("{state:8}  {:longest$}  {reason}{owner}{was}", one.signal)
}

#[cfg(test)]
mod tests;
