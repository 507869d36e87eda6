//! Whether a command may act yet: what the roadmap asks of the phases before its own. Pure.

use std::collections::BTreeMap;

use super::config::Level;
use super::roadmap::Roadmap;

/// Why a command has to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Early {
    /// The phase that the command belongs to.
    pub(crate) phase: String,
    /// Claims of earlier phases that are not shown as they must be: `deploy-undo is planned, and must be tested`.
    pub(crate) missing: Vec<String>,
}

/// What a command has to wait for. None where no phase names it, and where every earlier phase is over.
pub(crate) fn early(roadmap: &Roadmap, command: &str, levels: &BTreeMap<String, Level>) -> Option<Early> {
    let own = roadmap.phases.iter().position(|phase| phase.commands.iter().any(|known| known == command))?;
    let criteria = roadmap.phases[..own].iter().flat_map(|phase| &phase.criteria);
    let missing: Vec<_> = criteria
        .filter_map(|criterion| {
            let level = levels.get(&criterion.claim).copied().unwrap_or_default();
            (level < criterion.level).then(|| {
                format!("`{}` is {}, and must be {}", criterion.claim, level.word(), criterion.level.word())
            })
        })
        .collect();
    (!missing.is_empty()).then(|| Early { phase: roadmap.phases[own].title.clone(), missing })
}

#[cfg(test)]
mod tests;
