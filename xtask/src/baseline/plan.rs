//! What changed against the baseline.

use super::config::Counts;

/// What changed, by package and lint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) more: Vec<Moved>,
    pub(crate) fewer: Vec<Moved>,
    /// Findings that are as many as before.
    pub(crate) kept: u64,
}

/// A number that is another one now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) package: String,
    pub(crate) lint: String,
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// Compares two counts. What only one of them names is 0 in the other.
pub(crate) fn compare(before: &Counts, after: &Counts) -> Change {
    let number = |counts: &Counts, package: &str, lint: &str| {
        counts.get(package).and_then(|lints| lints.get(lint)).copied().unwrap_or_default()
    };
    let names: std::collections::BTreeSet<(&String, &String)> = [before, after]
        .into_iter()
        .flatten()
        .flat_map(|(package, lints)| lints.keys().map(move |lint| (package, lint)))
        .collect();
    let mut change = Change::default();
    for (package, lint) in names {
        let (before, after) = (number(before, package, lint), number(after, package, lint));
        let moved = Moved { package: package.clone(), lint: lint.clone(), before, after };
        change.kept += before.min(after);
        match after.cmp(&before) {
            std::cmp::Ordering::Greater => change.more.push(moved),
            std::cmp::Ordering::Less => change.fewer.push(moved),
            std::cmp::Ordering::Equal => {}
        }
    }
    change
}

#[cfg(test)]
mod tests;
