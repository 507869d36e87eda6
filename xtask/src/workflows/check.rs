//! The rules for every file below `.github`, one per file. Pure.
//!
//! A rule for every origin is a finding in our files and a warning in those of others. To add one: a file in `check/`
//! with its test, and a line in [`RULES`].

mod unreadable;
mod pins;
mod permissions;
mod injection;
mod cache;
mod checkout;
mod limits;
mod runs;
mod coverage;
mod verdict;
mod release;
mod deploy;

use super::Generated;
use super::document::{Document, Origin};
use crate::failure::Finding;

/// What rules may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// The jobs of `cargo xtask ci`.
    pub(crate) jobs: &'a [String],
    /// The files as their generators say.
    pub(crate) wanted: &'a [Generated],
    /// Lines that a `run` may hold besides one call of `cargo xtask`.
    pub(crate) bootstrap: &'a [&'a str],
    /// Every file.
    pub(crate) documents: &'a [Document],
}

/// A rule.
struct Rule {
    /// Which files it is for.
    scope: Scope,
    check: fn(&Document, &Context) -> Vec<Finding>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Safety: files of every origin.
    Every,
    /// The house's own habits.
    Ours,
}

const RULES: &[Rule] = &[
    Rule { scope: Scope::Every, check: unreadable::check },
    Rule { scope: Scope::Every, check: pins::check },
    Rule { scope: Scope::Every, check: permissions::check },
    Rule { scope: Scope::Every, check: injection::check },
    Rule { scope: Scope::Every, check: cache::check },
    Rule { scope: Scope::Every, check: checkout::check },
    Rule { scope: Scope::Every, check: limits::check },
    Rule { scope: Scope::Every, check: release::check },
    Rule { scope: Scope::Every, check: deploy::check },
    Rule { scope: Scope::Ours, check: runs::check },
    Rule { scope: Scope::Ours, check: coverage::check },
    Rule { scope: Scope::Ours, check: verdict::check },
];

/// Runs every rule: findings in our files, warnings in those of others.
pub(crate) fn run(context: &Context) -> (Vec<Finding>, Vec<Finding>) {
    let (mut findings, mut warnings) = (Vec::new(), Vec::new());
    for document in context.documents.iter().filter(|document| document.is_yaml()) {
        for rule in RULES {
            match (document.origin, rule.scope) {
                (Origin::Ours, Scope::Every | Scope::Ours) => {
                    findings.extend((rule.check)(document, context))
                }
                (Origin::Foreign, Scope::Every) => warnings.extend((rule.check)(document, context)),
                (Origin::Foreign, Scope::Ours) => {}
            }
        }
    }
    (findings, warnings)
}

#[cfg(test)]
mod case;
