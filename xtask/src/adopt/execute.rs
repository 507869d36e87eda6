//! Writes the files of the plan. Decides nothing.

use crate::doors::Doors;
use crate::failure::{Exit, Failure, Result};
use crate::files;

use super::plan::{Deed, Plan};

/// Writes the files. A file that changed since the plan was made is a conflict; what was written before it stays, and
/// the same command again goes on from there.
pub(crate) fn run(doors: &Doors, plan: &Plan) -> Result<()> {
    for action in &plan.actions {
        let (before, after) = match &action.deed {
            Deed::Create(text) => (None, text),
            Deed::Change { before, after } => (Some(before), after),
            Deed::Keep | Deed::Offer => continue,
        };
        let path = doors.workspace.file(&action.path);
        let actual = files::read_text(&path)?;
        if actual.as_ref() != before {
            return Err(Failure::new(Exit::Conflict, format!("`{}` changed meanwhile", action.path))
                .why("it is not what it was when the plan was made")
                .next("run the same command again"));
        }
        files::write(&path, after)?;
    }
    Ok(())
}
