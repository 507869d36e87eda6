//! The line `ci.verdict` of the journal: what is known of a commit as a whole.
//!
//! - A run of every step on a commit with nothing changed leaves one, however it came out; so does a run of a part that
//!   failed there. The newest line of a commit is what counts, and only `passed` with `coverage = all` is a pass.
//! - A run that was interrupted decided nothing and leaves none.
//! - Steps that belong to another platform are named in `elsewhere`: this machine does not know about them.
//! - A run in which no program started tells what the line before it told. It is not written again: [`MARK`] remembers
//!   what was, and can be lost, for the line is then written once more.

use crate::ci::Options;
use crate::ci::execute::Walked;
use crate::ci::facts::Facts;
use crate::ci::plan::Plan;
use crate::doors::Doors;
use crate::event::Status;
use crate::files;
use crate::git;
use crate::journal::Entry;

/// The kind of the line. The gate `ci` of a release reads it.
const KIND: &str = "ci.verdict";

/// The file in the cache that holds what the last line told.
const MARK: &str = "ci-verdict";

/// What a run tells of its commit.
pub(crate) struct Told {
    pub(crate) entry: Entry,
    mark: String,
}

/// The line that a run leaves, if it leaves one.
pub(crate) fn entry(
    doors: &Doors,
    options: &Options,
    facts: &Facts,
    plan: &Plan,
    run: &str,
    walked: Walked,
) -> anyhow::Result<Option<Told>> {
    let (Some(commit), true) = (&facts.commit, facts.clean) else { return Ok(None) };
    let Some(coverage) = coverage(options, walked.status) else { return Ok(None) };
    let elsewhere: Vec<_> = plan
        .steps
        .iter()
        .filter(|planned| {
            !planned.step.platforms.is_empty() && !planned.step.platforms.contains(&facts.platform)
        })
        .map(|planned| planned.step.id.as_str())
        .collect();
    let word = walked.status.word();
    let mark = format!("{commit} {word} {coverage} {}\n", elsewhere.join(","));
    let marked = files::read_text(&doors.workspace.cache().join(MARK))?;
    let is_told = marked.as_deref() == Some(&mark) && has_journal(doors)?;
    // What changed while the run went on was not checked.
    if (!walked.ran && is_told) || (walked.status == Status::Passed && !is_still(doors, commit)?) {
        return Ok(None);
    }
    let labels = [
        ("commit", commit.as_str()),
        ("coverage", coverage),
        ("elsewhere", &elsewhere.join(",")),
        ("platform", &facts.platform),
    ];
    let entry = Entry {
        kind: KIND.to_owned(),
        subject: word.to_owned(),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        evidence: vec![doors.workspace.name_of(&doors.workspace.run(run))],
        run: Some(run.to_owned()),
        ..Entry::default()
    };
    Ok(Some(Told { entry, mark }))
}

impl Told {
    /// Remembers that the line is written.
    pub(crate) fn remember(&self, doors: &Doors) -> anyhow::Result<()> {
        files::write_cache(&doors.workspace.cache().join(MARK), &self.mark)
    }
}

/// How much of the commit the run looked at; `None` where it tells nothing of the whole.
fn coverage(options: &Options, status: Status) -> Option<&'static str> {
    let whole = options.steps.is_empty()
        && options.job.is_none()
        && options.affected.is_none()
        && options.shard.is_none()
        && !options.rerun_failed;
    match status {
        Status::Interrupted => None,
        _ if whole => Some("all"),
        Status::Failed => Some("part"),
        Status::Passed | Status::Incomplete | Status::Unavailable | Status::Nothing | Status::Unknown => None,
    }
}

fn has_journal(doors: &Doors) -> anyhow::Result<bool> {
    let files = files::list(&doors.workspace.journal())?;
    Ok(files.iter().any(|path| path.extension().is_some_and(|extension| extension == "jsonl")))
}

fn is_still(doors: &Doors, commit: &str) -> anyhow::Result<bool> {
    let listing = git::listing(&doors.shell)?;
    Ok(listing.is_ok_and(|listing| listing.clean && listing.head.as_deref() == Some(commit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_of_everything_covers_everything() {
        let part = |options: Options| coverage(&options, Status::Passed);
        assert_eq!(part(Options { keep_going: true, no_cache: true, ..Options::default() }), Some("all"));
        for options in [
            Options { steps: vec!["fmt".to_owned()], ..Options::default() },
            Options { job: Some("lint".to_owned()), ..Options::default() },
            Options { affected: Some(None), ..Options::default() },
            Options { shard: Some("1/2".to_owned()), ..Options::default() },
            Options { rerun_failed: true, ..Options::default() },
        ] {
            assert_eq!(part(options.clone()), None);
            assert_eq!(coverage(&options, Status::Failed), Some("part"));
            assert_eq!(coverage(&options, Status::Interrupted), None);
        }
    }
}
