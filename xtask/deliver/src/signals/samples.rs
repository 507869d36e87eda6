//! What looks saw, on this machine alone: a file of JSON lines for each signal, kept short.

use std::path::PathBuf;

use nexus_xtask::files;
use nexus_xtask::workspace::Workspace;

use super::evaluate::Sample;

/// How many looks are kept of a signal.
const KEPT_MAX: usize = 200;

/// The looks at a signal, the oldest first. A line that cannot be read is none.
///
/// # Errors
/// Where the disk does not give them.
pub(crate) fn read(workspace: &Workspace, signal: &str) -> anyhow::Result<Vec<Sample>> {
    let text = files::read_text(&place(workspace, signal))?.unwrap_or_default();
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Adds a look to those that are kept, and forgets the oldest.
///
/// # Errors
/// Where the disk does not take it.
pub(crate) fn keep(
    workspace: &Workspace,
    signal: &str,
    samples: &mut Vec<Sample>,
    sample: Sample,
) -> anyhow::Result<()> {
    samples.push(sample);
    samples.drain(..samples.len().saturating_sub(KEPT_MAX));
    let mut text = String::new();
    for sample in &*samples {
        text += &serde_json::to_string(sample)?;
        text.push('\n');
    }
    files::write_cache(&place(workspace, signal), text)
}

fn place(workspace: &Workspace, signal: &str) -> PathBuf {
    workspace.state().join("samples").join(format!("{signal}.jsonl"))
}
