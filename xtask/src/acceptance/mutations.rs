//! later
use crate::doors::Doors;
use crate::failure::{Exit, Result};
pub(crate) fn run(_doors: &Doors, _only: Option<&str>, _listed: bool) -> Result<Exit> {
    Ok(Exit::Done)
}
